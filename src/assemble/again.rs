//! Making a release again, from its manifest and its released commit, to see whether the same comes out.
//!
//! The way is the one of a new release, with everything that was decided then taken from the manifest: versions of eggs
//! and pins, build tools, times. Only pins may come from the store, by their hashes; every egg is built. What was fetched,
//! configurations and files of recipes, lies in the release commit; addresses may serve something else by now.

use super::{
    Assembled, Error, Job, Result, commit, configs, eggs, files, look::Findings, manifest, pins,
    wheels,
};
use crate::{
    buildout,
    event::Event,
    pack::Store,
    plan::Refusal,
    release::{Artifact, BuildTool, Digest, Manifest},
};
use gix::ObjectId;
use std::collections::BTreeMap;

/// What was decided when the release was made.
pub struct Again<'a> {
    /// The release.
    pub recorded: &'a Manifest,
    /// What eggs of older releases were built with, by the release commits they were built at.
    pub tools: &'a BTreeMap<String, Vec<BuildTool>>,
    /// The time of the release that first had an artifact, seconds since 1970.
    pub epochs: &'a BTreeMap<Digest, i64>,
    /// Files at hand: pins, and stand-ins for eggs that cannot be built any more. What is made goes to [`Job::store`].
    pub shelf: &'a Store,
}

/// What came out.
#[derive(Debug)]
pub struct Rebuilt {
    /// Each egg's wheel, or why there is none, by the egg's name.
    pub eggs: BTreeMap<String, Result<Artifact, String>>,
    /// The release.
    pub release: Result<Assembled>,
}

/// Makes a release again; [`Job::again`] has to say which. Nothing but objects in memory and files in the store is made.
///
/// # Errors
/// Where not even the eggs could be looked at.
pub fn rebuild(job: &Job<'_>) -> Result<Rebuilt> {
    if let Some(again) = job.again {
        again.fetch_pins(job)?;
    }
    let mut found = Findings::default();
    let configs = configs::read(job, &mut found);
    let configs = match (configs, found.into_error()) {
        (Some(configs), None) => configs,
        (_, error) => return Err(error.unwrap_or_else(|| Refusal::default().into())),
    };
    let sources = eggs::sources(job, &configs)?;
    let candidates = eggs::find(job, &configs, sources)?;
    let built = wheels::build(job, &configs, &candidates)?;
    let mut made = BTreeMap::new();
    for (candidate, wheel) in candidates.iter().zip(&built.each) {
        let name = &candidate.source.name;
        let failed = built.failed.get(name).cloned();
        let wheel = match (failed, wheel) {
            (Some(failed), _) => Err(failed),
            (None, Ok(wheel)) => Ok(wheel.artifact.clone()),
            (None, Err(error)) => Err(error.to_string()),
        };
        made.insert(name.clone(), wheel);
    }
    let release = || {
        let resolved = pins::resolve(job, &configs, &candidates, &built)?;
        let commit = commit::write(job, &configs, &candidates, &resolved)?;
        manifest::write(job, &configs, &candidates, &resolved, &commit)
    };
    Ok(Rebuilt {
        eggs: made,
        release: release(),
    })
}

impl Again<'_> {
    /// Puts the pins that are at hand, with the right bytes, where the release is made.
    fn fetch_pins(&self, job: &Job<'_>) -> Result<()> {
        for artifact in self.recorded.pin.iter().flat_map(|pin| &pin.artifacts) {
            let found = self.shelf.look(&artifact.sha256)?;
            if found.is_some_and(|(_, digest)| digest == artifact.sha256) {
                job.store.put(&self.shelf.read(&artifact.sha256)?)?;
            } else {
                let text = format!("{} is not here, it is fetched", artifact.file);
                (job.watch)(Event::Detail(text));
            }
        }
        Ok(())
    }

    /// The wheel that was recorded for an egg, if it is at hand.
    pub(super) fn stand_in(&self, job: &Job<'_>, egg: &str) -> Result<Option<Artifact>> {
        let recorded = self.recorded.egg.iter().find(|found| found.name == egg);
        let Some(artifact) = recorded.and_then(|egg| egg.artifacts.first()) else {
            return Ok(None);
        };
        if self.shelf.path(&artifact.sha256).is_none() {
            return Ok(None);
        }
        job.store.put(&self.shelf.read(&artifact.sha256)?)?;
        Ok(Some(artifact.clone()))
    }

    /// What an address of `extends` served then, where the copy in the release commit proves it by its hash.
    pub(super) fn extends(&self, job: &Job<'_>, url: &str) -> Option<Vec<u8>> {
        let tree = self.tree(job)?;
        let read = |path: &str| files::file(job.repo, tree, &files::join(job.directory, path)?);
        buildout::unflatten(url, &self.recorded.extends, &read)
    }

    /// What recipes downloaded then, by its path in the download cache.
    pub(super) fn downloads(&self, job: &Job<'_>) -> Result<BTreeMap<String, Vec<u8>>> {
        let place = files::join(job.directory, buildout::DOWNLOADS);
        let Some((tree, place)) = self.tree(job).zip(place) else {
            return Ok(BTreeMap::new());
        };
        files::below(job.repo, tree, &place)
    }

    /// The tree of the release commit.
    fn tree(&self, job: &Job<'_>) -> Option<ObjectId> {
        let id = ObjectId::from_hex(self.recorded.release_commit.as_bytes()).ok()?;
        Some(job.repo.find_commit(id).ok()?.tree_id().ok()?.detach())
    }

    /// What the egg built at the release commit `built_from` was built with.
    pub(super) fn tools(&self, built_from: &str) -> &[BuildTool] {
        if built_from == self.recorded.release_commit {
            return &self.recorded.build_tool;
        }
        self.tools
            .get(built_from)
            .unwrap_or(&self.recorded.build_tool)
    }
}

/// The time that a wheel of our making has in it: that of the release that first had it.
pub(super) fn epoch(job: &Job<'_>, recorded: Option<&Artifact>) -> Result<i64> {
    let again = job.again.zip(recorded);
    match again.and_then(|(again, artifact)| again.epochs.get(&artifact.sha256)) {
        Some(epoch) => Ok(*epoch),
        None => files::epoch(job),
    }
}

/// An error with its causes, on one line.
pub(super) fn said(error: &Error) -> String {
    use std::error::Error as _;
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}
