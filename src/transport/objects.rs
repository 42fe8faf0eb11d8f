//! Artifacts in a folder of another machine, by sha256: a shared store, or a host's own.

use super::{Error, Transport};
use crate::{
    host::{Command, Ended, have_objects, object_name, print_object, put_object},
    release::Digest,
};
use std::{
    collections::BTreeSet,
    io::{self, Read, Write},
};

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsError {
    /// The way to it.
    #[error(transparent)]
    Transport(#[from] Error),
    /// It says no.
    #[error("{0}")]
    Failed(String),
}

/// What another machine sends, up to a size: it is not ours to say how much it sends, but how much of that we keep.
struct Taken {
    bytes: Vec<u8>,
    room: u64,
    overflows: bool,
}

impl Write for Taken {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len() as u64;
        if count > self.room {
            self.overflows = true;
            return Err(io::Error::other("it is larger than it should be"));
        }
        self.room -= count;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The objects of one folder.
pub struct Objects<'t> {
    transport: &'t mut dyn Transport,
    folder: String,
}

impl<'t> Objects<'t> {
    /// Those in `folder`, absolute or below the login user's home (`~/`).
    pub fn new(transport: &'t mut dyn Transport, folder: impl Into<String>) -> Self {
        let folder = folder.into();
        Self { transport, folder }
    }

    /// Which of `digests` are there.
    ///
    /// # Errors
    /// Also where there is no such folder.
    pub fn have(&mut self, digests: &BTreeSet<Digest>) -> Result<BTreeSet<Digest>, ObjectsError> {
        let names: String = digests
            .iter()
            .map(|digest| object_name(digest) + "\n")
            .collect();
        let mut there = Vec::new();
        let command = have_objects(&self.folder);
        self.run(&command, &mut names.as_bytes(), &mut there)?;
        let there = String::from_utf8_lossy(&there);
        let there: BTreeSet<&str> = there.lines().collect();
        let is_there = |digest: &&Digest| there.contains(object_name(digest).as_str());
        Ok(digests.iter().filter(is_there).copied().collect())
    }

    /// The bytes that lie there under a digest's name; nothing where there are more of them than `size`, which are not
    /// taken. Whether they are the right ones is for the taker to see.
    pub fn get(&mut self, digest: &Digest, size: u64) -> Result<Option<Vec<u8>>, ObjectsError> {
        let mut taken = Taken {
            bytes: Vec::new(),
            room: size,
            overflows: false,
        };
        let command = print_object(&self.folder, digest);
        match self.run(&command, &mut io::empty(), &mut taken) {
            _ if taken.overflows => Ok(None),
            done => done.map(|()| Some(taken.bytes)),
        }
    }

    /// Puts `bytes` there under their digest's name, all of them or nothing.
    pub fn put(&mut self, digest: &Digest, bytes: &mut dyn Read) -> Result<(), ObjectsError> {
        let command = put_object(&self.folder, digest);
        self.run(&command, bytes, &mut io::sink())
    }

    fn run(
        &mut self,
        command: &Command,
        stdin: &mut dyn Read,
        stdout: &mut dyn Write,
    ) -> Result<(), ObjectsError> {
        let ended = self.transport.run(command, stdin, stdout)?;
        if ended.ok() {
            return Ok(());
        }
        let (Ended::Exited { stderr, .. } | Ended::Signalled { stderr, .. }) = ended;
        let last = stderr.lines().rev().find(|line| !line.trim().is_empty());
        Err(ObjectsError::Failed(
            last.unwrap_or("it says nothing").trim().to_owned(),
        ))
    }
}
