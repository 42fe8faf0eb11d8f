//! Artifacts between this machine's store and another one, always by sha256.

use super::{Error, Result};
use crate::{
    event::{Event, Watch},
    pack::Store,
    process::asked,
    release::{Artifact, Digest},
    transport::{Objects, ObjectsError, Transport},
};
use std::collections::{BTreeMap, BTreeSet};

/// Another store, that we are connected to.
pub struct Elsewhere<'a> {
    /// What it is called.
    pub name: String,
    /// The way to it.
    pub transport: &'a mut dyn Transport,
    /// Its folder.
    pub folder: String,
    /// This machine's store.
    pub store: &'a Store,
    /// Whoever looks on.
    pub watch: Watch<'a>,
}

impl Elsewhere<'_> {
    /// Which of `digests` it has.
    ///
    /// # Errors
    /// Where it cannot be used.
    pub fn have(&mut self, digests: &BTreeSet<Digest>) -> Result<BTreeSet<Digest>> {
        let have = self.objects().have(digests);
        have.map_err(|error| self.failed(error))
    }

    /// Takes what is there of `wanted`, each with its size; how many. Bytes that are not what they are called are left
    /// there, and told.
    ///
    /// # Errors
    /// Where it cannot be used.
    pub fn fetch(&mut self, wanted: &BTreeMap<Digest, u64>) -> Result<usize> {
        let there = self.have(&wanted.keys().copied().collect())?;
        let mut taken = 0;
        for (done, digest) in there.iter().enumerate() {
            if asked() > 0 {
                return Err(Error::Interrupted);
            }
            let size = wanted.get(digest).copied().unwrap_or_default();
            let bytes = self.objects().get(digest, size);
            let bytes = bytes.map_err(|error| self.failed(error))?;
            if let Some(bytes) = bytes.filter(|bytes| Digest::of(bytes) == *digest) {
                self.store.put(&bytes)?;
                taken += 1;
            } else {
                let (name, short) = (&self.name, digest.short());
                (self.watch)(Event::Warning(format!(
                    "{name}: what lies there as {short}… is something else and is not taken: remove it there"
                )));
            }
            self.progress("fetch", done + 1, there.len());
        }
        Ok(taken)
    }

    /// Gives it `artifacts`.
    ///
    /// # Errors
    /// Where it cannot be used, or this machine lacks one.
    pub fn give(&mut self, artifacts: &[Artifact]) -> Result<()> {
        for (done, artifact) in artifacts.iter().enumerate() {
            if asked() > 0 {
                return Err(Error::Interrupted);
            }
            let mut file = self.store.open_verified(&artifact.sha256)?;
            let put = self.objects().put(&artifact.sha256, &mut file);
            put.map_err(|error| self.failed(error))?;
            self.progress("share", done + 1, artifacts.len());
        }
        Ok(())
    }

    fn objects(&mut self) -> Objects<'_> {
        Objects::new(self.transport, self.folder.as_str())
    }

    fn progress(&self, what: &str, done: usize, total: usize) {
        (self.watch)(Event::Progress {
            label: format!("{}: {what}", self.name),
            done: done as u64,
            total: total as u64,
            bytes: false,
        });
    }

    fn failed(&self, source: ObjectsError) -> Error {
        let store = self.name.clone();
        match source {
            ObjectsError::Transport(_) if asked() > 0 => Error::Interrupted,
            ObjectsError::Transport(error) => Error::Unreachable(error),
            ObjectsError::Failed(message) => Error::Store { store, message },
        }
    }
}
