//! The pins: what zc.buildout itself uses when it is run on the bumped tree with the new wheels.

use super::{
    Error, Job, Result, again,
    configs::Configs,
    eggs::Candidate,
    fetchable, files, targets,
    wheels::{self, Wheels},
};
use crate::{
    buildout::{self, Dist, EggWheel, Request, Resolved, Workdir},
    config::Combination,
    eggs::{self, TemporaryClone, WheelInfo, WheelName, normalize},
    event::Event,
    plan::Refusal,
    process::Folder,
    release::{Artifact, Digest, Elsewhere, Pin},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::PathBuf,
};

/// What production uses.
pub(super) struct Pinned {
    /// Third-party distributions, by normalised name.
    pub pins: Vec<Pin>,
    /// The project's own wheels: one for each candidate, nothing for those that production does not use.
    pub eggs: Vec<Option<wheels::Wheel>>,
    /// What eggs were built with.
    pub tools: Vec<crate::release::BuildTool>,
    /// Per combination, by name: what its run said.
    pub resolved: BTreeMap<String, Resolved>,
    /// Wheels that came from a folder of this machine.
    pub local: BTreeSet<String>,
    /// What recipes downloaded, by its path in the download cache.
    pub downloads: BTreeMap<String, Vec<u8>>,
    /// What other machines want, where hosts fetch wheels.
    pub elsewhere: Vec<Elsewhere>,
    /// Per combination, by name: every `Requires-Python` clause.
    pub pythons: BTreeMap<String, BTreeSet<String>>,
}

impl Pinned {
    /// The python that a further wheel needs is needed by those `buildouts`.
    pub fn demand(&mut self, buildouts: &[String], info: &WheelInfo) {
        for name in buildouts {
            if let Some(python) = &info.requires_python {
                let pythons = self.pythons.entry(name.clone()).or_default();
                pythons.extend(clauses(python));
            }
        }
    }
}

/// Runs buildout for every combination and collects what it uses, wheels into the store.
pub(super) fn resolve(
    job: &Job<'_>,
    configs: &Configs,
    candidates: &[Candidate],
    built: &Wheels,
) -> Result<Pinned> {
    let own = own(candidates, built);
    let edits: Vec<(String, Vec<u8>)> = candidates
        .iter()
        .flat_map(|candidate| candidate.edits.files.clone())
        .collect();
    let clone = TemporaryClone::new(job.repo, job.head, &edits)?;
    let shelf = Shelf::fill(job)?;
    let settings = configs.scratch.settings(job.user)?;
    let epoch = files::epoch(job)?;
    let mut pinned = Pinned {
        pins: Vec::new(),
        eggs: Vec::new(),
        tools: built.tools.clone(),
        resolved: BTreeMap::new(),
        local: BTreeSet::new(),
        downloads: BTreeMap::new(),
        elsewhere: Vec::new(),
        pythons: BTreeMap::new(),
    };
    let mut used: BTreeSet<String> = BTreeSet::new();
    let downloads = match job.again {
        Some(again) => again.downloads(job)?,
        None => BTreeMap::new(),
    };
    // Those that the project pins too: a wheel that was built from an sdist once is not built again.
    let kept = configs.kept.iter();
    let mut at_hand: Vec<PathBuf> = kept
        .flat_map(|(name, version)| shelf.wheels(name, version))
        .collect();
    let mut outs = Vec::new();
    for combination in &job.project.combinations {
        let Some(seen) = configs.production.get(&combination.config) else {
            continue;
        };
        (job.watch)(Event::Begin(format!("resolve {}", describe(combination))));
        let work = Workdir::copy(
            clone.path(),
            job.directory,
            &configs.overlay,
            &combination.shared.files,
        )?;
        let out = Folder::new("hostout-resolved-").map_err(Error::file(env::temp_dir()))?;
        let canonical = |bytes: Vec<u8>| bytes;
        let progress = |line: &str| (job.watch)(Event::Detail(line.to_owned()));
        let resolved = buildout::resolve(&Request {
            scratch: &configs.scratch,
            work: &work,
            graph: &seen.graph,
            inspected: &seen.inspected,
            parts: combination.parts.as_deref(),
            host_parts: &job.project.buildout.host_parts,
            eggs: &own,
            kept: &configs.kept,
            stored: &at_hand,
            downloads: &downloads,
            canonical: &canonical,
            epoch,
            user: job.user,
            settings: &settings,
            out: out.path(),
            progress: &progress,
        });
        let resolved = match resolved {
            Ok(resolved) => resolved,
            Err(error) => {
                // A missing egg of ours is no mystery: it could not be built.
                let broken = wheels::broken(candidates, built);
                if broken.reasons.is_empty() {
                    return Err(error.into());
                }
                return Err(broken.into());
            }
        };
        if displaced(candidates, built, &resolved) {
            return Err(wheels::broken(candidates, built).into());
        }
        used.extend(resolved.eggs_used.iter().map(|name| normalize(name)));
        let pythons = pinned.pythons.entry(combination.name.clone()).or_default();
        for dist in &resolved.dists {
            add(job, &mut pinned.pins, combination, dist, pythons)?;
            if dist.is_local() {
                let name = dist.file.file_name().unwrap_or_default();
                pinned.local.insert(name.to_string_lossy().into_owned());
            }
        }
        // What one configuration fetched, the next one doesn't fetch again.
        let files = resolved.dists.iter().map(|dist| &dist.file);
        at_hand.extend(files.filter(|file| file.is_file()).cloned());
        outs.push(out);
        keep_downloads(&resolved, &mut pinned.downloads)?;
        pinned.resolved.insert(combination.name.clone(), resolved);
    }
    keep_used(&mut pinned, candidates, built, &used);
    pinned.pins.sort_by_key(|pin| normalize(&pin.name));
    one_version(&pinned.pins)?;
    targets::complete(job, configs, &mut pinned)?;
    fetchable::name(job, configs, &mut pinned)?;
    Ok(pinned)
}

