//! The wheels of the project's own eggs: built for those that changed, found again for the others.

use super::{
    Again, Error, Job, Result, again,
    configs::Configs,
    eggs::{Candidate, object_id},
    files,
    together::{at_once, together},
};
use crate::{
    eggs::{self, Builder, Built, TemporaryClone},
    event::Event,
    plan::Refusal,
    process::Folder,
    release::{Artifact, BuildTool, Egg},
};
use std::{collections::BTreeMap, env, fs, path::PathBuf};

/// The wheels of all candidates that could be built.
pub(super) struct Wheels {
    /// In the order of the candidates; a build that failed matters only when production uses the egg.
    pub each: Vec<Result<Wheel>>,
    /// What they were built with.
    pub tools: Vec<BuildTool>,
    /// Those that could not be made again, by the egg's name: a recorded wheel stands in for them.
    pub failed: BTreeMap<String, String>,
    /// The folder with all of them under their real names; gone when this is dropped.
    _folder: Folder,
}

/// One egg's wheel, in the content store.
#[derive(Clone, Debug)]
pub(super) struct Wheel {
    /// What is shipped.
    pub artifact: Artifact,
    /// The file under its real name.
    pub file: PathBuf,
    /// `Requires-Python`.
    pub requires_python: Option<String>,
}

/// Builds, or finds, every candidate's wheel.
pub(super) fn build(job: &Job<'_>, configs: &Configs, candidates: &[Candidate]) -> Result<Wheels> {
    let builder = Builder::new(job.cache.join("build"), &configs.python.executable)?;
    let folder = Folder::new("hostout-wheels-").map_err(Error::file(env::temp_dir()))?;
    let edits: Vec<(String, Vec<u8>)> = candidates
        .iter()
        .flat_map(|candidate| candidate.edits.files.clone())
        .collect();
    let mut tools = previous_tools(job);
    let mut made: Vec<Option<Result<Made>>> = candidates.iter().map(|_| None).collect();
    let changed = candidates.iter().enumerate();
    let changed: Vec<(usize, &Candidate)> = changed
        .filter(|(_, candidate)| candidate.unchanged.is_none() && job.again.is_none())
        .collect();
    // The first one alone: the others are built with its tools.
    let (first, rest) = changed.split_at(changed.len().min(1));
    for chunk in std::iter::once(first).chain(rest.chunks(at_once())) {
        let wheels = fresh(job, &builder, chunk, &edits, &tools)?;
        for ((at, _), wheel) in chunk.iter().zip(wheels) {
            if let Ok((_, used)) = &wheel {
                remember(&mut tools, used);
            }
            made[*at] = Some(wheel);
        }
    }
    let (mut each, mut failed) = (Vec::new(), BTreeMap::new());
    for (candidate, made) in candidates.iter().zip(made) {
        let wheel = made.unwrap_or_else(|| match job.again {
            Some(again) => remade(job, again, &builder, candidate, &edits, &mut failed),
            None => kept(job, &builder, candidate, &tools),
        });
        each.push(wheel.and_then(|(artifact, _)| shelve(job, &folder, artifact)));
    }
    tools.sort();
    Ok(Wheels {
        each,
        tools,
        failed,
        _folder: folder,
    })
}

fn remember(tools: &mut Vec<BuildTool>, used: &[BuildTool]) {
    for tool in used {
        tools.retain(|other| other.name != tool.name || other == tool);
        if !tools.contains(tool) {
            tools.push(tool.clone());
        }
    }
}

fn previous_tools(job: &Job<'_>) -> Vec<BuildTool> {
    job.previous
        .map(|released| released.manifest.build_tool.clone())
        .unwrap_or_default()
}

type Made = (Artifact, Vec<BuildTool>);

/// Builds `chunk` at once. An error of one egg is its own; one of git concerns all.
fn fresh(
    job: &Job<'_>,
    builder: &Builder,
    chunk: &[(usize, &Candidate)],
    edits: &[(String, Vec<u8>)],
    tools: &[BuildTool],
) -> Result<Vec<Result<Made>>> {
    let tools = if *job.upgrade == super::Upgrade::All {
        &[]
    } else {
        tools
    };
    let epoch = files::epoch(job)?;
    let mut clones = Vec::new();
    for (_, candidate) in chunk {
        let name = format!("{} {}", candidate.source.name, candidate.version);
        (job.watch)(Event::Begin(format!("build {name}")));
        clones.push(TemporaryClone::new(job.repo, job.head, edits)?);
    }
    let jobs = chunk.iter().zip(&clones);
    let jobs = jobs.map(|((_, candidate), clone)| eggs::Job {
        egg: &candidate.source,
        checkout: clone.path(),
        version: &candidate.version,
        epoch,
        pretend: &candidate.edits.pretend,
        tools,
    });
    let built = together(jobs.collect::<Vec<_>>(), |job| builder.build(&job));
    let kept = built.into_iter().map(|built| {
        let built = built?;
        job.store.put(&built.bytes)?;
        Ok((built.artifact, built.tools))
    });
    Ok(kept.collect())
}

