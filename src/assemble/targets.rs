//! Whether the wheels fit the hosts that the release is for.

use super::{Job, Result, pins::Pinned};
use crate::{plan::Refusal, release::Target};

/// Refuses wheels that don't fit one of `[release] targets`, all at once. Without targets the release is for machines like
/// this one, which every wheel fits that was resolved here.
pub(super) fn check(job: &Job<'_>, pinned: &Pinned) -> Result<()> {
    let own = pinned.eggs.iter().flatten().map(|wheel| &wheel.artifact);
    let files: Vec<&str> = own
        .chain(pinned.pins.iter().flat_map(|pin| &pin.artifacts))
        .map(|artifact| artifact.file.as_str())
        .collect();
    let mut refusal = Refusal::default();
    for name in &job.project.release.targets {
        let Some(target) = Target::parse(name) else {
            continue;
        };
        let strangers: Vec<&str> = files
            .iter()
            .copied()
            .filter(|file| !target.takes(file))
            .collect();
        if !strangers.is_empty() {
            refusal.add(
                format!("target {name} cannot take {}", strangers.join(", ")),
                format!(
                    "release on a machine like {name}, pin versions that have wheels for it, or take it out of `targets` in [release]"
                ),
            );
        }
    }
    Ok(refusal.into_result()?)
}
