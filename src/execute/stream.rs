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
    store: &'a Store,
    files: vec::IntoIter<(Digest, u64)>,
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
    /// A stream of the artifacts `digests` of `store`, all of which are looked at first, and opened one after the other: a
    /// release may have more of them than a process may have open files.
    ///
    /// # Errors
    /// Where one is not there, or damaged.
    pub(super) fn new(
        store: &'a Store,
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
            files.push((*digest, size));
        }
        Ok(Self {
            store,
            files: files.into_iter(),
            current: None,
            ended: false,
            progress,
        })
    }

    /// Its bytes, nothing of which has been read.
    pub(super) fn length(&self) -> u64 {
        let sizes = self.files.as_slice().iter().map(|(_, size)| size);
        let members: u64 = sizes.map(|size| BLOCK + size.next_multiple_of(BLOCK)).sum();
        members + 2 * BLOCK
    }

    fn next(&mut self) -> io::Result<()> {
        let member: Box<dyn Read + Send + 'a> = if let Some((digest, size)) = self.files.next() {
            let file = self.open(&digest, size)?;
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

impl Stream<'_> {
    /// An artifact that was looked at. It is the host that hashes what it gets.
    fn open(&self, digest: &Digest, size: u64) -> io::Result<File> {
        let gone = || io::Error::other(format!("artifact {} is gone", digest.short()));
        let file = File::open(self.store.path(digest).ok_or_else(gone)?)?;
        if file.metadata()?.len() != size {
            return Err(io::Error::other(format!(
                "artifact {} changed",
                digest.short()
            )));
        }
        Ok(file)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::upload::progress;
    use std::fs;

    #[test]
    fn one_artifact_is_open_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let digests: Vec<Digest> = (0..40_u8)
            .map(|number| store.put(&vec![number; 700]).unwrap())
            .collect();
        let open = || {
            let all = fs::read_dir("/proc/self/fd").unwrap().flatten();
            let files = all.filter_map(|file| fs::read_link(file.path()).ok());
            files.filter(|file| file.starts_with(folder.path())).count()
        };
        let told = progress(&|_| ());
        let mut stream = Stream::new(&store, &digests, &told).unwrap();
        assert_eq!(open(), 0);
        let length = stream.length();
        let mut first = [0; 600];
        stream.read_exact(&mut first).unwrap();
        assert_eq!(open(), 1);
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert_eq!((rest.len() + first.len()) as u64, length);
        fs::remove_file(store.path(&digests[1]).unwrap()).unwrap();
        assert!(Stream::new(&store, &digests, &told).is_err());
    }
}
