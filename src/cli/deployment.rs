//! What deploy and rollback share: look at the hosts, decide, carry out.

use super::{
    carry_out::{Mode, Question, carry_out},
    deploy::Options,
    hosts::Fleet,
    rebuild, remote,
    session::{Session, Workspace},
    verify,
};
use crate::{
    config::{Host, Stage},
    error::Error,
    execute::{self, Publisher, Recorder},
    facts, host,
    ledger::{self, Git, Ledger, Patience, Released},
    observe, pack,
    plan::{self, DeployFacts, Deploying},
    release::{Digest, Intent, Manifest, Outcome},
};
use std::collections::BTreeSet;

/// Takes `released` to the hosts of `stage`.
pub(super) fn run(
    session: &Session,
    work: &Workspace,
    mut ledger: Ledger,
    stage: &Stage,
    released: &Released,
    intent: Intent,
    options: &Options,
) -> Result<(), Error> {
    verify::before_deploying(work, &ledger, released)?;
    let store = session.store()?;
    let mut fleet = Fleet::connect_some(session, stage, options.hosts.as_deref())?;
    let mut hosts = fleet.look(stage, Some(&released.manifest))?;
    if !options.dry_run && hosts.iter().any(|host| host.lock.is_some()) {
        settle(session, work, &mut ledger, stage, &mut fleet)?;
        hosts = fleet.look(stage, Some(&released.manifest))?;
    }
    if !options.dry_run && is_behind(&ledger, &hosts) {
        ledger = remote::caught_up(session, work, ledger)?;
    }
    let all = observe::history(&ledger);
    let log = observe::history_of(&all, &stage.name);
    let last_started = match log.first() {
        Some(last) => ledger.started(&last.id)?.map(|(_, started)| started),
        None => None,
    };
    let mut nowhere = lacking(&hosts, &store);
    if !nowhere.is_empty() {
        rebuild::obtain(session, work, &ledger, released)?;
        nowhere = lacking(&hosts, &store);
    }
    let request = options.request(intent);
    let facts = DeployFacts {
        manifest: &released.manifest,
        digest: released.digest,
        agent: host::Agent::digest(),
        stage,
        last_started: last_started.as_ref(),
        log: &all,
        hosts: &hosts,
        nowhere: &nowhere,
    };
    let plan = match plan::deploy(&request, &facts)? {
        Deploying::Plan(plan) => plan,
        Deploying::Locked { host, holder } => return Err(Error::Locked { host, holder }),
        Deploying::Live => {
            session.ui.status(&format!(
                "{} {} is live and healthy on {} already.",
                released.manifest.project.name, released.manifest.version, stage.name
            ));
            return Ok(());
        }
    };
    let question = Question {
        text: Some(match intent {
            Intent::Deploy => "Deploy it?",
            Intent::Rollback => "Roll back?",
        }),
        protected: stage.protected.then_some(stage.name.as_str()),
        confirmed: options.confirm.as_deref(),
    };
    carry_out(session, &plan, Mode::of(options.dry_run), &question, || {
        recording(session, work, |recorder| {
            let job = execute::Deployment {
                recorder: *recorder,
                store: &store,
                stage,
                released,
                request: &request,
                reason: &options.reason,
            };
            Ok(job.carry_out(&plan, &mut ledger, &mut fleet.members)?)
        })?;
        session.ui.status(&live(work, stage, &released.manifest));
        Ok(())
    })
}

/// Whether a host knows of deployments that the ledger here does not: the remote's may.
pub(super) fn is_behind(ledger: &Ledger, hosts: &[facts::Host]) -> bool {
    let log = observe::history(ledger);
    let mut recorded = hosts.iter().filter_map(|host| host.record.as_ref());
    recorded.any(|(_, id)| log.iter().all(|deployment| deployment.id != *id))
}

/// Artifacts that hosts lack, and this machine too.
fn lacking(hosts: &[facts::Host], store: &pack::Store) -> BTreeSet<Digest> {
    let missing = hosts.iter().flat_map(|host| &host.missing);
    missing
        .filter(|digest| store.path(digest).is_none())
        .copied()
        .collect()
}

/// What is live now, under which tag, and where people look at it.
fn live(work: &Workspace, stage: &Stage, manifest: &Manifest) -> String {
    let (name, version) = (&manifest.project.name, &manifest.version);
    let tag = work
        .project
        .release
        .tag
        .replace("{version}", &version.to_string());
    let here = stage.hosts.iter().all(Host::is_local);
    // On this machine the health check's own address is one that a person can open.
    let checked = manifest
        .buildout_for(&stage.name, &[])
        .and_then(|buildout| buildout.health.http.as_deref())
        .filter(|_| here);
    let mut text = format!("{name} {version} (tag {tag}) is live on {}.", stage.name);
    if let Some(url) = stage.url.as_deref().or(checked) {
        text += &format!("\n  {url}");
    }
    text
}

/// Finishes what a client that died left open on `stage`, so that what follows sees the truth.
pub(super) fn settle_open(
    session: &Session,
    work: &Workspace,
    ledger: &mut Ledger,
    stage: &Stage,
) -> Result<Option<Outcome>, Error> {
    if execute::open_deployment(ledger, &stage.name)?.is_none() {
        return Ok(None);
    }
    let mut fleet = Fleet::connect(session, stage)?;
    settle(session, work, ledger, stage, &mut fleet)
}

/// Waits for jobs that nobody follows, frees locks that nobody holds, and writes the end that is missing.
pub(super) fn settle(
    session: &Session,
    work: &Workspace,
    ledger: &mut Ledger,
    stage: &Stage,
    fleet: &mut Fleet,
) -> Result<Option<Outcome>, Error> {
    let settled = recording(session, work, |recorder| {
        Ok(execute::settle(
            stage,
            recorder,
            ledger,
            &mut fleet.members,
            "",
        )?)
    })?;
    tell_settled(session, stage, settled);
    Ok(settled)
}

/// How a deployment ended that somebody left open.
pub(super) fn tell_settled(session: &Session, stage: &Stage, settled: Option<Outcome>) {
    if let Some(outcome) = settled {
        session.ui.status(&format!(
            "The deployment to {} that was left open ended: {outcome}.",
            stage.name
        ));
    }
}

/// Calls `work_with` with everything that entries need.
pub(super) fn recording<T>(
    session: &Session,
    work: &Workspace,
    work_with: impl FnOnce(&Recorder<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let show = session.watch();
    work_with(&Recorder {
        repo: &work.repo,
        key: &work.key()?,
        who: &work.who()?,
        now: &|| session.now(),
        publisher: &Publisher {
            git: Git::of(&work.repo),
            remote: ledger::remote_for(&work.repo),
            patience: Patience::default(),
            silent: work.silent.clone(),
        },
        watch: &|event| show.on(event),
    })
}
