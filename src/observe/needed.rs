//! Which untracked files would have to be in a release.

use super::place::Place;
use std::collections::BTreeSet;

/// Says of a path whether it belongs to what a release is made of.
pub struct Needed {
    files: BTreeSet<String>,
    folders: BTreeSet<String>,
}

impl Needed {
    /// `files` and everything below `folders`, by their paths from the root of the repository; and whatever lies in the
    /// folder of a tracked `setup.py`, `setup.cfg` or `pyproject.toml` below `buildout`: an egg, very probably.
    pub fn new(
        repo: &gix::Repository,
        _place: &Place,
        buildout: &str,
        files: BTreeSet<String>,
        folders: BTreeSet<String>,
    ) -> Self {
        let mut needed = Self { files, folders };
        // No index, no tracked eggs.
        if let Ok(index) = repo.index_or_empty() {
            for entry in index.entries() {
                let path = entry.path(&index).to_string();
                let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
                let marks = ["setup.py", "setup.cfg", "pyproject.toml"].contains(&name);
                // An egg in the root is not told from the project around it.
                if marks && !folder.is_empty() && folder != buildout {
                    needed.folders.insert(folder.to_owned());
                }
            }
        }
        needed
    }

    /// Whether an untracked file at `path` would be missed.
    pub fn contains(&self, path: &str) -> bool {
        self.files.contains(path)
            || self
                .folders
                .iter()
                .any(|folder| path.starts_with(&format!("{folder}/")))
    }
}
