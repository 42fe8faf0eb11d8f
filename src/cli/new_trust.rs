//! `git hostout bootstrap --new-trust`: root puts another ledger in the place of one that is lost.

use super::{
    deployment,
    session::{Session, Workspace},
    verify,
};
use crate::{
    config::Stage,
    error::Error,
    host::Introduction,
    ledger::{self, Kind, Ledger, NewEntry},
    plan::Refusal,
    release::Digest,
};

/// What root is to say of the ledger that is here, which is checked first.
pub(super) fn introduction(work: &Workspace) -> Result<Introduction, Error> {
    let mut refusal = Refusal::default();
    let branch = &work.project.release.ledger;
    let Some(ledger) = Ledger::open(&work.repo, branch)? else {
        refusal.add(
            "there is no ledger here that hosts could believe from now on",
            "start a new one: git hostout init",
        );
        return Err(refusal.into());
    };
    verify::before_writing(work, &ledger)?;
    match ledger.statements(0)?.first() {
        Some(first) => Ok(Introduction {
            project: ledger.project_id().to_string(),
            statement: Digest::of(first.text.as_bytes()),
        }),
        None => {
            refusal.add(
                "this ledger says nothing of its keys to hosts",
                "change a key or the policy first: git hostout policy --set FILE",
            );
            Err(refusal.into())
        }
    }
}

/// Writes into the ledger what was done. The hosts know it by now: where it cannot be written that is only told.
pub(super) fn record(
    session: &Session,
    work: &Workspace,
    stage: &Stage,
    hosts: &[String],
) -> Result<(), Error> {
    let entered = enter(session, work, stage, hosts);
    if let Err(error @ Error::Ledger(_)) = entered {
        session.ui.warn(&format!(
            "the ledger does not tell of the new trust: {error}"
        ));
        return Ok(());
    }
    entered
}

fn enter(
    session: &Session,
    work: &Workspace,
    stage: &Stage,
    hosts: &[String],
) -> Result<(), Error> {
    let (mut ledger, who, time) = (work.ledger(&session.ui)?, work.who()?, session.now());
    let kind = Kind::Other(format!("introduce {}", stage.name));
    let entry =
        NewEntry::adding(kind, Vec::new(), ledger::new_id()?, &who, time).because(&format!(
            "root let this project take the place of another one on {}",
            hosts.join(", ")
        ));
    deployment::recording(session, work, |recorder| {
        Ok(recorder.enter(&mut ledger, &entry)?)
    })
}
