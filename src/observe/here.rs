//! This machine, as locks on hosts name it.

use crate::host::{DeadOwner, LockSeen};
use rustix::process::{Pid, test_kill_process};
use std::fs;

/// What this machine calls itself.
pub fn nodename() -> String {
    let here = rustix::system::uname();
    here.nodename().to_string_lossy().into_owned()
}

/// This start of this machine, and what process numbers count in: two containers may share a name. Empty where it cannot
/// be told; then nobody is known to be dead.
pub fn machine() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    let space = fs::read_link("/proc/self/ns/pid");
    match (boot, space) {
        (Ok(boot), Ok(space)) => format!("{} {}", boot.trim(), space.display()),
        _ => String::new(),
    }
}

/// The owner of a lock, where it is a process of this machine that is gone.
pub(super) fn dead(lock: &LockSeen) -> Option<DeadOwner> {
    let pid = lock.pid?;
    let process = Pid::from_raw(i32::try_from(pid).ok()?)?;
    let here = lock.from == nodename() && !lock.machine.is_empty() && lock.machine == machine();
    let gone = here && test_kill_process(process) == Err(rustix::io::Errno::SRCH);
    gone.then(|| DeadOwner {
        from: lock.from.clone(),
        machine: lock.machine.clone(),
        pid,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_of_this_machine_is_known_to_be_dead() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let gone = child.id();
        child.wait().unwrap();
        let (name, here) = (nodename(), machine());
        let is_dead = |from: &str, machine: &str, pid| {
            let lock = LockSeen {
                by: String::new(),
                from: from.to_owned(),
                machine: machine.to_owned(),
                pid,
                since: None,
                step: None,
                plan: String::new(),
                expired: false,
                left: 0,
                own: false,
            };
            dead(&lock).is_some()
        };
        assert!(is_dead(&name, &here, Some(gone)));
        assert!(!is_dead(&name, &here, Some(std::process::id())));
        assert!(!is_dead("elsewhere", &here, Some(gone)));
        assert!(!is_dead(&name, "another start", Some(gone)));
        assert!(!is_dead(&name, "", Some(gone)));
        assert!(!is_dead(&name, &here, None));
    }
}
