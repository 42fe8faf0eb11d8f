//! What has to be written down and freed after a client that went away, before anything else.

use super::{Action, Plan};
use crate::{
    facts::{Host, Open},
    release::{HostResult, Outcome},
};
use semver::Version;

/// The end of the deployment that was left open, and the locks of clients that are gone.
pub(super) fn settling(open: Option<&Open>, hosts: &[Host]) -> Vec<(Option<String>, Action)> {
    let end = open.map(|open| {
        let settle = Action::Settle {
            stage: open.started.stage.clone(),
            deployment: open.started.id.clone(),
            outcome: open.outcome,
        };
        (None, settle)
    });
    let locks = hosts.iter().filter_map(|host| {
        let lock = host.lock.as_ref()?;
        let owner = lock.dead.clone()?;
        let holder = lock.holder.clone();
        Some((Some(host.name.clone()), Action::Unlock { owner, holder }))
    });
    end.into_iter().chain(locks).collect()
}

/// How a deployment of `version` ended on a host as it is `seen`: one that had no job for it, because the release was live
/// there already, is as well as those that had.
pub fn as_seen(ended: HostResult, seen: &Host, version: &Version) -> HostResult {
    let runs = seen.current.release() == Some(version) && seen.healthy != Some(false);
    if ended.result == Outcome::Abandoned && runs {
        return HostResult {
            to: Some(version.clone()),
            result: Outcome::Healthy,
            ..ended
        };
    }
    ended
}

/// The locks that somebody left on `hosts`, whose leases are over. Whoever prepares a host takes it over anyway; on all
/// others nobody else would end it.
pub(super) fn expired<'h>(
    hosts: impl IntoIterator<Item = &'h Host>,
) -> impl Iterator<Item = (Option<String>, Action)> {
    hosts.into_iter().filter_map(|host| {
        let lock = host.lock.as_ref()?;
        let holder = lock.holder.clone();
        (lock.expired && lock.dead.is_none())
            .then(|| (Some(host.name.clone()), Action::Break { holder }))
    })
}

/// Only that, and the locks whose leases are over, for `stage`; nothing where there is nothing to settle.
pub fn settle(stage: &str, open: Option<&Open>, hosts: &[Host]) -> Option<Plan> {
    let mut steps = settling(open, hosts);
    steps.extend(expired(hosts));
    let summary = format!("Settle what was left open on {stage}.");
    (!steps.is_empty()).then(|| Plan::new(summary, Vec::new(), steps))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{facts::Lock, host::DeadOwner};

    #[test]
    fn only_what_a_client_that_is_gone_held_is_freed() {
        let lock = |dead| Lock {
            holder: "Ada Example at laptop, process 7".to_owned(),
            dead,
            expired: false,
            left: 87,
        };
        let mut gone = Host::unknown("web1");
        gone.lock = Some(lock(Some(DeadOwner {
            from: "laptop".to_owned(),
            machine: "m".to_owned(),
            pid: 7,
        })));
        let mut busy = Host::unknown("web2");
        busy.lock = Some(lock(None));
        let mut over = Host::unknown("web3");
        over.lock = Some(Lock {
            expired: true,
            ..lock(None)
        });
        let plan = settle("staging", None, &[gone, busy.clone(), over]).unwrap();
        assert_eq!(
            plan.to_string(),
            "Settle what was left open on staging.\n   \
             1  web1  unlock    what a client that is gone held: Ada Example at laptop, process 7\n   \
             2  web3  unlock    what is left of Ada Example at laptop, process 7\n"
        );
        assert_eq!(settle("staging", None, &[busy]), None);
    }
}
