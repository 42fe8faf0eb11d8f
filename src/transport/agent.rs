//! Conversations with a host's agent: request in, events out, an end that proves that the verb ended.

use super::{Answer, Error as TransportError, Transport};
use crate::{
    event::{Event, Watch},
    host,
    host::{
        ActivateRequest, Activated, Agent, Breaking, DeadOwner, End, Ended, Failure, HaveAnswer,
        HaveRequest, HoldAnswer, HoldRequest, InstallAnswer, JournalRequest, ListenError, Listener,
        LogsAnswer, ManifestAnswer, PrepareAnswer, PrepareRequest, PruneAnswer, PruneRequest,
        PutAnswer, Request, ShareAnswer, ShareRequest, StatusAnswer, StatusRequest, TrustAnswer,
        TrustRequest, UnlockAnswer, UnlockRequest, Verb,
    },
    release::{Digest, EntryId},
};
use base64ct::{Base64, Encoding as _};
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

    /// What is there of what `request` asks for. Nothing is written.
    pub fn status(&mut self, request: &StatusRequest) -> Result<StatusAnswer, ConversationError> {
        self.ask_read(Verb::Status, None, request)
    }

    /// Which artifacts are missing.
    pub fn have(&mut self, sha256: Vec<Digest>) -> Result<Vec<Digest>, ConversationError> {
        let answer: HaveAnswer = self.ask_read(Verb::Have, None, &HaveRequest { sha256 })?;
        Ok(answer.missing)
    }

    /// Puts this program's agent there.
    pub fn install(&mut self) -> Result<InstallAnswer, ConversationError> {
        self.ask_read(Verb::Install, None, &StatusRequest::default())
    }

    /// Sends artifacts as one tar stream of `length` bytes.
    pub fn put(
        &mut self,
        mut stream: impl Read,
        length: u64,
    ) -> Result<PutAnswer, ConversationError> {
        let end = self.hold_on(Verb::Put, None, (&mut stream, length), None)?;
        self.read(end)
    }

    /// The manifest of a release that is complete there. Nothing is written.
    pub fn manifest(&mut self, version: &Version) -> Result<ManifestAnswer, ConversationError> {
        let version = version.to_string();
        self.ask_read(Verb::Manifest, Some(&version), &StatusRequest::default())
    }

    /// Tells which keys and policy count.
    pub fn trust(&mut self, request: &TrustRequest) -> Result<TrustAnswer, ConversationError> {
        self.ask_read(Verb::Trust, None, request)
    }

    /// Builds a release, and takes the lock.
    pub fn prepare(
        &mut self,
        request: &PrepareRequest,
        watch: Watch<'_>,
    ) -> Result<PrepareAnswer, ConversationError> {
        let end = self.ask(Verb::Prepare, None, request, Some(watch))?;
        self.read(end)
    }

    /// Sends a bundle that follows entry `after`, or stands for itself, for the host to keep.
    pub fn bundle(&mut self, bundle: &[u8], after: Option<&str>) -> Result<(), ConversationError> {
        let body = (&mut &*bundle as &mut dyn Read, bundle.len() as u64);
        let end = self.hold_on(Verb::Bundle, after, body, None)?;
        self.read(end).map(|_: serde_json::Value| ())
    }

    /// Makes a release live, and follows the job to its end.
    pub fn activate(
        &mut self,
        request: &ActivateRequest,
        watch: Watch<'_>,
    ) -> Result<Activated, ConversationError> {
        let end = self.ask(Verb::Activate, None, request, Some(watch))?;
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
        let token = token.to_owned();
        let request = HoldRequest { token };
        let end = self.ask(Verb::Revert, Some(&id.0), &request, Some(watch))?;
        let host = self.transport.host().to_owned();
        end.activation().map_err(|error| told(host, error))
    }

    /// Puts right what the last job left where it was cut off, or follows whoever does so: how that ended, nothing where
    /// nothing was cut off. The agent that is there may be an older one.
    pub fn recover(&mut self, watch: Watch<'_>) -> Result<Option<Activated>, ConversationError> {
        let end = self.ask(Verb::Recover, None, &StatusRequest::default(), Some(watch))?;
        let host = self.transport.host().to_owned();
        end.recovery().map_err(|error| told(host, error))
    }

    /// Extends the lease of the lock.
    pub fn hold(&mut self, token: &str) -> Result<HoldAnswer, ConversationError> {
        let token = token.to_owned();
        self.ask_read(Verb::Hold, None, &HoldRequest { token })
    }

    /// Follows the job of deployment `id` to its end, or tells how it ended.
    pub fn journal(
        &mut self,
        id: &EntryId,
        watch: Watch<'_>,
    ) -> Result<Activated, ConversationError> {
        let request = JournalRequest { wait: true };
        let end = self.ask(Verb::Journal, Some(&id.0), &request, Some(watch))?;
        let host = self.transport.host().to_owned();
        end.activation().map_err(|error| told(host, error))
    }

    /// Removes old releases.
    pub fn prune(&mut self, request: &PruneRequest) -> Result<PruneAnswer, ConversationError> {
        self.ask_read(Verb::Prune, None, request)
    }

    /// Puts a shared file into its place; whether it was another one before, or none. The agent need not be installed.
    pub fn share(&mut self, name: &str, content: &[u8]) -> Result<bool, ConversationError> {
        let request = ShareRequest {
            content: Base64::encode_string(content),
        };
        let answer: ShareAnswer = self.ask_read(Verb::Share, Some(name), &request)?;
        Ok(answer.changed)
    }

    /// The logs of what runs. The agent need not be installed; nothing is written.
    pub fn logs(&mut self) -> Result<Vec<String>, ConversationError> {
        let answer: LogsAnswer = self.ask_read(Verb::Logs, None, &StatusRequest::default())?;
        Ok(answer.logs)
    }

    /// Gives back a lock.
    pub fn unlock(&mut self, token: &str) -> Result<UnlockAnswer, ConversationError> {
        self.ask_read(Verb::Unlock, None, &UnlockRequest::Token(token.to_owned()))
    }

    /// Ends the lock of a process that is known to be dead. What it prepares there is waited for where that is `wanted`,
    /// else it is ended.
    pub fn unlock_dead(
        &mut self,
        dead: DeadOwner,
        wanted: bool,
    ) -> Result<UnlockAnswer, ConversationError> {
        let request = if wanted {
            UnlockRequest::Dead(dead)
        } else {
            UnlockRequest::DeadUnwanted(dead)
        };
        self.ask_read(Verb::Unlock, None, &request)
    }

    /// Ends a lock whose lease is over.
    pub fn unlock_expired(&mut self, why: Breaking) -> Result<UnlockAnswer, ConversationError> {
        self.ask_read(Verb::Unlock, None, &UnlockRequest::Expired(why))
    }

    fn ask_read<T: serde::de::DeserializeOwned>(
        &mut self,
        verb: Verb,
        argument: Option<&str>,
        request: &impl Serialize,
    ) -> Result<T, ConversationError> {
        let end = self.ask(verb, argument, request, None)?;
        self.read(end)
    }

    fn ask(
        &mut self,
        verb: Verb,
        argument: Option<&str>,
        request: &impl Serialize,
        watch: Option<Watch<'_>>,
    ) -> Result<End, ConversationError> {
        let body = self.json(request)?;
        let length = body.len() as u64;
        self.hold_on(verb, argument, (&mut body.as_slice(), length), watch)
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
        verb: Verb,
        argument: Option<&str>,
        (body, length): (&mut dyn Read, u64),
        watch: Option<Watch<'_>>,
    ) -> Result<End, ConversationError> {
        let host = self.transport.host().to_owned();
        let command = self.agent.serve();
        let line = Agent::request(verb, argument, length);
        let mut listener = Listener::new(|event| {
            if let Some(watch) = watch {
                tell(&host, event, watch);
            }
        });
        let mut attentive = Attentive {
            listener: &mut listener,
            stop: self.stop,
        };
        let mut request = line.as_bytes().chain(body);
        let mut ended = self.transport.ask(&command, &mut request, &mut attentive)?;
        if ended.is_none() && attentive.listener.asks_for_source() {
            let mut source = Agent::SOURCE.as_bytes();
            ended = self.transport.ask(&command, &mut source, &mut attentive)?;
        }
        listener.end().map_err(|error| match ended {
            // It said nothing at all: what went wrong stands on its standard error.
            Some(Ended::Exited { stderr, .. } | Ended::Signalled { stderr, .. })
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
struct Attentive<'a, F> {
    listener: &'a mut Listener<F>,
    stop: &'a dyn Fn() -> bool,
}

impl<F: FnMut(host::Event)> Answer for Attentive<'_, F> {
    fn is_whole(&self) -> bool {
        self.listener.is_whole()
    }
}

impl<F: FnMut(host::Event)> Write for Attentive<'_, F> {
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
        host::Event::Alive | host::Event::Source | host::Event::Other => return,
    });
}

fn last_line(text: &str) -> String {
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.unwrap_or_default().trim().to_owned()
}

impl ConversationError {
    /// What to do about it on `stage`, where that is known.
    pub fn hint(&self, stage: Option<&str>) -> Option<String> {
        match self {
            Self::Transport(error) => error.hint(),
            Self::Failed(failure) => failure.hint.as_ref().map(|hint| hint.words(stage)),
            Self::NoAnswer { .. } => None,
        }
    }

    /// Its words, for a message that begins with the host by itself.
    pub fn words(&self) -> String {
        match self {
            Self::Transport(error) => error.words(),
            Self::Failed(failure) => failure.message.clone(),
            Self::NoAnswer { message, .. } => message.clone(),
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
        assert!(conversation.put(Broken, 1).is_err());
    }
}