/// The wheels of our own eggs, as far as they could be built.
fn own(candidates: &[Candidate], built: &Wheels) -> Vec<EggWheel> {
    let each = candidates.iter().zip(&built.each);
    let wheels = each.filter_map(|(candidate, wheel)| {
        Some(EggWheel {
            name: candidate.source.name.clone(),
            version: candidate.version.to_string(),
            file: wheel.as_ref().ok()?.file.clone(),
        })
    });
    wheels.collect()
}

/// Whether an index's distribution took the place of an egg of ours that could not be built.
fn displaced(candidates: &[Candidate], built: &Wheels, resolved: &Resolved) -> bool {
    let taken = |candidate: &Candidate| {
        let name = normalize(&candidate.source.name);
        let mut dists = resolved.dists.iter();
        dists.any(|dist| normalize(&dist.name) == name)
    };
    let mut each = candidates.iter().zip(&built.each);
    each.any(|(candidate, wheel)| wheel.is_err() && taken(candidate))
}

/// Takes over the wheels of the eggs that some combination uses.
fn keep_used(
    pinned: &mut Pinned,
    candidates: &[Candidate],
    built: &Wheels,
    used: &BTreeSet<String>,
) {
    for (candidate, wheel) in candidates.iter().zip(&built.each) {
        let wheel = wheel
            .as_ref()
            .ok()
            .filter(|_| used.contains(&normalize(&candidate.source.name)));
        if let Some(python) = wheel.and_then(|wheel| wheel.requires_python.clone()) {
            pinned
                .pythons
                .values_mut()
                .for_each(|pythons| pythons.extend(clauses(&python)));
        }
        pinned.eggs.push(wheel.cloned());
    }
}

/// Reads what recipes downloaded: it lies in the scratch folder of this one run.
fn keep_downloads(resolved: &Resolved, kept: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    for (name, file) in &resolved.downloads {
        kept.insert(name.clone(), fs::read(file).map_err(Error::file(file))?);
    }
    Ok(())
}

fn describe(combination: &Combination) -> String {
    match combination.name.as_str() {
        "default" => combination.config.clone(),
        name => format!("{} for {name}", combination.config),
    }
}

/// Parts that act outside the release directory have to be named, so that nobody is surprised.
pub(super) fn outside(job: &Job<'_>, configs: &Configs) -> Result<()> {
    let mut refusal = Refusal::default();
    let mut told = BTreeSet::new();
    for (config, seen) in &configs.production {
        for part in buildout::acting_outside(&seen.inspected) {
            if !job.project.buildout.host_parts.contains(&part) && told.insert(part.clone()) {
                refusal.add(
                    format!(
                        "part {part} of {config} ({}) acts outside the release directory",
                        seen.inspected.recipe(&part)
                    ),
                    format!("name it: host-parts = [\"{part}\"] in [buildout] of hostout.toml"),
                );
            }
        }
    }
    Ok(refusal.into_result()?)
}

