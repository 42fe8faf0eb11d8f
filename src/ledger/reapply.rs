//! When two clones added entries to the same tip: ours are made again on top of theirs, or given up.

use super::{
    Edits, Entry, Error, Files, Key, Kind, Ledger, NewEntry, Person, Result, append, audit, branch,
    branch::reference_name,
    check_introduction, entry, fetch, history,
    tree::{self, Change, How},
};
use gix::ObjectId;

/// Both sides of a diverged ledger.
pub(super) struct Sides {
    pub(super) ours: Vec<ObjectId>,
    /// The newest entry of both.
    base: ObjectId,
    theirs: Vec<ObjectId>,
    here: ObjectId,
}

impl Ledger {
    /// Makes the entries that only we have again on top of `theirs`, the tip of an [`Error::Diverged`]: ids, files, times
    /// and authors stay, serials and signatures are new. The branch moves once, at the end. Deployments have happened and
    /// are told whatever theirs say; an end that theirs tell too is left out.
    ///
    /// # Errors
    /// [`Error::ReleaseTaken`] where a release of theirs is in the way: the branch is where it was.
    pub fn reapply(
        repo: &gix::Repository,
        branch: &str,
        theirs: ObjectId,
        key: &Key,
    ) -> Result<Self> {
        let sides = Sides::of(repo, branch, theirs)?;
        sides.again(repo, branch, theirs, &sides.ours, key)
    }

    /// The same for an entry that had no effect yet, the newest of ours.
    ///
    /// # Errors
    /// Also [`Error::StageTaken`] where theirs concern its stage, and [`Error::MayNot`] where by theirs it may not be made:
    /// that entry is given up, the others are kept as [`Ledger::reapply`] does.
    pub fn reapply_or_yield(
        repo: &gix::Repository,
        branch: &str,
        theirs: ObjectId,
        key: &Key,
    ) -> Result<Self> {
        let sides = Sides::of(repo, branch, theirs)?;
        let Some((newest, others)) = sides.ours.split_first() else {
            return Self::at(repo, branch, theirs);
        };
        let newest = entry::read(repo, *newest)?.0;
        let theirs_all = sides.theirs(repo)?;
        let taken = theirs_all
            .iter()
            .try_for_each(|there| append::refuse(&newest.kind, there));
        let made = taken.and_then(|()| sides.again(repo, branch, theirs, &sides.ours, key));
        if made.is_err() {
            // Where the others cannot go there either, everything stays where it is: the first error says why.
            sides.again(repo, branch, theirs, others, key).ok();
        }
        made
    }
}

impl Sides {
    /// Finds both sides, and checks theirs.
    pub(super) fn of(repo: &gix::Repository, branch: &str, theirs: ObjectId) -> Result<Self> {
        let their_ledger = Ledger::at(repo, branch, theirs)?;
        check_introduction(repo, &their_ledger)?;
        let here =
            branch::tip_of(repo, &reference_name(branch))?.ok_or_else(|| Error::Rewritten {
                branch: branch.to_owned(),
                tip: theirs,
            })?;
        let (mut ours, mut other) = (fetch::chain(repo, here)?, fetch::chain(repo, theirs)?);
        let common = ours
            .iter()
            .enumerate()
            .find_map(|(at, id)| Some((at, other.iter().position(|there| there == id)?)));
        let (at, there) = common.ok_or_else(|| Error::Rewritten {
            branch: branch.to_owned(),
            tip: here,
        })?;
        let base = ours[at];
        ours.truncate(at);
        other.truncate(there);
        history::check_chain(repo, Some(base), &other, their_ledger.root)?;
        Ok(Self {
            ours,
            base,
            theirs: other,
            here,
        })
    }

    pub(super) fn theirs(&self, repo: &gix::Repository) -> Result<Vec<Entry>> {
        let theirs = self.theirs.iter();
        theirs.map(|id| Ok(entry::read(repo, *id)?.0)).collect()
    }

    /// Makes `kept`, newest first, again on top of theirs, and moves the branch there.
    pub(super) fn again(
        &self,
        repo: &gix::Repository,
        branch: &str,
        theirs: ObjectId,
        kept: &[ObjectId],
        key: &Key,
    ) -> Result<Ledger> {
        let mut ledger = Ledger::at(repo, branch, theirs)?;
        let there = self.theirs(repo)?;
        for id in kept.iter().rev() {
            if let Some(again) = entry_again(repo, *id, &there)? {
                ledger.allows_entry(key, &again)?;
                let made = ledger.commit(&again, Some(key))?;
                ledger.grow(made);
            }
        }
        audit::step_back(&ledger.repo, branch, &self.ours, self.base)?;
        fetch::take_over(&ledger.repo, branch, Some(self.here), ledger.tip)?;
        Ok(ledger)
    }
}

/// An entry of ours, to be made again after `theirs`; nothing where they tell it.
fn entry_again(repo: &gix::Repository, id: ObjectId, theirs: &[Entry]) -> Result<Option<NewEntry>> {
    let what = || Error::git(format!("read ledger entry {id}"));
    let (old, parent) = entry::read(repo, id)?;
    if theirs.iter().any(|there| append::is_told(&old.kind, there)) {
        return Ok(None);
    }
    if let Kind::Release { .. } | Kind::Keys { .. } = old.kind {
        for there in theirs {
            append::refuse(&old.kind, there)?;
        }
    }
    let commit = repo.find_commit(id).map_err(what())?;
    let author = commit.author().map_err(what())?;
    let who = Person {
        name: author.name.to_string(),
        email: author.email.to_string(),
    };
    let Entry {
        kind,
        id: name,
        time,
        reason,
        ..
    } = old;
    if matches!(kind, Kind::Other(_)) {
        return Err(Error::malformed(
            format!("commit {id}"),
            "an entry of this kind cannot be made again on another one",
        ));
    }
    let before = match parent {
        Some(parent) => history::tree_of(repo, parent)?,
        None => ObjectId::empty_tree(repo.object_hash()),
    };
    let (files, edits) = files_of(repo, before, history::tree_of(repo, id)?)?;
    Ok(Some(NewEntry {
        kind,
        id: name,
        files,
        edits,
        who,
        time,
        reason,
    }))
}

