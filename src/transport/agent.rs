//! Conversations with a host's agent: request in, events out, an end that proves that the verb ended.

use super::{Error as TransportError, Transport, base64};
use crate::{
    event::{Event, Watch},
    host,
    host::{
        ActivateRequest, Activated, Agent, Breaking, DeadOwner, End, Ended, Failure, HaveAnswer,
        HaveRequest, HoldAnswer, HoldRequest, InstallAnswer, JournalRequest, ListenError, Listener,
        LogsAnswer, ManifestAnswer, PrepareAnswer, PrepareRequest, PruneAnswer, PruneRequest,
        PutAnswer, Request, ShareAnswer, ShareRequest, StatusAnswer, StatusRequest, UnlockAnswer,
        UnlockRequest, Verb,
    },
    release::{Digest, EntryId},
};
use semver::Version;
use serde::Serialize;
use std::io::{self, Read, Write};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ConversationError {
    /// The way to the host.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The agent said no.
    #[error("{}", .0.message)]
    Failed(Box<Failure>),
    /// What answered was no agent, or it was cut off.
    #[error("{host}: {message}")]
    NoAnswer {
        /// The host.
        host: String,
        /// What came instead.
        message: String,
    },
}

/// A conversation partner: the agent at one path of one host.
pub struct Conversation<'t> {
    transport: &'t mut dyn Transport,
    agent: Agent,
    stop: &'t dyn Fn() -> bool,
}

impl<'t> Conversation<'t> {
    /// With the agent at `path`, run by the host's `python`.
    pub fn new(transport: &'t mut dyn Transport, path: &str, python: &str) -> Self {
        Self {
            transport,
            agent: Agent::new(path, python),
            stop: &|| false,
        }
    }

    /// Goes away in the middle of a verb once `stop` says so; it is asked at every sign of life, at least once in two
    /// seconds. The verb is lost then ([`TransportError::Lost`]).
    #[must_use]
    pub fn until(mut self, stop: &'t dyn Fn() -> bool) -> Self {
        self.stop = stop;
        self
    }

    /// What is there of what `request` asks for. The agent need not be installed; nothing is written.
    pub fn status(&mut self, request: &StatusRequest) -> Result<StatusAnswer, ConversationError> {
        self.fed(Verb::Status, request)
    }

    /// Which artifacts are missing. The agent need not be installed.
    pub fn have(&mut self, sha256: Vec<Digest>) -> Result<Vec<Digest>, ConversationError> {
        let answer: HaveAnswer = self.fed(Verb::Have, &HaveRequest { sha256 })?;
        Ok(answer.missing)
    }

    /// Puts this program's agent there.
    pub fn install(&mut self) -> Result<InstallAnswer, ConversationError> {
        self.fed(Verb::Install, &StatusRequest::default())
    }

    /// Sends artifacts as one tar stream.
    pub fn put(&mut self, mut stream: impl Read) -> Result<PutAnswer, ConversationError> {
        let command = self.agent.installed(Verb::Put, None);
        let end = self.hold_on(&command, &mut stream, None)?;
        self.read(end)
    }

    /// The manifest of a release that is complete there. The agent need not be installed; nothing is written.
    pub fn manifest(&mut self, version: &Version) -> Result<ManifestAnswer, ConversationError> {
        let version = version.to_string();
        self.fed_with(Verb::Manifest, Some(&version), &StatusRequest::default())
    }

    /// Builds a release, and takes the lock.
    pub fn prepare(
        &mut self,
        request: PrepareRequest,
        watch: Watch<'_>,
    ) -> Result<PrepareAnswer, ConversationError> {
        let end = self.ask(Verb::Prepare, request, Some(watch))?;
        self.read(end)
    }

    /// Makes a release live, and follows the job to its end.
    pub fn activate(
        &mut self,
        request: ActivateRequest,
        watch: Watch<'_>,
    ) -> Result<Activated, ConversationError> {
        let end = self.ask(Verb::Activate, request, Some(watch))?;
        let host = self.transport.host().to_owned();
        end.activation().map_err(|error| told(host, error))
    }

    /// Takes back what the job of deployment `id` did, by a job of its own, and follows that to its end.
    pub fn revert(
        &mut self,
        id: &EntryId,
        token: &str,
        watch: Watch<'_>,
    ) -> Result<Activated, ConversationError> {
        let command = self.agent.installed(Verb::Revert, Some(&id.0));
        let token = token.to_owned();
        let body = self.json(HoldRequest { token })?;
        let end = self.hold_on(&command, &mut body.as_slice(), Some(watch))?;
        let host = self.transport.host().to_owned();
        end.activation().map_err(|error| told(host, error))
    }

