//! What a host's no means for the exit code.

use super::Class;
use crate::{host::FailureKind, transport};

/// What is live where a host was asked for something and `why` is its answer, or the lack of one.
pub(super) fn class(why: &transport::ConversationError) -> Class {
    use transport::{ConversationError, Error};
    match why {
        ConversationError::Transport(Error::Unreachable { .. } | Error::NotStarted { .. }) => {
            Class::Unreachable
        }
        // It may have been done.
        ConversationError::Transport(Error::Lost { .. }) | ConversationError::NoAnswer { .. } => {
            Class::Unknown
        }
        ConversationError::Failed(failure) => failed(failure.kind),
    }
}

/// Whether the host answered that it will not say.
pub(super) fn refused(why: &transport::ConversationError) -> bool {
    matches!(why, transport::ConversationError::Failed(failure) if failure.kind == FailureKind::Refused)
}

fn failed(kind: FailureKind) -> Class {
    match kind {
        FailureKind::Locked | FailureKind::LockLost => Class::Locked,
        FailureKind::BadRequest
        | FailureKind::NewerFormat
        | FailureKind::Untrusted
        | FailureKind::Refused
        | FailureKind::WrongHash
        | FailureKind::MissingArtifact
        | FailureKind::NotPrepared
        | FailureKind::Stale
        | FailureKind::UnknownJob => Class::Refused,
        FailureKind::Running | FailureKind::Died => Class::Unknown,
        FailureKind::DiskFull
        | FailureKind::Io
        | FailureKind::Venv
        | FailureKind::Buildout
        | FailureKind::Backup
        | FailureKind::Restore
        | FailureKind::Hook
        | FailureKind::Stop
        | FailureKind::Start
        | FailureKind::Switch
        | FailureKind::HostParts
        | FailureKind::Unhealthy
        | FailureKind::Stopped
        | FailureKind::Bug => Class::FailedBeforeSwitch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{ConversationError, Error};

    #[test]
    fn a_hosts_no_is_not_a_host_that_cannot_be_reached() {
        assert_eq!(failed(FailureKind::Refused), Class::Refused);
        assert_eq!(failed(FailureKind::Died), Class::Unknown);
        assert_eq!(failed(FailureKind::DiskFull), Class::FailedBeforeSwitch);
        assert_eq!(failed(FailureKind::LockLost), Class::Locked);
        let [host, command, message] = ["web1", "python3", "transport read"].map(str::to_owned);
        let lost = Error::Lost {
            host,
            command,
            message,
        };
        assert_eq!(class(&ConversationError::from(lost)), Class::Unknown);
    }
}
