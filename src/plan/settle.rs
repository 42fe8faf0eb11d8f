//! What has to be written down and freed after a client that went away, before anything else.

use super::{Action, Plan, Work};
use crate::{
    config::Stage,
    facts::{Deployment, Host, Open},
    release::{HostResult, Outcome},
};
use semver::Version;

/// The end of the deployment that was left open, and the locks of clients that are gone. What becomes of their
/// preparations is `work`'s to say.
pub(super) fn settling(
    open: Option<&Open>,
    hosts: &[Host],
    work: fn(String) -> Work,
) -> Vec<(Option<String>, Action)> {
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
        let unlock = Action::Unlock {
            owner,
            holder: lock.holder.clone(),
            work: host.preparing.as_ref().map(|it| work(it.what.clone())),
        };
        Some((Some(host.name.clone()), unlock))
    });
    end.into_iter().chain(locks).collect()
}

/// The last deployment to `stage` that `log` (newest first) tells, where it did not end well and yet every host of the stage
/// is among `hosts` and runs its release, healthy: one that was kept, or that somebody helped. What the ledger does not know
/// to be healthy nobody goes back to.
pub(super) fn well_again(
    stage: &Stage,
    log: &[Deployment],
    hosts: &[Host],
) -> Option<(Option<String>, Action)> {
    let last = log.iter().find(|entry| entry.stage == stage.name)?;
    let ill = matches!(last.outcome, Some(Outcome::Failed | Outcome::Abandoned));
    let version = Some(&last.version);
    let well = |host: &Host| {
        let recorded = host.record.as_ref().map(|(recorded, _)| recorded);
        let runs = host.current.release() == version && recorded == version;
        runs && host.healthy == Some(true) && host.working.is_none()
    };
    let seen = |name: &str| hosts.iter().find(|host| host.name == name);
    let mut all = stage.hosts.iter();
    let whole = all.all(|host| seen(&host.destination).is_some_and(well));
    (ill && whole).then(|| {
        let action = Action::RecordHealthy {
            stage: stage.name.clone(),
            deployment: last.id.clone(),
        };
        (None, action)
    })
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
    let mut steps = settling(open, hosts, Work::Awaited);
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