fn add(
    job: &Job<'_>,
    pins: &mut Vec<Pin>,
    combination: &Combination,
    dist: &Dist,
    pythons: &mut BTreeSet<String>,
) -> Result<()> {
    let mut bytes = fs::read(&dist.file).map_err(Error::file(&dist.file))?;
    let file = dist
        .file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let ours = dist.built_from.is_some();
    let before = job.previous.and_then(|released| {
        let mut pins = released.manifest.pin.iter();
        pins.find(|pin| {
            normalize(&pin.name) == normalize(&dist.name) && pin.version.to_string() == dist.version
        })
    });
    let epoch = again::epoch(job, before.and_then(|pin| pin.artifacts.first()))?;
    if ours {
        bytes = eggs::canonical(&file, &bytes, epoch)?;
    }
    let info = WheelInfo::read(&file, &bytes)?;
    if let Some(python) = &info.requires_python {
        pythons.extend(clauses(python));
    }
    let same = |pin: &&mut Pin| {
        normalize(&pin.name) == normalize(&dist.name) && pin.version.to_string() == dist.version
    };
    if let Some(pin) = pins.iter_mut().find(same) {
        pin.buildouts.push(combination.name.clone());
        return Ok(());
    }
    let sha256 = job.store.put(&bytes)?;
    // A wheel that we built once is the same for ever; so is the story of where a wheel came from.
    if let Some(before) = before
        && before
            .artifacts
            .iter()
            .any(|artifact| artifact.sha256 == sha256)
    {
        pins.push(Pin {
            buildouts: vec![combination.name.clone()],
            targets: Vec::new(),
            ..before.clone()
        });
        return Ok(());
    }
    let mut before = before.iter().flat_map(|pin| &pin.artifacts);
    same_file(
        job,
        before
            .find(|artifact| artifact.file == file)
            .map(|artifact| artifact.sha256),
        &file,
        &sha256,
    )?;
    pins.push(Pin {
        name: dist.name.clone(),
        version: WheelName::parse(&file)?.version,
        buildouts: vec![combination.name.clone()],
        targets: Vec::new(),
        origin: dist.origin,
        built_from: dist.built_from.clone(),
        artifacts: vec![Artifact {
            size: bytes.len() as u64,
            file,
            sha256,
            targets: Vec::new(),
            reproducible: !ours || info.is_pure,
        }],
        fetchable: None,
    });
    Ok(())
}

/// One name, version and tag has one file for ever: the one that the last release pinned.
pub(super) fn same_file(
    job: &Job<'_>,
    before: Option<Digest>,
    file: &str,
    sha256: &Digest,
) -> Result<()> {
    let mut refusal = Refusal::default();
    if let Some(before) = before.filter(|before| before != sha256 && job.again.is_none()) {
        refusal.add(
            format!(
                "{file} is not the file that the last release pinned: sha256 {} then, {} now",
                before.short(),
                sha256.short()
            ),
            "find out who replaced it; one name, version and tag has one file for ever",
        );
    }
    Ok(refusal.into_result()?)
}

/// The clauses of a version specifier, each on its own: `>=3.8,<4` is two.
fn clauses(python: &str) -> impl Iterator<Item = String> + use<> {
    let clauses: Vec<String> = python
        .split(',')
        .map(|clause| clause.split_whitespace().collect::<String>())
        .filter(|clause| !clause.is_empty())
        .collect();
    clauses.into_iter()
}

/// One `versions.cfg` serves every combination: it can hold one version of a name only.
fn one_version(pins: &[Pin]) -> Result<()> {
    let mut refusal = Refusal::default();
    for pair in pins.windows(2) {
        if normalize(&pair[0].name) == normalize(&pair[1].name) {
            let [one, other] =
                [&pair[0], &pair[1]].map(|pin| (pin.version.to_string(), pin.buildouts.join(", ")));
            let name = &pair[0].name;
            two_versions(&mut refusal, name, (&one.0, &one.1), (&other.0, &other.1));
        }
    }
    Ok(refusal.into_result()?)
}

/// Two versions of one name, each with the configurations that want it.
pub(super) fn two_versions(
    refusal: &mut Refusal,
    name: &str,
    one: (&str, &str),
    other: (&str, &str),
) {
    refusal.add(
        format!(
            "{name} is {} in {} and {} in {}",
            one.0, one.1, other.0, other.1
        ),
        format!("pin {name} in a configuration that both extend"),
    );
}

/// The wheels of the previous release that are at hand, under their real names.
struct Shelf {
    _folder: Folder,
    wheels: BTreeMap<(String, String), Vec<PathBuf>>,
}

impl Shelf {
    fn fill(job: &Job<'_>) -> Result<Self> {
        let folder = Folder::new("hostout-shelf-").map_err(Error::file(env::temp_dir()))?;
        let mut wheels = BTreeMap::new();
        for pin in job
            .previous
            .iter()
            .flat_map(|released| &released.manifest.pin)
        {
            // Of wheels for other machines buildout takes none.
            for artifact in &pin.artifacts {
                if job.store.path(&artifact.sha256).is_none() {
                    continue;
                }
                let bytes = job.store.read(&artifact.sha256)?;
                let file = folder.path().join(&artifact.file);
                fs::write(&file, bytes).map_err(Error::file(&file))?;
                let key = (normalize(&pin.name), pin.version.to_string());
                wheels.entry(key).or_insert_with(Vec::new).push(file);
            }
        }
        Ok(Self {
            _folder: folder,
            wheels,
        })
    }

    fn wheels(&self, name: &str, version: &str) -> Vec<PathBuf> {
        let key = (normalize(name), version.to_owned());
        self.wheels.get(&key).cloned().unwrap_or_default()
    }
}