/// What an entry adds, and what else it does.
fn files_of(repo: &gix::Repository, before: ObjectId, after: ObjectId) -> Result<(Files, Edits)> {
    let what = || Error::git("compare trees of the ledger");
    let (mut files, mut edits) = (Files::new(), Edits::default());
    for Change { path, how, blob } in tree::changes(repo, before, after)? {
        if how == How::Removed {
            edits.removed.push(path);
            continue;
        }
        let bytes = repo.find_blob(blob).map_err(what())?.data.clone();
        match how {
            How::Added => files.push((path, bytes)),
            _ => edits.replaced.push((path, bytes)),
        }
    }
    Ok((files, edits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{
        Patience, Pushed, push,
        testing::{Lab, impatient},
    };

    fn two_clones() -> (Lab, Lab) {
        let lab = Lab::new();
        let remote = lab.bare_remote();
        lab.ledger();
        publish(&lab);
        let other = lab.clone_of(&remote, &[]);
        fetched(&other).unwrap();
        (lab, other)
    }

    fn publish(lab: &Lab) {
        let pushed = push(&lab.child(), "origin", [], "hostout", impatient());
        assert_eq!(pushed.unwrap(), Pushed::Done);
    }

    fn fetched(lab: &Lab) -> Result<crate::ledger::Fetched> {
        let patience: Patience = impatient();
        crate::ledger::fetch(&lab.repo(), &lab.child(), "origin", "hostout", patience)
    }

    fn diverged(lab: &Lab) -> ObjectId {
        match fetched(lab) {
            Err(Error::Diverged { tip, .. }) => tip,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn two_people_deploy_to_two_stages_at_once() {
        let (lab, other) = two_clones();
        lab.ledger().append(&lab.started("a"), &lab.key()).unwrap();
        publish(&lab);
        let (mut ledger, started) = (other.ledger(), other.started("b"));
        ledger.append(&started, &other.key()).unwrap();
        ledger.append(&Lab::ended(&started), &other.key()).unwrap();

        let theirs = diverged(&other);
        let ledger = Ledger::reapply(&other.repo(), "hostout", theirs, &other.key()).unwrap();
        publish(&other);
        let serials: Vec<u64> = ledger.entries().map(|e| e.serial).collect();
        assert_eq!(serials, [3, 2, 1, 0]);
        let (entry, file) = ledger.started(&started.id).unwrap().unwrap();
        assert_eq!(
            (entry.by, file.id),
            ("Ann <ann@example.org>".into(), started.id)
        );
        fetched(&lab).unwrap();
        assert_eq!(lab.ledger().tip(), ledger.tip());
        other.git(&["fsck", "--strict"]);
    }

    #[test]
    fn the_later_one_on_a_stage_yields() {
        let (lab, other) = two_clones();
        lab.ledger().append(&lab.started("a"), &lab.key()).unwrap();
        publish(&lab);
        let mut ledger = other.ledger();
        let ours = ledger.append(&other.started("a"), &other.key()).unwrap();
        let theirs = diverged(&other);
        assert_eq!(other.ledger().tip(), ours);
        let error =
            Ledger::reapply_or_yield(&other.repo(), "hostout", theirs, &other.key()).unwrap_err();
        assert!(matches!(error, Error::StageTaken { .. }), "{error}");
        assert_eq!(other.ledger().tip(), theirs);
    }

    #[test]
    fn what_happened_is_told_whatever_theirs_say() {
        let (lab, other) = two_clones();
        let there = lab.started("a");
        let mut ledger = lab.ledger();
        ledger.append(&there, &lab.key()).unwrap();
        publish(&lab);
        // A deployment from here while the remote was away, and then one that is only about to begin.
        let (mut ours, happened) = (other.ledger(), other.started("a"));
        ours.append(&happened, &other.key()).unwrap();
        ours.append(&Lab::ended(&happened), &other.key()).unwrap();
        ours.append(&other.started("a"), &other.key()).unwrap();
        let theirs = diverged(&other);
        let error =
            Ledger::reapply_or_yield(&other.repo(), "hostout", theirs, &other.key()).unwrap_err();
        assert!(matches!(error, Error::StageTaken { .. }), "{error}");
        let ledger = other.ledger();
        assert_eq!(ledger.entries().count(), 4);
        assert!(ledger.ended_for(&happened.id).unwrap().is_some());
        publish(&other);
    }

    #[test]
    fn an_end_that_theirs_tell_too_is_left_out() {
        let (lab, other) = two_clones();
        let started = lab.started("a");
        let mut ledger = lab.ledger();
        ledger.append(&started, &lab.key()).unwrap();
        publish(&lab);
        fetched(&other).unwrap();
        let mut settled = other.ledger();
        settled.append(&Lab::ended(&started), &other.key()).unwrap();
        publish(&other);
        ledger.append(&Lab::ended(&started), &lab.key()).unwrap();
        let theirs = diverged(&lab);
        let ledger = Ledger::reapply(&lab.repo(), "hostout", theirs, &lab.key()).unwrap();
        assert_eq!(ledger.tip(), theirs);
    }
}
