//! What people say about a release after it was made: that a stage may have it, that no stage takes it any more.

use super::{Digest, EntryId};
use semver::Version;
use serde::{Deserialize, Serialize};

/// `approvals/<stage>/<version>/<id>.toml` of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Approval {
    /// Format version, 1.
    pub format: u32,
    /// Always `approved`.
    pub state: String,
    /// Its id.
    pub id: EntryId,
    /// The project's id.
    pub project: String,
    /// The stage.
    pub stage: String,
    /// The release.
    pub version: Version,
    /// sha256 of its manifest.
    pub manifest: Digest,
    /// Who, `Name <mail>`.
    pub by: String,
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// Why, in the user's words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// `withdrawn/<version>.toml` of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Withdrawal {
    /// Format version, 1.
    pub format: u32,
    /// Always `withdrawn`.
    pub state: String,
    /// Its id.
    pub id: EntryId,
    /// The project's id.
    pub project: String,
    /// The release.
    pub version: Version,
    /// sha256 of its manifest.
    pub manifest: Digest,
    /// Who, `Name <mail>`.
    pub by: String,
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// Why, in the user's words.
    pub reason: String,
}
