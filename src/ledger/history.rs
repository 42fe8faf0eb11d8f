//! Checking entries that somebody else made, before they are believed.

use super::{
    Error, GIT, Keyring, Result, Signer, Trust, entry,
    rules::{APPEND_ONLY, Case},
    tag::seconds,
    tree::{self, Change, How},
    verify,
};
use gix::{ObjectId, objs::CommitRefIter};
use jiff::Timestamp;

/// The first commit's signature, checked against the keys that it brings itself: whether these are the right ones is
/// the introduction's question.
pub(super) fn check_root(repo: &gix::Repository, root: ObjectId) -> Result<Signer> {
    check_commit(repo, root, &Trust::read(repo, root)?, None)
}

/// What entries have to keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Each is signed by a key of its parent, the first by its own.
    Signature,
    /// Its serial is one more than its parent's; the first one's is 0.
    Serial,
    /// It changes and removes nothing but keys and policy.
    Addition,
    /// Its signer may do what it does, and it holds nothing else.
    Role,
    /// Where it changes keys or policy, they can be read, and hosts are told of them.
    Keys,
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
    root: ObjectId,
) -> Result<()> {
    match audit(repo, base, chain, root)?.into_iter().next() {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

/// The same, but goes on: every broken rule, oldest first. `root` is the first commit of all.
pub(super) fn audit(
    repo: &gix::Repository,
    base: Option<ObjectId>,
    chain: &[ObjectId],
    root: ObjectId,
) -> Result<Vec<(Rule, Error)>> {
    let mut broken = Vec::new();
    let mut oldest_first = chain.iter().rev().copied();
    let Some(mut parent) = base.or_else(|| oldest_first.next()) else {
        return Ok(broken);
    };
    let mut before = entry::read(repo, parent)?.0;
    let mut tree = tree_of(repo, parent)?;
    if base.is_none() {
        if let Err(error) = check_root(repo, parent) {
            broken.push((Rule::Signature, error));
        }
        if before.serial != 0 {
            let message = format!("its serial is {}, and it is the first", before.serial);
            broken.push((Rule::Serial, wrong(parent, message)));
        }
        if !Keyring::read(repo, parent)?.is_stated(None, parent) {
            let message = "trust/ does not say to hosts what its keys are".to_owned();
            broken.push((Rule::Keys, wrong(parent, message)));
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
        let (entry, _) = entry::read(repo, id)?;
        let new_tree = tree_of(repo, id)?;
        let changes = tree::changes(repo, tree, new_tree)?;
        match check_commit(repo, id, &trust, Some(before.time)) {
            Err(error) => broken.push((Rule::Signature, error)),
            Ok(signer) => {
                let case = Case {
                    repo,
                    entry: &entry,
                    parent,
                    root,
                    changes: &changes,
                    trust: &trust,
                    signer: &signer,
                };
                broken.extend(case.judge()?);
            }
        }
        if entry.serial != before.serial + 1 {
            let message = format!("its serial is {} after {}", entry.serial, before.serial);
            broken.push((Rule::Serial, wrong(id, message)));
        }
        for folder in APPEND_ONLY {
            let touched = |change: &Change| change.is_below(folder) && change.how != How::Added;
            if changes.iter().any(touched) {
                let message = format!("it changes or removes an entry below {folder}/");
                broken.push((Rule::Addition, wrong(id, message)));
            }
        }
        (parent, before, tree) = (id, entry, new_tree);
    }
    Ok(broken)
}

/// Who signed an entry that is part of the ledger, by the keys of the one before it.
pub(super) fn signer(repo: &gix::Repository, entry: ObjectId) -> Result<Signer> {
    let (_, parent) = entry::read(repo, entry)?;
    let floor = match parent {
        Some(parent) => Some(entry::read(repo, parent)?.0.time),
        None => None,
    };
    let trust = Trust::read(repo, parent.unwrap_or(entry))?;
    check_commit(repo, entry, &trust, floor)
}

fn wrong(id: ObjectId, message: String) -> Error {
    Error::malformed(format!("commit {id}"), message)
}

/// An entry's time is its signer's word. It counts as no earlier than that of the entry before it, so that a key whose
/// time is over gains nothing by an earlier one.
fn check_commit(
    repo: &gix::Repository,
    id: ObjectId,
    trust: &Trust,
    floor: Option<Timestamp>,
) -> Result<Signer> {
    let what = || Error::git(format!("read ledger entry {id}"));
    let commit = repo.find_commit(id).map_err(what())?;
    let time = seconds(commit.time().map_err(what())?.seconds);
    let signature = CommitRefIter::signature(&commit.data, repo.object_hash()).map_err(what())?;
    let (signature, signed) = match signature {
        Some((signature, signed)) => (signature.to_string(), signed.to_bstring()),
        None => Default::default(),
    };
    let time = floor.map_or(time, |floor| floor.max(time));
    trust
        .check(GIT, &signed, &signature, time)
        .map_err(verify::named(format!("ledger entry {id}")))
}

pub(super) fn tree_of(repo: &gix::Repository, commit: ObjectId) -> Result<ObjectId> {
    let what = || Error::git(format!("read ledger entry {commit}"));
    let commit = repo.find_commit(commit).map_err(what())?;
    Ok(commit.tree_id().map_err(what())?.detach())
}

pub(super) fn keys_of(repo: &gix::Repository, commit: ObjectId) -> Result<Option<ObjectId>> {
    sub(repo, tree_of(repo, commit)?, "keys")
}

fn sub(repo: &gix::Repository, tree: ObjectId, name: &str) -> Result<Option<ObjectId>> {
    let what = || Error::git("read a tree of the ledger");
    let tree = repo.find_tree(tree).map_err(what())?;
    Ok(tree.find_entry(name).map(|entry| entry.object_id()))
}
