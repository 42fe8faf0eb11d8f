//! What an activation came to: read from the job's own result, never from an exit code alone.

use super::{Deployed, Live};
use crate::{
    host::{Activated, ActivationResult, Failure, FailureKind},
    release::{Digest, Outcome},
    transport::{self, ConversationError},
};
use semver::Version;

/// What an activation came to on one host.
pub(super) struct Verdict {
    /// For the ledger.
    pub outcome: Outcome,
    /// What is live there now, as far as it is known.
    pub live: Option<Version>,
    /// The backup that was made.
    pub backup: Option<String>,
    /// sha256 of its listing.
    pub backup_sha256: Option<Digest>,
    /// Why the deployment failed, when it did.
    pub failure: Option<Deployed>,
}

/// Which activation is judged.
pub(super) struct Case<'a> {
    /// The host.
    pub host: &'a str,
    /// The stage.
    pub stage: &'a str,
    /// What was live.
    pub old: Option<&'a Version>,
    /// What was to be.
    pub new: &'a Version,
}

impl Verdict {
    /// Reads the job's result, or the lack of one.
    pub(super) fn of(answer: Result<Activated, ConversationError>, case: &Case<'_>) -> Self {
        match answer {
            Ok(activated) => Self::ended(activated, case),
            Err(error) => Self::unended(&error, case),
        }
    }

    /// Of the way back from `case.new`, which was healthy: where that did not begin it is live as before, unless somebody
    /// replaced it, and there is a failure unless what was before is live again.
    pub(super) fn of_way_back(
        answer: Result<Activated, ConversationError>,
        case: &Case<'_>,
    ) -> Self {
        let replaced = answer
            .as_ref()
            .is_err_and(|error| replaced(error).is_some());
        let mut verdict = Self::of(answer, case);
        if !replaced
            && let Some(failure) = &mut verdict.failure
            && matches!(failure.live, Live::Untouched(_))
        {
            failure.live = Live::New(case.new.to_string());
            verdict.outcome = Outcome::Healthy;
            verdict.live = Some(case.new.clone());
        }
        let went_back = |failure: &Deployed| matches!(failure.live, Live::Reverted(_));
        verdict.failure = verdict.failure.filter(|failure| !went_back(failure));
        verdict
    }

    fn ended(done: Activated, case: &Case<'_>) -> Self {
        let text = |version: &Version| version.to_string();
        let current = done.current.as_ref().map(text);
        let outcome = done.result.outcome();
        let live = match done.result {
            ActivationResult::Healthy => {
                return Self {
                    outcome,
                    live: done.current,
                    backup: done.backup,
                    backup_sha256: done.backup_sha256,
                    failure: None,
                };
            }
            ActivationResult::Unhealthy => Live::Kept(text(case.new)),
            ActivationResult::Reverted => {
                let old = case.old.map_or_else(|| "nothing".to_owned(), text);
                Live::Reverted(old)
            }
            ActivationResult::FailedBeforeSwitch => Live::Untouched(current),
            ActivationResult::Failed => Live::Switched(current),
            ActivationResult::Unknown => Live::Unknown,
        };
        let hint = done.hint.map(|hint| hint.words(Some(case.stage)));
        Self {
            outcome,
            live: done.current,
            backup: done.backup,
            backup_sha256: done.backup_sha256,
            failure: Some(case.failure(live, done.message, done.output, hint)),
        }
    }

    fn unended(error: &ConversationError, case: &Case<'_>) -> Self {
        let output = error.output().to_vec();
        let look = format!("look with git hostout status {}", case.stage);
        let running = matches!(error, ConversationError::Failed(failure)
            if matches!(failure.kind, FailureKind::Running | FailureKind::Died));
        let lost = matches!(
            error,
            ConversationError::NoAnswer { .. }
                | ConversationError::Transport(transport::Error::Lost { .. })
        );
        if running || lost {
            // The job runs on without us: what is live will be seen by whoever looks.
            let failure = case.failure(Live::Unknown, error.words(), output, Some(look));
            return Self {
                outcome: Outcome::Abandoned,
                live: None,
                backup: None,
                backup_sha256: None,
                failure: Some(failure),
            };
        }
        // The agent said no before there was a job.
        let live = match replaced(error) {
            Some(failure) => failure.current.as_ref().and_then(|live| live.parse().ok()),
            None => case.old.cloned(),
        };
        let untouched = Live::Untouched(live.as_ref().map(ToString::to_string));
        Self {
            outcome: Outcome::Failed,
            live,
            backup: None,
            backup_sha256: None,
            failure: Some(case.failure(
                untouched,
                error.words(),
                output,
                error.hint(Some(case.stage)),
            )),
        }
    }
}

/// The host's no, where it is that somebody replaced what is live since the plan was made; it says what is live.
fn replaced(error: &ConversationError) -> Option<&Failure> {
    match error {
        ConversationError::Failed(failure) if failure.kind == FailureKind::Stale => Some(failure),
        _ => None,
    }
}

impl Case<'_> {
    fn failure(
        &self,
        live: Live,
        message: String,
        output: Vec<String>,
        hint: Option<String>,
    ) -> Deployed {
        Deployed {
            host: self.host.to_owned(),
            stage: self.stage.to_owned(),
            message,
            live,
            others: Vec::new(),
            output,
            hint,
        }
    }
}
