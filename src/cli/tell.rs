//! Telling hosts at once what takes something away: a withdrawal, a key that is gone, another policy. One that does not
//! answer hears of it with its next deployment.

use super::{
    hosts,
    session::{Session, Workspace},
};
use crate::{
    assemble::together,
    config::{Host, Stage},
    error::Error,
    execute::Telling,
    facts::Trusted,
    ledger::Ledger,
    observe,
    plan::{self, Action},
    release::Unchecked,
    transport::Conversation,
};

/// The stages that were deployed to.
pub(super) fn stages<'w>(work: &'w Workspace, ledger: &Ledger) -> Vec<&'w Stage> {
    let log = observe::history(ledger);
    let stages = work.project.stages.iter();
    stages
        .filter(|stage| log.iter().any(|one| one.stage == stage.name))
        .collect()
}

/// Tells every host of `stages` what it does not know of `ledger`, and says who could not be told.
pub(super) fn tell(session: &Session, ledger: &Ledger, stages: &[&Stage]) -> Result<(), Error> {
    let Some((trusted, telling)) = trusted(ledger)? else {
        return Ok(());
    };
    for stage in stages {
        let told = together(&stage.hosts, |host| {
            one(session, stage, host, &trusted, &telling)
        });
        for (host, told) in stage.hosts.iter().zip(told) {
            let (host, stage) = (&host.destination, &stage.name);
            match told {
                Ok(true) => session.ui.status(&format!("{host} ({stage}) knows it.")),
                Ok(false) => {}
                Err(error) => session.ui.warn(&format!(
                    "{host} ({stage}) was not told, and goes by what it knew until its next deployment: {}",
                    error.without(host)
                )),
            }
        }
    }
    Ok(())
}

/// Whom hosts are to believe, and what they are told of it, where no release comes with it whose signature they would check.
/// Nothing where the ledger says nothing to hosts.
pub(super) fn trusted(ledger: &Ledger) -> Result<Option<(Trusted, Telling)>, Error> {
    let Some(generation) = ledger.keyring()?.generation() else {
        return Ok(None);
    };
    let telling = Telling::of(ledger)?;
    let trusted = Trusted {
        project: ledger.project_id().to_string(),
        generation,
        withdrawn: telling.withdrawals.len(),
        ssh: false,
        openpgp: false,
        unchecked: Unchecked::default(),
    };
    Ok(Some((trusted, telling)))
}

/// Whether the host was told; one that met no project yet, or another one, is not.
fn one(
    session: &Session,
    stage: &Stage,
    host: &Host,
    trusted: &Trusted,
    telling: &Telling,
) -> Result<bool, Error> {
    let mut transport = hosts::connect(session, host)?;
    let seen = observe::host(host, transport.as_mut(), stage, None)?;
    let met = seen.trust.as_ref().and_then(|seen| seen.project.as_ref());
    if met != Some(&trusted.project) {
        return Ok(false);
    }
    let Some(Action::Trust { known, .. }) = plan::tell(&seen, Some(trusted)) else {
        return Ok(false);
    };
    let request = telling.request(&trusted.project, &stage.name, known);
    let mut agent = Conversation::new(transport.as_mut(), &stage.path, &stage.python);
    agent
        .trust(&request)
        .map_err(observe::Error::Conversation)?;
    Ok(true)
}