/// An unchanged egg keeps its wheel. One that this machine lost is built again from the release commit it was built from;
/// other bytes are refused.
fn kept(
    job: &Job<'_>,
    builder: &Builder,
    candidate: &Candidate,
    tools: &[BuildTool],
) -> Result<Made> {
    let lost = || Error::Lost {
        egg: candidate.source.name.clone(),
        file: "without a name".to_owned(),
    };
    let egg = candidate.unchanged.as_ref().ok_or_else(lost)?;
    let artifact = egg.artifacts.first().ok_or_else(lost)?;
    if job.store.path(&artifact.sha256).is_some() {
        return Ok((artifact.clone(), Vec::new()));
    }
    let built = at_release(job, builder, candidate, egg, tools)?;
    if built.artifact.sha256 != artifact.sha256 {
        return Err(Error::Lost {
            egg: egg.name.clone(),
            file: artifact.file.clone(),
        });
    }
    job.store.put(&built.bytes)?;
    Ok((artifact.clone(), Vec::new()))
}

/// Builds an egg as it was built at an earlier release.
fn at_release(
    job: &Job<'_>,
    builder: &Builder,
    candidate: &Candidate,
    egg: &Egg,
    tools: &[BuildTool],
) -> Result<Built> {
    (job.watch)(Event::Begin(format!(
        "build {} {} again",
        egg.name, egg.version
    )));
    let commit = object_id(&egg.built_from)?;
    // A release commit has the times of its parent, the released one.
    let time = job
        .repo
        .find_commit(commit)
        .and_then(|commit| commit.time())
        .map_err(Error::git(format!("read commit {}", egg.built_from)))?;
    let pretend = match &candidate.source.site {
        eggs::VersionSite::Scm { pretend } => pretend
            .iter()
            .map(|name| (name.clone(), egg.version.to_string()))
            .collect(),
        _ => Vec::new(),
    };
    let clone = TemporaryClone::new(job.repo, commit, &[])?;
    Ok(builder.build(&eggs::Job {
        egg: &candidate.source,
        checkout: clone.path(),
        version: &egg.version,
        epoch: time.seconds,
        pretend: &pretend,
        tools,
    })?)
}

/// Makes an egg's wheel again. Where that fails, `failed` says why, and the recorded wheel stands in if it is at hand.
fn remade(
    job: &Job<'_>,
    again: &Again<'_>,
    builder: &Builder,
    candidate: &Candidate,
    edits: &[(String, Vec<u8>)],
    failed: &mut BTreeMap<String, String>,
) -> Result<Made> {
    let made = if let Some(egg) = &candidate.unchanged {
        let tools = again.tools(&egg.built_from);
        at_release(job, builder, candidate, egg, tools).and_then(|built| {
            job.store.put(&built.bytes)?;
            Ok((built.artifact, Vec::new()))
        })
    } else {
        let tools = &again.recorded.build_tool;
        let wheels = fresh(job, builder, &[(0, candidate)], edits, tools);
        wheels
            .and_then(|wheels| wheels.into_iter().collect::<Result<Vec<Made>>>())
            .and_then(|mut made| {
                made.pop().ok_or_else(|| Error::Lost {
                    egg: candidate.source.name.clone(),
                    file: "without a name".to_owned(),
                })
            })
    };
    let Err(error) = made else { return made };
    let name = &candidate.source.name;
    failed.insert(name.clone(), again::said(&error));
    match again.stand_in(job, name)? {
        Some(artifact) => Ok((artifact, Vec::new())),
        None => Err(error),
    }
}

/// The wheel under its real name, as installers want to see it.
fn shelve(job: &Job<'_>, folder: &Folder, artifact: Artifact) -> Result<Wheel> {
    let bytes = job.store.read(&artifact.sha256)?;
    let info = eggs::WheelInfo::read(&artifact.file, &bytes)?;
    let file = folder.path().join(&artifact.file);
    fs::write(&file, &bytes).map_err(Error::file(&file))?;
    Ok(Wheel {
        artifact,
        file,
        requires_python: info.requires_python,
    })
}

/// Every egg that production uses and that could not be built, as reasons.
pub(super) fn broken(candidates: &[Candidate], wheels: &Wheels) -> Refusal {
    let mut refusal = Refusal::default();
    for (candidate, wheel) in candidates.iter().zip(&wheels.each) {
        if let Err(error) = wheel {
            let (name, said) = (&candidate.source.name, error.to_string());
            // Most of them name the egg themselves.
            let what = if said.contains(name.as_str()) {
                said
            } else {
                format!("{name} cannot be built: {said}")
            };
            refusal.add(
                what,
                error.hint().unwrap_or_else(|| {
                    format!("make `pip wheel ./{}` work first", candidate.source.path)
                }),
            );
        }
    }
    refusal
}
