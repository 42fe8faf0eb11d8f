//! Putting right what was cut off on hosts, before anything else is planned.

use super::{
    Deployed, Error, Live, Member, Result, refused,
    together::together,
    verdict::{Case, Verdict},
};
use crate::{
    config::Stage,
    event::{Event, Watch},
    host::ActivationResult,
    plan::{Action, Plan},
    transport::Conversation,
};
use semver::Version;

/// What came of it.
#[derive(Debug, Default)]
pub struct Recovered {
    /// A host on which the old release could not be put back; it is settled like the others.
    pub failed: Option<Deployed>,
    /// The release that runs again as what was cut off was undone.
    pub back: Option<Version>,
}

/// Carries out a plan that only recovers, on all its hosts at the same time, and says how it ended on each.
///
/// # Errors
/// [`Error::Locked`] where somebody else is at work, [`Error::Unreachable`] where the host could not be asked. Where it
/// says no, or its answer was lost, nobody knows what is live: [`Live::Unknown`].
pub fn recover(
    plan: &Plan,
    stage: &Stage,
    members: &mut [Member],
    watch: Watch<'_>,
) -> Result<Recovered> {
    let work = |name: &str| {
        let mut steps = plan.steps.iter();
        steps.find(|step| step.host.as_deref() == Some(name))
    };
    let Stage { path, python, .. } = stage;
    let answers = together(
        members,
        work,
        |member, step| {
            if !matches!(step.action, Action::Recover { .. }) {
                return Err(Error::Strange("recovering"));
            }
            let host = &member.host.destination;
            watch(Event::Begin(format!("{host}: {}", step.action)));
            let mut agent = Conversation::new(member.transport.as_mut(), path, python);
            agent
                .recover(watch)
                .map_err(|error| unknown(refused(host, &stage.name, error)))
        },
        |_, _| (),
    );
    let mut recovered = Recovered::default();
    for (host, answer) in answers {
        let Some(ended) = answer? else { continue };
        watch(Event::Begin(format!("{host}: {}", ended.message)));
        let (old, new) = (ended.from.clone(), ended.to.clone());
        let case = Case {
            host: &host,
            stage: &stage.name,
            old: old.as_ref(),
            new: &new,
        };
        let undone = matches!(
            ended.result,
            ActivationResult::Reverted | ActivationResult::FailedBeforeSwitch
        );
        if undone && ended.current == old {
            recovered.back = recovered.back.or_else(|| old.clone());
        }
        let failure = Verdict::of(Ok(ended), &case).failure;
        let down = failure.filter(|failure| matches!(failure.live, Live::Switched(_)));
        recovered.failed = recovered.failed.or(down);
    }
    Ok(recovered)
}

/// A recovery that came to nothing leaves what was cut off as it is, or further on.
fn unknown(error: Error) -> Error {
    match error {
        Error::Conversation { host, stage, why } => Error::Deployed(Box::new(Deployed {
            host,
            message: format!("what was cut off is not put right: {}", why.words()),
            live: Live::Unknown,
            others: Vec::new(),
            output: why.output().to_vec(),
            hint: why.hint(Some(&stage)),
            stage,
        })),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::ConversationError;

    #[test]
    fn a_recovery_that_came_to_nothing_says_so() {
        let error = unknown(Error::Conversation {
            host: "web1".to_owned(),
            stage: "live".to_owned(),
            why: Box::new(ConversationError::NoAnswer {
                host: "web1".to_owned(),
                message: "the agent's answer has no end".to_owned(),
            }),
        });
        assert_eq!(
            error.to_string(),
            "web1: what was cut off is not put right: the agent's answer has no end"
        );
        let is_unknown =
            matches!(&error, Error::Deployed(deployed) if deployed.live == Live::Unknown);
        assert!(is_unknown, "{error:?}");
    }
}
