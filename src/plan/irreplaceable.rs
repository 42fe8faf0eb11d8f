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

/// Files of a release that nobody can make again, each with why.
pub fn irreplaceable(manifest: &Manifest, sources: &Sources) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for artifact in manifest.egg.iter().flat_map(|egg| &egg.artifacts) {
        if !artifact.reproducible {
            found.push((artifact.file.clone(), "compiled here".to_owned()));
        }
    }
    for pin in &manifest.pin {
        let source = pin.built_from.as_ref().map(|from| &from.url);
        for artifact in &pin.artifacts {
            let why = match source {
                // A file's name: its address means something on one machine only.
                Some(source) if !source.contains("://") => {
                    format!("built from {source}, a file of this machine")
                }
                Some(source) if !artifact.reproducible => format!("compiled here from {source}"),
                _ if sources.local.contains(&artifact.file) => "a file of this machine".to_owned(),
                _ => continue,
            };
            found.push((artifact.file.clone(), why));
        }
    }
    if !sources.downloads.is_empty() {
        let files = sources.downloads.join(", ");
        found.push((
            manifest.tarball.name.clone(),
            format!("with what recipes downloaded: {files}"),
        ));
    }
    found
}

impl Copies<'_> {
    /// What a person should know of `found`, before a release is made.
    pub(super) fn notes(&self, found: &[(String, String)]) -> Vec<String> {
        let place = match &self.shared {
            Some(sharing) => format!("{} has it too, then", sharing.name),
            None => format!(
                "the only copy is in {}; `store` in [release] shares it",
                self.here
            ),
        };
        let note = |(file, why): &(String, String)| {
            format!("nobody can make {file} again ({why}): {place}")
        };
        found.iter().map(note).collect()
    }

    /// A build server is gone tomorrow, with the only copy.
    pub(super) fn check(&self, found: &[(String, String)]) -> Result<(), Refusal> {
        let mut refusal = Refusal::default();
        if self.ci && self.shared.is_none() {
            for (file, why) in found {
                refusal.add(
                    format!("nobody can make {file} again ({why}), and the only copy would be on this build server"),
                    "name a folder that outlives it: store = \"ssh://USER@HOST/FOLDER\" in [release] of hostout.toml",
                );
            }
        }
        refusal.into_result()
    }
}
