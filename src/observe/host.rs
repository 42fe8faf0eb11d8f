//! One host, as its agent sees it.

use super::{Error, Result, here::dead};
use crate::{
    config::{Fetch, Host as Configured, Stage},
    facts::{Backup, Current, Deployment, Host, Lock, PathState, Preparing, Python, Room},
    host::{
        self, BackupOwner, CurrentState, Disk, FailureKind, JobState, LockSeen, LogsAnswer,
        ManifestAnswer, PreparationSeen, PruneRequest, Record, ServiceState, StatusAnswer,
        StatusRequest,
    },
    release::{EntryId, FORMAT, Intent, Manifest},
    transport::{Conversation, ConversationError, Transport},
};
use semver::Version;
use std::collections::{BTreeMap, BTreeSet};

/// Looks at one host of `stage`; with a manifest also at which of its artifacts are missing there.
///
/// # Errors
/// Where the host cannot be reached, or its agent says nothing: what is live there is not known then.
pub fn host(
    configured: &Configured,
    transport: &mut dyn Transport,
    stage: &Stage,
    manifest: Option<&Manifest>,
) -> Result<Host> {
    let buildout =
        manifest.and_then(|manifest| manifest.buildout_for(&stage.name, &configured.roles));
    let mut conversation = Conversation::new(transport, &stage.path, &stage.python);
    let artifacts = manifest
        .zip(buildout)
        .map(|(manifest, buildout)| manifest.artifacts_for(&buildout.name))
        .unwrap_or_default();
    let request = StatusRequest {
        shared_files: buildout
            .map(|buildout| buildout.shared.files.clone())
            .unwrap_or_default(),
        sha256: artifacts.iter().map(|artifact| artifact.sha256).collect(),
        data: buildout.map(|buildout| buildout.data.clone()),
    };
    let answer = conversation.status(&request).map_err(|error| match error {
        ConversationError::Transport(error @ crate::transport::Error::Unreachable { .. }) => {
            Error::Unreachable(error)
        }
        error => silent(stage, &configured.destination, error),
    })?;
    let mut seen = seen(configured, answer);
    // Which wheels it fetches that are not shipped is known only now that its python is.
    if let (Fetch::Host, Some((manifest, buildout))) = (stage.fetch, manifest.zip(buildout)) {
        let fetched = manifest.fetched_for(&buildout.name, &seen.python.tags);
        let digests: Vec<_> = fetched.iter().map(|artifact| artifact.sha256).collect();
        if !digests.is_empty() {
            let missing = conversation.have(digests).map_err(Error::Conversation)?;
            seen.missing.extend(missing);
        }
    }
    Ok(seen)
}

/// An agent that could not be asked.
pub(super) fn silent(stage: &Stage, host: &str, error: ConversationError) -> Error {
    match error {
        ConversationError::NoAnswer { message, .. } => Error::Silent {
            host: host.to_owned(),
            python: stage.python.clone(),
            said: message,
        },
        error => Error::Conversation(error),
    }
}

/// The manifest of `version` as a host holds it; nothing where it has no such release.
pub fn manifest(
    transport: &mut dyn Transport,
    stage: &Stage,
    version: &Version,
) -> Result<Option<ManifestAnswer>> {
    let mut agent = Conversation::new(transport, &stage.path, &stage.python);
    match agent.manifest(version) {
        Ok(told) => Ok(Some(told)),
        Err(ConversationError::Failed(failure)) if failure.kind == FailureKind::NotPrepared => {
            Ok(None)
        }
        Err(error) => Err(Error::Conversation(error)),
    }
}

/// Releases on a host, which was `seen`, that programs run from though they are not live: those are not to be removed.
///
/// # Errors
/// Where the host does not answer.
pub fn homes(
    transport: &mut dyn Transport,
    stage: &Stage,
    seen: &Host,
) -> Result<BTreeSet<Version>> {
    let live = seen.current.release();
    let idle = seen
        .complete
        .keys()
        .filter(|version| Some(*version) != live);
    let mut releases: BTreeSet<Version> = idle.cloned().collect();
    if releases.is_empty() {
        return Ok(releases);
    }
    let request = PruneRequest::looking(releases.iter().cloned().collect());
    let mut agent = Conversation::new(transport, &stage.path, &stage.python);
    let answer = agent.prune(&request).map_err(Error::Conversation)?;
    releases.retain(|version| answer.kept.contains(&version.to_string()));
    Ok(releases)
}

/// The logs of what runs on a host; nothing where no release is live there.
pub fn logs(transport: &mut dyn Transport, stage: &Stage) -> Result<Option<LogsAnswer>> {
    let mut agent = Conversation::new(transport, &stage.path, &stage.python);
    match agent.logs() {
        Ok(logs) => Ok(Some(logs)),
        Err(ConversationError::Failed(failure)) if failure.kind == FailureKind::NotPrepared => {
            Ok(None)
        }
        Err(error) => Err(Error::Conversation(error)),
    }
}

