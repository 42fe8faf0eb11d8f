//! A copy of a checkout that buildout may write into.

use super::Error;
use crate::process::Folder;
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

/// A copy of a checkout; it disappears when dropped.
#[derive(Debug)]
pub struct Workdir {
    root: Folder,
    directory: String,
}

impl Workdir {
    /// Copies `tree` without its `.git`, puts `overlay` (paths relative to the buildout directory, as `flatten` gives them) over it and
    /// an empty file where a stand-in is missing.
    ///
    /// # Errors
    /// For files that can't be read or written.
    pub fn copy(
        tree: &Path,
        directory: &str,
        overlay: &BTreeMap<String, Vec<u8>>,
        stand_ins: &[String],
    ) -> Result<Self, Error> {
        let root = Folder::new("hostout-tree-").map_err(Error::io(std::env::temp_dir()))?;
        copy(tree, &root.path().join("tree"))?;
        let work = Self {
            root,
            directory: directory.to_owned(),
        };
        for (path, bytes) in overlay {
            write(&work.path().join(path), bytes)?;
        }
        for path in stand_ins {
            let path = work.path().join(path);
            if !path.exists() {
                write(&path, b"")?;
            }
        }
        Ok(work)
    }

    /// The buildout directory in it.
    pub fn path(&self) -> PathBuf {
        self.root.path().join("tree").join(&self.directory)
    }

    /// Its outermost folder.
    pub(super) fn root(&self) -> &Path {
        self.root.path()
    }
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Error::io(folder))?;
    }
    fs::write(path, bytes).map_err(Error::io(path))
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    fs::create_dir_all(to).map_err(Error::io(to))?;
    for entry in fs::read_dir(from).map_err(Error::io(from))? {
        let entry = entry.map_err(Error::io(from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(Error::io(&source))?;
        if entry.file_name() == ".git" {
            continue;
        }
        if kind.is_dir() {
            copy(&source, &target)?;
        } else if kind.is_symlink() {
            let link = fs::read_link(&source).map_err(Error::io(&source))?;
            symlink(link, &target).map_err(Error::io(target))?;
        } else {
            fs::copy(&source, &target).map_err(Error::io(target))?;
        }
    }
    Ok(())
}
