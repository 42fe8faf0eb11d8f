//! The previous release: the nearest one whose released commit is an ancestor of HEAD.

use super::{Error, Result};
use gix::{ObjectId, traverse::commit::simple::CommitTimeOrder};
use semver::Version;
use std::{collections::HashMap, hash::BuildHasher};

/// The nearest release in the history of `head`, among `released` commits.
///
/// Hotfix branches work, because a release of another branch is no ancestor.
pub fn previous(
    repo: &gix::Repository,
    head: ObjectId,
    released: &HashMap<ObjectId, Version, impl BuildHasher>,
) -> Result<Option<Version>> {
    if released.is_empty() {
        return Ok(None);
    }
    let walk = repo
        .rev_walk([head])
        .sorting(gix::revision::walk::Sorting::ByCommitTime(
            CommitTimeOrder::default(),
        ))
        .all()
        .map_err(Error::git("walk the history of HEAD"))?;
    for commit in walk {
        let commit = commit.map_err(Error::git("walk the history of HEAD"))?;
        if let Some(version) = released.get(&commit.id) {
            return Ok(Some(version.clone()));
        }
    }
    Ok(None)
}

/// The tree of `folder` in a commit; nothing when it has none.
pub fn project_tree(
    repo: &gix::Repository,
    commit: ObjectId,
    folder: &str,
) -> Result<Option<ObjectId>> {
    let tree = repo
        .find_commit(commit)
        .map_err(Error::git("read a commit"))?
        .tree()
        .map_err(Error::git("read the tree of a commit"))?;
    if folder.is_empty() {
        return Ok(Some(tree.id));
    }
    let entry = tree
        .lookup_entry_by_path(folder)
        .map_err(Error::git("read the tree of a commit"))?;
    Ok(entry.map(|entry| entry.object_id()))
}

/// How many commits `head` has that `base` has not.
pub fn distance(repo: &gix::Repository, head: ObjectId, base: ObjectId) -> Result<usize> {
    let walk = repo
        .rev_walk([head])
        .with_hidden([base])
        .all()
        .map_err(Error::git("walk the history of HEAD"))?;
    walk.map(|commit| {
        commit
            .map(|_| ())
            .map_err(Error::git("walk the history of HEAD"))
    })
    .collect::<Result<Vec<()>>>()
    .map(|commits| commits.len())
}

/// Subjects of the commits of `head` that no remote-tracking branch of `remote` has, newest first.
pub fn unpublished(repo: &gix::Repository, remote: &str, head: ObjectId) -> Result<Vec<String>> {
    let prefix = format!("refs/remotes/{remote}/");
    let references = repo
        .references()
        .map_err(Error::git("list the remote's branches"))?;
    let mut theirs = Vec::new();
    for reference in references
        .prefixed(prefix.as_str())
        .map_err(Error::git("list the remote's branches"))?
    {
        let reference = reference.map_err(Error::git("read a branch"))?;
        theirs.extend(reference.try_id().map(gix::Id::detach));
    }
    let walk = repo
        .rev_walk([head])
        .with_hidden(theirs)
        .all()
        .map_err(Error::git("walk the history of HEAD"))?;
    let mut subjects = Vec::new();
    for commit in walk {
        let commit = commit.map_err(Error::git("walk the history of HEAD"))?;
        let object = commit.object().map_err(Error::git("read a commit"))?;
        let message = object.message_raw_sloppy().to_string();
        subjects.push(message.lines().next().unwrap_or_default().to_owned());
    }
    Ok(subjects)
}
