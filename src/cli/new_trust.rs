//! Which ledger root has the hosts believe: this one, and with `git hostout bootstrap --new-trust` in the place of one that
//! is lost.

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
    release::{Digest, Need},
};

/// What root is to say of the ledger that is here, which is checked first; nothing where there is none yet.
///
/// # Errors
/// Where it is to take the place of another one, and there is none or the key may not do that.
pub(super) fn introduction(
    work: &Workspace,
    replaces: bool,
) -> Result<Option<Introduction>, Error> {
    let ledger = Ledger::open(&work.repo, &work.project.release.ledger)?;
    if let Some(ledger) = &ledger {
        verify::before_writing(work, ledger)?;
        if replaces {
            ledger.allows(&work.key()?, &Need::Keys)?;
        }
        if let Some(first) = ledger.statements(0)?.first() {
            return Ok(Some(Introduction {
                project: ledger.project_id().to_string(),
                statement: Digest::of(first.text.as_bytes()),
                replaces,
            }));
        }
    }
    if !replaces {
        return Ok(None);
    }
    let mut refusal = Refusal::default();
    refusal.add(
        "there is no ledger here whose keys hosts could believe from now on",
        "start a new one: git hostout init",
    );
    Err(refusal.into())
}

/// Writes into the ledger what was done.
pub(super) fn record(
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
