//! When two clones added entries to the same tip: ours are made again on top of theirs, or given up.

use super::{
    Entry, Error, Files, Key, Kind, Ledger, NewEntry, Person, Result, append, audit, branch,
    branch::reference_name, check_introduction, entry, fetch, history,
};
use gix::ObjectId;

/// Both sides of a diverged ledger.
struct Sides {
    ours: Vec<ObjectId>,
    /// The newest entry of both.
    base: ObjectId,
    theirs: Vec<ObjectId>,
    here: ObjectId,
}

impl Ledger {
    /// Makes the entries that only we have again on top of `theirs`, the tip of an [`Error::Diverged`], by the rules of
    /// [`Ledger::append`]: ids, files, times and authors stay, serials and signatures are new. The branch moves once,
    /// at the end.
    ///
    /// # Errors
    /// [`Error::StageTaken`] and [`Error::ReleaseTaken`] where one of theirs is in the way: the branch is where it was,
    /// and [`Ledger::yield_to`] is the way on if ours had no effect yet.
    pub fn reapply(
        repo: &gix::Repository,
        branch: &str,
        theirs: ObjectId,
        key: &Key,
    ) -> Result<Self> {
        let sides = Sides::of(repo, branch, theirs)?;
        let mut ledger = Self::at(repo, branch, theirs)?;
        for id in sides.ours.iter().rev() {
            let again = sides.entry_again(&ledger.repo, *id)?;
            let made = ledger.commit(&again, Some(key))?;
            ledger.grow(made);
        }
        audit::step_back(&ledger.repo, branch, &sides.ours, sides.base)?;
        fetch::take_over(&ledger.repo, branch, Some(sides.here), ledger.tip)?;
        Ok(ledger)
    }

    /// Moves the branch to `theirs`, the tip of an [`Error::Diverged`], and gives up the entries that only we have: for
    /// a deployment that lost its stage, or a release that lost its place, before either had an effect.
    pub fn yield_to(repo: &gix::Repository, branch: &str, theirs: ObjectId) -> Result<Self> {
        let sides = Sides::of(repo, branch, theirs)?;
        audit::step_back(repo, branch, &sides.ours, sides.base)?;
        fetch::take_over(repo, branch, Some(sides.here), theirs)?;
        Self::at(repo, branch, theirs)
    }
}

impl Sides {
    /// Finds both sides, and checks theirs.
    fn of(repo: &gix::Repository, branch: &str, theirs: ObjectId) -> Result<Self> {
        check_introduction(repo, &Ledger::at(repo, branch, theirs)?)?;
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
        history::check_chain(repo, Some(base), &other)?;
        Ok(Self {
            ours,
            base,
            theirs: other,
            here,
        })
    }

    fn entry_again(&self, repo: &gix::Repository, id: ObjectId) -> Result<NewEntry> {
        let what = || Error::git(format!("read ledger entry {id}"));
        let (old, parent) = entry::read(repo, id)?;
        for there in &self.theirs {
            append::refuse(&old.kind, &entry::read(repo, *there)?.0)?;
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
        let before = parent
            .map(|parent| history::tree_of(repo, parent))
            .transpose()?;
        let mut files = Files::new();
        added(repo, before, history::tree_of(repo, id)?, "", &mut files)?;
        Ok(NewEntry {
            kind,
            id: name,
            files,
            who,
            time,
            reason,
        })
    }
}

/// The files of the tree `after` that `before` doesn't have.
fn added(
    repo: &gix::Repository,
    before: Option<ObjectId>,
    after: ObjectId,
    below: &str,
    files: &mut Files,
) -> Result<()> {
    let what = || Error::git("compare trees of the ledger");
    let before = before
        .map(|id| repo.find_tree(id))
        .transpose()
        .map_err(what())?;
    for new in repo.find_tree(after).map_err(what())?.iter() {
        let new = new.map_err(what())?;
        let old = before
            .as_ref()
            .and_then(|tree| tree.find_entry(new.filename().to_owned()))
            .map(|old| old.object_id());
        if old == Some(new.object_id()) {
            continue;
        }
        let path = format!("{below}{}", new.filename());
        if new.mode().is_tree() {
            added(repo, old, new.object_id(), &format!("{path}/"), files)?;
        } else {
            let blob = new.object().map_err(what())?;
            files.push((path, blob.data.clone()));
        }
    }
    Ok(())
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
        let pushed = push(&lab.child(), "origin", None, "hostout", impatient());
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
        let error = Ledger::reapply(&other.repo(), "hostout", theirs, &other.key()).unwrap_err();
        assert!(matches!(error, Error::StageTaken { .. }), "{error}");
        assert_eq!(other.ledger().tip(), ours);
        let ledger = Ledger::yield_to(&other.repo(), "hostout", theirs).unwrap();
        assert_eq!((ledger.tip(), other.ledger().tip()), (theirs, theirs));
    }
}
