//! What deploy and rollback share: look at the hosts, decide, carry out.

use super::{
    carry_out::{Mode, Question, carry_out, no_steps},
    consent,
    deploy::Options,
    hosts::{Fleet, Scene},
    rebuild,
    recover::{self, Recovered},
    session::{Session, Workspace},
    shared, unpushed, verify,
};
use crate::{
    config::{Host, Stage},
    error::Error,
    execute::{self, Publisher, Recorder},
    facts, host,
    ledger::{self, Git, Ledger, Patience, Released},
    observe, pack,
    plan::{self, Action, DeployFacts, DeployRequest, Deploying, Step},
    release::{Digest, Intent, Manifest, Need, Started},
};
use semver::Version;
use std::collections::BTreeSet;

/// What is to become live.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The release.
    pub released: &'a Released,
    /// Forward or back.
    pub intent: Intent,
    /// As it was asked for.
    pub options: &'a Options,
}

/// Takes a release to the hosts of a stage, which is found as `scene`.
pub(super) fn run(
    session: &Session,
    work: &Workspace,
    ledger: Ledger,
    mut scene: Scene<'_>,
    asked: &Asked<'_>,
) -> Result<(), Error> {
    let Asked {
        released,
        intent,
        options,
    } = *asked;
    verify::before_deploying(work, &ledger, released)?;
    let store = session.store()?;
    let stage = scene.stage;
    let hosts = scene.fleet.look(stage, Some(&released.manifest))?;
    // How long is waited is counted: the host's agent would wait to the end.
    if let Some((host, holder)) = plan::abandoned(&hosts).filter(|_| options.wait.is_some()) {
        return Err(Error::locked(host, holder, &stage.name));
    }
    let mode = Mode::of(options.dry_run);
    match recover::first(session, stage, &mut scene.fleet, &hosts, mode)? {
        Recovered::Nothing => {}
        Recovered::Shown => return Ok(()),
        Recovered::Done { failed, .. } => {
            recover::warn_of(session, failed.as_deref());
            let scene = Scene::enter(session, &ledger, stage, options.choice())?;
            return run(session, work, ledger, scene, asked);
        }
    }
    let (mut ledger, scene) = scene.caught_up(session, work, ledger, &hosts, options.choice())?;
    let Scene {
        mut fleet,
        open,
        behind,
        ..
    } = scene;
    let all = observe::history(&ledger);
    let log = plan::in_order(observe::history_of(&all, &stage.name), &hosts);
    let last_started = last_started(&ledger, &log)?;
    let nowhere = obtain(session, work, &ledger, released, stage, &mut fleet, &hosts)?;
    let request = options.request(intent);
    let with = (intent, options);
    let said = consent::look(session, work, &ledger, released, stage, &log, with)?;
    let (trusted, telling) = consent::telling(work, &ledger, released, stage, &hosts)?;
    let facts = DeployFacts {
        manifest: &released.manifest,
        digest: released.digest,
        agent: host::Agent::digest(),
        stage,
        last_started: last_started.as_ref(),
        log: &all,
        hosts: &hosts,
        live: &live_manifests(&ledger, &hosts)?,
        open: open.as_ref(),
        behind: &behind,
        nowhere: &nowhere,
        trust: trusted.as_ref(),
    };
    let place = Place::of(stage, &hosts, &behind);
    let decided = decide(&request, &facts, &said, &store)?;
    if !matches!(decided, Deploying::Live) {
        let key = work.key()?;
        key.ready()?;
        ledger.allows(&key, &need(intent, stage))?;
    }
    let mut plan = match decided {
        Deploying::Plan(plan) => plan,
        Deploying::Locked { host, holder } => return Err(Error::locked(host, holder, &stage.name)),
        Deploying::Live => {
            let why = already_live(session, work, &place, &released.manifest, intent)?;
            unpushed::push_if_any(session, work, ledger, mode)?;
            no_steps(session, mode, &why);
            return Ok(());
        }
    };
    plan.notes.extend(unpushed::late_tags(work, &ledger)?);
    let question = question(&plan, intent, stage, options);
    carry_out(session, &plan, mode, &question, || {
        recording(session, work, |recorder| {
            let job = execute::Deployment {
                recorder: *recorder,
                store: &store,
                stage,
                released,
                hosts: &hosts,
                open: open.as_ref(),
                behind: &behind,
                chosen: options.hosts.as_deref(),
                request: &request,
                reason: &options.reason,
                telling: &telling,
                still: &|newer| consent::still(session, work, newer, released, stage, &log, with),
            };
            Ok(job.carry_out(&plan, &mut ledger, &mut fleet.members)?)
        })?;
        tell_live(session, work, stage, &place, &released.manifest);
        Ok(())
    })
}

/// The newest deployment of `log`, as it was begun.
fn last_started(ledger: &Ledger, log: &[facts::Deployment]) -> Result<Option<Started>, Error> {
    let Some(last) = log.first() else {
        return Ok(None);
    };
    Ok(ledger.started(&last.id)?.map(|(_, started)| started))
}

