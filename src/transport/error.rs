//! What can be wrong when there is no [`Ended`](crate::host::Ended).

use crate::host::Command;

/// Why there is no [`Ended`](crate::host::Ended). Whether the host can have changed is the kind of the error, not its
/// text.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Connecting, the host key or the login failed: nothing ran.
    #[error("{host}: {message}")]
    Unreachable {
        /// The host, as the user named it.
        host: String,
        /// What went wrong, a lower-case fragment.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The connection is up, but the command never ran.
    #[error("{host}: `{command}` was not started: {message}")]
    NotStarted {
        /// The host.
        host: String,
        /// The command's program.
        command: String,
        /// What went wrong.
        message: String,
    },
    /// The connection, or our own end of the command's bytes, failed: the command may have run, may be running still.
    #[error("{host}: lost `{command}`: {message}")]
    Lost {
        /// The host.
        host: String,
        /// The command's program.
        command: String,
        /// What went wrong.
        message: String,
    },
}

impl Error {
    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unreachable { hint, .. } => hint.clone(),
            Self::NotStarted { .. } | Self::Lost { .. } => None,
        }
    }

    pub(super) fn not_started(host: &str, command: &Command, message: impl Into<String>) -> Self {
        Self::NotStarted {
            host: host.to_owned(),
            command: program(command),
            message: message.into(),
        }
    }

    pub(super) fn lost(host: &str, command: &Command, message: impl Into<String>) -> Self {
        Self::Lost {
            host: host.to_owned(),
            command: program(command),
            message: message.into(),
        }
    }
}

/// Why a connection didn't come up; the host is added where it is known.
#[derive(Debug)]
pub struct Failure {
    pub message: String,
    pub hint: Option<String>,
}

impl Failure {
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub fn at(self, host: &str) -> Error {
        Error::Unreachable {
            host: host.to_owned(),
            message: self.message,
            hint: self.hint,
        }
    }
}

/// Only the program: arguments may hold what no message should.
fn program(command: &Command) -> String {
    command.argv().first().cloned().unwrap_or_default()
}
