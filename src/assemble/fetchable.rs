//! The wheels that a release does not ship, for hosts that fetch them themselves.
//!
//! Where a stage says `fetch = "host"` the index is asked which other wheels it has of each pin that came from it: a host
//! that is like none of the targets takes one of these. They are facts like the pins, and stay as long as the pin does:
//! what is uploaded later, or taken away, changes no release. `--upgrade` asks again.

use super::{
    Job, Result,
    configs::Configs,
    pins::{Pinned, same_file},
    targets::requirements,
};
use crate::{
    buildout::{Indexes, conditional},
    config::Fetch,
    eggs::{WheelName, normalize},
    event::Event,
    release::{Artifact, Elsewhere, Fetchable, Manifest, Pin, every_host_takes, some_host_takes},
};

/// Names them at each pin.
///
/// # Errors
/// A file that is another one than the last release named.
pub(super) fn name(job: &Job<'_>, configs: &Configs, pinned: &mut Pinned) -> Result<()> {
    let host = |stage: &crate::config::Stage| stage.fetch == Fetch::Host;
    if let Some(again) = job.again {
        for pin in &mut pinned.pins {
            pin.fetchable = before(Some(again.recorded), pin).and_then(|pin| pin.fetchable.clone());
        }
        pinned.elsewhere.clone_from(&again.recorded.elsewhere);
        return Ok(());
    }
    if !job.project.stages.iter().any(host) {
        for pin in &mut pinned.pins {
            pin.fetchable = None;
        }
        return Ok(());
    }
    pinned.elsewhere = wanted(job, configs, pinned)?;
    let previous = job.previous.map(|released| &released.manifest);
    let mut asked = Vec::new();
    for (at, pin) in pinned.pins.iter_mut().enumerate() {
        let kept = configs.kept.iter();
        let kept = kept
            .map(|(name, _)| normalize(name))
            .any(|name| name == normalize(&pin.name));
        let known = before(previous, pin).and_then(|pin| pin.fetchable.clone());
        let everywhere = pin
            .artifacts
            .iter()
            .any(|artifact| every_host_takes(&artifact.file));
        pin.fetchable = known.filter(|_| !everywhere);
        if pin.is_public() && !everywhere && !(kept && pin.fetchable.is_some()) {
            asked.push(at);
        }
    }
    let Some(seen) = configs
        .production
        .values()
        .next()
        .filter(|_| !asked.is_empty())
    else {
        return Ok(());
    };
    (job.watch)(Event::Begin("ask for wheels that hosts fetch".to_owned()));
    let indexes = Indexes {
        scratch: &configs.scratch,
        inspected: &seen.inspected,
        user: job.user,
        settings: &configs.scratch.settings(job.user)?,
    };
    let names: Vec<&str> = asked
        .iter()
        .map(|&at| pinned.pins[at].name.as_str())
        .collect();
    let mut found = indexes.wheels(&names)?;
    for at in asked {
        let pin = &mut pinned.pins[at];
        let found = found.remove(&pin.name).unwrap_or_default();
        pin.fetchable = merge(job, pin, found)?;
        if pin.fetchable.is_none() {
            (job.watch)(Event::Warning(format!(
                "no index says the sha256 of the wheels of {} {}: hosts that are like none of the targets cannot fetch it",
                pin.name, pin.version
            )));
        }
    }
    Ok(())
}

/// What other machines want: a host that lacks it is told before anything is sent.
fn wanted(job: &Job<'_>, configs: &Configs, pinned: &Pinned) -> Result<Vec<Elsewhere>> {
    let dists = requirements(job, pinned, |_| true)?;
    let pythons = pinned.pythons.values();
    let pythons: Vec<String> = pythons
        .map(|clauses| clauses.iter().cloned().collect::<Vec<_>>().join(","))
        .collect();
    Ok(conditional(&configs.scratch, job.user, &dists, &pythons)?)
}

fn before<'m>(manifest: Option<&'m Manifest>, pin: &Pin) -> Option<&'m Pin> {
    let mut pins = manifest?.pin.iter();
    pins.find(|other| {
        normalize(&other.name) == normalize(&pin.name) && other.version == pin.version
    })
}

/// What was known with what was found; nothing where the index says nothing of this version.
fn merge(job: &Job<'_>, pin: &Pin, found: Vec<Fetchable>) -> Result<Option<Vec<Fetchable>>> {
    let ours = |wheel: &Fetchable| {
        WheelName::parse(&wheel.file).is_ok_and(|wheel| {
            normalize(&wheel.name) == normalize(&pin.name) && wheel.version == pin.version
        })
    };
    let found: Vec<Fetchable> = found.into_iter().filter(ours).collect();
    if found.is_empty() {
        return Ok(pin.fetchable.clone());
    }
    let mut all = pin.fetchable.clone().unwrap_or_default();
    for wheel in found {
        let known = all.iter().find(|known| known.file == wheel.file);
        let known = known.map(|known| known.sha256);
        same_file(job, known, &wheel.file, &wheel.sha256)?;
        let shipped = |artifact: &Artifact| artifact.file == wheel.file;
        if known.is_none() && some_host_takes(&wheel.file) && !pin.artifacts.iter().any(shipped) {
            all.push(wheel);
        }
    }
    all.sort_by(|one, other| one.file.cmp(&other.file));
    Ok(Some(all))
}
