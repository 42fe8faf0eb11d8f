//! A release that is being published, kept until its entry is in the ledger.
//!
//! Objects first, then this note, then the tag, the ledger last: a crash leaves either nothing that anyone sees, or a
//! note from which `resume` goes on. The note holds no secret and no path.

use super::{Error, Result};
use crate::release::{from_toml, to_toml};
use semver::Version;
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
};

/// What is needed to finish a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Unfinished {
    /// Format version, 1.
    pub format: u32,
    /// The release.
    pub version: Version,
    /// The tag's name.
    pub tag: String,
    /// What the tag says below its subject.
    pub notes: String,
    /// The manifest's text.
    pub manifest: String,
    /// The text of `versions.cfg`.
    pub versions_cfg: String,
}

fn path(repo: &gix::Repository, ledger: &str) -> PathBuf {
    // The branch's slashes would be folders.
    let name = format!("{}.toml", ledger.replace('/', "%2F"));
    repo.common_dir()
        .join("hostout")
        .join("unfinished")
        .join(name)
}

/// The release of `ledger` that was begun here and is not in it yet.
pub fn unfinished(repo: &gix::Repository, ledger: &str) -> Result<Option<Unfinished>> {
    let path = path(repo, ledger);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(Error::File {
                what: "read",
                path,
                source,
            });
        }
    };
    let value = from_toml(&text);
    value.map(Some).map_err(|error| Error::File {
        what: "read",
        path,
        source: io::Error::other(error),
    })
}

impl Unfinished {
    /// Writes the note, durably.
    pub(super) fn keep(&self, repo: &gix::Repository, ledger: &str) -> Result<()> {
        let path = path(repo, ledger);
        let text = to_toml(self).map_err(io::Error::other);
        let write = |text: String| -> io::Result<()> {
            let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
            fs::create_dir_all(folder)?;
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            // The name is on the disk only when its folder is.
            fs::File::open(folder)?.sync_all()
        };
        text.and_then(write).map_err(|source| Error::File {
            what: "write",
            path: path.clone(),
            source,
        })
    }

    /// Forgets the note.
    pub(super) fn forget(repo: &gix::Repository, ledger: &str) -> Result<()> {
        let path = path(repo, ledger);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::File {
                what: "remove",
                path,
                source: error,
            }),
            _ => Ok(()),
        }
    }
}
