//! Commits as objects: signed ones of the ledger, unsigned release commits; and objects out of memory onto the disk.

use super::{Error, GIT, Key, Person, Result, durable};
use gix::{
    ObjectId,
    objs::{Commit, Write as _, WriteTo as _, commit::signature_field_name},
};
use jiff::Timestamp;

/// Writes a commit that `key` signs so that git-verify-commit(1) accepts it: the signature is over the commit without
/// it, and stands in its header `gpgsig`, in a SHA-256 repository `gpgsig-sha256` (git's hash-function-transition).
///
/// `key` is left out in tests of long histories only.
pub fn write_signed_commit(
    repo: &gix::Repository,
    tree: ObjectId,
    parent: Option<ObjectId>,
    who: &Person,
    time: Timestamp,
    message: &str,
    key: Option<&Key>,
) -> Result<ObjectId> {
    let mut commit = Commit {
        tree,
        parents: parent.into_iter().collect(),
        author: who.at(time),
        committer: who.at(time),
        encoding: None,
        message: message.into(),
        extra_headers: Vec::new(),
    };
    if let Some(key) = key {
        let mut payload = Vec::new();
        commit
            .write_to(&mut payload)
            .map_err(|error| Error::git("write a commit")(gix::Error::from_error(error)))?;
        let signature = key.sign(GIT, &payload)?;
        let field = signature_field_name(tree.kind());
        commit.extra_headers.push((field.into(), signature.into()));
    }
    let id = repo
        .write_object(&commit)
        .map_err(Error::git("write a commit"))?;
    Ok(id.detach())
}

/// Writes the release commit: the child of `parent` with `tree`, unsigned, with author, committer and dates of the
/// parent, so that the same input gives the same id.
pub fn write_release_commit(
    repo: &gix::Repository,
    tree: ObjectId,
    parent: ObjectId,
    message: &str,
) -> Result<ObjectId> {
    let what = || Error::git(format!("write the release commit of {parent}"));
    let released = repo.find_commit(parent).map_err(what())?;
    let owned = |actor: gix::actor::SignatureRef<'_>| actor.to_owned();
    let commit = Commit {
        tree,
        parents: std::iter::once(parent).collect(),
        author: released.author().and_then(owned).map_err(what())?,
        committer: released.committer().and_then(owned).map_err(what())?,
        encoding: None,
        message: message.into(),
        extra_headers: Vec::new(),
    };
    Ok(repo.write_object(&commit).map_err(what())?.detach())
}

/// Writes the objects that a handle made by `with_object_memory()` holds to the disk, durably, and says how many. Afterwards
/// the handle writes to the disk at once. Nothing refers to the objects yet: a reference publishes them.
pub fn persist(repo: &mut gix::Repository) -> Result<usize> {
    let Some(memory) = repo.objects.take_object_memory() else {
        return Ok(0);
    };
    let mut ids = Vec::new();
    for (kind, bytes) in memory.values() {
        let id = repo.objects.write_buf(*kind, bytes);
        ids.push(id.map_err(Error::git("write objects"))?);
    }
    durable::objects(repo, &ids)?;
    Ok(memory.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testing::Lab;

    #[test]
    fn a_release_commit_is_the_same_for_everybody() {
        let lab = Lab::new();
        let repo = lab.repo();
        let head = lab.commit_file("setup.py", "1");
        let tree = repo.find_commit(head).unwrap().tree_id().unwrap().detach();
        let first = write_release_commit(&repo, tree, head, "shop 1.0.0\n").unwrap();
        let second = write_release_commit(&lab.repo(), tree, head, "shop 1.0.0\n").unwrap();
        assert_eq!(first, second);
        let format = "--format=%an%ae%at%cn%ce%ct";
        let shown = |id: ObjectId| lab.git(&["show", "-s", format, &id.to_string()]);
        assert_eq!(shown(first), shown(head));
    }

    #[test]
    fn memory_reaches_the_disk_only_when_asked() {
        let lab = Lab::new();
        let mut repo = lab.repo().with_object_memory();
        let head = lab.commit_file("setup.py", "1");
        let tree = repo.find_commit(head).unwrap().tree_id().unwrap().detach();
        let id = write_release_commit(&repo, tree, head, "in memory\n").unwrap();
        assert!(!lab.repo().has_object(id));
        assert_eq!(persist(&mut repo).unwrap(), 1);
        assert!(lab.repo().has_object(id));
        assert_eq!(persist(&mut repo).unwrap(), 0);
        lab.git(&["fsck", "--strict"]);
    }
}