fn seen(configured: &Configured, answer: StatusAnswer) -> Host {
    Host {
        name: configured.destination.clone(),
        roles: configured.roles.clone(),
        path: path(&answer),
        cut_off: cut_off(&answer),
        working: working(&answer),
        preparing: answer.preparation.as_ref().map(preparing),
        switched: switched(&answer),
        place: answer.place,
        runtime_user: answer.runtime_user,
        current: match answer.current.state {
            CurrentState::Absent => Current::Nothing,
            CurrentState::Ours | CurrentState::Foreign => {
                match (answer.current.state, answer.current.release) {
                    (CurrentState::Ours, Some(version)) => Current::Release(version),
                    _ => Current::Foreign(match answer.current.target {
                        Some(target) => format!("a link to {target}"),
                        None => "a file or folder".to_owned(),
                    }),
                }
            }
        },
        history: answer.record.as_ref().map(told).unwrap_or_default(),
        backups: answer.record.as_ref().map_or_else(Vec::new, |record| {
            let backups = record.backups.iter();
            backups.map(|backup| backup.name.clone()).collect()
        }),
        record: answer
            .record
            .and_then(|record| Some((record.release?, record.id?))),
        complete: answer
            .releases
            .iter()
            .filter(|release| release.complete)
            .filter_map(|release| Some((release.version.parse().ok()?, release.manifest?)))
            .collect(),
        built: answer
            .releases
            .iter()
            .filter_map(|release| Some((release.version.parse().ok()?, release.buildout.clone()?)))
            .collect(),
        homes: BTreeSet::new(),
        lock: answer.lock.map(|lock| Lock {
            holder: holder(&lock),
            dead: dead(&lock),
            expired: lock.expired,
            left: lock.left,
        }),
        services: answer
            .services
            .into_iter()
            .map(|service| (service.name, word(service.state).to_owned(), service.detail))
            .collect(),
        healthy: answer.healthy,
        complaint: answer.complaint,
        rolls: answer.rolls,
        trust: answer.trust,
        bundle: answer.bundle,
        shared_files: BTreeMap::from_iter(answer.shared.files),
        missing: answer.missing.into_iter().collect(),
        lacks: answer.lacks,
        room: room(answer.disk),
        temp: answer.temp.map(room),
        backup: answer.backup.map(|need| Backup {
            as_live: need.of == BackupOwner::Old,
            kind: need.kind,
            bytes: need.bytes,
            inodes: need.inodes,
            room: room(need.disk),
        }),
        agent: answer.installed == Some(host::Agent::digest().to_string()),
        python: Python {
            version: answer.python.version,
            tags: answer.python.tags,
            target: answer.target,
            venv: answer.python.venv,
        },
    }
}

/// The last job, where it died, or the host itself puts right what died.
fn cut_off(answer: &StatusAnswer) -> Option<EntryId> {
    let job = answer.job.as_ref()?;
    let recovers = answer.lock.as_ref().is_some_and(|lock| lock.own);
    match job.state {
        JobState::Died => Some(job.id.clone()),
        JobState::Running if recovers => Some(job.id.clone()),
        JobState::Running | JobState::Ended => None,
    }
}

/// The last job, where it runs, and is not one by which the host puts itself right.
fn working(answer: &StatusAnswer) -> Option<EntryId> {
    let job = answer.job.as_ref()?;
    (job.state == JobState::Running && cut_off(answer).is_none()).then(|| job.id.clone())
}

/// A preparation that runs, in words.
fn preparing(seen: &PreparationSeen) -> Preparing {
    let release = match &seen.release {
        Some(version) => format!("the preparation of {version}"),
        None => "a preparation".to_owned(),
    };
    let since = seen.since.as_ref();
    let since = since.map_or_else(String::new, |since| format!(" since {since}"));
    Preparing {
        what: format!("{release}, which goes on there{since}"),
        followed: seen.followed,
    }
}

/// What the last job left live. One that took another back bears that one's name.
fn switched(answer: &StatusAnswer) -> Option<(Version, EntryId)> {
    let job = answer.job.as_ref()?;
    let id = job.id.0.strip_suffix("-back").unwrap_or(&job.id.0);
    Some((job.current.clone()?, EntryId(id.to_owned())))
}

/// The deployments of a host's record, newest first. It does not tell a rollback from a deploy.
fn told(record: &Record) -> Vec<Deployment> {
    let entries = (0..).zip(&record.history);
    let deployments = entries.map(|(serial, entry)| Deployment {
        serial,
        id: entry.id.clone(),
        stage: record.stage.clone().unwrap_or_default(),
        version: entry.release.clone(),
        intent: Intent::Deploy,
        outcome: Some(entry.result.outcome()),
        time: entry.time.clone(),
    });
    let mut deployments: Vec<Deployment> = deployments.collect();
    deployments.reverse();
    deployments
}

fn room(disk: Disk) -> Room {
    Room {
        place: disk.path,
        device: disk.device,
        bytes: disk.free,
        inodes: disk.inodes,
        noexec: disk.noexec,
    }
}

fn path(answer: &StatusAnswer) -> PathState {
    let record = answer.record.as_ref();
    if let Some(record) = record.filter(|record| record.format > FORMAT) {
        return PathState::Newer(record.format);
    }
    match answer.path_state {
        host::PathState::Absent | host::PathState::Empty => PathState::Free,
        host::PathState::Ours => PathState::Ours,
        host::PathState::Foreign => PathState::Foreign,
        host::PathState::Unwritable => {
            PathState::Unwritable(answer.reason.clone().unwrap_or_default())
        }
    }
}

/// Who holds a lock, in words.
pub fn holder(lock: &LockSeen) -> String {
    let mut words = lock.by.clone();
    for (before, value) in [
        (
            " at ",
            Some(lock.from.clone()).filter(|from| !from.is_empty()),
        ),
        (", process ", lock.pid.map(|pid| pid.to_string())),
        (", since ", lock.since.clone()),
        (", at step ", lock.step.clone()),
        (
            ": ",
            Some(lock.plan.clone()).filter(|plan| !plan.is_empty()),
        ),
    ] {
        if let Some(value) = value {
            words += before;
            words += &value;
        }
    }
    words
}

fn word(state: ServiceState) -> &'static str {
    match state {
        ServiceState::Running => "running",
        ServiceState::Starting => "starting",
        ServiceState::Stopped => "stopped",
        ServiceState::Failed => "failed",
        ServiceState::Unknown => "unknown",
    }
}
