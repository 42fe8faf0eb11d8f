//! What people and the policy say about a release on a stage.

use crate::release::Unchecked;
use jiff::Timestamp;
use semver::Version;

/// What people and the policy say about a release on a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// The stage.
    pub stage: String,
    /// The release.
    pub version: Version,
    /// When it was made.
    pub made: Option<Timestamp>,
    /// Why it was withdrawn, when, and by whom; nothing = it was not.
    pub withdrawn: Option<String>,
    /// Who deploys, by the ledger's keys.
    pub me: String,
    /// Who agreed.
    pub approvers: Vec<String>,
    /// How many people have to agree.
    pub signers: usize,
    /// Whether the stage ran it healthy before.
    pub proven: bool,
    /// Whether a reason is needed.
    pub reason_needed: bool,
    /// The reason that is given; may be empty.
    pub reason: String,
    /// How old a release may be, in seconds.
    pub retention: Option<u64>,
    /// The newest entry that others have too, where the policy limits its age and this is no rollback.
    pub heard: Option<Heard>,
    /// Now.
    pub now: Timestamp,
}

/// What was heard of the ledger at last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The remote; nothing = there is none, and this clone's own ledger counts.
    pub remote: Option<String>,
    /// Its newest entry, and when that was made; nothing = nothing was ever heard.
    pub newest: Option<(String, Timestamp)>,
    /// How old it may be, in seconds.
    pub limit: u64,
}

/// What hosts are told of keys and policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trusted {
    /// The project's id.
    pub project: String,
    /// The newest statement of keys and policy.
    pub generation: u64,
    /// How many releases are withdrawn.
    pub withdrawn: usize,
    /// Whether an ssh key signed the release, or signs the deployment.
    pub ssh: bool,
    /// Whether an `OpenPGP` key did, or does.
    pub openpgp: bool,
    /// What becomes of a deployment to a host that cannot check that.
    pub unchecked: Unchecked,
}
