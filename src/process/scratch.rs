//! Scratch folders and files: they disappear when dropped, and when we are stopped.

use super::register::register;
use std::{
    io,
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
};
use tempfile::{Builder, NamedTempFile, TempDir};

/// A scratch folder or file.
#[derive(Debug)]
pub struct Scratch<T> {
    // In this order: first gone, then forgotten. Stopped in between, it is removed once more.
    it: T,
    listed: Listed,
}

/// A scratch folder.
pub type Folder = Scratch<TempDir>;
/// A scratch file.
pub type File = Scratch<NamedTempFile>;

/// A path in the register.
#[derive(Debug)]
struct Listed(PathBuf);

impl<T: AsRef<Path>> Scratch<T> {
    /// Makes it while nobody can stop us: it is in the register as soon as it is there.
    fn make(make: impl FnOnce() -> io::Result<T>) -> io::Result<Self> {
        let mut register = register();
        let it = make()?;
        let path = it.as_ref().to_owned();
        register.scratch.push(path.clone());
        Ok(Self {
            it,
            listed: Listed(path),
        })
    }
}

impl Folder {
    /// A folder below `$TMPDIR` whose name begins with `prefix`.
    ///
    /// # Errors
    /// The operating system's.
    pub fn new(prefix: &str) -> io::Result<Self> {
        Self::make(|| Builder::new().prefix(prefix).tempdir())
    }

    /// A folder in `parent`.
    ///
    /// # Errors
    /// The operating system's.
    pub fn new_in(parent: &Path, prefix: &str) -> io::Result<Self> {
        Self::make(|| Builder::new().prefix(prefix).tempdir_in(parent))
    }
}

impl File {
    /// A file below `$TMPDIR`, for its owner only.
    ///
    /// # Errors
    /// The operating system's.
    pub fn new() -> io::Result<Self> {
        Self::make(|| Builder::new().prefix("hostout-").tempfile())
    }

    /// A file in `parent`, for its owner only.
    ///
    /// # Errors
    /// The operating system's.
    pub fn new_in(parent: &Path, prefix: &str) -> io::Result<Self> {
        Self::make(|| Builder::new().prefix(prefix).tempfile_in(parent))
    }

    /// Gives it its real name, over whatever has it.
    ///
    /// # Errors
    /// The operating system's; then it is gone.
    pub fn persist(self, to: &Path) -> io::Result<()> {
        let Self { it, listed } = self;
        it.persist(to)?;
        drop(listed);
        Ok(())
    }
}

impl<T> Deref for Scratch<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.it
    }
}

impl<T> DerefMut for Scratch<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.it
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        register().scratch.retain(|path| *path != self.0);
    }
}
