//! What hosts go by: the keys, their roles and the policy as one signed text, so that a host without git can follow every
//! change of them from the first one that it met.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::Digest;

/// `trust/<generation>.toml` of the ledger. Each is signed by a key that the one before allows to change keys; the first
/// one by its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Statement {
    /// Format version, 1.
    pub format: u32,
    /// Its position, 0 for the first, +1 each.
    pub generation: u64,
    /// The project's id; the first one cannot name it, as the id is that of the commit which brings it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// sha256 of the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// The text of `keys/allowed_signers`.
    #[serde(default)]
    pub allowed_signers: String,
    /// The text of `keys/roles.toml`.
    pub roles: String,
    /// The text of `policy.toml`.
    pub policy: String,
    /// sha256 of manifests whose signers' keys are gone, and which still count: they were in the ledger before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub manifests: Vec<Digest>,
    /// What is withdrawn: version and sha256 of its manifest. Later withdrawals have signatures of their own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub withdrawn: BTreeMap<String, Digest>,
    /// The certificates in `keys/openpgp/`, by fingerprint.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub openpgp: BTreeMap<String, String>,
}
