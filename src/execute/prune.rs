//! Carrying out a prune.

use super::{Error, Member, Result, member, owner::lock, refused};
use crate::{
    config::Stage,
    event::{Event, Watch},
    host::PruneRequest,
    ledger::{self, Person},
    plan::{Action, Plan},
    transport::Conversation,
};

/// Removes the releases that `plan` names, and what no other release needs.
///
/// # Errors
/// [`Error::Locked`] where somebody else is at work, [`Error::Changed`] where one of them is live by now.
pub fn prune(
    plan: &Plan,
    stage: &Stage,
    who: &Person,
    members: &mut [Member],
    watch: Watch<'_>,
) -> Result<()> {
    for step in &plan.steps {
        let Action::Prune { keep, releases } = &step.action else {
            return Err(Error::Strange("a prune"));
        };
        let member = member(members, step, "a prune")?;
        let name = &member.host.destination;
        watch(Event::Begin(format!("{name}: {}", step.action)));
        let request = PruneRequest {
            keep: u32::try_from(*keep).unwrap_or(u32::MAX),
            releases: releases.clone(),
            dry_run: false,
            lock: Some(lock(&ledger::new_id()?.0, who, &plan.summary)),
        };
        let transport = member.transport.as_mut();
        let pruned = Conversation::new(transport, &stage.path, &stage.python).prune(&request);
        pruned.map_err(|error| refused(name, &stage.name, error))?;
    }
    Ok(())
}
