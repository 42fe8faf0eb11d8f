//! `git hostout check`: everything that could stop a release or a deployment, all at once, nothing changed.

use super::{
    consent, considering,
    deploy::Options,
    hosts, releasing,
    session::{Session, Workspace},
    shared, tell, verify,
};
use crate::{
    config::Stage,
    error::Error,
    facts, host,
    ledger::{Ledger, Released},
    observe,
    plan::{self, Considered, DeployFacts, Deploying, Reason, Refusal, ReleaseRequest},
    release::{Intent, Need},
};
use semver::Version;
use serde::Serialize;
use std::collections::BTreeSet;

/// Say everything that could stop a release or a deployment, all at once; change nothing.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Look at this stage's hosts too; left out = all stages
    #[arg(value_name = "STAGE", add = super::complete::stages())]
    stage: Option<String>,
}

pub(super) fn run(session: &Session, args: &Args) -> Result<(), Error> {
    let mut work = session.workspace()?;
    let mut ledger = work.ledger(&session.ui)?;
    if let Some(name) = &args.stage {
        work.project.select_stage(Some(name))?;
    }
    let mut found = Found::default();
    let considered = release(session, &mut work, &mut ledger, &mut found)?;
    let resolves = !matches!(considered, Some(Considered::Nothing(_)));
    for open in observe::exposed(&work.place, &work.project) {
        session.ui.warn(&format!("{}; {}", open.what, open.remedy));
    }
    deploy(session, &work, &ledger, args, resolves, &mut found)?;
    found.into_result()?;
    session.ui.status(if resolves {
        "Nothing that was looked at stands in the way. Not looked at: whether every pin can be had and every egg builds; \
         git hostout release --dry-run does."
    } else {
        "Nothing stands in the way."
    });
    if session.global.json {
        session.ui.json(&Document {
            version: match considered {
                Some(Considered::Release(version) | Considered::Nothing(version)) => Some(version),
                None => None,
            },
            released: !resolves,
        });
    }
    Ok(())
}

/// What there is to say where nothing stands in the way.
#[derive(Serialize)]
struct Document {
    /// That of HEAD, or the next one.
    version: Option<Version>,
    /// Whether HEAD has it already; else its pins and builds were not looked at.
    released: bool,
}

/// What stands in the way of a release, and which it is.
fn release(
    session: &Session,
    work: &mut Workspace,
    ledger: &mut Ledger,
    found: &mut Found,
) -> Result<Option<Considered>, Error> {
    let seen = releasing::Seen::look(session, work, ledger, false)?;
    let request = ReleaseRequest::default();
    match considering::consider(session, work, ledger, &seen, &request) {
        Ok(Considered::Release(version)) => {
            let looked = releasing::job(session, work, ledger, &seen, None, |job| {
                considering::look(session, job).map(|_| ())
            });
            match looked {
                Ok(()) => session
                    .ui
                    .status(&format!("release: {version} is the next one")),
                Err(error) => found.add(error),
            }
            Ok(Some(Considered::Release(version)))
        }
        Ok(Considered::Nothing(version)) => {
            session
                .ui
                .status(&format!("release: {version} is up to date"));
            Ok(Some(Considered::Nothing(version)))
        }
        Err(error) => {
            found.add(error);
            Ok(None)
        }
    }
}

/// What stands in the way of a deployment, of HEAD's release or, before there is one, of any.
fn deploy(
    session: &Session,
    work: &Workspace,
    ledger: &Ledger,
    args: &Args,
    resolves: bool,
    found: &mut Found,
) -> Result<(), Error> {
    let stages: Vec<&Stage> = match &args.stage {
        Some(name) => vec![work.project.select_stage(Some(name))?],
        None => work.project.stages.iter().collect(),
    };
    let released = match releasing::released(work, ledger, None) {
        Ok(released) => Some(released),
        Err(Error::Refused(_)) => None,
        Err(error) => return Err(error),
    };
    let verified = match released.as_ref().filter(|_| !stages.is_empty()) {
        Some(released) => verify::before_deploying(work, ledger, released),
        None => verify::before_writing(work, ledger),
    };
    if let Err(error) = verified {
        found.add(error);
    }
    let log = observe::history(ledger);
    if let Err(error) = shared::check(session, work) {
        found.add(error);
    }
    for stage in stages {
        for host in work.project.without_own_settings(stage) {
            session.ui.note(&format!(
                "{}: {} has no settings of a role: it gets those of the stage",
                stage.name, host.destination
            ));
        }
        let may = may_deploy(work, ledger, stage, found);
        if let Some(what) = plan::rooted(stage) {
            session.ui.warn(&what);
        }
        let own = observe::history_of(&log, &stage.name);
        if let Some(released) = released.as_ref().filter(|_| !resolves) {
            agreed(session, work, ledger, released, stage, &own, found);
        }
        let last_started = match own.first() {
            Some(last) => ledger.started(&last.id)?.map(|(_, started)| started),
            None => None,
        };
        let manifest = released.as_ref().map(|released| &released.manifest);
        let seen = hosts::look_at_each(session, stage, manifest);
        let mut twins = Refusal::default();
        plan::one_stage_a_path(&work.project.stages, stage, &mut twins);
        let there: Vec<&facts::Host> = seen
            .iter()
            .filter_map(|(_, host)| host.as_ref().ok())
            .collect();
        plan::same_machine(&there, &mut twins);
        let may = may && twins.reasons.is_empty();
        found.reasons(twins.reasons);
        let trusted = trusted(work, ledger, released.as_ref(), stage, found);
        for (name, host) in seen {
            match host {
                Ok(host) => {
                    let fits = match (&released, &trusted) {
                        (Some(released), _) => check(
                            &DeployFacts {
                                manifest: &released.manifest,
                                digest: released.digest,
                                agent: host::Agent::digest(),
                                stage,
                                last_started: last_started.as_ref(),
                                log: &log,
                                hosts: std::slice::from_ref(&host),
                                live: &[],
                                open: None,
                                behind: &[],
                                nowhere: &BTreeSet::new(),
                                trust: trusted.as_ref(),
                            },
                            found,
                        ),
                        (None, Some(trusted)) => {
                            let believes = plan::believes(&host, &stage.name, trusted);
                            believes
                                .map_err(|refused| found.reasons(refused.reasons))
                                .is_ok()
                        }
                        (None, None) => true,
                    };
                    if fits && may {
                        session
                            .ui
                            .status(&format!("{}: {name} is ready", stage.name));
                    }
                }
                Err(error) => found.add(error.unfit()),
            }
        }
    }
    Ok(())
}

