//! Deciding how locks end whose owners are gone.

use super::{
    Plan, Work,
    settle::{expired, settling},
};
use crate::facts::{Host, Open};

/// Who is at work on one of `hosts`, and until when, in words: the host and its holder. Nothing may be unlocked then, also
/// where the client is gone and its job goes on.
pub fn held(hosts: &[Host]) -> Option<(String, String)> {
    hosts.iter().find_map(|host| {
        let lock = host.lock.as_ref()?;
        let alone = host.preparing.as_ref().filter(|it| !it.followed);
        let until = match (host.busy(), alone, &host.working) {
            (Some(_), Some(alone), _) => {
                format!("until {}, ends; their client is cut off", alone.what)
            }
            (Some(_), None, _) if lock.left > 0 => {
                format!("for {} s more, and longer while they go on", lock.left)
            }
            (Some(_), None, _) => "until their work there ends".to_owned(),
            (None, _, Some(job)) => format!("until deployment {job}, which goes on there, ends"),
            (None, _, None) => return None,
        };
        Some((host.name.clone(), format!("{}; {until}", lock.holder)))
    })
}

/// What is prepared on one of `hosts` for a client that is gone, in words: the host, and that. Whoever takes the lock over
/// waits for its end. That it is followed yet says only that its sshd has not noticed.
pub fn abandoned(hosts: &[Host]) -> Option<(String, String)> {
    hosts.iter().find_map(|host| {
        let lock = host.lock.as_ref().filter(|lock| lock.dead.is_some())?;
        let preparing = host.preparing.as_ref()?;
        let words = format!(
            "{}; until {}, ends; their client is gone",
            lock.holder, preparing.what
        );
        Some((host.name.clone(), words))
    })
}

/// What no unlocking ends: deployments that were cut off on `hosts`, each with its host, in words.
pub fn cut_off(stage: &str, hosts: &[Host]) -> Vec<String> {
    let cut_off = hosts.iter().filter_map(|host| {
        let deployment = host.cut_off.as_ref()?;
        let name = &host.name;
        Some(format!(
            "{name}: deployment {deployment} was cut off, and is not put right by this. Next: git hostout resume {stage}"
        ))
    });
    cut_off.collect()
}

/// Ends the locks on `hosts` of `stage` whose leases are over or whose clients are known to be gone, with what these
/// prepare, which nobody would notice, and writes how the deployment ended that was left open. Nothing where there is
/// nothing to do.
pub fn unlock(stage: &str, open: Option<&Open>, hosts: &[Host]) -> Option<Plan> {
    let steps: Vec<_> = expired(hosts)
        .chain(settling(open, hosts, Work::Ended))
        .collect();
    let summary = format!("Unlock {stage}.");
    (!steps.is_empty()).then(|| Plan::new(summary, cut_off(stage, hosts), steps))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{facts::Lock, release::EntryId};

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
        let mut left = host(true, -5);
        left.working = Some(EntryId("8e6f79f8".to_owned()));
        assert_eq!(
            held(&[left]),
            Some((
                "web1".to_owned(),
                "Ann at laptop; until deployment 8e6f79f8, which goes on there, ends".to_owned()
            ))
        );
    }

    #[test]
    fn what_was_cut_off_is_told_with_what_puts_it_right() {
        let mut down = host(true, -5);
        down.cut_off = Some(EntryId("8e6f79f8".to_owned()));
        let said = "web1: deployment 8e6f79f8 was cut off, and is not put right by this. Next: git hostout resume live";
        assert_eq!(unlock("live", None, &[down]).unwrap().notes, [said]);
    }
}
