//! One host, as its agent sees it.

use super::{Error, Result};
use crate::{
    config::{Host as Configured, Stage},
    facts::{Backup, Current, Host, Lock, PathState, Python, Room},
    host::{
        self, BackupOwner, CurrentState, DeadOwner, Disk, LockSeen, ServiceState, StatusAnswer,
        StatusRequest,
    },
    release::Manifest,
    transport::{Conversation, ConversationError, Transport},
};
use rustix::process::{Pid, test_kill_process};
use std::collections::BTreeMap;

/// Looks at one host of `stage`; with a manifest also at which of its artifacts are missing there.
///
/// A host without a usable python is a fact, not an error; one that cannot be talked to is an error.
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
    let answer = match conversation.status(&request) {
        Ok(answer) => answer,
        Err(ConversationError::Transport(error @ crate::transport::Error::Unreachable { .. })) => {
            return Err(Error::Unreachable(error));
        }
        Err(error @ ConversationError::Transport(_)) => {
            return Err(Error::Conversation(error));
        }
        Err(error) => {
            return Ok(Host {
                roles: configured.roles.clone(),
                python: Err(error.to_string()),
                ..Host::unknown(&configured.destination)
            });
        }
    };
    Ok(seen(configured, answer))
}

fn seen(configured: &Configured, answer: StatusAnswer) -> Host {
    Host {
        name: configured.destination.clone(),
        roles: configured.roles.clone(),
        path: path(&answer),
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
        record: answer
            .record
            .and_then(|record| Some((record.release?, record.id?))),
        complete: answer
            .releases
            .iter()
            .filter(|release| release.complete)
            .filter_map(|release| Some((release.version.parse().ok()?, release.manifest?)))
            .collect(),
        lock: answer.lock.filter(|lock| !lock.expired).map(|lock| Lock {
            holder: holder(&lock),
            dead: dead(&lock),
        }),
        services: answer
            .services
            .into_iter()
            .map(|service| (service.name, word(service.state).to_owned(), service.detail))
            .collect(),
        healthy: answer.healthy,
        shared_files: BTreeMap::from_iter(answer.shared.files),
        missing: answer.missing.into_iter().collect(),
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
        python: Ok(Python {
            version: answer.python.version,
            tags: answer.python.tags.into_iter().collect(),
            target: answer.target,
            venv: answer.python.venv,
        }),
    }
}

fn room(disk: Disk) -> Room {
    Room {
        place: disk.path,
        device: disk.device,
        bytes: disk.free,
        inodes: disk.inodes,
    }
}

fn path(answer: &StatusAnswer) -> PathState {
    match answer.path_state {
        host::PathState::Absent | host::PathState::Empty => PathState::Free,
        host::PathState::Ours => PathState::Ours,
        host::PathState::Foreign => PathState::Foreign,
        host::PathState::Unwritable => {
            PathState::Unwritable(answer.reason.clone().unwrap_or_default())
        }
    }
}

/// The owner of a lock, where it is a process of this machine that is gone.
fn dead(lock: &LockSeen) -> Option<DeadOwner> {
    let here = rustix::system::uname();
    let pid = lock.pid?;
    let process = Pid::from_raw(i32::try_from(pid).ok()?)?;
    let gone = lock.from == here.nodename().to_string_lossy()
        && test_kill_process(process) == Err(rustix::io::Errno::SRCH);
    gone.then(|| DeadOwner {
        from: lock.from.clone(),
        pid,
    })
}

/// Who holds a lock, in words.
fn holder(lock: &LockSeen) -> String {
    let mut words = lock.by.clone();
    for (before, value) in [
        (
            " at ",
            Some(lock.from.clone()).filter(|from| !from.is_empty()),
        ),
        (", process ", lock.pid.map(|pid| pid.to_string())),
        (", since ", lock.since.clone()),
        (", at step ", lock.step.clone()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_of_this_machine_is_known_to_be_dead() {
        let here = rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let gone = child.id();
        child.wait().unwrap();
        let is_dead = |from: &str, pid| {
            let lock = LockSeen {
                by: String::new(),
                from: from.to_owned(),
                pid,
                since: None,
                step: None,
                expired: false,
            };
            dead(&lock).is_some()
        };
        assert!(is_dead(&here, Some(gone)));
        assert!(!is_dead(&here, Some(std::process::id())));
        assert!(!is_dead("elsewhere", Some(gone)));
        assert!(!is_dead(&here, None));
    }
}
