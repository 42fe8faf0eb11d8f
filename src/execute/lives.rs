//! What is live on the hosts of a stage when a deployment to them is over, as people are told it.

use super::{Deployed, Live};
use crate::{
    facts,
    release::{HostResult, Outcome},
};
use semver::Version;
use std::cmp::Reverse;

/// A deployment that is over.
pub(super) struct Over<'a> {
    /// Of the hosts that were switched.
    pub results: &'a [HostResult],
    /// Of those among them that failed.
    pub failures: &'a [Deployed],
    /// All that were to be switched, with what was live on each.
    pub activations: &'a [(String, Option<Version>)],
    /// All that were looked at: one that was not to be switched ran the release before.
    pub seen: &'a [facts::Host],
    /// The release.
    pub version: &'a Version,
}

impl Over<'_> {
    /// What is live where, as far as it is known; nothing where no host was switched.
    pub(super) fn lives(&self) -> Vec<(String, Live)> {
        if self.results.is_empty() {
            return Vec::new();
        }
        let switched = self
            .results
            .iter()
            .map(|result| (result.host.clone(), self.live(result)));
        let alone = self.alone().map(|(host, old)| {
            let old = old.as_ref().map(ToString::to_string);
            (host.clone(), Live::Untouched(old))
        });
        let asked = |name: &str| self.activations.iter().any(|(host, _)| host == name);
        let before = self
            .seen
            .iter()
            .filter(|host| !asked(&host.name))
            .map(|host| (host.name.clone(), Live::New(self.version.to_string())));
        switched.chain(alone).chain(before).collect()
    }

    /// For the ledger: the hosts that were left alone after another one failed, and those that could not be reached.
    pub(super) fn left_behind(&self, unreachable: &[String]) -> Vec<HostResult> {
        let alone = self.alone().map(|(host, old)| (host, old.clone()));
        let unreachable = unreachable.iter().map(|host| (host, None));
        let behind = |(host, live): (&String, Option<Version>)| HostResult {
            host: host.clone(),
            from: live.clone(),
            to: live,
            result: Outcome::Behind,
            backup: None,
            backup_sha256: None,
        };
        alone.chain(unreachable).map(behind).collect()
    }

    /// The hosts that were to be switched and were not, with what is live there.
    fn alone(&self) -> impl Iterator<Item = &(String, Option<Version>)> {
        let switched = |name: &str| self.results.iter().any(|result| result.host == name);
        let mut activations = self.activations.iter().collect::<Vec<_>>();
        activations.retain(|(host, _)| !switched(host));
        activations.into_iter()
    }

    fn live(&self, result: &HostResult) -> Live {
        let mut failures = self.failures.iter();
        if let Some(failure) = failures.find(|failure| failure.host == result.host) {
            return failure.live.clone();
        }
        let live = result.to.as_ref().map(ToString::to_string);
        match result.result {
            Outcome::Healthy => Live::New(live.unwrap_or_default()),
            Outcome::Reverted => Live::Reverted(live.unwrap_or_default()),
            Outcome::Failed if result.to == result.from => Live::Untouched(live),
            Outcome::Failed => Live::Switched(live),
            Outcome::Abandoned | Outcome::Behind => Live::Unknown,
        }
    }
}

/// The failure that is told first: on the host that is furthest from where it began, else the earliest.
pub(super) fn worst(failures: &mut Vec<Deployed>) -> Option<Deployed> {
    let distance = |failure: &Deployed| match failure.live {
        Live::Unknown => 4,
        Live::Switched(_) => 3,
        Live::New(_) | Live::Kept(_) => 2,
        Live::Reverted(_) => 1,
        Live::Untouched(_) => 0,
    };
    let all = failures.iter().enumerate();
    let (at, _) = all.min_by_key(|(_, failure)| Reverse(distance(failure)))?;
    Some(failures.remove(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(host: &str, live: Live) -> Deployed {
        Deployed {
            host: host.to_owned(),
            message: "it did not answer".to_owned(),
            live,
            others: Vec::new(),
            output: Vec::new(),
            hint: None,
            stage: "live".to_owned(),
        }
    }

    fn result(host: &str, result: Outcome, to: &str) -> HostResult {
        HostResult {
            host: host.to_owned(),
            from: Some(Version::new(1, 0, 0)),
            to: to.parse().ok(),
            result,
            backup: None,
            backup_sha256: None,
        }
    }

    #[test]
    fn every_host_of_the_stage_is_told() {
        let old = Version::new(1, 0, 0);
        let names = ["web1", "web2", "web3"];
        let over = Over {
            results: &[result("web2", Outcome::Failed, "1.0.0")],
            failures: &[failure("web2", Live::Switched(Some(old.to_string())))],
            activations: &["web2", "web3"].map(|host| (host.to_owned(), Some(old.clone()))),
            seen: &names.map(facts::Host::unknown),
            version: &Version::new(1, 1, 0),
        };
        let said: Vec<String> = over
            .lives()
            .iter()
            .map(|(host, live)| format!("{host}: {live}"))
            .collect();
        let expected = [
            "web2: 1.0.0 is live, or its services are down",
            "web3: 1.0.0 is live, untouched",
            "web1: 1.1.0 is live",
        ];
        assert_eq!(said, expected);
        let behind: Vec<(String, bool)> = over
            .left_behind(&["web4".to_owned()])
            .into_iter()
            .map(|result| (result.host, result.to == Some(old.clone())))
            .collect();
        let expected = [("web3".to_owned(), true), ("web4".to_owned(), false)];
        assert_eq!(behind, expected);
        let none = Over {
            results: &[],
            ..over
        };
        assert_eq!(none.lives(), []);
        assert_eq!(none.alone().count(), 2);
    }

    #[test]
    fn a_host_that_is_down_is_told_before_one_that_is_well_again() {
        let again = failure("web2", Live::Reverted("1.0.0".to_owned()));
        let down = failure("web1", Live::Switched(Some("1.0.0".to_owned())));
        let same = failure("web3", Live::Switched(Some("1.0.0".to_owned())));
        let mut failures = vec![again, down, same];
        assert_eq!(worst(&mut failures).unwrap().host, "web1");
        assert_eq!(worst(&mut failures).unwrap().host, "web3");
        assert_eq!(worst(&mut failures).unwrap().host, "web2");
        assert!(worst(&mut failures).is_none());
    }
}
