//! The manifest: the immutable description of a release, in TOML.

use super::{
    Artifact, Data, Digest, Elsewhere, Fetchable, FormatError, Health, Hooks, Program, Services,
    Shared, from_toml, normalize, to_toml,
};
use pep440_rs::Version as EggVersion;
use semver::Version;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The immutable description of a release; everything a deploy or rollback needs is resolved into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Manifest {
    /// The format version, [`FORMAT`](super::FORMAT).
    pub format: u32,
    /// The project's version.
    pub version: Version,
    /// Object id of the released commit: what the user committed.
    pub commit: String,
    /// Object id of the release commit: its child with bumped versions and the generated files.
    pub release_commit: String,
    /// Committer time of the released commit, RFC 3339 in UTC.
    pub time: String,
    /// The program that wrote this, e.g. `git-hostout 0.1.0`.
    pub tool: String,
    /// Which hosts the wheels are for, e.g. `cp311-manylinux_2_36_x86_64`.
    pub targets: Vec<String>,
    /// Whose release it is.
    pub project: ProjectRef,
    /// The nearest release whose released commit is an ancestor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
    /// The buildout files.
    pub tarball: Tarball,
    /// The ways this release is built and run, one per combination in use; `default` is always there.
    pub buildout: Vec<Buildout>,
    /// The project's own eggs that production uses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub egg: Vec<Egg>,
    /// Every third-party distribution that production uses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pin: Vec<Pin>,
    /// What other machines want, where hosts fetch wheels themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<Elsewhere>,
    /// Configurations that were fetched and flattened into the tarball.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extends: Vec<Extends>,
    /// What the eggs were built with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub build_tool: Vec<BuildTool>,
}

/// A project's name and identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectRef {
    /// `[project] name` of `hostout.toml`.
    pub name: String,
    /// Object id of the first commit of its ledger.
    pub id: String,
}

/// The release before this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// Its version.
    pub version: Version,
    /// sha256 of its manifest.
    pub manifest: Digest,
}

/// The buildout files as one `hostout-tar/1` archive, see `pack::tarball`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tarball {
    /// `<project>-<version>.tar.gz`.
    pub name: String,
    /// sha256 of the compressed file.
    pub sha256: Digest,
    /// Length of the compressed file in bytes.
    pub size: u64,
    /// sha256 of the tar inside: its identity.
    pub tar_sha256: Digest,
}

impl Tarball {
    /// As it is shipped.
    pub fn artifact(&self) -> Artifact {
        Artifact {
            file: self.name.clone(),
            sha256: self.sha256,
            size: self.size,
            targets: Vec::new(),
            reproducible: true,
        }
    }
}

/// One way this release is built and run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Buildout {
    /// `default`, `STAGE` or `STAGE.ROLE`; a host takes the most specific one.
    pub name: String,
    /// The production configuration, relative to the buildout directory.
    pub config: String,
    /// The generated configuration that hosts run.
    pub run: String,
    /// The parts that are installed in prepare.
    pub parts: Vec<String>,
    /// The parts that act outside the release directory, installed after each switch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub host_parts: Vec<String>,
    /// What the host's python must fulfil: a PEP 440 specifier, all `Requires-Python` joined.
    pub python: String,
    /// How it is started and stopped.
    pub services: Services,
    /// When it is healthy.
    pub health: Health,
    /// How its data is backed up.
    pub data: Data,
    /// What is run at fixed moments.
    #[serde(default)]
    pub hooks: Hooks,
    /// What survives releases.
    pub shared: Shared,
    /// What its services consist of, in the order in which they start; empty where they cannot be told apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub program: Vec<Program>,
}

/// A develop egg of the project, built by us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Egg {
    /// Its name as its metadata spells it.
    pub name: String,
    /// Its version in this release.
    pub version: EggVersion,
    /// Its folder in the repository; `.` = the root.
    pub path: String,
    /// Object id of its tree in the released commit (other eggs, configs and generated files left out).
    pub source_tree: String,
    /// The same in the release commit.
    pub release_tree: String,
    /// The release commit its wheel was built at: this release's, or for an unchanged egg an older one's.
    pub built_from: String,
    /// Whether its code differs from the previous release.
    pub changed: bool,
    /// The file that shows the change, or what else decided.
    pub why: String,
    /// What the changelog says about this version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
    /// Where its code comes from.
    pub source: SourceRef,
    /// Files whose bytes the release commit changes, relative to the repository.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<String>,
    /// Its wheels.
    pub artifacts: Vec<Artifact>,
}

/// Where an egg's code comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRef {
    /// The version control system.
    pub kind: SourceKind,
    /// Its address without user info; empty = the project's own repository.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// The released revision.
    pub revision: String,
    /// The folder inside.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subdirectory: String,
}

/// Version control systems that a source may be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// The project's own tree.
    Project,
}

