//! Adding an entry: one signed commit, and the rules for who wins when two are made at once.

use super::{
    Edits, Entry, Error, Files, Key, Keyring, Kind, Ledger, Person, Result, audit, branch, durable,
    entry, fetch, history, keyring, message, object, start,
};
use crate::release::{EntryId, Need};
use gix::ObjectId;
use jiff::Timestamp;
use std::{thread, time::Duration};

/// An entry to be added.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// What it is.
    pub kind: Kind,
    /// Its id, from [`new_id`](super::new_id).
    pub id: EntryId,
    /// Its files: path in the ledger, bytes. None of them may be there yet.
    pub files: Files,
    /// What it does to other files: only keys and policy are ever changed.
    pub edits: Edits,
    /// Who makes it.
    pub who: Person,
    /// When; the commit's time too.
    pub time: Timestamp,
    /// Why, in the user's words.
    pub reason: String,
}

impl NewEntry {
    /// One that only adds files, for no reason that was given.
    pub fn adding(kind: Kind, files: Files, id: EntryId, who: &Person, time: Timestamp) -> Self {
        Self {
            kind,
            id,
            files,
            edits: Edits::default(),
            who: who.clone(),
            time,
            reason: String::new(),
        }
    }

    /// With a reason, in the user's words.
    #[must_use]
    pub fn because(mut self, reason: &str) -> Self {
        reason.clone_into(&mut self.reason);
        self
    }
}

/// How often a branch that nobody moves is tried again: a lock of another process is held for milliseconds.
const TRIES: u32 = 50;

impl Ledger {
    /// Adds an entry on top of the tip that this value knows, and gives its commit.
    ///
    /// Where the branch has moved on meanwhile, the entry is made again on the new tip, unless what happened concerns
    /// it: for a deployment that starts another entry of its stage, for a release another release. The end of a
    /// deployment that somebody else has written in between is not written twice.
    ///
    /// # Errors
    /// [`Error::StageTaken`], [`Error::ReleaseTaken`] and [`Error::KeysTaken`] for these; [`Error::MayNot`] where the key
    /// has no role for it: nothing was added.
    pub fn append(&mut self, new: &NewEntry, key: &Key) -> Result<ObjectId> {
        self.append_if(new, key, true)
    }

    /// As [`Self::append`], whoever signs.
    #[cfg(test)]
    pub(super) fn append_unasked(&mut self, new: &NewEntry, key: &Key) -> Result<ObjectId> {
        self.append_if(new, key, false)
    }

    /// Whether `key` may sign the next entry where `need` is needed.
    ///
    /// # Errors
    /// [`Error::MayNot`] where it may not.
    pub fn allows(&self, key: &Key, need: &Need) -> Result<()> {
        let Some(roles) = Keyring::read(&self.repo, self.tip)?.roles()? else {
            return Ok(());
        };
        let fingerprint = keyring::fingerprint(&key.public()?)?;
        if roles.may(&fingerprint, need) {
            return Ok(());
        }
        Err(Error::MayNot {
            who: fingerprint.clone(),
            need: need.to_string(),
            roles: roles.words(&fingerprint),
        })
    }

    /// Whether `key` may sign `new` as the next entry.
    pub(super) fn allows_entry(&self, key: &Key, new: &NewEntry) -> Result<()> {
        match new.kind.need() {
            None => Ok(()),
            Some(Need::Keys) if new.edits.only_adds => self.allows(key, &Need::AddKeys),
            Some(need) => self.allows(key, &need),
        }
    }

    fn append_if(&mut self, new: &NewEntry, key: &Key, ask: bool) -> Result<ObjectId> {
        let mut tries = 0;
        loop {
            if ask {
                self.allows_entry(key, new)?;
            }
            let made = self.commit(new, Some(key))?;
            if ask {
                // What others would not believe is not written: a key whose time is over, say.
                let one = [made.commit];
                history::check_chain(&self.repo, Some(self.tip), &one, self.root)?;
            }
            let Err(source) =
                start::move_branch(&self.repo, &self.branch, Some(self.tip), &made, &new.who)
            else {
                durable::reference(&self.repo, &branch::reference_name(&self.branch))?;
                return Ok(self.grow(made));
            };
            let now = self.branch_tip()?;
            if now == self.tip {
                tries += 1;
                if tries > TRIES {
                    return Err(Error::Locked {
                        branch: self.branch.clone(),
                        source: Box::new(source),
                    });
                }
                thread::sleep(Duration::from_millis(10));
            } else if self.catch_up(now, new)? {
                return Ok(self.tip);
            }
        }
    }

