//! What was seen: plain data about the repository, the ledger and each host.
//!
//! **Invariant:** no decisions and no effects; two observations can be compared with `==`.
//! **Not here:** looking (`observe`), deciding (`plan`).
//! **To add** a fact: a field here, filled in by `observe`, used by `plan`.

mod consent;
mod verdict;

pub use consent::{Consent, Heard, Trusted};
pub use verdict::{Check, Verdict};

use crate::{
    host::{BundleSeen, DeadOwner, TrustSeen},
    release::{Digest, EntryId, HostResult, Intent, Manifest, Outcome, Started},
};
use semver::Version;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The repository at the moment a release was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// Object id of HEAD's commit.
    pub head: String,
    /// Tracked files that differ from HEAD, and untracked files that a release would need, each with how it differs.
    pub dirty: Vec<(String, Dirt)>,
    /// `merge`, `rebase`, … when one is under way.
    pub operation: Option<String>,
    /// Names of all tags.
    pub tags: BTreeSet<String>,
    /// Configuration files with a password in an address: file and line.
    pub passwords: Vec<(String, usize)>,
}

/// How a file differs from HEAD.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dirt {
    /// Tracked and changed.
    Modified,
    /// Not tracked, but part of what would be released.
    Untracked,
}

/// The ledger beside the one on the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemoteLedger {
    /// There is no remote to push to.
    NoRemote,
    /// Ours has everything theirs has.
    UpToDate,
    /// Neither contains the other.
    Diverged {
        /// What to look at, in words.
        detail: String,
        /// Whether ours cannot be made again on top of theirs.
        blocked: bool,
    },
    /// It did not answer.
    Unreachable {
        /// The remote's name.
        remote: String,
        /// Why, redacted.
        detail: String,
    },
}

/// A release that is in the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Released {
    /// Its manifest.
    pub manifest: Manifest,
    /// sha256 of the manifest's bytes.
    pub digest: Digest,
}

/// A deployment as the ledger tells it: a started entry, and the ended one when there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Serial of the started entry.
    pub serial: u64,
    /// Its id.
    pub id: EntryId,
    /// The stage.
    pub stage: String,
    /// The release.
    pub version: Version,
    /// deploy or rollback.
    pub intent: Intent,
    /// How it ended; nothing when no ended entry is known.
    pub outcome: Option<Outcome>,
    /// When it started, RFC 3339 in UTC.
    pub time: String,
}

/// A deployment whose client went away: the ledger has its start and no end, and its hosts were asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// Its started entry.
    pub started: Started,
    /// How it ended as a whole.
    pub outcome: Outcome,
    /// How it ended on each of its hosts.
    pub results: Vec<HostResult>,
}

/// What the ledger tells of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The release that is to be live there.
    pub version: Version,
    /// Whether it stayed behind when the others got that.
    pub behind: bool,
}

/// Who holds a host's lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// Who, from where, since when, at which step: in words.
    pub holder: String,
    /// The owner, where it is known to be gone: a process of this machine.
    pub dead: Option<DeadOwner>,
    /// Whether it may be taken over: the lease is over, and no work of theirs goes on there.
    pub expired: bool,
    /// How long its lease lasts unless they go on, in seconds.
    pub left: i64,
}

/// A preparation that runs on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preparing {
    /// Of which release, and since when, in words.
    pub what: String,
    /// Whether a client is connected that waits for it.
    pub followed: bool,
}

