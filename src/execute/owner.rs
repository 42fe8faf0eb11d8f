//! Who holds a host's lock: how we say who we are, and when another one is known to be gone.

use crate::{
    host::{DeadOwner, LockRequest, LockSeen},
    ledger::Person,
};
use rustix::process::{Pid, test_kill_process};
use std::{fs, path::Path};

/// How long a host's lock outlives a client that has gone, in seconds. Work on the host extends it.
pub(super) const LEASE: u64 = 120;

/// What a host's lock says about us, and what we are about to do.
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

/// The owner of a lock, where it is a process of this machine that is gone.
pub(super) fn dead(lock: &LockSeen) -> Option<DeadOwner> {
    let pid = lock.pid?;
    let here = lock.from == nodename() && !lock.machine.is_empty() && lock.machine == machine();
    let process = Pid::from_raw(i32::try_from(pid).ok()?)?;
    let gone = here && test_kill_process(process) == Err(rustix::io::Errno::SRCH);
    gone.then(|| DeadOwner {
        from: lock.from.clone(),
        machine: lock.machine.clone(),
        pid,
    })
}

fn nodename() -> String {
    let here = rustix::system::uname();
    here.nodename().to_string_lossy().into_owned()
}

/// This start of this machine, and what process numbers count in: two containers may share a name. Empty where it cannot
/// be told; then nobody is known to be dead.
fn machine() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    let space = fs::read_link(Path::new("/proc/self/ns/pid"));
    match (boot, space) {
        (Ok(boot), Ok(space)) => format!("{} {}", boot.trim(), space.display()),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_of_this_machine_is_known_to_be_dead() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let gone = child.id();
        child.wait().unwrap();
        let lock = |from: &str, machine: &str, pid| LockSeen {
            by: String::new(),
            from: from.to_owned(),
            machine: machine.to_owned(),
            pid,
            since: None,
            step: None,
            plan: String::new(),
            expired: false,
            left: 0,
        };
        let (name, here) = (nodename(), machine());
        let owner = dead(&lock(&name, &here, Some(gone))).unwrap();
        assert_eq!((owner.pid, owner.machine), (gone, here.clone()));
        assert!(dead(&lock(&name, &here, Some(std::process::id()))).is_none());
        assert!(dead(&lock("elsewhere", &here, Some(gone))).is_none());
        assert!(dead(&lock(&name, "another start", Some(gone))).is_none());
        assert!(dead(&lock(&name, "", Some(gone))).is_none());
        assert!(dead(&lock(&name, &here, None)).is_none());
    }
}
