//! Parts of the agent's answers: what is free, what a backup takes, which backups there are.

use crate::release::Digest;
use serde::Deserialize;

/// Free space.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Disk {
    /// Where.
    #[serde(default)]
    pub path: String,
    /// Which file system, as the host numbers them.
    #[serde(default)]
    pub device: u64,
    /// In bytes.
    pub free: u64,
    /// In inodes; nothing where the file system does not count them.
    pub inodes: Option<u64>,
    /// Whether no program can be run there.
    #[serde(default)]
    pub noexec: bool,
}

/// What the next backup would take.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct BackupNeed {
    /// Whose settings say how it is made.
    pub of: BackupOwner,
    /// The kind of those settings.
    pub kind: String,
    /// In bytes; of a command, what it wrote the last time.
    pub bytes: u64,
    /// In inodes.
    pub inodes: u64,
    /// What is free where backups go.
    pub disk: Disk,
}

/// Whose settings say how a backup is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackupOwner {
    /// Those that were sent.
    New,
    /// The live release's.
    Old,
}

/// A backup that is whole.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct BackupSeen {
    /// Its name below `backups/`.
    pub name: String,
    /// By which kind of data it was made.
    pub kind: String,
    /// How many files.
    pub files: u64,
    /// How much, in bytes.
    pub bytes: u64,
    /// When, RFC 3339.
    pub time: String,
    /// sha256 of its `SHA256SUMS`.
    pub sha256: Digest,
    /// Whether the release whose data it is was healthy when it went live.
    pub healthy: bool,
}
