//! `git hostout check`: everything that could stop a release or a deployment, all at once, nothing changed.

use super::{hosts, releasing, session::Session, shared};
use crate::{
    config::Stage,
    error::Error,
    host, observe,
    plan::{self, DeployFacts, DeployRequest, Deploying, Reason, Refusal, ReleaseRequest},
    release::Intent,
};
use std::collections::BTreeSet;

/// Say everything that could stop a release or a deployment, all at once; change nothing.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Look at this stage's hosts too; left out = all stages
    #[arg(value_name = "STAGE", add = super::complete::stages())]
    stage: Option<String>,
}

pub(super) fn run(session: &Session, args: &Args) -> Result<(), Error> {
    let work = session.workspace()?;
    let mut ledger = work.ledger(&session.ui)?;
    let mut refusal = Refusal::default();
    let stages: Vec<&Stage> = match &args.stage {
        Some(name) => vec![work.project.select_stage(Some(name))?],
        None => work.project.stages.iter().collect(),
    };
    let seen = releasing::Seen::look(session, &work, &mut ledger, false)?;
    match plan::consider(&ReleaseRequest::default(), &seen.facts(&work)) {
        Ok(plan::Considered::Release(version)) => {
            session
                .ui
                .status(&format!("release: {version} can be made"));
        }
        Ok(plan::Considered::Nothing(version)) => {
            session
                .ui
                .status(&format!("release: {version} is up to date"));
        }
        Err(found) => refusal.reasons.extend(found.reasons),
    }
    let released = match releasing::released(&work, &ledger, None) {
        Ok(released) => Some(released),
        Err(Error::Refused(_)) => None,
        Err(error) => return Err(error),
    };
    for open in observe::exposed(&work.place, &work.project) {
        session.ui.warn(&format!("{}; {}", open.what, open.remedy));
    }
    let log = observe::history(&ledger);
    let mut unreachable = None;
    if let Err(error) = shared::check(session, &work) {
        unreachable = Some(add(&mut refusal, error));
    }
    for stage in stages {
        for (name, host) in hosts::look_at_each(
            session,
            stage,
            released.as_ref().map(|released| &released.manifest),
        ) {
            match host {
                Ok(host) => {
                    let fits = check(stage, &host, released.as_ref(), &log, &mut refusal);
                    if fits {
                        session
                            .ui
                            .status(&format!("{}: {name} is ready", stage.name));
                    }
                }
                Err(error) => unreachable = Some(add(&mut refusal, error)),
            }
        }
    }
    match (refusal.reasons.len(), unreachable) {
        (0, _) => {
            session.ui.status("Nothing stands in the way.");
            Ok(())
        }
        (1, Some(error)) => Err(error),
        _ => Err(refusal.into()),
    }
}

/// What cannot be reached stops a release or deployment, too. By itself it is the error it was.
fn add(refusal: &mut Refusal, error: Error) -> Error {
    refusal.reasons.push(Reason {
        what: error.to_string(),
        remedy: error.hints().join("; "),
    });
    error
}

/// Whether the host is ready for the release of HEAD; every reason against it goes into `refusal`.
fn check(
    stage: &Stage,
    host: &crate::facts::Host,
    released: Option<&crate::ledger::Released>,
    log: &[crate::facts::Deployment],
    refusal: &mut Refusal,
) -> bool {
    let before = refusal.reasons.len();
    let Some(released) = released else {
        // Without a release the host's own state can still be told.
        if let Err(why) = &host.python {
            refusal.add(
                format!("{}: {why}", host.name),
                "install python3 and python3-venv there",
            );
        }
        return refusal.reasons.len() == before;
    };
    let request = DeployRequest {
        intent: Intent::Deploy,
        health: None,
        keep_unhealthy: false,
        moved: true,
    };
    let facts = DeployFacts {
        manifest: &released.manifest,
        digest: released.digest,
        agent: host::Agent::digest(),
        stage,
        last_started: None,
        log,
        hosts: std::slice::from_ref(host),
        live: &[],
        open: None,
        behind: &[],
        nowhere: &BTreeSet::new(),
        trust: None,
    };
    match plan::deploy(&request, &facts) {
        Ok(Deploying::Locked { host, holder }) => {
            refusal.add(
                format!("{host} is locked by {holder}"),
                "wait until they are done",
            );
        }
        Ok(Deploying::Live | Deploying::Plan(_)) => {}
        Err(found) => refusal.reasons.extend(found.reasons),
    }
    refusal.reasons.len() == before
}
