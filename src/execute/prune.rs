//! Carrying out a prune.

use super::{Deployed, Error, Live, Member, Result, member, owner::lock};
use crate::{
    config::Stage,
    event::{Event, Watch},
    host::PruneRequest,
    ledger::{self, Person},
    plan::{Action, Plan},
    transport::Conversation,
};

/// Removes old releases as `plan` says.
pub fn prune(
    plan: &Plan,
    stage: &Stage,
    who: &Person,
    members: &mut [Member],
    watch: Watch<'_>,
) -> Result<()> {
    for step in &plan.steps {
        let Action::Prune { keep, .. } = &step.action else {
            return Err(Error::Strange("a prune"));
        };
        let member = member(members, step, "a prune")?;
        let name = &member.host.destination;
        watch(Event::Begin(format!("{name}: {}", step.action)));
        let request = PruneRequest {
            keep: u32::try_from(*keep).unwrap_or(u32::MAX),
            dry_run: false,
            lock: Some(lock(&ledger::new_id()?.0, who, &plan.summary)),
        };
        let transport = member.transport.as_mut();
        let pruned = Conversation::new(transport, &stage.path, &stage.python).prune(&request);
        pruned.map_err(|error| {
            Error::Deployed(Box::new(Deployed {
                host: name.clone(),
                message: error.words(),
                live: Live::Untouched(None),
                others: Vec::new(),
                output: error.output().to_vec(),
                hint: error.hint(Some(&stage.name)),
                stage: stage.name.clone(),
            }))
        })?;
    }
    Ok(())
}
