//! Carrying out a put.

use super::{Error, Member, Result, member, refused};
use crate::{
    config::Stage,
    event::{Event, Watch},
    plan::{Action, Plan},
    transport::Conversation,
};

/// Puts `content` to hosts as `plan` says: the names of those where it was another one before, or none.
pub fn put(
    plan: &Plan,
    stage: &Stage,
    content: &[u8],
    members: &mut [Member],
    watch: Watch<'_>,
) -> Result<Vec<String>> {
    let mut changed = Vec::new();
    for step in &plan.steps {
        let Action::Share { file, .. } = &step.action else {
            return Err(Error::Strange("a put"));
        };
        let member = member(members, step, "a put")?;
        let name = member.host.destination.clone();
        watch(Event::Begin(format!("{name}: {}", step.action)));
        let mut agent = Conversation::new(member.transport.as_mut(), &stage.path, &stage.python);
        if agent
            .share(file, content)
            .map_err(|error| refused(&name, &stage.name, error))?
        {
            changed.push(name);
        }
    }
    Ok(changed)
}
