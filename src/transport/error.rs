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
        /// Whose login was refused, where it came so far.
        refused: Option<String>,
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

    /// Whose login the server refused, where that is what is wrong.
    pub fn refused(&self) -> Option<&str> {
        match self {
            Self::Unreachable { refused, .. } => refused.as_deref(),
            Self::NotStarted { .. } | Self::Lost { .. } => None,
        }
    }

    /// Its words, for a message that begins with the host by itself.
    pub fn words(&self) -> String {
        let (Self::Unreachable { host, .. }
        | Self::NotStarted { host, .. }
        | Self::Lost { host, .. }) = self;
        let (text, own) = (self.to_string(), format!("{host}: "));
        text.strip_prefix(&own).unwrap_or(&text).to_owned()
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
    /// Whose login was refused, where that is it.
    pub refused: Option<String>,
}

impl Failure {
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            refused: None,
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
            refused: self.refused,
        }
    }
}

/// Only the program: arguments may hold what no message should.
fn program(command: &Command) -> String {
    command.argv().first().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::ConversationError;

    #[test]
    fn words_leave_the_host_to_whoever_shows_them() {
        let lost = || Error::lost("web1", &Command::new(["python3", "-"]), "transport read");
        assert_eq!(lost().to_string(), "web1: lost `python3`: transport read");
        assert_eq!(
            ConversationError::from(lost()).words(),
            "lost `python3`: transport read"
        );
        let refused = Failure::new("web1: no").at("web1");
        assert_eq!(refused.words(), "web1: no");
        let silent = ConversationError::NoAnswer {
            host: "web1".to_owned(),
            message: "no agent".to_owned(),
        };
        assert_eq!(
            (silent.to_string().as_str(), silent.words().as_str()),
            ("web1: no agent", "no agent")
        );
    }
}
