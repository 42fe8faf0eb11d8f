//! Artifacts as one tar stream: one member each, named by its sha256.

use super::Result;
use crate::{
    event::{Event, Watch},
    pack::Store,
    process::asked,
    release::Digest,
};
use std::{
    fs::File,
    io::{self, Read},
    vec,
};

/// A tar (POSIX.1 ustar) made while it is read, so that no upload is held in memory.
pub(super) struct Stream<'a> {
    files: vec::IntoIter<(Digest, File, u64)>,
    current: Option<Box<dyn Read + Send>>,
    label: String,
    done: u64,
    total: u64,
    ended: bool,
    watch: Watch<'a>,
}

const BLOCK: u64 = 512;

impl<'a> Stream<'a> {
    /// A stream of the artifacts `digests` of `store`, for `host`.
    pub(super) fn new(
        store: &Store,
        digests: &[Digest],
        host: &str,
        watch: Watch<'a>,
    ) -> Result<Self> {
        let mut files = Vec::new();
        let mut total = 0;
        for digest in digests {
            let file = store.open_verified(digest)?;
            let size = file
                .metadata()
                .map_err(|source| super::Error::File {
                    what: "read",
                    path: digest.to_string().into(),
                    source,
                })?
                .len();
            total += size;
            files.push((*digest, file, size));
        }
        Ok(Self {
            files: files.into_iter(),
            current: None,
            label: format!("{host}: upload"),
            done: 0,
            total,
            ended: false,
            watch,
        })
    }

    /// Its bytes, nothing of which has been read.
    pub(super) fn length(&self) -> u64 {
        let sizes = self.files.as_slice().iter().map(|(_, _, size)| size);
        let members: u64 = sizes.map(|size| BLOCK + size.next_multiple_of(BLOCK)).sum();
        members + 2 * BLOCK
    }

    fn next(&mut self) -> io::Result<()> {
        let member: Box<dyn Read + Send> = if let Some((digest, file, size)) = self.files.next() {
            let mut header = tar::Header::new_ustar();
            header.set_path(digest.to_string())?;
            header.set_size(size);
            header.set_mode(0o444);
            header.set_entry_type(tar::EntryType::Regular);
            header.set_cksum();
            let head = io::Cursor::new(header.as_bytes().to_vec());
            let padding = (BLOCK - size % BLOCK) % BLOCK;
            self.done += size;
            (self.watch)(Event::Progress {
                label: self.label.clone(),
                done: self.done,
                total: self.total,
                bytes: true,
            });
            Box::new(
                head.chain(file.take(size))
                    .chain(io::repeat(0).take(padding)),
            )
        } else {
            self.ended = true;
            Box::new(io::repeat(0).take(2 * BLOCK))
        };
        self.current = Some(member);
        Ok(())
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if asked() > 0 {
            return Err(io::Error::other("interrupted"));
        }
        loop {
            match &mut self.current {
                Some(member) => {
                    let read = member.read(buffer)?;
                    if read > 0 || buffer.is_empty() {
                        return Ok(read);
                    }
                    self.current = None;
                    if self.ended {
                        return Ok(0);
                    }
                }
                None if self.ended => return Ok(0),
                None => self.next()?,
            }
        }
    }
}
