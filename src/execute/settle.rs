//! Settling what a client that went away left: its deployment's end in the ledger, its locks on hosts.

use super::{Error, Member, Recorder, Result, member, refused};
use crate::{
    config::Stage,
    event::Event,
    facts::Open,
    host::{Breaking, UnlockAnswer},
    ledger::Ledger,
    plan::{Action, Plan, Step, Work},
    release::{EntryId, HostResult, Outcome},
    transport::{Conversation, ConversationError},
};

/// What settling needs besides a plan.
pub struct Settling<'a> {
    /// Who settles, and how that is written down.
    pub recorder: Recorder<'a>,
    /// Where.
    pub stage: &'a Stage,
    /// The deployment that was left open.
    pub open: Option<&'a Open>,
    /// Why somebody ends what is another's; may be empty.
    pub reason: &'a str,
}

impl Settling<'_> {
    /// Carries out a plan that only settles.
    ///
    /// # Errors
    /// [`Error::Locked`] where somebody went on in between.
    pub fn carry_out(
        &self,
        plan: &Plan,
        ledger: &mut Ledger,
        members: &mut [Member],
    ) -> Result<()> {
        for step in &plan.steps {
            if !self.step(step, ledger, members)? {
                return Err(Error::Strange("settling"));
            }
        }
        Ok(())
    }

    /// Carries out a step that settles; `false` for any other.
    pub(super) fn step(
        &self,
        step: &Step,
        ledger: &mut Ledger,
        members: &mut [Member],
    ) -> Result<bool> {
        match &step.action {
            Action::Settle { .. } => self.write_end(step, ledger)?,
            Action::RecordHealthy { deployment, .. } => {
                self.write_health(step, ledger, deployment)?;
            }
            // A job that it left gives its own back at its end; this is a preparation's.
            Action::Unlock { owner, work, .. } => {
                let wanted = !matches!(work, Some(Work::Ended(_)));
                self.unlock(step, members, |agent| {
                    agent.unlock_dead(owner.clone(), wanted)
                })?;
            }
            Action::Break { .. } => {
                let why = Breaking {
                    by: self.recorder.who.to_string(),
                    reason: self.reason.to_owned(),
                };
                self.unlock(step, members, |agent| agent.unlock_expired(why))?;
            }
            Action::Commit { .. }
            | Action::Store { .. }
            | Action::Tag { .. }
            | Action::Enter { .. }
            | Action::Append { .. }
            | Action::GiveUp { .. }
            | Action::Reapply { .. }
            | Action::Push { .. }
            | Action::Recover { .. }
            | Action::InstallAgent { .. }
            | Action::Upload { .. }
            | Action::Trust { .. }
            | Action::Prepare { .. }
            | Action::RecordStarted { .. }
            | Action::Activate { .. }
            | Action::Pause { .. }
            | Action::RecordEnded { .. }
            | Action::MakeKey { .. }
            | Action::Bootstrap { .. }
            | Action::Prove { .. }
            | Action::NameRuntime { .. }
            | Action::Share { .. }
            | Action::Regain { .. }
            | Action::Tell { .. }
            | Action::Prune { .. } => return Ok(false),
        }
        Ok(true)
    }

    /// Writes how the deployment that was left open ended.
    fn write_end(&self, step: &Step, ledger: &mut Ledger) -> Result<()> {
        let open = self.open.ok_or(Error::Strange("settling"))?;
        (self.recorder.watch)(Event::Begin(format!("here: {}", step.action)));
        let (started, results) = (&open.started, &open.results);
        self.recorder
            .ended(ledger, started, open.outcome, results, self.reason)
    }

    /// Writes the end of a deployment anew that did not end well, and whose release is healthy now.
    fn write_health(&self, step: &Step, ledger: &mut Ledger, id: &EntryId) -> Result<()> {
        (self.recorder.watch)(Event::Begin(format!("here: {}", step.action)));
        let (Some((_, started)), Some((_, ended))) = (ledger.started(id)?, ledger.ended_for(id)?)
        else {
            return Err(Error::Strange("settling"));
        };
        // What is well was seen on every host of the stage; of one that it has no more nobody knows anything new.
        let is_ours = |name: &str| self.stage.hosts.iter().any(|host| host.destination == name);
        let healthy = |result: HostResult| match result {
            result if !is_ours(&result.host) => result,
            result => HostResult {
                to: Some(started.version.clone()),
                result: Outcome::Healthy,
                ..result
            },
        };
        let results: Vec<HostResult> = ended.host.into_iter().map(healthy).collect();
        self.recorder
            .ended(ledger, &started, Outcome::Healthy, &results, self.reason)
    }

    /// Ends the lock of a client that is gone.
    fn unlock(
        &self,
        step: &Step,
        members: &mut [Member],
        end: impl FnOnce(&mut Conversation<'_>) -> Result<UnlockAnswer, ConversationError>,
    ) -> Result<()> {
        let member = member(members, step, "settling")?;
        let host = member.host.destination.clone();
        (self.recorder.watch)(Event::Begin(format!("{host}: {}", step.action)));
        let Stage { path, python, .. } = self.stage;
        let mut agent = Conversation::new(member.transport.as_mut(), path, python);
        end(&mut agent).map_err(|error| refused(&host, &self.stage.name, error))?;
        Ok(())
    }
}
