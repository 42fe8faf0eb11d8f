//! Which steps of a deployment are done together, and which of them are a host's.

use crate::plan::{Action, Step};

/// The steps of one host, if there are any.
pub(super) fn own<'s>(steps: &[&'s Step], host: &str) -> Option<Vec<&'s Step>> {
    let own = steps.iter().copied();
    let own: Vec<&Step> = own
        .filter(|step| step.host.as_deref() == Some(host))
        .collect();
    (!own.is_empty()).then_some(own)
}

/// How many of `rest` go together with `step`: what prepares hosts, or activates those of one batch.
pub(super) fn together_with(step: &Step, rest: &[Step]) -> usize {
    let prepares = |step: &Step| {
        matches!(
            step.action,
            Action::InstallAgent { .. }
                | Action::Upload { .. }
                | Action::Trust { .. }
                | Action::Prepare { .. }
        )
    };
    let batch = |step: &Step| match step.action {
        Action::Activate { batch, .. } => Some(batch),
        _ => None,
    };
    let mine = batch(step);
    let goes = |other: &&Step| {
        (prepares(step) && prepares(other)) || (mine.is_some() && batch(other) == mine)
    };
    rest.iter().take_while(goes).count()
}
