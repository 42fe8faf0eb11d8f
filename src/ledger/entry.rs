//! Entries as the history tells them: commit messages only, no tree is read.

use super::{Error, Result, message, tag::seconds};
use crate::release::{EntryId, Intent, Need, Outcome};
use gix::ObjectId;
use jiff::Timestamp;
use semver::Version;

/// One entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its position, 0 for the first commit, +1 each.
    pub serial: u64,
    /// Its commit.
    pub commit: ObjectId,
    /// Its random id, which never changes.
    pub id: EntryId,
    /// What it is.
    pub kind: Kind,
    /// Who made it, `Name <mail>`, by their own word.
    pub by: String,
    /// When, by their own word.
    pub time: Timestamp,
    /// Why, in the user's words; may be empty.
    pub reason: String,
    /// The subject of its message, e.g. `deploy staging 1.4.2 started`.
    pub subject: String,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The first one.
    Start {
        /// The project's name.
        name: String,
    },
    /// A release.
    Release {
        /// Its version.
        version: Version,
        /// Its tag object.
        tag: ObjectId,
        /// The released commit: in the message, so that neither tags nor manifests are read to find the previous release.
        commit: ObjectId,
    },
    /// A deployment began.
    Started {
        /// Where.
        stage: String,
        /// Of what.
        version: Version,
        /// By which verb.
        intent: Intent,
    },
    /// A deployment ended.
    Ended {
        /// Where.
        stage: String,
        /// Of what.
        version: Version,
        /// The id of its started entry.
        of: EntryId,
        /// How.
        outcome: Outcome,
        /// By which verb.
        intent: Intent,
    },
    /// Keys were added or taken away, or the policy was changed.
    Keys {
        /// What, e.g. `add ben@example.org`, `policy`.
        what: String,
    },
    /// Somebody agreed to a deployment.
    Approved {
        /// Where.
        stage: String,
        /// Of what.
        version: Version,
    },
    /// A release was withdrawn.
    Withdrawn {
        /// Which.
        version: Version,
    },
    /// Anything else, by its subject: what newer programs write.
    Other(String),
}

impl Kind {
    /// What its signer has to be allowed to do.
    pub fn need(&self) -> Option<Need> {
        Some(match self {
            Self::Start { .. } | Self::Other(_) => return None,
            Self::Release { .. } | Self::Withdrawn { .. } => Need::Release,
            Self::Started {
                stage,
                intent: Intent::Rollback,
                ..
            } => Need::Rollback(stage.clone()),
            Self::Started { stage, .. } | Self::Approved { stage, .. } => {
                Need::Deploy(stage.clone())
            }
            Self::Ended { stage, .. } => Need::End(stage.clone()),
            Self::Keys { .. } => Need::Keys,
        })
    }

    /// The stage of a deployment.
    pub fn stage(&self) -> Option<&str> {
        match self {
            Self::Started { stage, .. } | Self::Ended { stage, .. } => Some(stage),
            _ => None,
        }
    }
}

/// A new random id: 64 bits from the operating system, as 16 hexadecimal digits.
pub fn new_id() -> Result<EntryId> {
    let number = getrandom::u64().map_err(|error| Error::Program {
        program: "getrandom".into(),
        source: std::io::Error::other(error),
    })?;
    Ok(EntryId(format!("{number:016x}")))
}

/// The entry of a commit, and its parent.
pub(super) fn read(repo: &gix::Repository, id: ObjectId) -> Result<(Entry, Option<ObjectId>)> {
    let what = || Error::git(format!("read ledger entry {id}"));
    let commit = repo.find_commit(id).map_err(what())?;
    let decoded = commit.decode().map_err(what())?;
    let wrong = |message: &str| Error::malformed(format!("commit {id}"), message);
    let mut parents = decoded.parents();
    let parent = parents.next();
    if parents.next().is_some() {
        return Err(wrong("it is a merge"));
    }
    let text = decoded.message.to_string();
    let trailers = message::Trailers::of(&text);
    let trailer = |name: &str| {
        trailers
            .get(name)
            .ok_or_else(|| wrong(&format!("no {name}")))
    };
    let author = decoded.author().map_err(what())?;
    let name = trailer("Hostout-Id")?;
    // It becomes part of paths here and on hosts.
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong("its id is no hexadecimal number"));
    }
    let entry = Entry {
        serial: trailer("Hostout-Serial")?
            .parse()
            .map_err(|_| wrong("its serial is no number"))?,
        commit: id,
        id: EntryId(name.to_owned()),
        kind: message::kind(&text, &trailers),
        by: format!("{} <{}>", author.name, author.email),
        time: seconds(author.seconds()),
        reason: message::body(&text).to_owned(),
        subject: text.lines().next().unwrap_or_default().to_owned(),
    };
    Ok((entry, parent))
}
