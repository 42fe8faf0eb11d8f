//! Where a host and the ledger disagree.

use crate::{
    facts::{Current, Deployment, Host},
    release::Outcome,
};
use semver::Version;

/// What differs between what `host` says and the history of `stage` (newest first), in words; empty = nothing. `told` is
/// what the history says of this host; where it says nothing of it, what was healthy on the stage last is meant.
///
/// The host is right about what is live, the ledger about what was meant.
pub fn drift(host: &Host, stage: &str, log: &[Deployment], told: Option<&Version>) -> Vec<String> {
    let mut drift = Vec::new();
    let healthy = |deployment: &&Deployment| deployment.outcome == Some(Outcome::Healthy);
    let newest = || log.iter().find(healthy);
    let meant = told.or_else(|| newest().map(|deployment| &deployment.version));
    let live = host.current.release();
    if let Current::Foreign(what) = &host.current {
        drift.push(format!("current is {what}"));
    }
    // Host and ledger agree again when the job has ended.
    if host.working.is_some() {
        return drift;
    }
    match (live, meant) {
        (Some(live), Some(meant)) if live != meant => {
            drift.push(format!("runs {live}, the ledger says {meant}"));
        }
        // A deployment that failed leaves a line of history, and one that was cut off is told below.
        (Some(live), None) if host.history.is_empty() && host.cut_off.is_none() => {
            drift.push(format!("runs {live}, the ledger knows of no deployment"))
        }
        (None, Some(meant)) => {
            drift.push(format!("runs nothing, the ledger says {meant}"));
        }
        _ => {}
    }
    match (live, &host.record) {
        (Some(live), Some((recorded, _))) if live != recorded => drift.push(format!(
            "current names {live}, the host's record {recorded}"
        )),
        // A deployment that failed leaves a line of history, and one that was cut off is told below.
        (Some(live), None) if host.history.is_empty() && host.cut_off.is_none() => drift.push(format!(
            "has lost its records, .hostout: git hostout rollback {stage} --to {} writes them anew",
            meant.unwrap_or(live)
        )),
        _ => {}
    }
    if let Some(live) = live
        && !host.complete.contains_key(live)
    {
        drift.push(format!("releases/{live} is not complete"));
    }
    if let Some(id) = &host.cut_off {
        drift.push(format!(
            "deployment {id} was cut off; git hostout resume {stage} puts it right"
        ));
    } else if let Some(open) = log
        .first()
        .filter(|deployment| deployment.outcome.is_none())
    {
        drift.push(format!(
            "deployment {} has no end in the ledger; git hostout resume {stage} writes it",
            open.id
        ));
    }
    drift
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::{Digest, EntryId, Intent};
    use semver::Version;

    #[test]
    fn names_what_differs() {
        let version = Version::new(1, 0, 0);
        let mut host = Host::unknown("web1");
        host.current = Current::Release(version.clone());
        host.record = Some((version.clone(), EntryId("a".into())));
        host.complete.insert(version.clone(), Digest::of(b""));
        let healthy = Deployment {
            serial: 3,
            id: EntryId("a".into()),
            stage: "staging".into(),
            version,
            intent: Intent::Deploy,
            outcome: Some(Outcome::Healthy),
            time: String::new(),
        };
        assert_eq!(
            drift(&host, "staging", std::slice::from_ref(&healthy), None),
            Vec::<String>::new()
        );
        assert_eq!(
            drift(&host, "staging", &[], None),
            ["runs 1.0.0, the ledger knows of no deployment"]
        );
        host.working = Some(EntryId("b".into()));
        assert_eq!(drift(&host, "staging", &[], None).len(), 0);
        host.working = None;
        // Of a fleet that is not whole each host is to run what the ledger tells of it.
        let newer = Version::new(1, 1, 0);
        let log = std::slice::from_ref(&healthy);
        let expected = ["runs 1.0.0, the ledger says 1.1.0"];
        assert_eq!(drift(&host, "staging", log, Some(&newer)), expected);
        host.current = Current::Release(newer.clone());
        host.record = Some((newer.clone(), EntryId("c".into())));
        host.complete.insert(newer.clone(), Digest::of(b""));
        assert_eq!(drift(&host, "staging", log, Some(&newer)).len(), 0);
        host.record = None;
        assert_eq!(
            drift(&host, "staging", log, Some(&newer)),
            [
                "has lost its records, .hostout: git hostout rollback staging --to 1.1.0 writes them anew"
            ]
        );
        host.current = Current::Nothing;
        assert_eq!(
            drift(&host, "staging", std::slice::from_ref(&healthy), None),
            ["runs nothing, the ledger says 1.0.0"]
        );
        host.cut_off = Some(EntryId("b".into()));
        assert_eq!(
            drift(&host, "staging", &[healthy], None)[1],
            "deployment b was cut off; git hostout resume staging puts it right"
        );
    }
}
