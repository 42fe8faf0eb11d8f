//! The release commit and the tarball.

use super::{Error, Job, Result, configs::Configs, eggs::Candidate, files, pins::Pinned};
use crate::{
    buildout::{self, HostCfg},
    ledger, pack,
    plan::Refusal,
    release::Tarball,
};
use gix::{ObjectId, objs::tree::EntryKind};
use std::collections::BTreeMap;

/// The pins file, beside the generated configurations.
const VERSIONS: &str = "hostout-versions.cfg";

/// What the release commit holds.
pub(super) struct Commit {
    /// Its object id.
    pub id: ObjectId,
    /// Its tree.
    pub tree: ObjectId,
    /// The text of the pins file.
    pub versions_cfg: String,
    /// The tarball, which is in the store.
    pub tarball: Tarball,
    /// The generated configuration of each combination, by its name.
    pub runs: BTreeMap<String, String>,
}

/// The generated configuration of a combination.
fn file_name(combination: &str) -> String {
    match combination {
        "default" => "hostout.cfg".to_owned(),
        name => format!("hostout-{name}.cfg"),
    }
}

/// A file of the project is never written over.
pub(super) fn names_are_free(job: &Job<'_>) -> Result<()> {
    let base = files::tree(job)?;
    let mut refusal = Refusal::default();
    let combinations = job.project.combinations.iter();
    let names = combinations.map(|combination| file_name(&combination.name));
    for name in names.chain([VERSIONS.to_owned()]) {
        let path = files::join(job.directory, &name);
        if let Some(path) = path.filter(|path| files::file(job.repo, base, path).is_some()) {
            refusal.add(
                format!("{path} is in git; the release writes a file of that name"),
                format!("git rm {path}, or rename it"),
            );
        }
    }
    Ok(refusal.into_result()?)
}

/// Writes the release commit into the object memory and the tarball into the store.
pub(super) fn write(
    job: &Job<'_>,
    configs: &Configs,
    candidates: &[Candidate],
    pinned: &Pinned,
) -> Result<Commit> {
    let versions = versions(candidates, pinned);
    let versions_cfg = buildout::versions_cfg(&versions);
    let mut generated = BTreeMap::from([(VERSIONS.to_owned(), versions_cfg.clone())]);
    let mut runs = BTreeMap::new();
    for combination in &job.project.combinations {
        let (Some(seen), Some(resolved)) = (
            configs.production.get(&combination.config),
            pinned.resolved.get(&combination.name),
        ) else {
            continue;
        };
        let text = buildout::hostout_cfg(&HostCfg {
            graph: &seen.graph,
            inspected: &seen.inspected,
            parts: combination.parts.as_deref(),
            host_parts: &job.project.buildout.host_parts,
            versions: VERSIONS,
            pins: &versions,
            spellings: &resolved.spellings,
            downloads: !resolved.downloads.is_empty(),
        });
        let name = file_name(&combination.name);
        generated.insert(name.clone(), text);
        runs.insert(combination.name.clone(), name);
    }
    let tree = tree(job, configs, candidates, pinned, &generated)?;
    let message = format!(
        "Release {} {}\n\nMade by git-hostout from {}: bumped versions and generated files.\n",
        job.project.name, job.version, job.head
    );
    let id = ledger::write_release_commit(job.repo, tree, job.head, &message)?;
    let tarball = tarball(job, configs, pinned, tree, &generated)?;
    Ok(Commit {
        id,
        tree,
        versions_cfg,
        tarball,
        runs,
    })
}

fn versions(candidates: &[Candidate], pinned: &Pinned) -> Vec<(String, String)> {
    let eggs = candidates
        .iter()
        .zip(&pinned.eggs)
        .filter(|(_, wheel)| wheel.is_some())
        .map(|(candidate, _)| (candidate.source.name.clone(), candidate.version.to_string()));
    let pins = pinned
        .pins
        .iter()
        .map(|pin| (pin.name.clone(), pin.version.to_string()));
    eggs.chain(pins).collect()
}

fn tree(
    job: &Job<'_>,
    configs: &Configs,
    candidates: &[Candidate],
    pinned: &Pinned,
    generated: &BTreeMap<String, String>,
) -> Result<ObjectId> {
    let base = files::tree(job)?;
    let mut new: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (candidate, wheel) in candidates.iter().zip(&pinned.eggs) {
        if wheel.is_some() {
            new.extend(candidate.edits.files.iter().cloned());
        }
    }
    for (name, text) in generated {
        if let Some(path) = files::join(job.directory, name) {
            new.insert(path, text.clone().into_bytes());
        }
    }
    for (name, bytes) in &configs.overlay {
        if let Some(path) = files::join(job.directory, name) {
            new.insert(path, bytes.clone());
        }
    }
    let what = || Error::git("write the release's tree");
    let root = job.repo.find_tree(base).map_err(what())?;
    for (name, bytes) in &pinned.downloads {
        if let Some(path) = files::join(job.directory, &download(name)) {
            new.insert(path, bytes.clone());
        }
    }
    let mut editor = job.repo.edit_tree(base).map_err(what())?;
    for (path, bytes) in new {
        let kind = root
            .lookup_entry_by_path(&path)
            .map_err(what())?
            .map_or(EntryKind::Blob, |entry| entry.mode().kind());
        let blob = job.repo.write_blob(&bytes).map_err(what())?;
        editor.upsert(path.as_str(), kind, blob).map_err(what())?;
    }
    Ok(editor.write().map_err(what())?.detach())
}

/// Where hosts have what recipes downloaded, relative to the buildout directory.
fn download(name: &str) -> String {
    format!("{}/{name}", buildout::DOWNLOADS)
}

fn tarball(
    job: &Job<'_>,
    configs: &Configs,
    pinned: &Pinned,
    tree: ObjectId,
    generated: &BTreeMap<String, String>,
) -> Result<Tarball> {
    let mut paths: Vec<String> = Vec::new();
    for seen in configs.production.values() {
        paths.extend(
            seen.graph
                .files
                .iter()
                .filter(|file| !file.starts_with("../"))
                .cloned(),
        );
    }
    paths.extend(configs.overlay.keys().cloned());
    paths.extend(generated.keys().cloned());
    paths.extend(pinned.downloads.keys().map(|name| download(name)));
    for include in &job.project.buildout.include {
        let path = include.trim_end_matches('/');
        // `etc/` is the default: a project without it has nothing to include.
        if exists(job, tree, path)? {
            paths.push(path.to_owned());
        }
    }
    paths.sort();
    paths.dedup();
    let entries = pack::entries(job.repo, tree, job.directory, &paths)?;
    let top = format!("{}-{}", job.project.name, job.version);
    let tar = pack::build(&top, files::epoch(job)?, entries)?;
    let compressed = pack::compress(&tar);
    let sha256 = job.store.put(&compressed)?;
    Ok(Tarball {
        name: format!("{top}.tar.gz"),
        sha256,
        size: compressed.len() as u64,
        tar_sha256: crate::release::Digest::of(&tar),
    })
}

fn exists(job: &Job<'_>, tree: ObjectId, path: &str) -> Result<bool> {
    let Some(path) = files::join(job.directory, path) else {
        return Ok(false);
    };
    if path.is_empty() {
        return Ok(true);
    }
    let tree = job
        .repo
        .find_tree(tree)
        .map_err(Error::git("read the release's tree"))?;
    let entry = tree
        .lookup_entry_by_path(&path)
        .map_err(Error::git("read the release's tree"))?;
    Ok(entry.is_some())
}
