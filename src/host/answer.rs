//! The last lines of the agent's answers. Unknown fields and kinds are a newer agent's, and passed over.

use super::seen::LockSeen;
use crate::release::{Digest, EntryId, Outcome};
use semver::Version;
use serde::Deserialize;

/// Which artifacts are missing.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct HaveAnswer {
    /// Those.
    pub missing: Vec<Digest>,
}

/// What `install` wrote.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct InstallAnswer {
    /// sha256 of the installed agent.
    pub installed: Digest,
}

/// What `put` took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct PutAnswer {
    /// How many artifacts.
    pub stored: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// A release that can be made live.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PrepareAnswer {
    /// Whether it was there already, complete and of the same manifest.
    pub reused: bool,
    /// The token of the lock that is still held.
    pub lock: Option<String>,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Activated {
    /// How.
    pub result: ActivationResult,
    /// The deployment.
    pub id: EntryId,
    /// What was live before.
    pub from: Option<Version>,
    /// What was to be.
    pub to: Version,
    /// What `current` names now.
    pub current: Option<Version>,
    /// The backup's name below `backups/`.
    #[serde(default)]
    pub backup: Option<String>,
    /// sha256 of that backup's `SHA256SUMS`.
    #[serde(default)]
    pub backup_sha256: Option<Digest>,
    /// One sentence, with what was put back.
    pub message: String,
    /// The last lines of what failed.
    #[serde(default)]
    pub output: Vec<String>,
    /// What failed.
    #[serde(default)]
    pub kind: Option<FailureKind>,
    /// What to do about it.
    #[serde(default)]
    pub hint: Option<Hint>,
}

/// How an activation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActivationResult {
    /// The new release is live and healthy.
    Healthy,
    /// The new release is live and isn't healthy, kept by choice.
    Unhealthy,
    /// The old release was put back and is healthy.
    Reverted,
    /// Failed after the switch, or services are down; `current` says what is live.
    Failed,
    /// The old release is live, and was never switched away from.
    FailedBeforeSwitch,
    /// A newer agent's.
    #[serde(other)]
    Unknown,
}

impl ActivationResult {
    /// What the ledger says of it.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Healthy => Outcome::Healthy,
            Self::Reverted => Outcome::Reverted,
            Self::Unhealthy | Self::FailedBeforeSwitch | Self::Failed => Outcome::Failed,
            Self::Unknown => Outcome::Abandoned,
        }
    }
}

/// What `prune` removed, or would.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PruneAnswer {
    /// What went.
    pub removed: Vec<Pruned>,
    /// The releases that stay.
    pub kept: Vec<String>,
    /// How much went, in bytes.
    pub bytes: u64,
}

/// Something that was removed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Pruned {
    /// `release`, `egg`, `venv`, `artifact` or `job`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// A lock whose lease was extended.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct HoldAnswer {
    /// Its token.
    pub lock: String,
}

/// Whether a lock was there to be ended.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct UnlockAnswer {
    /// It was, and is no more.
    pub unlocked: bool,
    /// Whose it was.
    #[serde(default)]
    pub lock: Option<LockSeen>,
}

/// What an agent says to do. It does not know what its stage is called where the commands in it are typed: there it says
/// `STAGE`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Hint(String);

impl Hint {
    /// It in words, for `stage`; where none is known `STAGE` stays.
    pub fn words(&self, stage: Option<&str>) -> String {
        match stage {
            Some(stage) => self.0.replace(" STAGE", &format!(" {stage}")),
            None => self.0.clone(),
        }
    }
}

/// A verb that said no.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Failure {
    /// Which no.
    pub kind: FailureKind,
    /// What is the matter.
    pub message: String,
    /// What to do about it.
    #[serde(default)]
    pub hint: Option<Hint>,
    /// The last lines of a command's output.
    #[serde(default)]
    pub output: Vec<String>,
    /// Who holds the lock, with [`FailureKind::Locked`].
    #[serde(default)]
    pub lock: Option<LockSeen>,
    /// What wasn't sent, with [`FailureKind::MissingArtifact`].
    #[serde(default)]
    pub missing: Vec<String>,
    /// What is live, where the agent looked.
    #[serde(default)]
    pub current: Option<String>,
    /// Whether a deployment made that live, with [`FailureKind::Stale`].
    #[serde(default)]
    pub recorded: bool,
}

/// The kinds of no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The request, or an upload, isn't well formed.
    BadRequest,
    /// The request or manifest is of a newer format than the agent knows.
    NewerFormat,
    /// Someone else holds the lock.
    Locked,
    /// The lock was lost.
    LockLost,
    /// What was signed is not what was asked for, or not signed by who may.
    Untrusted,
    /// It must not be done: a foreign path, a missing shared file, no wheel for this host.
    Refused,
    /// Bytes don't hash to their name.
    WrongHash,
    /// An artifact isn't in the store.
    MissingArtifact,
    /// There is no room left.
    DiskFull,
    /// The operating system said no.
    Io,
    /// The virtual environment can't be made.
    Venv,
    /// buildout failed.
    Buildout,
    /// The release isn't prepared.
    NotPrepared,
    /// Something else is live than was planned with.
    Stale,
    /// The backup failed.
    Backup,
    /// The backup could not be put back.
    Restore,
    /// A hook failed.
    Hook,
    /// Services don't stop.
    Stop,
    /// Services don't start.
    Start,
    /// `current` couldn't be switched.
    Switch,
    /// Parts that act outside the release failed.
    HostParts,
    /// The release isn't healthy.
    Unhealthy,
    /// The job was asked to end, as by a shutdown.
    Stopped,
    /// There is no such job.
    UnknownJob,
    /// The job runs still, and wasn't waited for.
    Running,
    /// The job died without an end.
    Died,
    /// A bug in the agent, or a kind that a newer one has.
    #[serde(other)]
    Bug,
}
