//! What `status` sees of a host. Unknown fields and kinds are a newer agent's, and passed over.

use super::answer::ActivationResult;
use super::bundle::BundleSeen;
use super::room::{BackupNeed, BackupSeen, Disk};
use super::trust::TrustSeen;
use crate::release::{Digest, EntryId};
use semver::Version;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What `status` sees.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StatusAnswer {
    /// The running agent's version.
    pub agent: String,
    /// sha256 of the installed agent.
    pub installed: Option<String>,
    /// The path, absolute.
    pub path: String,
    /// Whose it is.
    pub path_state: PathState,
    /// What tells it from every other path on every machine.
    #[serde(default)]
    pub place: String,
    /// Why it can't be used.
    pub reason: Option<String>,
    /// The interpreter that answers.
    pub python: Python,
    /// The target that this host is, e.g. `cp311-manylinux_2_36_x86_64`.
    pub target: String,
    /// The login user.
    pub user: String,
    /// Whom services run as; nothing = the login user.
    #[serde(default)]
    pub runtime_user: Option<String>,
    /// What the host calls itself.
    pub hostname: String,
    /// What is free where the path is.
    pub disk: Disk,
    /// What is free where temporary files go.
    #[serde(default)]
    pub temp: Option<Disk>,
    /// What a backup of the live release's data would take, when it was asked for and would be made.
    #[serde(default)]
    pub backup: Option<BackupNeed>,
    /// The one pointer.
    pub current: Live,
    /// The host's own record.
    pub record: Option<Record>,
    /// What lies below `releases/`.
    pub releases: Vec<ReleaseSeen>,
    /// Who holds the lock.
    pub lock: Option<LockSeen>,
    /// The live release's processes.
    pub services: Vec<ServiceSeen>,
    /// Whether the live release is healthy by its own settings; `None` = nothing is live.
    pub healthy: Option<bool>,
    /// What its checks complain of; older agents say nothing.
    #[serde(default)]
    pub complaint: Option<String>,
    /// Whether its programs can be taken to another release one by one.
    #[serde(default)]
    pub rolls: bool,
    /// The shared files that were asked for.
    pub shared: SharedSeen,
    /// The artifacts that were asked for and are not there.
    #[serde(default)]
    pub missing: Vec<Digest>,
    /// Programs that the next release's data wants, and that are not there.
    #[serde(default)]
    pub lacks: Vec<String>,
    /// The last job.
    pub job: Option<JobSeen>,
    /// What is prepared now; older agents say nothing.
    #[serde(default)]
    pub preparation: Option<PreparationSeen>,
    /// Whom it believes; nothing = an older agent.
    #[serde(default)]
    pub trust: Option<TrustSeen>,
    /// The ledger that it keeps.
    #[serde(default)]
    pub bundle: Option<BundleSeen>,
}

/// Whose directory a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathState {
    /// Nothing is there, and it can be made.
    Absent,
    /// Made by an agent.
    Ours,
    /// An empty directory.
    Empty,
    /// It holds something else.
    Foreign,
    /// It can't be written or made.
    Unwritable,
}

/// A host's interpreter.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Python {
    /// Its version, e.g. `3.11.7`.
    pub version: String,
    /// Where it is.
    pub executable: String,
    /// e.g. `cpython`.
    pub implementation: String,
    /// Every wheel tag it takes, best first.
    pub tags: Vec<String>,
    /// Whether it can make virtual environments.
    pub venv: bool,
}

/// The link `current`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Live {
    /// The release it names.
    pub release: Option<Version>,
    /// Whether it is ours.
    pub state: CurrentState,
    /// What the link says.
    pub target: Option<String>,
}

/// What `current` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CurrentState {
    /// Not there.
    Absent,
    /// A link to a release.
    Ours,
    /// Anything else.
    Foreign,
}