/// Only what makes something live is asked about.
fn question<'a>(
    plan: &plan::Plan,
    intent: Intent,
    stage: &'a Stage,
    options: &'a Options,
) -> Question<'a> {
    let activates = |step: &Step| matches!(step.action, Action::Activate { .. });
    let asked = plan.steps.iter().any(activates);
    Question {
        text: asked.then_some(match intent {
            Intent::Deploy => "Deploy it?",
            Intent::Rollback => "Roll back?",
        }),
        protected: (asked && stage.protected).then_some(stage.name.as_str()),
        confirmed: options.confirm.as_deref(),
        why: None,
    }
}

/// What the signing key has to be allowed to do.
fn need(intent: Intent, stage: &Stage) -> Need {
    match intent {
        Intent::Deploy => Need::Deploy(stage.name.clone()),
        Intent::Rollback => Need::Rollback(stage.name.clone()),
    }
}

/// Says that there is nothing to be done on hosts, and gives these words.
fn already_live(
    session: &Session,
    work: &Workspace,
    place: &Place,
    manifest: &Manifest,
    intent: Intent,
) -> Result<String, Error> {
    let why = format!(
        "{} {} is live and healthy on {} already{}.",
        manifest.project.name, manifest.version, place.on, place.but
    );
    session.ui.status(&why);
    if intent == Intent::Deploy {
        note_edits(session, work, manifest)?;
    }
    Ok(why)
}

/// Whoever edits and deploys without a commit would wait in vain to see it live.
fn note_edits(session: &Session, work: &Workspace, manifest: &Manifest) -> Result<(), Error> {
    let files = match observe::edited(&work.repo, &work.place.folder)? {
        0 => return Ok(()),
        1 => "1 file differs".to_owned(),
        count => format!("{count} files differ"),
    };
    session.ui.note(&format!(
        "{files} from HEAD: what is not committed and released is not part of {}",
        manifest.version
    ));
    Ok(())
}

/// What is to be done. What is live already needs nobody's consent.
fn decide(
    request: &DeployRequest,
    facts: &DeployFacts<'_>,
    said: &facts::Consent,
    store: &pack::Store,
) -> Result<Deploying, Error> {
    let mut refusal = plan::consent(said);
    for wrong in observe::wrong_sizes(facts.manifest, store) {
        refusal.add(wrong, "ask who released it: a release is never changed");
    }
    match plan::deploy(request, facts) {
        Ok(Deploying::Live) => Ok(Deploying::Live),
        Ok(decided) => {
            refusal.into_result()?;
            Ok(decided)
        }
        Err(more) => {
            refusal.reasons.extend(more.reasons);
            Err(refusal.into())
        }
    }
}

/// Gets what `hosts` lack of `released` and this machine too: from the shared store, by making it again, from hosts; always
/// by its hash. What is nowhere stays.
fn obtain(
    session: &Session,
    work: &Workspace,
    ledger: &Ledger,
    released: &Released,
    stage: &Stage,
    fleet: &mut Fleet,
    hosts: &[facts::Host],
) -> Result<BTreeSet<Digest>, Error> {
    let store = session.store()?;
    let missing = hosts.iter().flat_map(|host| &host.missing);
    let wanted = shared::lacking(&store, missing.copied());
    let wanted = &wanted - &plan::fetched(stage, &released.manifest);
    let sized = shared::sized(&released.manifest, &wanted);
    let lacking = || shared::lacking(&store, wanted.iter().copied());
    if !lacking().is_empty() {
        shared::from_store(session, work, &sized)?;
    }
    if !lacking().is_empty() {
        rebuild::obtain(session, work, ledger, released)?;
    }
    if !lacking().is_empty() {
        shared::from_hosts(session, work, stage, &mut fleet.members, &sized)?;
    }
    Ok(lacking())
}

/// The manifests of what is live on hosts; of a release that the ledger does not know there is none.
fn live_manifests(ledger: &Ledger, hosts: &[facts::Host]) -> Result<Vec<Manifest>, Error> {
    let versions: BTreeSet<&Version> = hosts
        .iter()
        .filter_map(|host| host.current.release())
        .collect();
    let mut manifests = Vec::new();
    for version in versions {
        manifests.extend(ledger.release(version)?.map(|released| released.manifest));
    }
    Ok(manifests)
}

/// Where a deployment made something live, in words.
struct Place {
    /// The stage; or which hosts of it, where that is not all of them.
    on: String,
    /// Those that could not be reached, from a semicolon on.
    but: String,
}

impl Place {
    fn of(stage: &Stage, hosts: &[facts::Host], behind: &[String]) -> Self {
        let names: Vec<&str> = hosts.iter().map(|host| host.name.as_str()).collect();
        let on = if names.len() == stage.hosts.len() {
            stage.name.clone()
        } else {
            format!("{} of {}", names.join(", "), stage.name)
        };
        let but = match behind {
            [] => String::new(),
            [one] => format!("; {one} stays behind"),
            more => format!("; {} stay behind", more.join(", ")),
        };
        Self { on, but }
    }
}

/// Tells what is live now, under which tag, and where people look at it.
fn tell_live(
    session: &Session,
    work: &Workspace,
    stage: &Stage,
    place: &Place,
    manifest: &Manifest,
) {
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
    let mut text = format!(
        "{name} {version} (tag {tag}) is live on {}{}.",
        place.on, place.but
    );
    if let Some(url) = stage.url.as_deref().or(checked) {
        text += &format!("\n  {url}");
    }
    session.ui.status(&text);
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
