//! The manifest: everything that was found out, written down.

use super::{
    Assembled, Job, Result,
    commit::Commit,
    configs::Configs,
    eggs::{self, Candidate},
    files,
    pins::Pinned,
    settings,
};
use crate::{
    buildout::{self, Made},
    plan::Sources,
    release::{
        Buildout, Digest, Egg, Extends, FORMAT, Manifest, Previous, ProjectRef, SourceKind,
        SourceRef, normalize,
    },
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Writes the manifest.
pub(super) fn write(
    job: &Job<'_>,
    configs: &Configs,
    candidates: &[Candidate],
    pinned: &Pinned,
    commit: &Commit,
) -> Result<Assembled> {
    let time = Timestamp::from_second(files::epoch(job)?).unwrap_or(Timestamp::UNIX_EPOCH);
    let used = candidates
        .iter()
        .zip(&pinned.eggs)
        .filter(|(_, wheel)| wheel.is_some());
    let notes = notes(used.clone().map(|(candidate, _)| candidate));
    let manifest = Manifest {
        format: FORMAT,
        version: job.version.clone(),
        commit: job.head.to_string(),
        release_commit: commit.id.to_string(),
        time: time.to_string(),
        tool: format!("git-hostout {}", env!("CARGO_PKG_VERSION")),
        targets: targets(job, configs)?,
        project: ProjectRef {
            name: job.project.name.clone(),
            id: job.id.clone(),
        },
        previous: job.previous.map(|released| Previous {
            version: released.manifest.version.clone(),
            manifest: released.digest,
        }),
        tarball: commit.tarball.clone(),
        buildout: buildouts(job, configs, candidates, pinned, commit)?,
        egg: eggs(job, configs, candidates, pinned, commit)?,
        pin: pinned.pins.clone(),
        elsewhere: pinned.elsewhere.clone(),
        extends: extends(configs),
        build_tool: pinned.tools.clone(),
    };
    let unused = candidates
        .iter()
        .zip(&pinned.eggs)
        .filter(|(_, wheel)| wheel.is_none())
        .map(|(candidate, _)| candidate.source.name.clone())
        .collect();
    Ok(Assembled {
        text: manifest.to_toml()?,
        versions_cfg: commit.versions_cfg.clone(),
        manifest,
        notes,
        unused,
        sources: Sources {
            local: pinned.local.clone(),
            downloads: pinned.downloads.keys().cloned().collect(),
        },
        secrets: configs.secrets(job),
    })
}

fn targets(job: &Job<'_>, configs: &Configs) -> Result<Vec<String>> {
    let given = &job.project.release.targets;
    if given.is_empty() {
        Ok(vec![configs.python.target()?])
    } else {
        Ok(given.clone())
    }
}

fn buildouts(
    job: &Job<'_>,
    configs: &Configs,
    candidates: &[Candidate],
    pinned: &Pinned,
    commit: &Commit,
) -> Result<Vec<Buildout>> {
    let versions = versions(candidates, pinned);
    let mut buildouts = Vec::new();
    for combination in &job.project.combinations {
        let (Some(seen), Some(run)) = (
            configs.production.get(&combination.config),
            commit.runs.get(&combination.name),
        ) else {
            continue;
        };
        let inspected = &seen.inspected;
        let host_parts = &job.project.buildout.host_parts;
        let parts: Vec<String> = match &combination.parts {
            Some(parts) => parts.clone(),
            None => inspected
                .words("buildout", "parts")
                .into_iter()
                .map(str::to_owned)
                .collect(),
        };
        let python: Vec<String> = pinned
            .pythons
            .get(&combination.name)
            .map(|clauses| clauses.iter().cloned().collect())
            .unwrap_or_default();
        let distributions = pinned
            .pins
            .iter()
            .filter(|pin| pin.buildouts.contains(&combination.name))
            .map(|pin| pin.name.as_str());
        let services = settings::services(combination, inspected)?;
        let none = BTreeMap::new();
        let resolved = pinned.resolved.get(&combination.name);
        let made = Made {
            inspected,
            used: resolved.map_or(&none, |resolved| &resolved.used),
            versions: &versions,
        };
        buildouts.push(Buildout {
            name: combination.name.clone(),
            config: combination.config.clone(),
            run: run.clone(),
            host_parts: parts
                .iter()
                .filter(|part| host_parts.contains(part))
                .cloned()
                .collect(),
            parts: parts
                .into_iter()
                .filter(|part| !host_parts.contains(part))
                .collect(),
            python: python.join(", "),
            program: buildout::programs(&made, &services),
            services,
            health: combination.health.clone(),
            data: settings::data(combination, inspected, distributions)?,
            hooks: combination.hooks.clone(),
            shared: combination.shared.clone(),
        });
    }
    Ok(buildouts)
}

/// The version of every distribution, by canonical name.
fn versions(candidates: &[Candidate], pinned: &Pinned) -> BTreeMap<String, String> {
    let pins = pinned.pins.iter();
    let pins = pins.map(|pin| (normalize(&pin.name), pin.version.to_string()));
    let eggs = candidates.iter();
    let eggs = eggs.map(|egg| (normalize(&egg.source.name), egg.version.to_string()));
    pins.chain(eggs).collect()
}

fn eggs(
    job: &Job<'_>,
    configs: &Configs,
    candidates: &[Candidate],
    pinned: &Pinned,
    commit: &Commit,
) -> Result<Vec<Egg>> {
    let left_out = eggs::foreign(job, configs, candidates);
    let mut eggs = Vec::new();
    for (candidate, wheel) in candidates.iter().zip(&pinned.eggs) {
        let Some(wheel) = wheel else { continue };
        let built_from = match &candidate.unchanged {
            Some(egg) => egg.built_from.clone(),
            None => commit.id.to_string(),
        };
        eggs.push(Egg {
            name: candidate.source.name.clone(),
            version: candidate.version.clone(),
            path: candidate.source.path.clone(),
            source_tree: candidate.tree.to_string(),
            release_tree: candidate
                .release_tree(job, commit.tree, &left_out)?
                .to_string(),
            built_from,
            changed: candidate.unchanged.is_none(),
            why: candidate.why.clone(),
            changes: candidate.changes.clone(),
            source: SourceRef {
                kind: SourceKind::Project,
                url: String::new(),
                revision: job.head.to_string(),
                subdirectory: candidate.source.path.clone(),
            },
            edits: candidate
                .edits
                .files
                .iter()
                .map(|(path, _)| path.clone())
                .collect(),
            artifacts: vec![wheel.artifact.clone()],
        });
    }
    eggs.sort_by_key(|egg| egg.name.to_lowercase());
    Ok(eggs)
}

fn extends(configs: &Configs) -> Vec<Extends> {
    let mut all: BTreeMap<String, Digest> = BTreeMap::new();
    for fetched in configs
        .production
        .values()
        .flat_map(|seen| &seen.graph.urls)
    {
        all.insert(buildout::redact(&fetched.url).into_owned(), fetched.sha256);
    }
    all.into_iter()
        .map(|(url, sha256)| Extends { url, sha256 })
        .collect()
}

/// What the tag says: each changed egg with its changelog.
fn notes<'a>(candidates: impl Iterator<Item = &'a Candidate>) -> String {
    let mut notes = String::new();
    for candidate in candidates.filter(|candidate| candidate.unchanged.is_none()) {
        notes += &format!("{} {}\n", candidate.source.name, candidate.version);
        for line in &candidate.changes {
            notes += &format!("  {line}\n");
        }
        notes += "\n";
    }
    notes.trim_end().to_owned()
}