/// What a host knows of its own deployments.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Record {
    /// The format it is written in.
    #[serde(default)]
    pub format: u32,
    /// The release that the last job left live.
    pub release: Option<Version>,
    /// Its manifest.
    #[serde(default)]
    pub manifest: Option<Digest>,
    /// The deployment that made it live.
    #[serde(default)]
    pub id: Option<EntryId>,
    /// That entry's serial, when it was known.
    #[serde(default)]
    pub serial: Option<u64>,
    /// When, RFC 3339.
    #[serde(default)]
    pub time: Option<String>,
    /// The stage.
    #[serde(default)]
    pub stage: Option<String>,
    /// What was live before.
    #[serde(default)]
    pub from: Option<Version>,
    /// Whether it was healthy then.
    #[serde(default)]
    pub healthy: bool,
    /// The last 50 jobs, oldest first.
    #[serde(default)]
    pub history: Vec<HistoryEntry>,
    /// The backups that count, oldest first.
    #[serde(default)]
    pub backups: Vec<BackupSeen>,
}

/// A job that ended.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct HistoryEntry {
    /// What it was to make live.
    pub release: Version,
    /// The deployment.
    pub id: EntryId,
    /// When it ended, RFC 3339.
    pub time: String,
    /// How.
    pub result: ActivationResult,
}

/// A folder below `releases/`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ReleaseSeen {
    /// Its name.
    pub version: String,
    /// Whether it was built to its end.
    pub complete: bool,
    /// Its manifest.
    pub manifest: Option<Digest>,
    /// Which of the manifest's buildouts it was built by.
    #[serde(default)]
    pub buildout: Option<String>,
}

/// Who holds a host's lock.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LockSeen {
    /// The person.
    pub by: String,
    /// The machine they are at.
    #[serde(default)]
    pub from: String,
    /// Its start and process namespace, in which `pid` is one process.
    #[serde(default)]
    pub machine: String,
    /// The client's process there.
    #[serde(default)]
    pub pid: Option<u32>,
    /// Since when, RFC 3339.
    #[serde(default)]
    pub since: Option<String>,
    /// What they do.
    #[serde(default)]
    pub step: Option<String>,
    /// What they are about, one sentence.
    #[serde(default)]
    pub plan: String,
    /// Whether it may be taken over: the lease is over, and no work of theirs goes on.
    #[serde(default)]
    pub expired: bool,
    /// How long the lease lasts unless it is extended, in seconds.
    #[serde(default)]
    pub left: i64,
    /// Whether it is the host itself, which puts right what was cut off.
    #[serde(default)]
    pub own: bool,
}

/// A process, or a program of a supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ServiceSeen {
    /// Its name.
    pub name: String,
    /// Whether it runs.
    pub state: ServiceState,
    /// What its supervisor says.
    pub detail: String,
}

/// Whether a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceState {
    /// It runs.
    Running,
    /// It is being started, perhaps again and again.
    Starting,
    /// It doesn't run.
    Stopped,
    /// It doesn't run and won't be started again.
    Failed,
    /// There is no way to know.
    #[serde(other)]
    Unknown,
}

/// Shared files that were asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SharedSeen {
    /// By name, whether they are there.
    pub files: BTreeMap<String, bool>,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct JobSeen {
    /// Its deployment.
    pub id: EntryId,
    /// Whether it ended.
    pub state: JobState,
    /// How it ended.
    pub result: Option<ActivationResult>,
    /// What it left live, where that was its own doing; older agents don't tell.
    #[serde(default)]
    pub current: Option<Version>,
}

/// A preparation that runs. Where an older agent began it, it says nothing of itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PreparationSeen {
    /// The deployment that it is for.
    #[serde(default)]
    pub id: Option<EntryId>,
    /// The release.
    #[serde(default)]
    pub release: Option<Version>,
    /// Since when, RFC 3339.
    #[serde(default)]
    pub since: Option<String>,
    /// Whether a client is connected that waits for it.
    #[serde(default)]
    pub followed: bool,
}

/// Whether a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobState {
    /// It works.
    Running,
    /// Its journal has an end.
    Ended,
    /// Its process is gone without an end.
    Died,
}
