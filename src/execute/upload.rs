//! An upload: over one session, or over several where there is much of it.
//!
//! A server's window lets about 2 MB pass in a round trip, however wide the line is: 32 MB/s over 50 ms. Several sessions
//! have several windows. They share the artifacts out by size; whole artifacts only, so that each is verified by its hash.
//! The first one sends while the others log in. One that can't be had, or is lost, is no loss: the first takes over.

use super::{Result, stream::Stream};
use crate::{
    event::{Event, Watch},
    pack::Store,
    release::{Artifact, Digest},
    transport::{Conversation, ConversationError, Transport},
};
use std::{
    panic,
    sync::{Mutex, PoisonError},
    thread,
};

/// What a session sends, in bytes, while another one logs in: for less that is not worth its time.
pub const MUCH: u64 = 16 << 20;

/// How many sessions there are at most, the first one counted.
const SESSIONS: usize = 4;

/// Where artifacts come from, where they go, and who may stop that.
#[derive(Clone, Copy)]
pub struct Upload<'a> {
    /// This machine's.
    pub store: &'a Store,
    /// The stage's path on the host.
    pub path: &'a str,
    /// The host's python.
    pub python: &'a str,
    /// How many bytes there are for each session at least: [`MUCH`].
    pub much: u64,
    /// Whether it is to stop.
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// Whoever looks on.
    pub watch: Watch<'a>,
}

/// What a session is to send.
type Share = Vec<Digest>;

/// How far an upload is, over all of its sessions.
pub(super) struct Progress<'a> {
    label: String,
    total: u64,
    done: Mutex<u64>,
    watch: Watch<'a>,
}

impl Progress<'_> {
    /// So many bytes more are on their way.
    pub(super) fn add(&self, bytes: u64) {
        self.set(|done| done + bytes);
    }

    /// Sessions tell one after the other, so that nobody is shown less than before.
    fn set(&self, new: impl FnOnce(u64) -> u64) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        *done = new(*done).min(self.total);
        (self.watch)(Event::Progress {
            label: self.label.clone(),
            done: *done,
            total: self.total,
            bytes: true,
        });
    }
}

impl Upload<'_> {
    /// Sends `artifacts` by `transport`, and by further sessions where there is much to send.
    ///
    /// # Errors
    /// The outer ones are this machine's, the inner ones the host's.
    pub fn carry_out(
        &self,
        transport: &mut dyn Transport,
        artifacts: &[Artifact],
    ) -> Result<std::result::Result<(), ConversationError>> {
        let total = artifacts.iter().map(|artifact| artifact.size).sum();
        let progress = Progress {
            label: format!("{}: upload", transport.host()),
            total,
            done: Mutex::default(),
            watch: self.watch,
        };
        let another = transport.another();
        let sessions = match another {
            Some(_) => usize::try_from(total / self.much).unwrap_or(SESSIONS),
            None => 1,
        };
        let mut shares = shares(artifacts, sessions.clamp(1, SESSIONS), self.much);
        let own = shares.remove(0);
        let (first, rest) = thread::scope(|scope| {
            let send = |share: &Share| match another.as_ref().and_then(|another| another()) {
                Some(mut other) => self.send(other.as_mut(), share, &progress).map(Some),
                None => Ok(None),
            };
            let threads: Vec<_> = shares
                .iter()
                .map(|share| scope.spawn(move || send(share)))
                .collect();
            let first = self.send(transport, &own, &progress);
            let rest = threads.into_iter().map(|thread| match thread.join() {
                Ok(sent) => sent,
                Err(panic) => panic::resume_unwind(panic),
            });
            (first, rest.collect::<Vec<_>>())
        });
        if let Err(error) = first? {
            return Ok(Err(error));
        }
        let mut left = Vec::new();
        for (sent, share) in rest.into_iter().zip(shares) {
            match sent? {
                Some(Ok(())) => {}
                None => left.extend(share),
                Some(Err(ConversationError::Transport(_))) if !(self.stop)() => left.extend(share),
                Some(Err(error)) => return Ok(Err(error)),
            }
        }
        if left.is_empty() {
            return Ok(Ok(()));
        }
        let missing = match self.agent(transport).have(left) {
            Ok(missing) => missing,
            Err(error) => return Ok(Err(error)),
        };
        let again = artifacts.iter();
        let again = again.filter(|artifact| missing.contains(&artifact.sha256));
        let again: u64 = again.map(|artifact| artifact.size).sum();
        progress.set(|_| total - again);
        self.send(transport, &missing, &progress)
    }

    fn send(
        &self,
        transport: &mut dyn Transport,
        share: &[Digest],
        progress: &Progress<'_>,
    ) -> Result<std::result::Result<(), ConversationError>> {
        if share.is_empty() {
            return Ok(Ok(()));
        }
        let stream = Stream::new(self.store, share, progress)?;
        let length = stream.length();
        Ok(self.agent(transport).put(stream, length).map(|_| ()))
    }

    fn agent<'t>(&'t self, transport: &'t mut dyn Transport) -> Conversation<'t> {
        Conversation::new(transport, self.path, self.python).until(self.stop)
    }
}

/// Shares that are sent at about the same time when the first is `ahead` of the others, in bytes; none of them is empty but
/// the first. The largest artifact goes to whoever has least.
fn shares(artifacts: &[Artifact], count: usize, ahead: u64) -> Vec<Share> {
    let mut sorted: Vec<&Artifact> = artifacts.iter().collect();
    sorted.sort_by_key(|artifact| std::cmp::Reverse(artifact.size));
    let mut shares = vec![(0, Share::new())];
    shares.resize(count, (ahead, Share::new()));
    for artifact in sorted {
        if let Some((size, share)) = shares.iter_mut().min_by_key(|(size, _)| *size) {
            *size += artifact.size;
            share.push(artifact.sha256);
        }
    }
    let shares = shares.into_iter().map(|(_, share)| share).enumerate();
    let sent = shares.filter(|(number, share)| *number == 0 || !share.is_empty());
    sent.map(|(_, share)| share).collect()
}

/// One of which nobody is told, for tests.
#[cfg(test)]
pub(super) fn progress(watch: Watch<'_>) -> Progress<'_> {
    Progress {
        label: String::new(),
        total: 0,
        done: Mutex::default(),
        watch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_about_the_same_and_leave_nothing_out() {
        let artifacts: Vec<Artifact> = [10_u64, 70, 20, 40, 30, 30]
            .iter()
            .map(|size| Artifact {
                file: size.to_string(),
                sha256: Digest::of(&size.to_le_bytes()),
                size: *size,
                targets: Vec::new(),
                reproducible: true,
            })
            .collect();
        let sizes = |count, ahead| -> Vec<usize> {
            let shares = shares(&artifacts, count, ahead);
            shares.iter().map(Vec::len).collect()
        };
        assert_eq!(sizes(1, 0), [6]);
        assert_eq!(sizes(3, 0), [1, 3, 2]);
        assert_eq!(sizes(9, 0), [1; 6]);
        assert_eq!(sizes(3, 60), [3, 1, 2]);
        assert_eq!(sizes(3, 1_000), [6]);
        assert_eq!(shares(&[], 4, 0), [Share::new()]);
    }
}