    /// Puts right what the last job left where it was cut off, or follows whoever does so: how that ended, nothing where
    /// nothing was cut off. The agent that is there may be an older one.
    pub fn recover(&mut self, watch: Watch<'_>) -> Result<Option<Activated>, ConversationError> {
        let end = self.feed(Verb::Recover, None, &StatusRequest::default(), Some(watch))?;
        let host = self.transport.host().to_owned();
        end.recovery().map_err(|error| told(host, error))
    }

    /// Extends the lease of the lock.
    pub fn hold(&mut self, token: &str) -> Result<HoldAnswer, ConversationError> {
        let token = token.to_owned();
        let end = self.ask(Verb::Hold, HoldRequest { token }, None)?;
        self.read(end)
    }

    /// Follows the job of deployment `id` to its end, or tells how it ended.
    pub fn journal(
        &mut self,
        id: &EntryId,
        watch: Watch<'_>,
    ) -> Result<Activated, ConversationError> {
        let command = self.agent.installed(Verb::Journal, Some(&id.0));
        let body = self.json(JournalRequest { wait: true })?;
        let end = self.hold_on(&command, &mut body.as_slice(), Some(watch))?;
        let host = self.transport.host().to_owned();
        end.activation().map_err(|error| told(host, error))
    }

    /// Removes old releases.
    pub fn prune(&mut self, request: PruneRequest) -> Result<PruneAnswer, ConversationError> {
        let end = self.ask(Verb::Prune, request, None)?;
        self.read(end)
    }

    /// Puts a shared file into its place; whether it was another one before, or none. The agent need not be installed.
    pub fn share(&mut self, name: &str, content: &[u8]) -> Result<bool, ConversationError> {
        let mut content = base64::encode(content);
        while !content.len().is_multiple_of(4) {
            content.push('=');
        }
        let request = ShareRequest { content };
        let answer: ShareAnswer = self.fed_with(Verb::Share, Some(name), &request)?;
        Ok(answer.changed)
    }

    /// The logs of what runs. The agent need not be installed; nothing is written.
    pub fn logs(&mut self) -> Result<Vec<String>, ConversationError> {
        let answer: LogsAnswer = self.fed(Verb::Logs, &StatusRequest::default())?;
        Ok(answer.logs)
    }

    /// Gives back a lock.
    pub fn unlock(&mut self, token: &str) -> Result<UnlockAnswer, ConversationError> {
        self.end_lock(UnlockRequest::Token(token.to_owned()))
    }

    /// Ends the lock of a process that is known to be dead.
    pub fn unlock_dead(&mut self, dead: DeadOwner) -> Result<UnlockAnswer, ConversationError> {
        self.end_lock(UnlockRequest::Dead(dead))
    }

    /// Ends a lock whose lease is over.
    pub fn unlock_expired(&mut self, why: Breaking) -> Result<UnlockAnswer, ConversationError> {
        self.end_lock(UnlockRequest::Expired(why))
    }

    fn end_lock(&mut self, request: UnlockRequest) -> Result<UnlockAnswer, ConversationError> {
        let end = self.ask(Verb::Unlock, request, None)?;
        self.read(end)
    }

    fn ask(
        &mut self,
        verb: Verb,
        request: impl Serialize,
        watch: Option<Watch<'_>>,
    ) -> Result<End, ConversationError> {
        let command = self.agent.installed(verb, None);
        let body = self.json(request)?;
        self.hold_on(&command, &mut body.as_slice(), watch)
    }

    /// Asks the agent where it may not be installed: its source goes ahead of the request.
    fn fed<T: serde::de::DeserializeOwned>(
        &mut self,
        verb: Verb,
        request: &impl Serialize,
    ) -> Result<T, ConversationError> {
        self.fed_with(verb, None, request)
    }

    fn fed_with<T: serde::de::DeserializeOwned>(
        &mut self,
        verb: Verb,
        argument: Option<&str>,
        request: &impl Serialize,
    ) -> Result<T, ConversationError> {
        let end = self.feed(verb, argument, request, None)?;
        self.read(end)
    }

    fn feed(
        &mut self,
        verb: Verb,
        argument: Option<&str>,
        request: &impl Serialize,
        watch: Option<Watch<'_>>,
    ) -> Result<End, ConversationError> {
        let command = self.agent.fed(verb, argument);
        let body = self.json(request)?;
        let mut stdin = Agent::SOURCE.as_bytes().chain(body.as_slice());
        self.hold_on(&command, &mut stdin, watch)
    }

