//! The ledger and the releases as a host keeps them: one git bundle, `.hostout/project.bundle`.

use serde::{Deserialize, Serialize};

/// Where it lies below the stage's path.
pub const BUNDLE: &str = ".hostout/project.bundle";

/// The bundle of a host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct BundleSeen {
    /// The ledger's branch.
    pub branch: String,
    /// Its newest entry in the bundle.
    pub tip: String,
    /// The tags in it.
    pub tags: Vec<String>,
    /// How long it is.
    pub bytes: u64,
}

/// What a deployment brings of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BundleRequest {
    /// The entry that it follows: the newest one in the bundle that is there; nothing = it stands for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// A git bundle, in base64.
    pub data: String,
}
