//! What is said between client and host about whom the host believes.

use crate::release::Digest;
use serde::{Deserialize, Serialize};

/// A text of the ledger with the signature beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignedText {
    /// The text.
    pub text: String,
    /// Its armored signature.
    pub signature: String,
}

/// Tells the host which keys and policy count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrustRequest {
    /// The project's id.
    pub project: String,
    /// The stage that the path belongs to.
    pub stage: String,
    /// Statements of keys and policy, in order, from the newest that the host knows on.
    pub statements: Vec<SignedText>,
    /// Withdrawals of releases.
    pub withdrawals: Vec<SignedText>,
}

/// Whom a host believes, and what it can check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct TrustSeen {
    /// Whether its ssh-keygen verifies.
    pub ssh: bool,
    /// Whether it has gpg.
    pub openpgp: bool,
    /// The project that it was introduced to.
    #[serde(default)]
    pub project: Option<String>,
    /// The project that root there names; then no other is believed. Nothing = root names none.
    #[serde(default)]
    pub root: Option<String>,
    /// The stage that its path belongs to.
    #[serde(default)]
    pub stage: Option<String>,
    /// The newest statement of keys and policy that it knows.
    #[serde(default)]
    pub generation: Option<u64>,
    /// That one's sha256.
    #[serde(default)]
    pub digest: Option<Digest>,
    /// How many withdrawals it knows.
    #[serde(default)]
    pub withdrawn: usize,
    /// How far it has taken entries: what was signed when it was not as far is an old one.
    #[serde(default)]
    pub serial: Option<i64>,
}

/// What `trust` took.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TrustAnswer {
    /// Whom it believes now.
    pub trust: TrustSeen,
}

/// A release's manifest, as it came to the host.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ManifestAnswer {
    /// Its text.
    pub manifest: String,
    /// Its armored signature, or nothing.
    pub signature: String,
}
