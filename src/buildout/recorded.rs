//! What `record.py` writes down.

use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

/// One run of buildout.
#[derive(Debug, Deserialize)]
pub(super) struct Recorded {
    /// Every distribution that was used, by canonical name; more than one entry: more than one version.
    pub(super) dists: BTreeMap<String, Vec<Used>>,
    /// Every file that was fetched, by canonical name, a space and the version.
    pub(super) fetched: BTreeMap<String, File>,
    /// The spellings that requirements used, by canonical name.
    pub(super) spellings: BTreeMap<String, Vec<String>>,
    /// The recipe of each part that was loaded.
    pub(super) parts: BTreeMap<String, String>,
    /// The canonical names of what each part uses.
    pub(super) used: BTreeMap<String, BTreeSet<String>>,
    /// What went wrong first.
    pub(super) failure: Option<Failure>,
}

/// A distribution in a working set.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Used {
    /// As buildout prints it.
    pub(super) name: String,
    pub(super) version: String,
    pub(super) location: PathBuf,
}

/// A fetched file and its address.
#[derive(Debug, Deserialize)]
pub(super) struct File {
    pub(super) file: PathBuf,
    /// Without user info; a path for local files.
    pub(super) url: String,
}

/// Why a run failed.
#[derive(Debug, Deserialize)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    pub(super) requirement: String,
    pub(super) part: String,
    /// Requirements that led to it.
    pub(super) wanted_by: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// Nothing fulfils the requirement.
    Missing,
    /// A pin does not allow it.
    Conflict,
    /// A part builds it with options of its own.
    Custom,
}

impl Failure {
    /// The name in the requirement.
    pub(super) fn name(&self) -> &str {
        let end = |c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c);
        self.requirement.split(end).next().unwrap_or_default()
    }

    /// Who wants it, for people.
    pub(super) fn wanted_by(&self) -> String {
        let part = format!("part {}", self.part);
        match self.wanted_by.last() {
            Some(dist) => format!("{dist} in {part}"),
            None => part,
        }
    }
}
