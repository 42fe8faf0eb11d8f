//! Deciding a deployment: one manifest to the hosts of one stage.

use super::{
    Action, Plan, Refusal, Work, data,
    fetch::fetched,
    fit::{fitting, misfits},
    health,
    lost_update::unknown,
    ready::{is_live, is_ready, live_as_another},
    rolling::rolling,
    rollout, room,
    rooted::rooted,
    settle::{expired, settling, well_again},
    trust,
};
use crate::{
    config::Stage,
    facts::{Current, Deployment, Host, Open, PathState, Trusted},
    release::{Artifact, Buildout, Digest, FORMAT, Intent, Manifest, Started},
};
use std::collections::BTreeSet;

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployRequest {
    /// deploy or rollback.
    pub intent: Intent,
    /// Overrides the release's own health check once.
    pub health: Option<HealthOverride>,
    /// An unhealthy release stays.
    pub keep_unhealthy: bool,
    /// The stage's hosts or path may differ from its last deployment.
    pub moved: bool,
}

/// A health check for one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealthOverride {
    /// Processes only.
    None,
    /// This address.
    Url(String),
}

impl HealthOverride {
    /// As it is given on the command line, asked of a host and written into the ledger.
    pub fn word(&self) -> &str {
        match self {
            Self::None => "none",
            Self::Url(url) => url,
        }
    }
}

/// What is known when a deployment is decided.
#[derive(Clone, Debug)]
pub struct DeployFacts<'a> {
    /// The release.
    pub manifest: &'a Manifest,
    /// sha256 of its manifest.
    pub digest: Digest,
    /// sha256 of this program's agent.
    pub agent: Digest,
    /// Where to.
    pub stage: &'a Stage,
    /// The stage's last started entry.
    pub last_started: Option<&'a Started>,
    /// Every deployment in the ledger.
    pub log: &'a [Deployment],
    /// Its hosts as they are.
    pub hosts: &'a [Host],
    /// The manifests of releases that are live on them, as far as they are known.
    pub live: &'a [Manifest],
    /// The deployment to the stage that was left open.
    pub open: Option<&'a Open>,
    /// Hosts that cannot be reached and stay behind.
    pub behind: &'a [String],
    /// Artifacts that hosts lack and that are not at hand here either.
    pub nowhere: &'a BTreeSet<Digest>,
    /// What hosts are told of keys and policy; nothing = the ledger says nothing to hosts.
    pub trust: Option<&'a Trusted>,
}

/// What comes out of deciding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deploying {
    /// It is live and healthy everywhere already.
    Live,
    /// This is to be done.
    Plan(Plan),
    /// Somebody else holds a host's lock.
    Locked {
        /// The host.
        host: String,
        /// Who, in words.
        holder: String,
    },
}