    /// Writes the commit of an entry on the tip, durably; nothing refers to it yet.
    pub(super) fn commit(&self, new: &NewEntry, key: Option<&Key>) -> Result<Entry> {
        let what = || Error::git("read the ledger's tip");
        let mut trailers = vec![
            ("Hostout-Serial", (self.history.len()).to_string()),
            ("Hostout-Id", new.id.to_string()),
        ];
        match &new.kind {
            Kind::Release { tag, commit, .. } => trailers.extend([
                ("Hostout-Tag", tag.to_string()),
                ("Hostout-Commit", commit.to_string()),
            ]),
            Kind::Ended { of, .. } => trailers.push(("Hostout-Of", of.to_string())),
            _ => {}
        }
        let text = message::write(&message::subject(&new.kind)?, &new.reason, &trailers);
        let mut repo = self.repo.clone().with_object_memory();
        let base = {
            let tip = repo.find_commit(self.tip).map_err(what())?;
            tip.tree_id().map_err(what())?.detach()
        };
        let tree = start::tree_with(&repo, base, &new.files)?;
        let tree = if new.edits == Edits::default() {
            tree
        } else {
            start::edited(&repo, tree, &new.edits)?
        };
        let commit = object::write_signed_commit(
            &repo,
            tree,
            Some(self.tip),
            &new.who,
            new.time,
            &text,
            key,
        )?;
        object::persist(&mut repo)?;
        Ok(entry::read(&self.repo, commit)?.0)
    }

    /// Takes the newest entry back, where it is the started one with this id and nothing came of it: nobody else has it.
    /// Where it is not, the branch stays as it is.
    ///
    /// # Errors
    /// Where the branch cannot be read or moved.
    pub fn take_back(&mut self, id: &EntryId) -> Result<()> {
        self.refresh()?;
        let newest = self
            .history
            .last()
            .filter(|newest| &newest.id == id && matches!(newest.kind, Kind::Started { .. }));
        let (Some(newest), Some(before)) = (newest, self.before()) else {
            return Ok(());
        };
        let ours = [newest.commit];
        audit::step_back(&self.repo, &self.branch, &ours, before)?;
        fetch::take_over(&self.repo, &self.branch, Some(self.tip), before)?;
        self.refresh()
    }

    /// Takes a new entry for the tip.
    pub(super) fn grow(&mut self, entry: Entry) -> ObjectId {
        self.tip = entry.commit;
        self.history.push(entry);
        self.tip
    }

    /// Takes `now` for the tip if what came in between doesn't concern `new`; whether `new` was told by somebody else.
    fn catch_up(&mut self, now: ObjectId, new: &NewEntry) -> Result<bool> {
        let (mut missed, mut next) = (Vec::new(), Some(now));
        while let Some(id) = next.filter(|id| *id != self.tip) {
            let (between, parent) = entry::read(&self.repo, id)?;
            missed.push(between);
            next = parent;
        }
        if next.is_none() {
            return Err(Error::Rewritten {
                branch: self.branch.clone(),
                tip: self.tip,
            });
        }
        for between in &missed {
            refuse(&new.kind, between)?;
        }
        let told = missed.iter().any(|between| is_told(&new.kind, between));
        for between in missed.into_iter().rev() {
            self.grow(between);
        }
        Ok(told)
    }

    fn branch_tip(&self) -> Result<ObjectId> {
        let tip = branch::tip_of(&self.repo, &branch::reference_name(&self.branch))?;
        tip.ok_or_else(|| Error::Rewritten {
            branch: self.branch.clone(),
            tip: self.tip,
        })
    }
}

/// Whether `new` may be made after `between`, which it has not seen. How a deployment ended may always be told: it has
/// happened.
pub(super) fn refuse(new: &Kind, between: &Entry) -> Result<()> {
    let by = || format!("{} by {}", between.subject, between.by);
    if let Kind::Started { stage, .. } = new
        && between.kind.stage() == Some(stage)
    {
        return Err(Error::StageTaken {
            stage: stage.clone(),
            by: by(),
        });
    }
    if let (Kind::Release { .. }, Kind::Release { .. }) = (new, &between.kind) {
        return Err(Error::ReleaseTaken { by: by() });
    }
    if let (Kind::Keys { .. }, Kind::Keys { .. }) = (new, &between.kind) {
        return Err(Error::KeysTaken { by: by() });
    }
    Ok(())
}

