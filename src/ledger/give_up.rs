//! Giving up entries of ours that cannot be made again on top of the remote's, where resuming has no other way out.

use super::{
    Entry, Key, Kind, Ledger, Result, append, branch, entry, hygiene, own, reapply::Sides,
};
use gix::ObjectId;
use semver::Version;

/// What is given up: entries that no remote has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GivenUp {
    /// The entries, oldest first: releases or keys that theirs are in the way of, and what was done with such a release.
    pub entries: Vec<Entry>,
    /// The tags of the releases among them: name, tag object.
    pub tags: Vec<(String, ObjectId)>,
    /// How many entries of ours are kept, and made again.
    pub kept: usize,
}

impl Ledger {
    /// What has to be given up for the rest to go on top of `theirs`, the tip of an [`Error::Diverged`](super::Error::Diverged).
    ///
    /// # Errors
    /// Where theirs are not to be believed.
    pub fn to_give_up(repo: &gix::Repository, branch: &str, theirs: ObjectId) -> Result<GivenUp> {
        look(repo, &Sides::of(repo, branch, theirs)?)
    }

    /// Gives that up: tags first, so that none of them is left without its entry. The others of our entries are made again
    /// as [`Ledger::reapply`] does. What this clone has seen goes back to the newest entry of both: only entries of ours
    /// that nobody else has are forgotten.
    ///
    /// # Errors
    /// Where one of the others cannot be made again: the branch is where it was.
    pub fn give_up(
        repo: &gix::Repository,
        branch: &str,
        theirs: ObjectId,
        key: &Key,
    ) -> Result<Self> {
        let sides = Sides::of(repo, branch, theirs)?;
        let given_up = look(repo, &sides)?;
        for (name, object) in &given_up.tags {
            // A tag of that name that is another object is none of ours.
            let full = format!("refs/tags/{name}");
            if branch::tip_of(repo, &full)? == Some(*object) {
                own::set(repo, &full, None, "hostout: given up")?;
            }
        }
        let gone = |id: &ObjectId| given_up.entries.iter().any(|entry| entry.commit == *id);
        let kept: Vec<ObjectId> = sides.ours.iter().filter(|id| !gone(id)).copied().collect();
        sides.again(repo, branch, theirs, &kept, key)
    }
}

fn look(repo: &gix::Repository, sides: &Sides) -> Result<GivenUp> {
    let there = sides.theirs(repo)?;
    let mut given_up = GivenUp::default();
    let mut versions: Vec<Version> = Vec::new();
    for id in sides.ours.iter().rev() {
        let (entry, _) = entry::read(repo, *id)?;
        let without_release = about(&entry.kind).is_some_and(|version| versions.contains(version));
        if !without_release && !blocked(&entry.kind, &there) {
            given_up.kept += 1;
            continue;
        }
        if let Kind::Release { version, tag, .. } = &entry.kind {
            versions.push(version.clone());
            if let Some(name) = hygiene::name_of(repo, *tag)? {
                given_up.tags.push((name, *tag));
            }
        }
        given_up.entries.push(entry);
    }
    Ok(given_up)
}

/// The release that an entry is about.
fn about(kind: &Kind) -> Option<&Version> {
    match kind {
        Kind::Release { version, .. }
        | Kind::Started { version, .. }
        | Kind::Ended { version, .. }
        | Kind::Approved { version, .. }
        | Kind::Withdrawn { version } => Some(version),
        Kind::Start { .. } | Kind::Keys { .. } | Kind::Other(_) => None,
    }
}

/// Whether an entry of this kind cannot go on top of `theirs`. Deployments have happened and are told whatever theirs say.
pub(super) fn blocked(kind: &Kind, theirs: &[Entry]) -> bool {
    let planned = matches!(kind, Kind::Release { .. } | Kind::Keys { .. });
    planned
        && theirs
            .iter()
            .any(|there| append::refuse(kind, there).is_err())
}
