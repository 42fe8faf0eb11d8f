//! The state of the work tree.

use super::{Error, Result};
use crate::facts::{Dirt, Repository};
use gix::{bstr::ByteSlice as _, status::UntrackedFiles};
use std::collections::BTreeSet;

/// Names of folders and endings of files that building leaves behind and no release needs.
const NEEDED_NEVER: [&str; 9] = [
    ".egg-info",
    ".pyc",
    ".pyo",
    "__pycache__",
    "build",
    "dist",
    ".eggs",
    ".mypy_cache",
    ".pytest_cache",
];

/// Looks at HEAD and the work tree below `folder`.
///
/// `needed` says whether an untracked file, by its path from the root of the repository, would have to be in a release.
pub fn repository(
    repo: &gix::Repository,
    folder: &str,
    needed: &dyn Fn(&str) -> bool,
) -> Result<Repository> {
    let head = repo.head_commit().map_err(|_| Error::NoCommits)?;
    Ok(Repository {
        head: head.id.to_string(),
        dirty: dirty(repo, folder, needed)?,
        operation: repo.state().as_ref().map(operation),
        tags: tags(repo)?,
        passwords: Vec::new(),
    })
}

fn dirty(
    repo: &gix::Repository,
    folder: &str,
    needed: &dyn Fn(&str) -> bool,
) -> Result<Vec<(String, Dirt)>> {
    let mut dirty = BTreeSet::new();
    let status = repo
        .status(gix::progress::Discard)
        .map_err(Error::git("look at the work tree"))?
        .untracked_files(UntrackedFiles::Files)
        .into_iter(None)
        .map_err(Error::git("look at the work tree"))?;
    for item in status {
        let item = item.map_err(Error::git("look at the work tree"))?;
        let path = item.location().to_str_lossy().into_owned();
        let inside = folder.is_empty() || path.starts_with(&format!("{folder}/"));
        match &item {
            gix::status::Item::IndexWorktree(
                gix::status::index_worktree::Item::DirectoryContents { .. },
            ) => {
                if needed(&path) && !never(&path) {
                    dirty.insert((path, Dirt::Untracked));
                }
            }
            gix::status::Item::IndexWorktree(change) => {
                if inside && change.summary().is_some() {
                    dirty.insert((path, Dirt::Modified));
                }
            }
            gix::status::Item::TreeIndex(_) => {
                if inside {
                    dirty.insert((path, Dirt::Modified));
                }
            }
        }
    }
    Ok(dirty.into_iter().collect())
}

/// How many tracked files below `folder` are not as HEAD has them.
pub fn edited(repo: &gix::Repository, folder: &str) -> Result<usize> {
    Ok(dirty(repo, folder, &|_| false)?.len())
}

/// Whether `path` is changed or untracked.
pub fn is_dirty(repo: &gix::Repository, path: &str) -> Result<bool> {
    Ok(dirty(repo, "", &|other| other == path)?
        .iter()
        .any(|(other, _)| other == path))
}

fn never(path: &str) -> bool {
    path.split('/')
        .any(|name| NEEDED_NEVER.iter().any(|ending| name.ends_with(ending)))
}

fn tags(repo: &gix::Repository) -> Result<BTreeSet<String>> {
    let references = repo.references().map_err(Error::git("list the tags"))?;
    let tags = references.tags().map_err(Error::git("list the tags"))?;
    tags.map(|tag| {
        let tag = tag.map_err(Error::git("read a tag"))?;
        Ok(tag.name().shorten().to_str_lossy().into_owned())
    })
    .collect()
}

/// The operation as git's own command is called.
fn operation(state: &gix::state::InProgress) -> String {
    use gix::state::InProgress;
    match state {
        InProgress::ApplyMailbox => "am",
        InProgress::ApplyMailboxRebase | InProgress::Rebase | InProgress::RebaseInteractive => {
            "rebase"
        }
        InProgress::Bisect => "bisect",
        InProgress::CherryPick | InProgress::CherryPickSequence => "cherry-pick",
        InProgress::Merge => "merge",
        InProgress::Revert | InProgress::RevertSequence => "revert",
    }
    .to_owned()
}
