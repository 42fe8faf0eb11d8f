//! Putting a release together where nobody sees it: in memory, in scratch folders, in the cache.
//!
//! The order has no circle (design of the ledger): bump versions in a copy of the released tree → build wheels → resolve
//! with them → generated files → release commit → manifest. Tag and ledger come later, in `execute`.
//!
//! **Invariant:** no ref, and no file outside scratch and cache, is written; the same commit, ledger and pins give the same
//! release commit and manifest, whoever asks.
//! **Not here:** whether there is a release to make (`plan`), making it visible (`execute`).
//! **To add** something to a release: a field of the manifest, filled in the file that knows it.

mod again;
mod commit;
mod configs;
mod eggs;
mod elsewhere;
mod error;
mod fetchable;
mod files;
mod look;
mod manifest;
mod pins;
mod settings;
mod targets;
mod together;
mod wheels;

pub use again::{Again, Rebuilt, rebuild};
pub use error::{Error, Result};
pub use look::{Looked, look};
pub use together::together;

use crate::{
    buildout::User, config::Project, event::Watch, ledger::Released, pack::Store, plan::Sources,
    release::Manifest,
};
use gix::ObjectId;
use pep440_rs::Version as EggVersion;
use semver::Version;
use std::{collections::BTreeSet, path::Path};

/// Everything a release is made from.
pub struct Job<'a> {
    /// The repository, with object memory: objects are only written when the release is carried out.
    pub repo: &'a gix::Repository,
    /// HEAD's commit.
    pub head: ObjectId,
    /// The buildout directory from the root of the repository; empty = the root.
    pub directory: &'a str,
    /// The project's `hostout.toml`, from the root of the repository.
    pub file: &'a str,
    /// What it says.
    pub project: &'a Project,
    /// The project's id.
    pub id: String,
    /// The release before.
    pub previous: Option<&'a Released>,
    /// The version of this one.
    pub version: &'a Version,
    /// The release that is made again: then its `previous` is itself.
    pub again: Option<&'a Again<'a>>,
    /// Which pins may go up.
    pub upgrade: &'a Upgrade,
    /// Every version of an egg in the ledger.
    pub known: &'a dyn Fn(&str) -> Result<BTreeSet<EggVersion>>,
    /// The cache folder.
    pub cache: &'a Path,
    /// The content store.
    pub store: &'a Store,
    /// Whose settings of indexes and credentials are honoured.
    pub user: &'a User,
    /// Whoever looks on.
    pub watch: Watch<'a>,
}

/// Which third-party pins may differ from the previous release's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// Only what the configuration pins otherwise.
    None,
    /// All.
    All,
    /// These.
    Names(Vec<String>),
}

/// A release, put together.
#[derive(Debug)]
pub struct Assembled {
    /// Its manifest.
    pub manifest: Manifest,
    /// The manifest's text: what is signed and hashed.
    pub text: String,
    /// The text of `versions.cfg`.
    pub versions_cfg: String,
    /// What the changelogs say, for the tag's message.
    pub notes: String,
    /// Develop eggs that no production buildout uses.
    pub unused: Vec<String>,
    /// Where its files come from, as far as the manifest does not say it.
    pub sources: Sources,
    /// What looks like a password in its configurations, with a remedy each.
    pub secrets: Vec<String>,
}

/// Puts a release together from what was looked at.
pub fn assemble(job: &Job<'_>, looked: Looked) -> Result<Assembled> {
    let Looked { configs, sources } = looked;
    let candidates = eggs::find(job, &configs, sources)?;
    let built = wheels::build(job, &configs, &candidates)?;
    let resolved = pins::resolve(job, &configs, &candidates, &built)?;
    let commit = commit::write(job, &configs, &candidates, &resolved)?;
    manifest::write(job, &configs, &candidates, &resolved, &commit)
}
