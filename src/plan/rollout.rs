//! The order in which hosts are activated, and what is said about it.

use super::Action;
use crate::config::{OnFailure, Rollout};

/// Puts activations into batches: the same number for those of one batch, a pause between batches.
pub(super) fn batches(
    rollout: &Rollout,
    activations: Vec<(Option<String>, Action)>,
) -> Vec<(Option<String>, Action)> {
    let sizes = rollout.batches(activations.len());
    let mut steps = Vec::new();
    let mut activations = activations.into_iter();
    for (number, size) in (1..).zip(sizes) {
        if number > 1 && rollout.pause > 0 {
            let seconds = rollout.pause;
            steps.push((None, Action::Pause { seconds }));
        }
        for (host, mut action) in activations.by_ref().take(size) {
            if let Action::Activate { batch, .. } = &mut action {
                *batch = number;
            }
            steps.push((host, action));
        }
    }
    steps
}

/// What to know about so many hosts; nothing about one.
pub(super) fn notes(rollout: &Rollout, hosts: usize) -> Vec<String> {
    if hosts < 2 {
        return Vec::new();
    }
    let sizes = rollout.batches(hosts);
    let order = match sizes.as_slice() {
        [all] => format!("{all} hosts at the same time"),
        sizes => {
            let sizes: Vec<String> = sizes.iter().map(ToString::to_string).collect();
            format!("{}: {} hosts", rollout.strategy, sizes.join(", then "))
        }
    };
    let failure = match rollout.on_failure {
        OnFailure::RevertAll => "goes back, and all others with it",
        OnFailure::Halt => "goes back; those before it keep the release, the rest is left alone",
        OnFailure::Continue => "goes back; all others get the release",
    };
    vec![order, format!("a host that fails {failure}")]
}
