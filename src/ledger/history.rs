//! Checking entries that somebody else made, before they are believed.

use super::{Error, GIT, Result, Signer, Trust, entry, tag::seconds, verify};
use gix::{ObjectId, objs::CommitRefIter};

/// The first commit's signature, checked against the keys that it brings itself: whether these are the right ones is
/// the introduction's question.
pub(super) fn check_root(repo: &gix::Repository, root: ObjectId) -> Result<Signer> {
    check_commit(repo, root, &Trust::read(repo, root)?)
}

/// What entries have to keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Each is signed by a key of its parent, the first by its own.
    Signature,
    /// Its serial is one more than its parent's; the first one's is 0.
    Serial,
    /// It changes and removes nothing below `releases/` and `deployments/`.
    Addition,
}

/// Checks the commits of `chain`, newest first, down to the child of `base`, or to the first commit where `base` is
/// `None`.
///
/// # Errors
/// For the oldest one that breaks a [`Rule`].
pub(super) fn check_chain(
    repo: &gix::Repository,
    base: Option<ObjectId>,
    chain: &[ObjectId],
) -> Result<()> {
    match audit(repo, base, chain)?.into_iter().next() {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

/// The same, but goes on: every broken rule, oldest first.
pub(super) fn audit(
    repo: &gix::Repository,
    base: Option<ObjectId>,
    chain: &[ObjectId],
) -> Result<Vec<(Rule, Error)>> {
    let mut broken = Vec::new();
    let mut oldest_first = chain.iter().rev().copied();
    let Some(mut parent) = base.or_else(|| oldest_first.next()) else {
        return Ok(broken);
    };
    let (mut serial, mut tree) = (entry::read(repo, parent)?.0.serial, tree_of(repo, parent)?);
    if base.is_none() {
        if let Err(error) = check_root(repo, parent) {
            broken.push((Rule::Signature, error));
        }
        if serial != 0 {
            let message = format!("its serial is {serial}, and it is the first");
            broken.push((Rule::Serial, wrong(parent, message)));
        }
    }
    let mut trust = Trust::read(repo, parent)?;
    let mut keys = keys_of(repo, parent)?;
    for id in oldest_first {
        let keys_now = keys_of(repo, parent)?;
        if keys != keys_now {
            keys = keys_now;
            trust = Trust::read(repo, parent)?;
        }
        if let Err(error) = check_commit(repo, id, &trust) {
            broken.push((Rule::Signature, error));
        }
        let (entry, _) = entry::read(repo, id)?;
        if entry.serial != serial + 1 {
            let message = format!("its serial is {} after {serial}", entry.serial);
            broken.push((Rule::Serial, wrong(id, message)));
        }
        let new_tree = tree_of(repo, id)?;
        for folder in ["releases", "deployments"] {
            let (before, after) = (sub(repo, tree, folder)?, sub(repo, new_tree, folder)?);
            if !grew(repo, before, after)? {
                let message = format!("it changes or removes an entry below {folder}/");
                broken.push((Rule::Addition, wrong(id, message)));
            }
        }
        (parent, serial, tree) = (id, entry.serial, new_tree);
    }
    Ok(broken)
}

fn wrong(id: ObjectId, message: String) -> Error {
    Error::malformed(format!("commit {id}"), message)
}

fn check_commit(repo: &gix::Repository, id: ObjectId, trust: &Trust) -> Result<Signer> {
    let what = || Error::git(format!("read ledger entry {id}"));
    let commit = repo.find_commit(id).map_err(what())?;
    let time = commit.time().map_err(what())?;
    let signature = CommitRefIter::signature(&commit.data, repo.object_hash()).map_err(what())?;
    let (signature, signed) = match signature {
        Some((signature, signed)) => (signature.to_string(), signed.to_bstring()),
        None => Default::default(),
    };
    trust
        .check(GIT, &signed, &signature, seconds(time.seconds))
        .map_err(verify::named(format!("ledger entry {id}")))
}

pub(super) fn tree_of(repo: &gix::Repository, commit: ObjectId) -> Result<ObjectId> {
    let what = || Error::git(format!("read ledger entry {commit}"));
    let commit = repo.find_commit(commit).map_err(what())?;
    Ok(commit.tree_id().map_err(what())?.detach())
}

fn keys_of(repo: &gix::Repository, commit: ObjectId) -> Result<Option<ObjectId>> {
    sub(repo, tree_of(repo, commit)?, "keys")
}

fn sub(repo: &gix::Repository, tree: ObjectId, name: &str) -> Result<Option<ObjectId>> {
    let what = || Error::git("read a tree of the ledger");
    let tree = repo.find_tree(tree).map_err(what())?;
    Ok(tree.find_entry(name).map(|entry| entry.object_id()))
}

/// Whether everything in the tree `before` is in `after` too, unchanged.
fn grew(repo: &gix::Repository, before: Option<ObjectId>, after: Option<ObjectId>) -> Result<bool> {
    let what = || Error::git("compare trees of the ledger");
    let (Some(before), Some(after)) = (before, after) else {
        return Ok(before.is_none());
    };
    if before == after {
        return Ok(true);
    }
    let after = repo.find_tree(after).map_err(what())?;
    for old in repo.find_tree(before).map_err(what())?.iter() {
        let old = old.map_err(what())?;
        let Some(new) = after.find_entry(old.filename().to_owned()) else {
            return Ok(false);
        };
        if new.object_id() == old.object_id() && new.mode() == old.mode() {
            continue;
        }
        let both = old.mode().is_tree() && new.mode().is_tree();
        if !both || !grew(repo, Some(old.object_id()), Some(new.object_id()))? {
            return Ok(false);
        }
    }
    Ok(true)
}