/// Decides how `facts.manifest` gets to the stage's hosts.
///
/// # Errors
/// Every reason on every host at once.
pub fn deploy(request: &DeployRequest, facts: &DeployFacts<'_>) -> Result<Deploying, Refusal> {
    let mut refusal = Refusal::default();
    moved(request, facts, &mut refusal);
    if elsewhere(request, facts) {
        // What another path lacks is of no interest until it is meant.
        return Err(refusal);
    }
    same_machine(&facts.hosts.iter().collect::<Vec<_>>(), &mut refusal);
    let mut todo = Vec::new();
    for host in facts.hosts {
        let Some(buildout) = facts.manifest.buildout_for(&facts.stage.name, &host.roles) else {
            refusal.add(
                format!(
                    "release {} has no buildout for {}",
                    facts.manifest.version, host.name
                ),
                "its stage or role came after that release: release again",
            );
            continue;
        };
        trust::check(host, &facts.stage.name, facts.trust, &mut refusal);
        if let Some(built) = live_as_another(host, buildout, facts) {
            refusal.add(
                format!(
                    "{}: {} is live there as buildout {built}, and is to be {} by its role now; a release is never built \
                     anew under its own name",
                    host.name, facts.manifest.version, buildout.name
                ),
                "release the next version: git hostout release",
            );
            continue;
        }
        if is_live(host, facts) {
            continue;
        }
        if let Some(holder) = host.busy() {
            return Ok(Deploying::Locked {
                host: host.name.clone(),
                holder: holder.to_owned(),
            });
        }
        // A rollback is asked about, with the difference before its eyes; and what root replaced nobody knows any more.
        let replaced = facts
            .trust
            .is_some_and(|trusted| trust::replaces(host, trusted));
        if let (Intent::Deploy, Some(what), false) =
            (request.intent, unknown(host, facts.log), replaced)
        {
            let (stage, version) = (&facts.stage.name, &facts.manifest.version);
            refusal.add(
                format!("{}: {what}", host.name),
                format!(
                    "find out who did that (git hostout status {stage}); git hostout rollback {stage} --to {version} \
                     asks, and goes on from there"
                ),
            );
        }
        let artifacts = fitting(facts.manifest, buildout, facts.stage, &host.python);
        check(host, buildout, &artifacts, facts, &mut refusal);
        todo.push((host, buildout, artifacts));
    }
    refusal.into_result()?;
    let mut settling = settling(facts.open, facts.hosts, Work::Awaited);
    let idle = |host: &&Host| todo.iter().all(|(other, ..)| other.name != host.name);
    settling.extend(expired(facts.hosts.iter().filter(idle)));
    settling.extend(well_again(facts.stage, facts.log, facts.hosts));
    if todo.is_empty() {
        return Ok(match live(facts, settling) {
            Some(plan) => Deploying::Plan(plan),
            None => Deploying::Live,
        });
    }
    Ok(Deploying::Plan(steps(request, facts, &todo, settling)))
}

/// Where nothing has to be deployed: what is left to be settled, if anything.
fn live(facts: &DeployFacts<'_>, settling: Vec<(Option<String>, Action)>) -> Option<Plan> {
    let manifest = facts.manifest;
    let summary = format!(
        "{} {} is live and healthy on {} already; what was left open there is settled.",
        manifest.project.name, manifest.version, facts.stage.name
    );
    (!settling.is_empty()).then(|| Plan::new(summary, Vec::new(), settling))
}

/// Two names of one machine would be two deployments into one directory.
pub fn same_machine(hosts: &[&Host], refusal: &mut Refusal) {
    for (at, host) in hosts.iter().enumerate() {
        let twin = hosts[..at]
            .iter()
            .find(|other| !host.place.is_empty() && other.place == host.place);
        if let Some(twin) = twin {
            refusal.add(
                format!("{} and {} are one machine", twin.name, host.name),
                "name it once in hostout.toml",
            );
        }
    }
}

/// Whether the stage's path is another one than that of its last deployment, and nobody said that it is meant.
fn elsewhere(request: &DeployRequest, facts: &DeployFacts<'_>) -> bool {
    let last = facts.last_started.filter(|_| !request.moved);
    last.is_some_and(|last| last.path != facts.stage.path)
}

fn moved(request: &DeployRequest, facts: &DeployFacts<'_>, refusal: &mut Refusal) {
    let Some(last) = facts.last_started.filter(|_| !request.moved) else {
        return;
    };
    let stage = facts.stage;
    let hosts: Vec<&str> = stage
        .hosts
        .iter()
        .map(|host| host.destination.as_str())
        .collect();
    if last.path != stage.path {
        refusal.add(
            format!(
                "stage {} moved from {} to {}",
                stage.name, last.path, stage.path
            ),
            "if that is meant, stop what runs at the old path, take its shared/ along, and add --moved",
        );
    }
    let all = |hosts: &[&str]| -> BTreeSet<String> {
        hosts.iter().map(|host| (*host).to_owned()).collect()
    };
    // In which order they stand says only which comes first.
    if all(&hosts) != last.hosts.iter().cloned().collect() {
        refusal.add(
            format!(
                "the hosts of stage {} were {} and are now {}",
                stage.name,
                last.hosts.join(", "),
                hosts.join(", ")
            ),
            "if that is meant, add --moved",
        );
    }
}

