//! Files of the released commit, read from git's objects: no filter, no work tree.

use super::{Error, Job, Result};
use gix::ObjectId;

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

/// Joins paths as git writes them, resolving `.` and `..`; nothing when it would leave the repository.
pub(super) fn join(folder: &str, below: &str) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for name in folder.split('/').chain(below.split('/')) {
        match name {
            "" | "." => {}
            ".." => {
                names.pop()?;
            }
            name => names.push(name),
        }
    }
    Some(names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn joins_without_leaving_the_repository() {
        assert_eq!(join("", "src/a").as_deref(), Some("src/a"));
        assert_eq!(join("site", "../src/a").as_deref(), Some("src/a"));
        assert_eq!(join("site", ".").as_deref(), Some("site"));
        assert_eq!(join("", "../a"), None);
    }
}
