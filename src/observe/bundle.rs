//! The ledger that a host keeps, fetched as a file.

use super::{Error, Result};
use crate::{
    host::{BUNDLE, Command, Ended, StatusAnswer},
    transport::Transport,
};
use std::io::{self, Write, empty};

/// Copies the bundle at the path of `seen` to `file`: so much as the host said that there is.
///
/// # Errors
/// [`Error::Kept`] where it does not hand it out.
pub fn bundle(
    transport: &mut dyn Transport,
    seen: &StatusAnswer,
    file: &mut dyn Write,
) -> Result<()> {
    let path = format!("{}/{BUNDLE}", seen.path);
    let command = Command::new(["cat", "--", &path]);
    let mut limited = Limited {
        file,
        left: seen.bundle.as_ref().map_or(0, |bundle| bundle.bytes),
    };
    let ended = transport
        .run(&command, &mut empty(), &mut limited)
        .map_err(Error::Unreachable)?;
    if ended.ok() && limited.left == 0 {
        return Ok(());
    }
    let (Ended::Exited { stderr, .. } | Ended::Signalled { stderr, .. }) = ended;
    let said = match stderr.trim() {
        "" => "it is not as long as was said",
        said => said,
    };
    Err(Error::Kept {
        host: transport.host().to_owned(),
        said: said.to_owned(),
        path,
    })
}

/// A file that takes so much and no more: the other end may be anybody.
struct Limited<'a> {
    file: &'a mut dyn Write,
    left: u64,
}

impl Write for Limited<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len() as u64;
        self.left = self
            .left
            .checked_sub(length)
            .ok_or_else(|| io::Error::other("it is longer than was said"))?;
        self.file.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