/// What a newer program wrote is not written over.
pub fn refuse_newer(host: &Host, path: &str, refusal: &mut Refusal) {
    if let PathState::Newer(format) = host.path {
        refusal.add(
            format!(
                "{}: {path}/.hostout/record is of format {format}, by a newer git-hostout; this one knows up to {FORMAT}",
                host.name
            ),
            "install a newer git-hostout here; nothing is written there before",
        );
    }
}

fn check(
    host: &Host,
    buildout: &Buildout,
    artifacts: &[Artifact],
    facts: &DeployFacts<'_>,
    refusal: &mut Refusal,
) {
    let name = &host.name;
    let path = &facts.stage.path;
    match &host.path {
        PathState::Free | PathState::Ours => {}
        PathState::Newer(_) => refuse_newer(host, path, refusal),
        PathState::Foreign => refusal.add(
            format!("{name}: {path} holds files that are not git-hostout's"),
            "choose another path, or move them away",
        ),
        PathState::Unwritable(why) => refusal.add(
            format!("{name}: {path} cannot be written: {why}"),
            format!("as root there: install -d -o USER {path}"),
        ),
    }
    if host.room.noexec {
        refusal.add(
            format!("{name}: {path} is on a file system that is mounted noexec: no program there can be run"),
            "mount it without noexec, or name another path for the stage",
        );
    }
    if let Current::Foreign(what) = &host.current {
        refusal.add(
            format!("{name}: {path}/current is {what}, not a link that git-hostout made"),
            "move it away; nothing of it is touched",
        );
    }
    if !host.lacks.is_empty() {
        refusal.add(
            format!(
                "{name}: the release's data is PostgreSQL's, and {} is not there",
                host.lacks.join(", ")
            ),
            "install PostgreSQL's client there (Debian: postgresql-client)",
        );
    }
    let wants = (facts.manifest, facts.stage);
    for (what, remedy) in misfits(&host.python, buildout, artifacts, wants) {
        refusal.add(format!("{name}: {what}"), remedy);
    }
    if let Some(user) = &facts.stage.runtime_user
        && host.runtime_user.as_ref() != Some(user)
    {
        refusal.add(
            format!("{name}: services are to run as {user}, which it is not ready for"),
            format!("git hostout bootstrap {}", facts.stage.name),
        );
    }
    for file in &buildout.shared.files {
        if host.shared_files.get(file) != Some(&true) {
            refusal.add(
                format!("{name}: shared file {file} is missing"),
                format!("git hostout put {} {file}", facts.stage.name),
            );
        }
    }
    let lost: Vec<&str> = artifacts
        .iter()
        .filter(|artifact| host.missing.contains(&artifact.sha256))
        .filter(|artifact| facts.nowhere.contains(&artifact.sha256))
        .map(|artifact| artifact.file.as_str())
        .collect();
    if !lost.is_empty() {
        refusal.add(
            format!("{name} lacks {}, and so does this machine", lost.join(", ")),
            "deploy from the machine that made the release, or share its files: `store` in [release]",
        );
    }
    let unpacked = is_ready(host, buildout, facts);
    let wanted = (!unpacked).then(|| missing(artifacts, host));
    for shortage in room::shortages(host, buildout, wanted.as_deref()) {
        let prune = format!(", or `git hostout prune {}`", facts.stage.name);
        let prune = if shortage.ours { prune.as_str() } else { "" };
        refusal.add(
            format!("{name}: {}", shortage.what),
            format!("make room there{prune}"),
        );
    }
}

fn missing(artifacts: &[Artifact], host: &Host) -> Vec<Artifact> {
    let mut seen = BTreeSet::new();
    artifacts
        .iter()
        .filter(|artifact| host.missing.contains(&artifact.sha256) && seen.insert(artifact.sha256))
        .cloned()
        .collect()
}