    fn json(&self, request: impl Serialize) -> Result<Vec<u8>, ConversationError> {
        Request::new(request)
            .to_json()
            .map_err(|error| ConversationError::NoAnswer {
                host: self.transport.host().to_owned(),
                message: error.to_string(),
            })
    }

    fn hold_on(
        &mut self,
        command: &host::Command,
        stdin: &mut dyn Read,
        watch: Option<Watch<'_>>,
    ) -> Result<End, ConversationError> {
        let host = self.transport.host().to_owned();
        let mut listener = Listener::new(|event| {
            if let Some(watch) = watch {
                tell(&host, event, watch);
            }
        });
        let mut attentive = Attentive {
            listener: &mut listener,
            stop: self.stop,
        };
        let ended = self.transport.run(command, stdin, &mut attentive)?;
        listener.end().map_err(|error| match ended {
            // It said nothing at all: what went wrong stands on its standard error.
            Ended::Exited { stderr, .. } | Ended::Signalled { stderr, .. }
                if !stderr.trim().is_empty() =>
            {
                ConversationError::NoAnswer {
                    host: host.clone(),
                    message: last_line(&stderr),
                }
            }
            _ => told(host.clone(), error),
        })
    }

    fn read<T: serde::de::DeserializeOwned>(&self, end: End) -> Result<T, ConversationError> {
        end.read()
            .map_err(|error| told(self.transport.host().to_owned(), error))
    }
}

/// A listener that can be called away.
struct Attentive<'a> {
    listener: &'a mut dyn Write,
    stop: &'a dyn Fn() -> bool,
}

impl Write for Attentive<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if (self.stop)() {
            return Err(io::Error::other("interrupted"));
        }
        self.listener.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.listener.flush()
    }
}

fn told(host: String, error: ListenError) -> ConversationError {
    match error {
        ListenError::Failed(failure) => ConversationError::Failed(failure),
        error @ (ListenError::NoEnd(_) | ListenError::Shape(_)) => ConversationError::NoAnswer {
            host,
            message: error.to_string(),
        },
    }
}

fn tell(host: &str, event: host::Event, watch: Watch<'_>) {
    watch(match event {
        host::Event::Step { step, detail } => Event::Detail(format!("{host}: {step} {detail}")),
        host::Event::Progress { step, done, total } => Event::Progress {
            label: format!("{host}: {step}"),
            done,
            total: total.unwrap_or(done),
            bytes: false,
        },
        host::Event::Warning { message } => Event::Warning(format!("{host}: {message}")),
        host::Event::Alive | host::Event::Other => return,
    });
}

fn last_line(text: &str) -> String {
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.unwrap_or_default().trim().to_owned()
}

impl ConversationError {
    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Transport(error) => error.hint(),
            Self::Failed(failure) => failure.hint.clone(),
            Self::NoAnswer { .. } => None,
        }
    }

    /// The end of what the failing command printed.
    pub fn output(&self) -> &[String] {
        match self {
            Self::Failed(failure) => &failure.output,
            Self::Transport(_) | Self::NoAnswer { .. } => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Local;

    #[test]
    fn an_agent_answers_where_nothing_is_installed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop").display().to_string();
        let mut local = Local::new("local");
        let mut conversation = Conversation::new(&mut local, &path, "python3");
        assert_eq!(
            conversation.have(vec![Digest::of(b"x")]).unwrap(),
            [Digest::of(b"x")]
        );
        let request = StatusRequest {
            sha256: vec![Digest::of(b"x")],
            ..StatusRequest::default()
        };
        let answer = conversation.status(&request).unwrap();
        assert_eq!(
            (answer.installed, answer.missing),
            (None, vec![Digest::of(b"x")])
        );
        assert!(!folder.path().join("shop").exists());
    }

    #[test]
    fn a_python_that_is_not_there_is_named() {
        let mut local = Local::new("local");
        let mut conversation = Conversation::new(&mut local, "/nowhere", "python-of-nowhere");
        let error = conversation.status(&StatusRequest::default()).unwrap_err();
        assert!(error.to_string().contains("python-of-nowhere"), "{error}");
    }

    #[test]
    fn io_errors_are_no_answers() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        let mut local = Local::new("local");
        let mut conversation = Conversation::new(&mut local, "/nowhere", "python3");
        assert!(conversation.put(Broken).is_err());
    }
}
