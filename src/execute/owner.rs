//! What a host's lock says of us.

use crate::{
    host::LockRequest,
    ledger::Person,
    observe::{machine, nodename},
};

/// How long a host's lock outlives a client that has gone, in seconds. Work on the host extends it.
pub(super) const LEASE: u64 = 120;

/// A request for a host's lock: who we are, and what we are about to do.
pub(super) fn lock(token: &str, who: &Person, plan: &str) -> LockRequest {
    LockRequest {
        token: token.to_owned(),
        by: who.to_string(),
        from: nodename(),
        machine: machine(),
        pid: std::process::id(),
        lease: LEASE,
        plan: plan.trim_end_matches('.').to_owned(),
    }
}
