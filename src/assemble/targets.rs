//! Wheels for every kind of host that the release is for.
//!
//! A release resolves on this machine. For targets that cannot take what was found here the same versions are fetched as
//! wheels for these, and what only their python or platform wants, by the markers of requirements. Nothing is built for
//! them: that takes a machine like them.

use super::{
    Error, Job, Result,
    configs::Configs,
    pins::{Pinned, same_file},
};
use crate::{
    buildout::{Foreign, Wanted},
    eggs::{WheelInfo, normalize},
    event::Event,
    plan::Refusal,
    process::Folder,
    release::{Artifact, Origin, Pin, Target},
};
use std::{collections::BTreeMap, env, fs};

/// How deep a chain of requirements may be that only another machine has.
const DEPTH: usize = 20;

/// Makes the pins whole for `[release] targets`. Without targets the release is for machines like this one, which every
/// wheel fits that was resolved here.
///
/// # Errors
/// Wheels that don't fit a target, all at once.
pub(super) fn complete(job: &Job<'_>, configs: &Configs, pinned: &mut Pinned) -> Result<()> {
    let names = &job.project.release.targets;
    let targets: Vec<(&str, Target)> = names
        .iter()
        .filter_map(|name| Some((name.as_str(), Target::parse(name)?)))
        .collect();
    for (name, target) in &targets {
        fetch(job, configs, pinned, name, target)?;
    }
    mark(pinned, &targets);
    check(pinned, &targets)
}

/// Gets what `target` lacks.
fn fetch(
    job: &Job<'_>,
    configs: &Configs,
    pinned: &mut Pinned,
    name: &str,
    target: &Target,
) -> Result<()> {
    let Some(seen) = configs.production.values().next() else {
        return Ok(());
    };
    let settings = configs.scratch.settings(job.user)?;
    let foreign = Foreign {
        scratch: &configs.scratch,
        inspected: &seen.inspected,
        user: job.user,
        settings: &settings,
        target,
        progress: &|line| (job.watch)(Event::Detail(line.to_owned())),
    };
    let mut wanted = Vec::new();
    for pin in &mut pinned.pins {
        let serves = |artifact: &Artifact| target.takes(&artifact.file);
        // What the last release has, and this machine has not, is fetched again.
        let at_hand = |artifact: &Artifact| job.store.path(&artifact.sha256).is_some();
        pin.artifacts.retain(at_hand);
        if pin.artifacts.iter().any(serves) {
            continue;
        }
        let version = pin.version.to_string();
        let before = before(job, &pin.name, Some(&version), target);
        match before.filter(|(_, artifact)| at_hand(artifact)) {
            Some((_, artifact)) => pin.artifacts.push(artifact.clone()),
            None => wanted.push(format!("{}=={}", pin.name, pin.version)),
        }
    }
    if !wanted.is_empty() {
        (job.watch)(Event::Begin(format!("fetch wheels for {name}")));
    }
    for (artifact, info) in download(job, &foreign, &wanted)? {
        let same = |pin: &&mut Pin| normalize(&pin.name) == normalize(&info.name);
        let Some(pin) = pinned.pins.iter_mut().find(same) else {
            continue;
        };
        pin.artifacts.push(artifact);
        let buildouts = pin.buildouts.clone();
        pinned.demand(&buildouts, &info);
    }
    for _ in 0..DEPTH {
        let dists = requirements(job, pinned, |wheel| target.takes(wheel))?;
        let more = foreign.wants(&dists)?;
        if more.is_empty() {
            break;
        }
        if !add(job, &foreign, pinned, name, &more)? {
            return Err(unfulfilled(name, &more).into());
        }
    }
    Ok(())
}

fn unfulfilled(name: &str, wanted: &[Wanted]) -> Refusal {
    let mut refusal = Refusal::default();
    for Wanted { requirement, by } in wanted {
        refusal.add(
            format!(
                "on target {name} {by} wants {requirement}, and there is no wheel of that for it"
            ),
            format!("release on a machine like {name}, or take it out of `targets` in [release]"),
        );
    }
    refusal
}

