//! What goes with a deployment so that hosts can check it.

use crate::host::SignedText;

/// What hosts are told of keys and policy, and of who agreed.
#[derive(Clone, Debug, Default)]
pub struct Telling {
    /// Every statement, oldest first.
    pub statements: Vec<SignedText>,
    /// Withdrawals of releases.
    pub withdrawals: Vec<SignedText>,
    /// Who agreed to this deployment.
    pub approvals: Vec<SignedText>,
    /// How far the hosts have taken entries.
    pub after: Option<u64>,
}
