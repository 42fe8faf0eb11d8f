//! Files of the released commit, read from git's objects: no filter, no work tree.

use super::{Error, Job, Result};
use gix::ObjectId;

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