/// One host of a stage, as it says itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// As `hostout.toml` names it.
    pub name: String,
    /// Its roles.
    pub roles: Vec<String>,
    /// The state of the stage's path.
    pub path: PathState,
    /// What tells the stage's path on this machine from every other one; empty = it cannot be told.
    pub place: String,
    /// Whom services run as there; nothing = the login user.
    pub runtime_user: Option<String>,
    /// Its python.
    pub python: Python,
    /// What is free where the path is.
    pub room: Room,
    /// What is free where temporary files go.
    pub temp: Option<Room>,
    /// What a backup of what is live would take, when one would be made.
    pub backup: Option<Backup>,
    /// What `current` names.
    pub current: Current,
    /// The release that the host's record calls live, and the id of the deployment that made it so.
    pub record: Option<(Version, EntryId)>,
    /// The release that its last job left live, and that job's deployment, by the job's journal. The record is behind it
    /// where it could not be written.
    pub switched: Option<(Version, EntryId)>,
    /// The deployments that its record tells, newest first; serials count the record's own entries.
    pub history: Vec<Deployment>,
    /// The names of the backups that its record tells, oldest first.
    pub backups: Vec<String>,
    /// Releases in its `releases/` that are complete, with the sha256 of their manifests.
    pub complete: BTreeMap<Version, Digest>,
    /// The buildout of each release's manifest that its directory there was built by, as far as it is known.
    pub built: BTreeMap<Version, String>,
    /// Releases that programs run from still, though another one is live; empty unless they were asked for.
    pub homes: BTreeSet<Version>,
    /// Who holds the lock.
    pub lock: Option<Lock>,
    /// The last job, where it was cut off and is not put right, or not yet.
    pub cut_off: Option<EntryId>,
    /// The deployment of which a job runs there, whether its client lives or not.
    pub working: Option<EntryId>,
    /// What is prepared there now, whether its client lives or not.
    pub preparing: Option<Preparing>,
    /// Its processes: name, state, detail.
    pub services: Vec<(String, String, String)>,
    /// Whether what is live is healthy; nothing when nothing is live or it cannot be told.
    pub healthy: Option<bool>,
    /// What its health checks complain of.
    pub complaint: Option<String>,
    /// Whether its programs can be taken to another release one by one, from how they were started.
    pub rolls: bool,
    /// Shared files and whether they are there.
    pub shared_files: BTreeMap<String, bool>,
    /// Which of the asked-for artifacts it lacks.
    pub missing: BTreeSet<Digest>,
    /// Programs that the release's data wants, and that are not there.
    pub lacks: Vec<String>,
    /// Whether this program's agent is installed.
    pub agent: bool,
    /// Whom it believes, and what it can check; nothing = it cannot say.
    pub trust: Option<TrustSeen>,
    /// The ledger that it keeps; nothing = none that can be read.
    pub bundle: Option<BundleSeen>,
}

/// What is free on a file system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Where it was looked.
    pub place: String,
    /// Which file system: places on the same one share what is free.
    pub device: u64,
    /// In bytes.
    pub bytes: u64,
    /// In inodes; nothing where they are not counted.
    pub inodes: Option<u64>,
    /// Whether no program can be run there.
    pub noexec: bool,
}

/// What the backup before a switch would take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Whether it is made as the live release says: the new one names no data.
    pub as_live: bool,
    /// The kind of data.
    pub kind: String,
    /// In bytes.
    pub bytes: u64,
    /// In inodes.
    pub inodes: u64,
    /// What is free where it goes.
    pub room: Room,
}

/// A host's interpreter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Python {
    /// Its version, e.g. `3.11.2`.
    pub version: String,
    /// The wheel tags it takes (PEP 425), best first.
    pub tags: Vec<String>,
    /// What it is called in `targets`.
    pub target: String,
    /// Whether the `venv` module is there.
    pub venv: bool,
}

/// The state of the path of a stage on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathState {
    /// Nothing is there, or an empty folder; it can be made.
    Free,
    /// A deployment of ours.
    Ours,
    /// A deployment of a newer program, whose record is in this format: it is read, and never written.
    Newer(u32),
    /// Somebody else's files.
    Foreign,
    /// It cannot be made or written.
    Unwritable(String),
}

/// What `current` is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Current {
    /// There is none.
    Nothing,
    /// A link to a release of ours.
    Release(Version),
    /// Something we did not make.
    Foreign(String),
}

impl Current {
    /// The release that is live, when there is one of ours.
    pub fn release(&self) -> Option<&Version> {
        match self {
            Self::Release(version) => Some(version),
            Self::Nothing | Self::Foreign(_) => None,
        }
    }
}

impl Host {
    /// Who is at work on it: the holder of a lock that may not be taken over, and who is not known to be gone.
    pub fn busy(&self) -> Option<&str> {
        let lock = self.lock.as_ref()?;
        (!lock.expired && lock.dead.is_none()).then_some(&lock.holder)
    }

    /// Whether somebody deploys to it, or a job of theirs goes on without them.
    pub fn under_way(&self) -> bool {
        self.busy().is_some() || self.working.is_some()
    }

    /// A host of which nothing is known but its name: what a test starts from.
    pub fn unknown(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            roles: Vec::new(),
            path: PathState::Free,
            place: String::new(),
            runtime_user: None,
            python: Python::default(),
            room: Room::default(),
            temp: None,
            backup: None,
            current: Current::Nothing,
            record: None,
            switched: None,
            history: Vec::new(),
            backups: Vec::new(),
            complete: BTreeMap::new(),
            built: BTreeMap::new(),
            homes: BTreeSet::new(),
            lock: None,
            cut_off: None,
            working: None,
            preparing: None,
            services: Vec::new(),
            healthy: None,
            complaint: None,
            rolls: false,
            shared_files: BTreeMap::new(),
            missing: BTreeSet::new(),
            lacks: Vec::new(),
            agent: false,
            trust: None,
            bundle: None,
        }
    }
}
