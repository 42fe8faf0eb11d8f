//! What deploy and rollback share: look at the hosts, decide, carry out.

use super::{
    carry_out::{Mode, Question, carry_out},
    deploy::Options,
    hosts::Fleet,
    releasing,
    session::{Session, Workspace},
};
use crate::{
    config::{Host, Stage},
    error::Error,
    execute::{self, Publisher},
    host,
    ledger::{self, Git, Ledger, Patience, Released},
    observe,
    plan::{self, DeployFacts, Deploying},
    release::{Digest, Intent, Manifest},
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
    releasing::check_signatures(work, &ledger, released)?;
    let store = session.store()?;
    let mut fleet = Fleet::connect_some(session, stage, options.hosts.as_deref())?;
    let hosts = fleet.look(stage, Some(&released.manifest))?;
    let log = observe::history_of(&observe::history(&ledger), &stage.name);
    let last_started = match log.first() {
        Some(last) => ledger.started(&last.id)?.map(|(_, started)| started),
        None => None,
    };
    let nowhere: BTreeSet<Digest> = hosts
        .iter()
        .flat_map(|host| &host.missing)
        .filter(|digest| store.path(digest).is_none())
        .copied()
        .collect();
    let request = options.request(intent);
    let facts = DeployFacts {
        manifest: &released.manifest,
        digest: released.digest,
        agent: host::Agent::digest(),
        stage,
        last_started: last_started.as_ref(),
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
        text: match intent {
            Intent::Deploy => "Deploy it?",
            Intent::Rollback => "Roll back?",
        },
        protected: stage.protected.then_some(stage.name.as_str()),
        confirmed: options.confirm.as_deref(),
    };
    carry_out(session, &plan, Mode::of(options.dry_run), &question, || {
        let key = work.key()?;
        let show = session.watch();
        let publisher = Publisher {
            git: Git::of(&work.repo),
            remote: ledger::remote_for(&work.repo),
            patience: Patience::default(),
        };
        let job = execute::Deployment {
            key: &key,
            who: work.who()?,
            store: &store,
            stage,
            released,
            request: &request,
            reason: &options.reason,
            now: &|| session.now(),
            publisher: &publisher,
            watch: &|event| show.on(event),
        };
        job.carry_out(&plan, &mut ledger, &mut fleet.members)?;
        session.ui.status(&live(work, stage, &released.manifest));
        Ok(())
    })
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