/// Whether `there` says what `new` says: how the same deployment ended. Whoever finds it open asks the hosts and writes it,
/// and its own client does so too.
pub(super) fn is_told(new: &Kind, there: &Entry) -> bool {
    match (new, &there.kind) {
        (Kind::Ended { of, .. }, Kind::Ended { of: other, .. }) => of == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testing::Lab;

    #[test]
    fn racing_writers_lose_nothing() {
        let lab = Lab::new();
        lab.ledger();
        thread::scope(|scope| {
            for stage in ["staging", "production"] {
                let lab = &lab;
                scope.spawn(move || {
                    let mut ledger = lab.ledger();
                    for _ in 0..20 {
                        ledger.append(&lab.started(stage), &lab.key()).unwrap();
                    }
                });
            }
        });
        let ledger = lab.ledger();
        let entries: Vec<&Entry> = ledger.entries().collect();
        let serials: Vec<u64> = entries.iter().map(|entry| entry.serial).collect();
        assert_eq!(serials, (0..=40).rev().collect::<Vec<_>>());
        for stage in ["staging", "production"] {
            let here = |entry: &&&Entry| entry.kind.stage() == Some(stage);
            assert_eq!(entries.iter().filter(here).count(), 20);
        }
        lab.git(&["fsck", "--strict"]);
        lab.git(&["verify-commit", "hostout", "hostout~20", "hostout~39"]);
    }

    #[test]
    fn the_second_on_a_stage_and_the_second_release_are_refused() {
        let lab = Lab::new();
        let (mut first, mut late) = (lab.ledger(), lab.ledger());
        first.append(&lab.started("staging"), &lab.key()).unwrap();
        let error = late
            .append(&lab.started("staging"), &lab.key())
            .unwrap_err();
        assert!(matches!(error, Error::StageTaken { .. }), "{error}");
        assert!(error.to_string().contains("Ann"), "{error}");
        late.append(&lab.started("production"), &lab.key()).unwrap();

        let mut late = lab.ledger();
        lab.release("1.0.0");
        let mut release = lab.started("staging");
        release.kind = Kind::Release {
            version: semver::Version::new(1, 0, 1),
            tag: late.tip(),
            commit: late.tip(),
        };
        release.files.clear();
        let error = late.append(&release, &lab.key()).unwrap_err();
        assert!(matches!(error, Error::ReleaseTaken { .. }), "{error}");
    }

    #[test]
    fn the_end_of_a_deployment_is_told_once() {
        let lab = Lab::new();
        let mut ledger = lab.ledger();
        let started = lab.started("staging");
        ledger.append(&started, &lab.key()).unwrap();
        let (mut client, mut other) = (lab.ledger(), lab.ledger());
        let told = other.append(&Lab::ended(&started), &lab.key()).unwrap();
        assert_eq!(
            client.append(&Lab::ended(&started), &lab.key()).unwrap(),
            told
        );
        assert_eq!((client.tip(), lab.ledger().tip()), (told, told));
    }

    #[test]
    fn files_are_only_ever_added() {
        let lab = Lab::new();
        let mut ledger = lab.ledger();
        let mut entry = lab.started("staging");
        entry.files = vec![("policy.toml".into(), b"format = 2\n".to_vec())];
        let before = ledger.tip();
        let error = ledger.append(&entry, &lab.key()).unwrap_err();
        assert!(matches!(error, Error::Exists(_)), "{error}");
        assert_eq!(lab.ledger().tip(), before);
    }

    #[test]
    fn a_rewritten_branch_is_noticed() {
        let lab = Lab::new();
        let mut ledger = lab.ledger();
        ledger.append(&lab.started("a"), &lab.key()).unwrap();
        lab.git(&["update-ref", "refs/heads/hostout", "hostout~1"]);
        let error = ledger.append(&lab.started("b"), &lab.key()).unwrap_err();
        assert!(matches!(error, Error::Rewritten { .. }), "{error}");
    }

    #[test]
    fn deployments_are_found_by_id() {
        let lab = Lab::new();
        let mut ledger = lab.ledger();
        let started = lab.started("staging");
        ledger.append(&started, &lab.key()).unwrap();
        assert!(ledger.ended_for(&started.id).unwrap().is_none());
        let (entry, file) = ledger.started(&started.id).unwrap().unwrap();
        assert_eq!((file.stage.as_str(), entry.serial), ("staging", 1));
        let ended = Lab::ended(&started);
        ledger.append(&ended, &lab.key()).unwrap();
        let (entry, file) = ledger.ended_for(&started.id).unwrap().unwrap();
        assert_eq!((entry.id, file.of), (ended.id, started.id));
        assert_eq!(ledger.newest_of("staging").unwrap().serial, 2);
        assert!(ledger.newest_of("production").is_none());
    }
}
