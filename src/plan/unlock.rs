//! Deciding how locks end whose owners are gone.

use super::{Action, Plan};
use crate::{facts::Host, release::EntryId};

/// What comes out of deciding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unlocking {
    /// Nobody holds a lock, and no deployment is open.
    Nothing,
    /// This is to be done.
    Plan(Plan),
    /// Somebody is at work.
    Held {
        /// The host.
        host: String,
        /// Who, and until when, in words.
        holder: String,
    },
}

/// Ends the locks of `stage` whose leases are over, and then the deployment `open` that the ledger knows no end of: all or
/// none of them.
pub fn unlock(stage: &str, hosts: &[Host], open: Option<&EntryId>) -> Unlocking {
    let mut steps = Vec::new();
    for host in hosts {
        let Some(lock) = &host.lock else {
            continue;
        };
        if !lock.expired {
            return Unlocking::Held {
                host: host.name.clone(),
                holder: format!("{}, {}", lock.holder, until(lock.left)),
            };
        }
        let holder = lock.holder.clone();
        steps.push((Some(host.name.clone()), Action::Unlock { holder }));
    }
    if open.is_some() {
        let stage = stage.to_owned();
        steps.push((None, Action::RecordEnded { stage }));
    }
    if steps.is_empty() {
        return Unlocking::Nothing;
    }
    let notes = open.map(|id| format!("deployment {id} has no end in the ledger yet"));
    Unlocking::Plan(Plan::new(
        format!("Unlock {stage}."),
        notes.into_iter().collect(),
        steps,
    ))
}

/// Until when a lock lasts.
fn until(left: i64) -> String {
    if left > 0 {
        format!("for {left} s more, and longer while they go on")
    } else {
        "until their work there ends".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Lock;

    fn host(expired: bool, left: i64) -> Host {
        let holder = "Ann at laptop".to_owned();
        let mut host = Host::unknown("web1");
        host.lock = Some(Lock {
            holder,
            expired,
            left,
        });
        host
    }

    #[test]
    fn a_lock_whose_lease_is_over_ends_and_its_deployment_too() {
        let id = EntryId("8e6f79f83626d68a".to_owned());
        let Unlocking::Plan(plan) = unlock("live", &[host(true, -5)], Some(&id)) else {
            panic!("it is free to be taken")
        };
        let text = plan.to_string();
        for word in ["Ann at laptop", "8e6f79f83626d68a", "how it ended on live"] {
            assert!(text.contains(word), "{text}");
        }
    }

    #[test]
    fn one_that_lives_stops_all() {
        let hosts = [host(true, -5), host(false, 87), host(false, -3)];
        for (first, words) in [(1, "for 87 s more"), (2, "until their work there ends")] {
            let Unlocking::Held { holder, .. } = unlock("live", &hosts[first..], None) else {
                panic!("it is held")
            };
            assert!(holder.contains(words), "{holder}");
        }
        assert!(matches!(
            unlock("live", &hosts, None),
            Unlocking::Held { .. }
        ));
    }

    #[test]
    fn nothing_is_left_to_do() {
        let free = Host::unknown("web1");
        assert_eq!(unlock("live", &[free], None), Unlocking::Nothing);
    }
}
