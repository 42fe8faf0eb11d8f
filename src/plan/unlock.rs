//! Deciding how locks end whose owners are gone.

use super::{Action, Plan, settle::settling};
use crate::facts::{Host, Open};

/// Who is at work on one of `hosts`, and until when, in words: the host and its holder. Nothing may be unlocked then.
pub fn held(hosts: &[Host]) -> Option<(String, String)> {
    hosts.iter().find_map(|host| {
        let left = host.lock.as_ref()?.left;
        let until = if left > 0 {
            format!("for {left} s more, and longer while they go on")
        } else {
            "until their work there ends".to_owned()
        };
        Some((host.name.clone(), format!("{}; {until}", host.busy()?)))
    })
}

/// Ends the locks on `hosts` of `stage` whose leases are over or whose clients are known to be gone, and writes how the
/// deployment ended that was left open. Nothing where there is nothing to do.
pub fn unlock(stage: &str, open: Option<&Open>, hosts: &[Host]) -> Option<Plan> {
    let expired = hosts.iter().filter_map(|host| {
        let lock = host.lock.as_ref()?;
        let holder = lock.holder.clone();
        (lock.expired && lock.dead.is_none())
            .then(|| (Some(host.name.clone()), Action::Break { holder }))
    });
    let steps: Vec<_> = expired.chain(settling(open, hosts)).collect();
    let summary = format!("Unlock {stage}.");
    (!steps.is_empty()).then(|| Plan::new(summary, Vec::new(), steps))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Lock;

    fn host(expired: bool, left: i64) -> Host {
        let mut host = Host::unknown("web1");
        host.lock = Some(Lock {
            holder: "Ann at laptop".to_owned(),
            dead: None,
            expired,
            left,
        });
        host
    }

    #[test]
    fn one_whose_lease_is_over_is_free_to_be_ended() {
        let hosts = [host(true, -5), Host::unknown("web2")];
        assert_eq!(held(&hosts), None);
        let plan = unlock("live", None, &hosts).unwrap();
        assert_eq!(
            plan.to_string(),
            "Unlock live.\n   1  web1  unlock    what is left of Ann at laptop\n"
        );
        assert_eq!(unlock("live", None, &hosts[1..]), None);
    }

    #[test]
    fn one_that_lives_is_held_until() {
        for (left, until) in [(87, "for 87 s more"), (-3, "until their work there ends")] {
            let (host, holder) = held(&[host(true, -5), host(false, left)]).unwrap();
            assert_eq!(host, "web1");
            assert!(holder.contains(until) && holder.contains("Ann"), "{holder}");
        }
    }
}
