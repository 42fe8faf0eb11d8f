//! Files that are shipped.

use super::Digest;
use serde::{Deserialize, Serialize};

/// A file that is shipped, named by its sha256: an egg's wheel, a third-party wheel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Artifact {
    /// The file's name, for wheels as in the binary distribution format (PEP 427).
    pub file: String,
    /// sha256 of its bytes.
    pub sha256: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// The targets it serves; empty = all of the release's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// Whether two people who make it from the same input get the same bytes.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub reproducible: bool,
}

fn yes() -> bool {
    true
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_yes(value: &bool) -> bool {
    *value
}
