//! How carrying out can fail: what matters is what is live afterwards.

use crate::{
    ledger, pack,
    plan::Refusal,
    transport::{self, ConversationError},
};
use std::{fmt, io, path::PathBuf};

/// A result of this room.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How carrying out can fail.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ledger, a signature or a tag.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// A check says no, by a ledger that is newer than the plan; nothing was changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// An artifact of this machine.
    #[error(transparent)]
    Pack(#[from] pack::Error),
    /// A host could not be reached, before anything changed there.
    #[error(transparent)]
    Unreachable(transport::Error),
    /// Somebody else holds the lock of a host.
    #[error("{host} is locked by {holder}")]
    Locked {
        /// The host.
        host: String,
        /// Who, in words.
        holder: String,
        /// The stage, for the next command to type.
        stage: String,
    },
    /// Another release is live on a host than the plan was made for; nothing was changed there.
    #[error("{host} changed since the plan was made: {what}")]
    Changed {
        /// The host.
        host: String,
        /// What is live and what should be.
        what: String,
    },
    /// Another deployment ended on a host since the plan was made; nothing was changed there.
    #[error("{host}: another deployment came first: {what}")]
    Overtaken {
        /// The host.
        host: String,
        /// What is live and what should be.
        what: String,
    },
    /// A host does not believe what it was sent; nothing was changed there.
    #[error("{host} does not take it: {what}")]
    Untrusted {
        /// The host.
        host: String,
        /// What is wrong.
        what: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A deployment that did not end as planned.
    #[error(transparent)]
    Deployed(Box<Deployed>),
    /// A file of an unfinished release.
    #[error("cannot {what} {path}")]
    File {
        /// `read`, `write`, `remove`.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A plan with a step that does not belong into it.
    #[error("a plan for {0} has a step that does not belong there")]
    Strange(&'static str),
    /// A host's agent says no, or has no answer: why tells whether anything changed there.
    #[error("{host}: {}", .why.words())]
    Conversation {
        /// The host.
        host: String,
        /// The stage, for the next command to type.
        stage: String,
        /// What it said instead.
        why: Box<ConversationError>,
    },
    /// A server did not become a host; what was done stays done.
    #[error("{host}: {message}")]
    Bootstrap {
        /// The server.
        host: String,
        /// The command that goes on, without `git hostout`.
        again: String,
        /// Which step failed, and why.
        message: String,
        /// What to do about it; may be empty.
        remedy: String,
    },
    /// Ctrl-C in a bootstrap: the step that ran is done, and those after it are not begun.
    #[error("interrupted")]
    BootstrapStopped {
        /// The command that goes on, without `git hostout`.
        again: String,
    },
    /// The second Ctrl-C in a bootstrap: what runs on the server ends by itself, and the script there after it.
    #[error("interrupted; {host} does what it began: {what}")]
    BootstrapLeft {
        /// The server.
        host: String,
        /// The step that runs.
        what: String,
        /// The command that goes on, without `git hostout`.
        again: String,
    },
    /// A server that was made ready lets nobody in.
    #[error("{host}: it was made ready, but {user} cannot log in by the key")]
    Unproved {
        /// The server.
        host: String,
        /// Who deploys.
        user: String,
        /// The command that goes on, without `git hostout`.
        again: String,
        /// What the login said.
        #[source]
        source: Box<transport::Error>,
    },
    /// A shared store, or a host's, cannot be used.
    #[error("cannot use the artifacts in {store}: {message}")]
    Store {
        /// What it is called.
        store: String,
        /// What was said there.
        message: String,
    },
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// Ctrl-C while a release was pushed.
    #[error("interrupted while {remote} was told")]
    Unpushed {
        /// The remote.
        remote: String,
    },
    /// Ctrl-C in a deployment, before a switch.
    #[error("interrupted")]
    Stopped {
        /// The stage.
        stage: String,
        /// What to type after `git hostout` to go on.
        again: String,
        /// What is live on the hosts that were switched before.
        live: Vec<(String, Live)>,
    },
    /// The second Ctrl-C: a host's job goes on, and nobody follows it.
    #[error("interrupted; the job on {host} goes on by itself")]
    Left {
        /// The host.
        host: String,
        /// The stage.
        stage: String,
    },
}

/// A deployment that did not end as planned.
#[derive(Debug, thiserror::Error)]
#[error("{host}: {message}")]
pub struct Deployed {
    /// The host it failed on.
    pub host: String,
    /// What went wrong, a lower-case fragment.
    pub message: String,
    /// What is live there.
    pub live: Live,
    /// What is live on the other hosts of the deployment.
    pub others: Vec<(String, Live)>,
    /// The end of what the failing command printed, or of the failing service's log.
    pub output: Vec<String>,
    /// What to do about it, where that is known.
    pub hint: Option<String>,
    /// The stage, for the next command to type.
    pub stage: String,
}

/// What is live after a deployment that did not end as planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Live {
    /// Nothing was switched: the old release, or nothing.
    Untouched(Option<String>),
    /// The old release was put back.
    Reverted(String),
    /// The new release, or nothing that answers.
    Switched(Option<String>),
    /// It cannot be told.
    Unknown,
    /// The new release, unhealthy, by choice.
    Kept(String),
    /// The new release, healthy, on a host beside one that failed.
    New(String),
}

impl Deployed {
    /// What is live on all hosts, the one that failed first.
    pub fn lives(&self) -> impl Iterator<Item = (&str, &Live)> {
        let others = self.others.iter().map(|(host, live)| (host.as_str(), live));
        std::iter::once((self.host.as_str(), &self.live)).chain(others)
    }
}

impl fmt::Display for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untouched(Some(old)) => write!(f, "{old} is live, untouched"),
            Self::Untouched(None) => f.write_str("nothing was changed"),
            Self::Reverted(old) => write!(f, "{old} is live again"),
            Self::Switched(Some(new)) => write!(f, "{new} is live, or its services are down"),
            Self::Switched(None) => f.write_str("nothing is live"),
            Self::Unknown => f.write_str("what is live cannot be told from here"),
            Self::New(new) => write!(f, "{new} is live"),
            Self::Kept(new) => write!(f, "{new} is live and not healthy, as --keep asked"),
        }
    }
}