fn steps(
    request: &DeployRequest,
    facts: &DeployFacts<'_>,
    todo: &[(&Host, &Buildout, Vec<Artifact>)],
    settling: Vec<(Option<String>, Action)>,
) -> Plan {
    let version = &facts.manifest.version;
    let stage = &facts.stage.name;
    let mut steps = settling;
    let mut notes = Vec::new();
    // All of prepare before the first activate: until then nobody outside notices anything.
    for (host, buildout, artifacts) in todo {
        steps.extend(prepare(facts, host, buildout, artifacts));
    }
    steps.push((
        None,
        Action::RecordStarted {
            intent: request.intent,
            stage: stage.clone(),
            version: version.clone(),
        },
    ));
    let mut activations = Vec::new();
    for (host, buildout, _) in todo {
        if let Some(live) = host.current.release().filter(|live| *live > version) {
            notes.push(format!(
                "{version} is older than {live}, which is live on {}",
                host.name
            ));
        }
        notes.extend(data::empty(host, buildout));
        if request.intent == Intent::Rollback {
            notes.extend(data::kept(host, buildout, version));
        }
        notes.extend(trust::notes(host, facts.trust));
        if let Some(what) = unknown(host, facts.log) {
            notes.push(format!("{}: {what}", host.name));
        }
        let rolling = rolling(&facts.stage.rollout, host, running(host, facts), buildout);
        let action = Action::Activate {
            services: rolling.words,
            roll: rolling.programs,
            expected: host.current.release().cloned(),
            new: version.clone(),
            backup: data::backup(host, buildout),
            revert: data::revert(host, buildout),
            health: health::conditions(request, buildout),
            hooks: health::hooks(buildout),
            batch: 1,
        };
        activations.push((Some(host.name.clone()), action));
    }
    notes.extend(rooted(facts.stage));
    notes.extend(rollout::notes(&facts.stage.rollout, activations.len()));
    steps.extend(rollout::batches(&facts.stage.rollout, activations));
    steps.push((
        None,
        Action::RecordEnded {
            stage: stage.clone(),
        },
    ));
    let skipped: Vec<&str> = facts
        .hosts
        .iter()
        .filter(|host| !todo.iter().any(|(other, ..)| other.name == host.name))
        .map(|host| host.name.as_str())
        .collect();
    if !skipped.is_empty() {
        notes.push(format!(
            "live and healthy already on {}",
            skipped.join(", ")
        ));
    }
    if !facts.behind.is_empty() {
        notes.push(format!(
            "{} cannot be reached and stays behind",
            facts.behind.join(", ")
        ));
    }
    let verb = match request.intent {
        Intent::Deploy => "Deploy",
        Intent::Rollback => "Roll back to",
    };
    let preposition = match request.intent {
        Intent::Deploy => "to",
        Intent::Rollback => "on",
    };
    let project = &facts.manifest.project.name;
    Plan::new(
        format!("{verb} {project} {version} {preposition} {stage}."),
        notes,
        steps,
    )
}

/// What makes a release ready on one host, unnoticed by anyone.
fn prepare(
    facts: &DeployFacts<'_>,
    host: &Host,
    buildout: &Buildout,
    artifacts: &[Artifact],
) -> Vec<(Option<String>, Action)> {
    let version = &facts.manifest.version;
    let reuse = is_ready(host, buildout, facts);
    let mut actions = Vec::new();
    if !host.agent {
        actions.push(Action::InstallAgent { agent: facts.agent });
    }
    // Also of a release that is complete: the host hashes all of them once more before it goes live.
    let lacking = missing(artifacts, host);
    let there = artifacts.len() - lacking.len();
    let public = fetched(facts.stage, facts.manifest);
    let is_public = |artifact: &Artifact| public.contains(&artifact.sha256);
    let (fetch, sent): (Vec<Artifact>, Vec<Artifact>) = lacking.into_iter().partition(is_public);
    if !sent.is_empty() {
        actions.push(Action::Upload {
            there,
            artifacts: sent,
        });
    }
    actions.extend(trust::tell(host, facts.trust));
    actions.push(Action::Prepare {
        version: version.clone(),
        buildout: buildout.name.clone(),
        reuse,
        fetch,
    });
    let place = |action| (Some(host.name.clone()), action);
    actions.into_iter().map(place).collect()
}

/// The buildout of what is live on `host`.
fn running<'a>(host: &Host, facts: &DeployFacts<'a>) -> Option<&'a Buildout> {
    let live = host.current.release()?;
    let manifest = facts
        .live
        .iter()
        .find(|manifest| manifest.version == *live)?;
    manifest.buildout_for(&facts.stage.name, &host.roles)
}