/// A third-party distribution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pin {
    /// Its name as buildout prints it.
    pub name: String,
    /// Its version.
    pub version: EggVersion,
    /// The names of the buildouts that use it.
    pub buildouts: Vec<String>,
    /// The targets that need it; empty = all of the release's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// Where its wheel comes from.
    pub origin: Origin,
    /// What a wheel of our making was built from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built_from: Option<BuiltFrom>,
    /// Its wheels.
    pub artifacts: Vec<Artifact>,
    /// Further wheels of this version, as the index had them when it was released, for hosts that fetch them themselves;
    /// nothing = nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetchable: Option<Vec<Fetchable>>,
}

/// A distribution of a release.
#[derive(Clone, Copy, Debug)]
pub enum Dist<'m> {
    /// One of the project's own.
    Egg(&'m Egg),
    /// Somebody else's.
    Pin(&'m Pin),
}

impl<'m> Dist<'m> {
    /// Its wheels that are shipped.
    pub fn wheels(self) -> &'m [Artifact] {
        match self {
            Self::Egg(egg) => &egg.artifacts,
            Self::Pin(pin) => &pin.artifacts,
        }
    }
}

/// Where a third-party wheel comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// A package index.
    Index,
    /// A find-links page or direct address.
    Url,
    /// Built by us from a source distribution.
    Sdist,
}

/// The source distribution that a wheel was built from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltFrom {
    /// Its address without user info, or its file name where the address is unknown.
    pub url: String,
    /// sha256 of its bytes.
    pub sha256: Digest,
}

/// A configuration that `extends` named by URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extends {
    /// Its address without user info.
    pub url: String,
    /// sha256 of its bytes.
    pub sha256: Digest,
}

/// A distribution that eggs were built with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BuildTool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// sha256 of the file it was installed from.
    pub sha256: Digest,
}

impl Manifest {
    /// Reads a manifest from its text.
    pub fn from_toml(text: &str) -> Result<Self, FormatError> {
        from_toml(text)
    }

    /// The text of this manifest.
    pub fn to_toml(&self) -> Result<String, FormatError> {
        to_toml(self)
    }

    /// The most specific buildout for a host of `stage` with `roles`.
    pub fn buildout_for(&self, stage: &str, roles: &[String]) -> Option<&Buildout> {
        let named = |name: &str| self.buildout.iter().find(|buildout| buildout.name == name);
        roles
            .iter()
            .find_map(|role| named(&format!("{stage}.{role}")))
            .or_else(|| named(stage))
            .or_else(|| named("default"))
    }

    /// Every artifact of the release, by its name.
    pub fn artifacts(&self) -> BTreeMap<Digest, Artifact> {
        let buildouts = self.buildout.iter();
        buildouts
            .flat_map(|buildout| self.artifacts_for(&buildout.name))
            .map(|artifact| (artifact.sha256, artifact))
            .collect()
    }

    /// What the manifest of no release says: one distribution twice where it is used, one file with two contents.
    pub fn contradictions(&self) -> Vec<String> {
        let mut found = Vec::new();
        for buildout in &self.buildout {
            let pins = self.pin.iter();
            let pins = pins.filter(|pin| pin.buildouts.contains(&buildout.name));
            let names = self.egg.iter().map(|egg| &egg.name);
            let mut names: Vec<String> = names
                .chain(pins.map(|pin| &pin.name))
                .map(|name| normalize(name))
                .collect();
            names.sort();
            let twice = names.windows(2).filter(|pair| pair[0] == pair[1]);
            found.extend(twice.map(|pair| format!("{} is twice in {}", pair[0], buildout.name)));
            let artifacts = self.artifacts_for(&buildout.name);
            let shipped = artifacts.iter();
            let shipped = shipped.map(|file| (file.file.as_str(), file.sha256, Some(file.size)));
            let mut files: Vec<_> = shipped.chain(self.named_for(&buildout.name)).collect();
            files.sort_by_key(|(file, ..)| *file);
            for pair in files.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
                let (one, other) = (pair[0], pair[1]);
                let sizes = one.2.zip(other.2);
                if one.1 != other.1 || sizes.is_some_and(|(one, other)| one != other) {
                    found.push(format!("{} has two contents", one.0));
                }
            }
        }
        found.dedup();
        found
    }

    /// Every artifact that a host running `buildout` needs: eggs, its pins and the tarball.
    pub fn artifacts_for(&self, buildout: &str) -> Vec<Artifact> {
        let wheels = self.dists_for(buildout).flat_map(Dist::wheels);
        wheels.cloned().chain([self.tarball.artifact()]).collect()
    }

    /// Each distribution that `buildout` needs.
    pub fn dists_for<'m>(&'m self, buildout: &'m str) -> impl Iterator<Item = Dist<'m>> {
        let pins = self.pin.iter();
        let pins = pins.filter(move |pin| pin.buildouts.iter().any(|name| name == buildout));
        let eggs = self.egg.iter().map(Dist::Egg);
        eggs.chain(pins.map(Dist::Pin))
    }
}
