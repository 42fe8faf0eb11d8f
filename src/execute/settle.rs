//! After a client that died or lost its connection: the hosts are asked how its deployment ended.

use super::{Error, Member, Recorder, Result, record::overall, verdict};
use crate::{
    config::Stage,
    event::Event,
    host::{DeadOwner, FailureKind, LockSeen, StatusRequest},
    ledger::{Kind, Ledger},
    observe::holder,
    release::{EntryId, HostResult, Outcome, Started},
    transport::{Conversation, ConversationError},
};
use rustix::process::{Pid, test_kill_process};

/// The started entry of `stage` that has no end.
pub fn open_deployment(ledger: &Ledger, stage: &str) -> Result<Option<Started>> {
    let Some(newest) = ledger.newest_of(stage) else {
        return Ok(None);
    };
    if !matches!(newest.kind, Kind::Started { .. }) {
        return Ok(None);
    }
    let id = newest.id.clone();
    Ok(ledger.started(&id)?.map(|(_, started)| started))
}

/// Waits for jobs that run on without their client, frees the locks of clients that died on this machine, and writes the
/// ended entry that is missing. Says how the deployment ended, when there was one to be settled.
///
/// # Errors
/// [`Error::Locked`] where somebody is at work: it is theirs to write.
pub fn settle(
    stage: &Stage,
    recorder: &Recorder<'_>,
    ledger: &mut Ledger,
    members: &mut [Member],
) -> Result<Option<Outcome>> {
    let open = open_deployment(ledger, &stage.name)?;
    let mut results = Vec::new();
    for member in members.iter_mut() {
        let host = member.host.destination.clone();
        let transport = member.transport.as_mut();
        let mut agent = Conversation::new(transport, &stage.path, &stage.python);
        let lock = agent
            .status(&StatusRequest::default())
            .map_err(|error| broken(&host, error))?
            .lock;
        let lock = lock.filter(|lock| !lock.expired);
        if let Some(lock) = lock.as_ref().filter(|lock| !is_dead(lock)) {
            return Err(Error::Locked {
                host,
                holder: holder(lock),
            });
        }
        if let Some(open) = &open {
            (recorder.watch)(Event::Begin(format!(
                "{host}: look how deployment {} ended",
                open.id
            )));
            results.push(ask(&mut agent, &host, &open.id, recorder)?);
        }
        if let Some(LockSeen {
            from,
            pid: Some(pid),
            ..
        }) = lock
        {
            // The job gave it back at its end; what is left is that of a preparation.
            let ended = agent.unlock_dead(DeadOwner { from, pid });
            ended.map_err(|error| broken(&host, error))?;
        }
    }
    let Some(open) = open.filter(|open| {
        let seen = |host: &String| results.iter().any(|result| result.host == *host);
        open.hosts.iter().all(seen)
    }) else {
        return Ok(None);
    };
    let state = overall(&results, open.hosts.len());
    recorder.ended(ledger, &open, state, &results)?;
    Ok(Some(state))
}

/// How deployment `id` ended on one host.
fn ask(
    agent: &mut Conversation<'_>,
    host: &str,
    id: &EntryId,
    recorder: &Recorder<'_>,
) -> Result<HostResult> {
    let mut result = HostResult {
        host: host.to_owned(),
        from: None,
        to: None,
        result: Outcome::Abandoned,
        backup: None,
        backup_sha256: None,
    };
    match agent.journal(id, recorder.watch) {
        Ok(ended) => {
            result.result = verdict::outcome(ended.result);
            result.from = ended.from;
            result.to = ended.current;
            result.backup = ended.backup;
            result.backup_sha256 = ended.backup_sha256;
        }
        // It never came to a job there, or the job died with its machine.
        Err(ConversationError::Failed(failure))
            if matches!(failure.kind, FailureKind::UnknownJob | FailureKind::Died) => {}
        // The host lost its files, agent and journal included.
        Err(ConversationError::NoAnswer { .. }) => {}
        Err(error) => return Err(broken(host, error)),
    }
    Ok(result)
}

/// Whether the owner of a lock is a process of this machine that is gone.
fn is_dead(lock: &LockSeen) -> bool {
    let here = rustix::system::uname();
    let pid = lock
        .pid
        .and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    lock.from == here.nodename().to_string_lossy()
        && pid.is_some_and(|pid| test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
}

fn broken(host: &str, error: ConversationError) -> Error {
    match error {
        ConversationError::Transport(error) => Error::Unreachable(error),
        error => Error::Conversation {
            host: host.to_owned(),
            source: Box::new(error),
        },
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
        let lock = |from: &str, pid| LockSeen {
            by: String::new(),
            from: from.to_owned(),
            pid,
            since: None,
            step: None,
            expired: false,
        };
        assert!(is_dead(&lock(&here, Some(gone))));
        assert!(!is_dead(&lock(&here, Some(std::process::id()))));
        assert!(!is_dead(&lock("elsewhere", Some(gone))));
        assert!(!is_dead(&lock(&here, None)));
    }
}
