//! How a deployment whose client went away ended on its hosts.

use super::{Result, host::silent};
use crate::{
    config::Stage,
    event::Watch,
    host::FailureKind,
    release::{EntryId, HostResult, Outcome},
    transport::{Conversation, ConversationError, Transport},
};

/// How deployment `id` ended on `host`; a job that still runs is followed to its end.
pub fn ended(
    transport: &mut dyn Transport,
    stage: &Stage,
    host: &str,
    id: &EntryId,
    watch: Watch<'_>,
) -> Result<HostResult> {
    let mut agent = Conversation::new(transport, &stage.path, &stage.python);
    match agent.journal(id, watch) {
        Ok(ended) => Ok(HostResult {
            result: ended.result.outcome(),
            from: ended.from,
            to: ended.current,
            backup: ended.backup,
            backup_sha256: ended.backup_sha256,
            host: host.to_owned(),
        }),
        // It never came to a job there, or the job died with its machine.
        Err(ConversationError::Failed(failure))
            if matches!(failure.kind, FailureKind::UnknownJob | FailureKind::Died) =>
        {
            Ok(unknown(host))
        }
        Err(error) => Err(silent(stage, host, error)),
    }
}

/// What is written of a host that cannot tell how a deployment ended there.
pub fn unknown(host: &str) -> HostResult {
    HostResult {
        host: host.to_owned(),
        from: None,
        to: None,
        result: Outcome::Abandoned,
        backup: None,
        backup_sha256: None,
    }
}
