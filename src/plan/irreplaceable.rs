//! Artifacts that nobody can make again: of these there is one copy until somebody shares it.

use super::Refusal;
use crate::release::{Artifact, Manifest};
use std::collections::BTreeSet;

/// What only the run that put a release together knows of where its files come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// Wheels that came from a folder of this machine.
    pub local: BTreeSet<String>,
    /// Files in the tarball that recipes downloaded.
    pub downloads: Vec<String>,
}

/// Where the artifacts of a release are, and who else can have them.
#[derive(Clone, Debug, Default)]
pub struct Copies<'a> {
    /// The shared store, and what it lacks; nothing = there is none.
    pub shared: Option<Sharing>,
    /// This machine's store.
    pub here: &'a str,
    /// Whether this machine is a build server's, which nobody looks for anything on afterwards.
    pub ci: bool,
}

/// A shared store, as it is before a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sharing {
    /// As `hostout.toml` names it.
    pub name: String,
    /// What it lacks.
    pub lacks: Vec<Artifact>,
    /// How many it has.
    pub there: usize,
}

/// What of a release nobody can make again: its name, and why.
pub fn irreplaceable(manifest: &Manifest, sources: &Sources) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    for egg in &manifest.egg {
        if egg.artifacts.iter().any(|artifact| !artifact.reproducible) {
            found.push((format!("{} {}", egg.name, egg.version), "compiled here"));
        }
    }
    for pin in &manifest.pin {
        let source = pin.built_from.as_ref().map(|from| &from.url);
        let mut artifacts = pin.artifacts.iter();
        let why = match source {
            // A file's name: its address means something on one machine only.
            Some(source) if !source.contains("://") => "built from a file of this machine",
            Some(_) if artifacts.any(|artifact| !artifact.reproducible) => "compiled here",
            _ if artifacts.any(|artifact| sources.local.contains(&artifact.file)) => {
                "a file of this machine"
            }
            _ => continue,
        };
        found.push((format!("{} {}", pin.name, pin.version), why));
    }
    if !sources.downloads.is_empty() {
        let name = manifest.tarball.name.clone();
        found.push((name, "it holds what recipes downloaded"));
    }
    found
}

impl Copies<'_> {
    /// What a person should know of `found`, before a release is made.
    pub(super) fn notes(&self, found: &[(String, &str)]) -> Vec<String> {
        let note = |(name, why): &(String, &str)| format!("nobody can make {name} again: {why}");
        let mut notes: Vec<String> = found.iter().map(note).collect();
        match &self.shared {
            _ if found.is_empty() => {}
            Some(sharing) => notes.push(format!("{} gets copies of these", sharing.name)),
            None => notes.push(format!(
                "of these the only copies are in {}; see `store`",
                self.here
            )),
        }
        notes
    }

    /// A build server is gone tomorrow, with the only copy.
    pub(super) fn check(&self, found: &[(String, &str)]) -> Result<(), Refusal> {
        let mut refusal = Refusal::default();
        if self.ci && self.shared.is_none() {
            for (name, why) in found {
                refusal.add(
                    format!("nobody can make {name} again: {why}; a build server keeps no copy"),
                    "name a folder that outlives it: store = \"ssh://USER@HOST/FOLDER\" in [release] of hostout.toml",
                );
            }
        }
        refusal.into_result()
    }
}