/// What each distribution requires, where there is a choice by a wheel that `takes` says yes to.
pub(super) fn requirements(
    job: &Job<'_>,
    pinned: &Pinned,
    takes: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, Vec<String>>> {
    let eggs = pinned.eggs.iter().flatten();
    let eggs = eggs.map(|wheel| std::slice::from_ref(&wheel.artifact));
    let pins = pinned.pins.iter().map(|pin| &*pin.artifacts);
    let mut dists = BTreeMap::new();
    for wheels in eggs.chain(pins) {
        let fits = wheels.iter().find(|wheel| takes(&wheel.file));
        let Some(artifact) = fits.or(wheels.first()) else {
            continue;
        };
        let info = WheelInfo::read(&artifact.file, &job.store.read(&artifact.sha256)?)?;
        dists.insert(info.name, info.requires_dist);
    }
    Ok(dists)
}

/// Pins what only this target wants; whether there was anything of it.
fn add(
    job: &Job<'_>,
    foreign: &Foreign<'_>,
    pinned: &mut Pinned,
    name: &str,
    wanted: &[Wanted],
) -> Result<bool> {
    let mut found = Vec::new();
    let mut fetched = Vec::new();
    for want in wanted {
        let dist = want.name();
        match before(job, dist, None, foreign.target) {
            Some((pin, artifact)) if job.store.path(&artifact.sha256).is_some() => {
                found.push((pin.name.clone(), pin.version.clone(), artifact.clone()));
            }
            Some((pin, _)) => fetched.push(format!("{}=={}", pin.name, pin.version)),
            None => fetched.push(want.requirement.clone()),
        }
    }
    for (artifact, info) in download(job, foreign, &fetched)? {
        let everywhere: Vec<String> = pinned.resolved.keys().cloned().collect();
        pinned.demand(&everywhere, &info);
        found.push((info.name, info.version, artifact));
    }
    let any = !found.is_empty();
    for (dist, version, artifact) in found {
        let same = |want: &&Wanted| normalize(want.name()) == normalize(&dist);
        let by = wanted.iter().find(same);
        let wants = |pin: &&Pin| by.is_some_and(|want| normalize(&want.by) == normalize(&pin.name));
        let buildouts = pinned
            .pins
            .iter()
            .find(wants)
            .map(|pin| pin.buildouts.clone());
        pinned.pins.push(Pin {
            name: dist,
            version,
            buildouts: buildouts.unwrap_or_else(|| pinned.resolved.keys().cloned().collect()),
            targets: vec![name.to_owned()],
            origin: Origin::Index,
            built_from: None,
            artifacts: vec![artifact],
            fetchable: None,
        });
    }
    pinned.pins.sort_by_key(|pin| normalize(&pin.name));
    Ok(any)
}

/// The wheel that the release before has for `target`.
fn before<'j>(
    job: &Job<'j>,
    name: &str,
    version: Option<&str>,
    target: &Target,
) -> Option<(&'j Pin, &'j Artifact)> {
    let pins = &job.previous?.manifest.pin;
    let pin = pins.iter().find(|pin| {
        normalize(&pin.name) == normalize(name)
            && version.is_none_or(|version| pin.version.to_string() == version)
    })?;
    let artifact = pin
        .artifacts
        .iter()
        .find(|artifact| target.takes(&artifact.file))?;
    Some((pin, artifact))
}

fn download(
    job: &Job<'_>,
    foreign: &Foreign<'_>,
    requirements: &[String],
) -> Result<Vec<(Artifact, WheelInfo)>> {
    let folder = Folder::new("hostout-foreign-").map_err(Error::file(env::temp_dir()))?;
    let mut found = Vec::new();
    for path in foreign.download(requirements, folder.path())? {
        let file = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let bytes = fs::read(&path).map_err(Error::file(&path))?;
        let info = WheelInfo::read(&file, &bytes)?;
        let sha256 = job.store.put(&bytes)?;
        let version = info.version.to_string();
        let before = before(job, &info.name, Some(&version), foreign.target);
        let before = before.map(|(_, artifact)| artifact.sha256);
        same_file(job, before, &file, &sha256)?;
        let artifact = Artifact {
            sha256,
            size: bytes.len() as u64,
            file,
            targets: Vec::new(),
            reproducible: true,
        };
        found.push((artifact, info));
    }
    Ok(found)
}

/// Writes at each wheel which targets it serves, where it is not all of them; one that serves none is left out.
fn mark(pinned: &mut Pinned, targets: &[(&str, Target)]) {
    for pin in &mut pinned.pins {
        for artifact in &mut pin.artifacts {
            let serves = targets
                .iter()
                .filter(|(_, target)| target.takes(&artifact.file));
            artifact.targets = serves.map(|(name, _)| (*name).to_owned()).collect();
        }
        if pin
            .artifacts
            .iter()
            .any(|artifact| !artifact.targets.is_empty())
        {
            pin.artifacts
                .retain(|artifact| !artifact.targets.is_empty());
        }
        for artifact in &mut pin.artifacts {
            if artifact.targets.len() == targets.len() {
                artifact.targets.clear();
            }
        }
    }
}

fn check(pinned: &Pinned, targets: &[(&str, Target)]) -> Result<()> {
    let eggs = pinned.eggs.iter().flatten();
    let eggs = eggs.map(|wheel| std::slice::from_ref(&wheel.artifact));
    let pins = pinned.pins.iter();
    let all: Vec<(&[Artifact], &[String])> = eggs
        .map(|wheels| (wheels, &[][..]))
        .chain(pins.map(|pin| (&*pin.artifacts, &*pin.targets)))
        .collect();
    let mut refusal = Refusal::default();
    for (name, target) in targets {
        let strangers: Vec<&str> = all
            .iter()
            .filter(|(_, only)| only.is_empty() || only.iter().any(|only| only == name))
            .filter(|(wheels, _)| !wheels.iter().any(|wheel| target.takes(&wheel.file)))
            .filter_map(|(wheels, _)| Some(wheels.first()?.file.as_str()))
            .collect();
        if !strangers.is_empty() {
            refusal.add(
                format!(
                    "target {name} cannot take {}, and there are no wheels for it",
                    strangers.join(", ")
                ),
                format!(
                    "release on a machine like {name}, pin versions that have wheels for it, or take it out of `targets` in [release]"
                ),
            );
        }
    }
    Ok(refusal.into_result()?)
}
