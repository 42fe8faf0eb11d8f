//! What stayed local, because the remote did not answer in time: releases and entries of the ledger.

use super::{
    carry_out::{Mode, Question, carry_out},
    session::{Session, Workspace},
};
use crate::{
    error::Error,
    execute::{Published, Publisher},
    ledger::{self, Fetched, Git, Ledger, Patience},
    plan::{self, Diverged, Plan, Refusal},
};
use gix::ObjectId;

/// Entries that the remote has not.
pub(super) struct Unpushed {
    remote: String,
    /// The tip of the remote's ledger, where that went on without them.
    theirs: Option<ObjectId>,
    /// How they get there.
    pub plan: Plan,
}

/// Asks the remote what it lacks; nothing where there is no remote.
pub(super) fn find(work: &Workspace, ledger: &Ledger) -> Result<Option<Unpushed>, Error> {
    let Some(remote) = ledger::remote_for(&work.repo) else {
        return Ok(None);
    };
    let branch = ledger.branch();
    let git = Git::of(&work.repo);
    let fetched = ledger::fetch(&work.repo, &git, &remote, branch, Patience::default());
    let (entries, theirs) = match fetched {
        Ok(Fetched::Ahead { entries }) => (entries, None),
        Ok(Fetched::Absent) => (usize::MAX, None),
        Ok(Fetched::Same | Fetched::Adopted { .. } | Fetched::Forwarded { .. }) => (0, None),
        Err(ledger::Error::Diverged { ours, tip, .. }) => (ours, Some(tip)),
        Err(error) => {
            // Whoever writes there next does not wait for it as well.
            if matches!(error, ledger::Error::Unreachable { .. }) {
                work.silent.set(true);
            }
            return Err(error.into());
        }
    };
    let tags = ledger.tags_lacking_at(&remote)?;
    if entries == 0 && tags.is_empty() {
        return Ok(None);
    }
    let diverged = theirs.map(|tip| Diverged {
        entries,
        onto: tip.to_string(),
    });
    let plan = plan::publish(&remote, branch, &tags, diverged);
    Ok(Some(Unpushed {
        remote,
        theirs,
        plan,
    }))
}

/// Tags that go to the remote with the ledger, in words.
pub(super) fn late_tags(work: &Workspace, ledger: &Ledger) -> Result<Option<String>, Error> {
    match ledger::remote_for(&work.repo) {
        Some(remote) if !work.silent.get() => {
            Ok(plan::late_tags(&remote, &ledger.tags_lacking_at(&remote)?))
        }
        _ => Ok(None),
    }
}

/// Pushes what stayed local, where a command has nothing else to do. A remote that still does not answer is told, and
/// stops nobody.
pub(super) fn push_if_any(
    session: &Session,
    work: &Workspace,
    ledger: Ledger,
    mode: Mode,
) -> Result<(), Error> {
    if work.silent.get() {
        return Ok(());
    }
    let pushed = find(work, &ledger).and_then(|unpushed| {
        let Some(unpushed) = unpushed else {
            return Ok(());
        };
        let plan = unpushed.plan.clone();
        carry_out(session, &plan, mode, &Question::default(), || {
            unpushed.push(session, work, ledger)
        })
    });
    match pushed {
        Err(Error::Ledger(error @ ledger::Error::Unreachable { .. })) => {
            work.silent.set(true);
            session.ui.warn(&format!(
                "{error}; `git hostout resume` pushes the ledger later"
            ));
            Ok(())
        }
        pushed => pushed,
    }
}

impl Unpushed {
    /// Pushes every release and entry that the remote has not, made again on top of what came there in between.
    pub(super) fn push(
        self,
        session: &Session,
        work: &Workspace,
        ledger: Ledger,
    ) -> Result<(), Error> {
        let ledger = match self.theirs {
            Some(tip) => reapply(work, &ledger, &self.remote, tip)?,
            None => ledger,
        };
        let publisher = Publisher {
            git: Git::of(&work.repo),
            remote: Some(self.remote),
            patience: Patience::default(),
            silent: work.silent.clone(),
        };
        match publisher.push(&ledger)? {
            Published::Pushed(remote) => {
                session.ui.status(&format!("Pushed to {remote}."));
                Ok(())
            }
            Published::Kept => Ok(()),
            Published::Refused { remote, message } => {
                Err(ledger::Error::Rejected { remote, message }.into())
            }
            Published::Unreachable { remote, message } => {
                Err(ledger::Error::Unreachable { remote, message }.into())
            }
        }
    }
}

/// Our entries on top of theirs. A release cannot go on top of another one, nor keys on other keys: they have to be made
/// again.
fn reapply(
    work: &Workspace,
    ledger: &Ledger,
    remote: &str,
    tip: ObjectId,
) -> Result<Ledger, Error> {
    let (what, again) = match Ledger::reapply(&work.repo, ledger.branch(), tip, &work.key()?) {
        Ok(ledger) => return Ok(ledger),
        Err(ledger::Error::ReleaseTaken { by }) => (
            format!("{remote} got another release in between: {by}"),
            "give yours up, and release again: git hostout resume --give-up && git hostout release",
        ),
        Err(ledger::Error::KeysTaken { by }) => (
            format!("{remote} got other keys or another policy in between: {by}"),
            "give yours up, and change them again: git hostout resume --give-up && git hostout keys list",
        ),
        Err(error) => return Err(error.into()),
    };
    let mut refusal = Refusal::default();
    refusal.add(what, again);
    Err(refusal.into())
}
