//! Ending locks whose owners are gone, and the deployment that they left open.

use super::{Error, Member, Recorder, Result, settle, settle::broken};
use crate::{
    config::Stage,
    event::Event,
    host::Breaking,
    ledger::Ledger,
    observe::holder,
    plan::{Action, Plan},
    release::Outcome,
    transport::Conversation,
};

/// Carries out `plan`: locks first, then the ledger. Says how the deployment ended that was open.
///
/// # Errors
/// [`Error::Locked`] where somebody went on in between.
pub fn unlock(
    plan: &Plan,
    stage: &Stage,
    reason: &str,
    recorder: &Recorder<'_>,
    ledger: &mut Ledger,
    members: &mut [Member],
) -> Result<Option<Outcome>> {
    let mut ended = None;
    for step in &plan.steps {
        match &step.action {
            Action::Unlock { .. } => {
                let name = step.host.as_deref().unwrap_or_default();
                let member = members
                    .iter_mut()
                    .find(|member| member.host.destination == name)
                    .ok_or(Error::Strange("an unlock"))?;
                (recorder.watch)(Event::Begin(format!("{name}: {}", step.action)));
                let why = Breaking {
                    by: recorder.who.to_string(),
                    reason: reason.to_owned(),
                };
                let transport = member.transport.as_mut();
                let mut agent = Conversation::new(transport, &stage.path, &stage.python);
                let ended = agent
                    .unlock_expired(why)
                    .map_err(|error| broken(name, error))?;
                if let Some(lock) = ended.lock {
                    let whose = holder(&lock);
                    (recorder.watch)(Event::Detail(format!("{name}: it was that of {whose}")));
                }
            }
            Action::RecordEnded { .. } => {
                ended = settle(stage, recorder, ledger, members, reason)?;
            }
            _ => return Err(Error::Strange("an unlock")),
        }
    }
    Ok(ended)
}