/// What to do about a lock on a host of `stage`.
pub fn locked(stage: &str) -> String {
    format!(
        "wait for them, as deploy and rollback do with --wait; once its lease is over, git hostout unlock {stage} \
         --reason TEXT ends it"
    )
}

impl Error {
    /// What to do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Ledger(error) => error.hint(),
            Self::Pack(error) => error.hint(),
            Self::Unreachable(error) => error.hint(),
            Self::Deployed(deployed) => deployed.hint.clone(),
            Self::Untrusted { hint, .. } => hint.clone(),
            Self::Locked { stage, .. } => Some(locked(stage)),
            Self::Changed { .. } => Some(
                "find out with git hostout status and log who did it; the same command plans again"
                    .to_owned(),
            ),
            Self::Overtaken { .. } => Some(
                "git hostout log says whose; the same command plans again, which --wait does by itself"
                    .to_owned(),
            ),
            Self::Conversation { why, stage, .. } => why.hint(Some(stage)),
            Self::File { .. } => {
                Some("is there room on its disk, and may you write there?".to_owned())
            }
            Self::Store { .. } => Some(
                "`store` in [release] names a folder that is there, and that you may write to"
                    .to_owned(),
            ),
            Self::Bootstrap { remedy, .. } if !remedy.is_empty() => Some(remedy.clone()),
            Self::Unproved { user, source, .. } if source.refused().is_some() => Some(format!(
                "sshd's log there says why (journalctl -u ssh, or /var/log/auth.log): AllowUsers and AuthorizedKeysFile in \
                 sshd_config, a file /run/nologin, or a home of {user} that others may write to"
            )),
            Self::Unproved { source, .. } => source.hint(),
            Self::Refused(_)
            | Self::Strange(_)
            | Self::Bootstrap { .. }
            | Self::BootstrapStopped { .. }
            | Self::BootstrapLeft { .. }
            | Self::Interrupted
            | Self::Unpushed { .. }
            | Self::Stopped { .. }
            | Self::Left { .. } => None,
        }
    }
}
