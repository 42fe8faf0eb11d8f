//! In which order deployments came.

use crate::{
    facts::{Deployment, Host},
    release::EntryId,
};

/// `log` (newest first) as the records of `hosts` tell it. An entry that was made while the remote was away stands in the
/// ledger behind what others did since; which came first on a host, nobody's clock has to say.
pub fn in_order<'h>(
    mut log: Vec<Deployment>,
    hosts: impl IntoIterator<Item = &'h Host>,
) -> Vec<Deployment> {
    for host in hosts {
        let told: Vec<&EntryId> = host.history.iter().map(|past| &past.id).collect();
        let rank = |past: &Deployment| told.iter().position(|id| **id == past.id);
        // Those that the host does not know stay where they are.
        let places: Vec<usize> = (0..log.len())
            .filter(|at| log.get(*at).is_some_and(|past| rank(past).is_some()))
            .collect();
        let mut known: Vec<Deployment> = log
            .iter()
            .filter(|past| rank(past).is_some())
            .cloned()
            .collect();
        known.sort_by_key(rank);
        for (at, past) in places.into_iter().zip(known) {
            log[at] = past;
        }
    }
    log
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::{Intent, Outcome};
    use semver::Version;

    fn log(ids: &str) -> Vec<Deployment> {
        ids.chars()
            .map(|id| Deployment {
                serial: 1,
                id: EntryId(id.to_string()),
                stage: "staging".to_owned(),
                version: Version::new(1, 0, 0),
                intent: Intent::Deploy,
                outcome: Some(Outcome::Healthy),
                time: String::new(),
            })
            .collect()
    }

    #[test]
    fn what_a_host_tells_of_comes_in_its_order_and_the_rest_stays() {
        let ids = |ledger: &str, hosts: &[&str]| -> String {
            let seen = hosts.iter().map(|history| {
                let mut host = Host::unknown("web1");
                host.history = log(history);
                host
            });
            let seen: Vec<Host> = seen.collect();
            let ordered = in_order(log(ledger), &seen);
            ordered.into_iter().map(|past| past.id.0).collect()
        };
        assert_eq!(ids("cba", &["cba"]), "cba");
        assert_eq!(ids("rdba", &["drba"]), "drba");
        assert_eq!(ids("xrdyba", &["drba"]), "xdryba", "failed before a switch");
        assert_eq!(ids("rdba", &["rba", "drba"]), "drba", "one got d alone");
        // As of a host that came back from an old copy of its disk.
        assert_eq!(ids("cba", &["ba"]), "cba");
        // One that was taken back stands there twice.
        assert_eq!(ids("dcba", &["ddcba"]), "dcba");
    }
}