/// Everything that was found.
#[derive(Default)]
struct Found {
    refusal: Refusal,
    /// The first error; by itself it is the error it was.
    first: Option<Error>,
}

impl Found {
    fn add(&mut self, error: Error) {
        self.reasons(considering::reasons(&error));
        self.first.get_or_insert(error);
    }

    /// Several hosts may have one reason.
    fn reasons(&mut self, reasons: Vec<Reason>) {
        for reason in reasons {
            if !self.refusal.reasons.contains(&reason) {
                self.refusal.reasons.push(reason);
            }
        }
    }

    fn into_result(self) -> Result<(), Error> {
        match (self.refusal.reasons.len(), self.first) {
            (0, _) => Ok(()),
            (1, Some(error)) => Err(error),
            _ => Err(self.refusal.into()),
        }
    }
}

/// Whether our key may deploy there. That there is no key that signs is told with the release.
fn may_deploy(work: &Workspace, ledger: &Ledger, stage: &Stage, found: &mut Found) -> bool {
    let Ok(key) = work.key() else {
        return false;
    };
    if key.ready().is_err() {
        return false;
    }
    let need = Need::Deploy(stage.name.clone());
    let allowed = ledger.allows(&key, &need);
    allowed.map_err(|error| found.add(error.into())).is_ok()
}

/// Whom a stage's hosts have to believe. Without a key nobody is asked: that is told with the release.
fn trusted(
    work: &Workspace,
    ledger: &Ledger,
    released: Option<&Released>,
    stage: &Stage,
    found: &mut Found,
) -> Option<facts::Trusted> {
    let trusted = match released {
        Some(released) => {
            consent::telling(work, ledger, released, stage, &[]).map(|(trusted, _)| trusted)
        }
        None => tell::trusted(ledger).map(|told| told.map(|(trusted, _)| trusted)),
    };
    match trusted {
        Ok(trusted) => trusted,
        Err(_) if work.key().is_err() => None,
        Err(error) => {
            found.add(error);
            None
        }
    }
}

/// What the policy has against HEAD's release on a stage. A reason is asked for when it is deployed.
fn agreed(
    session: &Session,
    work: &Workspace,
    ledger: &Ledger,
    released: &Released,
    stage: &Stage,
    log: &[facts::Deployment],
    found: &mut Found,
) {
    let options = Options {
        reason: "check".to_owned(),
        ..Options::default()
    };
    let how = (Intent::Deploy, &options);
    match consent::look(session, work, ledger, released, stage, log, how) {
        Ok(said) => found.reasons(plan::consent(&said).reasons),
        // Without a key nobody is asked: that is told with the release.
        Err(_) if work.key().is_err() => {}
        Err(error) => found.add(error),
    }
}

/// Whether a host is ready for the release of HEAD.
fn check(facts: &DeployFacts<'_>, found: &mut Found) -> bool {
    let request = Options::default().request(Intent::Deploy);
    let mut refusal = Refusal::default();
    match plan::deploy(&request, facts) {
        Ok(Deploying::Locked { host, holder }) => {
            refusal.add(
                format!("{host} is locked by {holder}"),
                "wait until they are done",
            );
        }
        Ok(Deploying::Live | Deploying::Plan(_)) => return true,
        Err(stopped) => refusal = stopped,
    }
    found.reasons(refusal.reasons);
    false
}
