//! Which old releases leave a host.

use super::{Action, Plan};
use crate::facts::Host;
use semver::Version;
use std::collections::BTreeSet;

/// A plan that leaves `keep` releases on each host, never removing what is live, what programs run from, or `previous`:
/// what a rollback would go back to. Nothing when there is nothing to remove.
pub fn prune(stage: &str, keep: usize, hosts: &[Host], previous: Option<&Version>) -> Option<Plan> {
    let mut steps = Vec::new();
    for host in hosts {
        let live = host.current.release().into_iter();
        let safe: BTreeSet<&Version> = live.chain(previous).chain(&host.homes).collect();
        let removable = host
            .complete
            .keys()
            .rev()
            .filter(|version| !safe.contains(version));
        let held = safe
            .iter()
            .filter(|version| host.complete.contains_key(**version))
            .count();
        let releases: Vec<Version> = removable.skip(keep.saturating_sub(held)).cloned().collect();
        if !releases.is_empty() {
            steps.push((Some(host.name.clone()), Action::Prune { keep, releases }));
        }
    }
    (!steps.is_empty()).then(|| {
        Plan::new(
            format!("Remove old releases from {stage}."),
            Vec::new(),
            steps,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{facts::Current, release::Digest};

    #[test]
    fn keeps_what_is_live_and_what_a_rollback_needs() {
        let mut host = Host::unknown("web1");
        for minor in 0..6 {
            host.complete
                .insert(Version::new(1, minor, 0), Digest::of(b""));
        }
        host.current = Current::Release(Version::new(1, 1, 0));
        let plan = prune("staging", 3, &[host.clone()], Some(&Version::new(1, 0, 0))).unwrap();
        let Action::Prune { releases, .. } = &plan.steps[0].action else {
            panic!()
        };
        let names: Vec<String> = releases.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["1.4.0", "1.3.0", "1.2.0"]);
        host.homes.insert(Version::new(1, 4, 0));
        let plan = prune("staging", 3, &[host.clone()], Some(&Version::new(1, 0, 0))).unwrap();
        let said = plan.steps[0].action.to_string();
        assert!(said.contains("1.5.0") && !said.contains("1.4.0"), "{said}");
        assert_eq!(prune("staging", 9, &[host], None), None);
    }
}
