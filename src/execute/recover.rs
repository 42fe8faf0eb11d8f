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
/// [`Error::Locked`] where somebody else is at work, [`Error::Unreachable`] where the way to the host was lost.
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
                .map_err(|error| refused(host, &stage.name, error))
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
