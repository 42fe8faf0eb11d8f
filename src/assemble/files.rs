//! Files of the released commit, read from git's objects: no filter, no work tree.

use super::{Error, Job, Result};
use gix::ObjectId;
use std::collections::BTreeMap;

pub(super) use crate::config::join;

/// The tree of the released commit.
pub(super) fn tree(job: &Job<'_>) -> Result<ObjectId> {
    let commit = job
        .repo
        .find_commit(job.head)
        .map_err(Error::git("read HEAD's commit"))?;
    Ok(commit
        .tree_id()
        .map_err(Error::git("read HEAD's tree"))?
        .detach())
}

/// Committer time of the released commit, seconds since 1970: `SOURCE_DATE_EPOCH` of everything that is built.
pub(super) fn epoch(job: &Job<'_>) -> Result<i64> {
    let commit = job
        .repo
        .find_commit(job.head)
        .map_err(Error::git("read HEAD's commit"))?;
    Ok(commit
        .time()
        .map_err(Error::git("read HEAD's time"))?
        .seconds)
}

/// The bytes of a file by its path from the root of the repository; nothing when there is none.
pub(super) fn file(repo: &gix::Repository, tree: ObjectId, path: &str) -> Option<Vec<u8>> {
    let tree = repo.find_tree(tree).ok()?;
    let entry = tree.lookup_entry_by_path(path).ok()??;
    if !entry.mode().is_blob() {
        return None;
    }
    Some(entry.object().ok()?.data.clone())
}

/// The bytes of all files below a folder, by their path from there.
pub(super) fn below(
    repo: &gix::Repository,
    tree: ObjectId,
    folder: &str,
) -> Result<BTreeMap<String, Vec<u8>>> {
    let what = || Error::git("read the release's tree");
    let root = repo.find_tree(tree).map_err(what())?;
    let Some(entry) = root.lookup_entry_by_path(folder).map_err(what())? else {
        return Ok(BTreeMap::new());
    };
    let Ok(tree) = entry.object().map_err(what())?.try_into_tree() else {
        return Ok(BTreeMap::new());
    };
    let files = tree.traverse().breadthfirst.files().map_err(what())?;
    let mut found = BTreeMap::new();
    for file in files.into_iter().filter(|file| file.mode.is_blob()) {
        let path = file.filepath.to_string();
        // A tree may name what no folder can hold.
        if join("", &path).as_ref() == Some(&path) {
            let blob = repo.find_object(file.oid).map_err(what())?;
            found.insert(path, blob.data.clone());
        }
    }
    Ok(found)
}
