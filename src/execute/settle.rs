//! Settling what a client that went away left: its deployment's end in the ledger, its locks on hosts.

use super::{Error, Member, Recorder, Result, member};
use crate::{
    config::Stage,
    event::Event,
    facts::Open,
    host::DeadOwner,
    ledger::Ledger,
    plan::{Action, Plan, Step},
    transport::{Conversation, ConversationError},
};

/// Carries out a plan that only settles.
pub fn settle(
    plan: &Plan,
    stage: &Stage,
    open: Option<&Open>,
    recorder: &Recorder<'_>,
    ledger: &mut Ledger,
    members: &mut [Member],
) -> Result<()> {
    for step in &plan.steps {
        match &step.action {
            Action::Settle { .. } => write_end(step, open, recorder, ledger)?,
            Action::Unlock { owner, .. } => unlock(step, owner, stage, recorder, members)?,
            Action::Commit { .. }
            | Action::Tag { .. }
            | Action::Enter { .. }
            | Action::Reapply { .. }
            | Action::Push { .. }
            | Action::InstallAgent { .. }
            | Action::Upload { .. }
            | Action::Prepare { .. }
            | Action::RecordStarted { .. }
            | Action::Activate { .. }
            | Action::RecordEnded { .. }
            | Action::Prune { .. } => return Err(Error::Strange("settling")),
        }
    }
    Ok(())
}

/// Writes how the deployment that was left open ended.
pub(super) fn write_end(
    step: &Step,
    open: Option<&Open>,
    recorder: &Recorder<'_>,
    ledger: &mut Ledger,
) -> Result<()> {
    let open = open.ok_or(Error::Strange("settling"))?;
    (recorder.watch)(Event::Begin(format!("here: {}", step.action)));
    recorder.ended(ledger, &open.started, open.outcome, &open.results)
}

/// Ends the lock of a client that is gone. A job that it left gives its own back at its end; this is a preparation's.
pub(super) fn unlock(
    step: &Step,
    owner: &DeadOwner,
    stage: &Stage,
    recorder: &Recorder<'_>,
    members: &mut [Member],
) -> Result<()> {
    let member = member(members, step, "settling")?;
    let host = member.host.destination.clone();
    (recorder.watch)(Event::Begin(format!("{host}: {}", step.action)));
    let mut agent = Conversation::new(member.transport.as_mut(), &stage.path, &stage.python);
    match agent.unlock_dead(owner.clone()) {
        Ok(_) => Ok(()),
        Err(ConversationError::Transport(error)) => Err(Error::Unreachable(error)),
        Err(error) => Err(Error::Conversation {
            host,
            source: Box::new(error),
        }),
    }
}
