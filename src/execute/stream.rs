//! Artifacts as one tar stream: one member each, named by its sha256.

use super::{Result, upload::Progress};
use crate::{pack::Store, process::asked, release::Digest};
use std::{
    fs::File,
    io::{self, Read},
    vec,
};

/// A tar (POSIX.1 ustar) made while it is read, so that no upload is held in memory.
pub(super) struct Stream<'a> {
    files: vec::IntoIter<(Digest, File, u64)>,
    current: Option<Box<dyn Read + Send + 'a>>,
    ended: bool,
    progress: &'a Progress<'a>,
}

/// Bytes of an artifact, which count.
struct Counted<'a> {
    file: io::Take<File>,
    progress: &'a Progress<'a>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        if read > 0 {
            self.progress.add(read as u64);
        }
        Ok(read)
    }
}

const BLOCK: u64 = 512;

impl<'a> Stream<'a> {
    /// A stream of the artifacts `digests` of `store`.
    pub(super) fn new(
        store: &Store,
        digests: &[Digest],
        progress: &'a Progress<'a>,
    ) -> Result<Self> {
        let mut files = Vec::new();
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
            files.push((*digest, file, size));
        }
        Ok(Self {
            files: files.into_iter(),
            current: None,
            ended: false,
            progress,
        })
    }

    /// Its bytes, nothing of which has been read.
    pub(super) fn length(&self) -> u64 {
        let sizes = self.files.as_slice().iter().map(|(_, _, size)| size);
        let members: u64 = sizes.map(|size| BLOCK + size.next_multiple_of(BLOCK)).sum();
        members + 2 * BLOCK
    }

    fn next(&mut self) -> io::Result<()> {
        let member: Box<dyn Read + Send + 'a> =
            if let Some((digest, file, size)) = self.files.next() {
                let mut header = tar::Header::new_ustar();
                header.set_path(digest.to_string())?;
                header.set_size(size);
                header.set_mode(0o444);
                header.set_entry_type(tar::EntryType::Regular);
                header.set_cksum();
                let head = io::Cursor::new(header.as_bytes().to_vec());
                let padding = (BLOCK - size % BLOCK) % BLOCK;
                let file = Counted {
                    file: file.take(size),
                    progress: self.progress,
                };
                Box::new(head.chain(file).chain(io::repeat(0).take(padding)))
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
