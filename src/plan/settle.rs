//! What has to be written down and freed after a client that went away, before anything else.

use super::{Action, Plan, Work};
use crate::{
    facts::{Host, Open},
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

/// Only that, for `stage`; nothing where there is nothing to settle.
pub fn settle(stage: &str, open: Option<&Open>, hosts: &[Host]) -> Option<Plan> {
    let steps = settling(open, hosts, Work::Awaited);
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
        let plan = settle("staging", None, &[gone, busy.clone()]).unwrap();
        assert_eq!(
            plan.to_string(),
            "Settle what was left open on staging.\n   \
             1  web1  unlock    what a client that is gone held: Ada Example at laptop, process 7\n"
        );
        assert_eq!(settle("staging", None, &[busy]), None);
    }
}
