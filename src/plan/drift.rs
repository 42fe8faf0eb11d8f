//! Where a host and the ledger disagree.

use crate::{
    facts::{Current, Deployment, Host, Told},
    release::Outcome,
};
use semver::Version;

/// What differs between what `host` says and the history of `stage` (newest first), in words; empty = nothing. `told` is
/// what the history says of this host; where it says nothing of it, what was healthy on the stage last is meant.
/// `under_way` says that a host of the stage is at work: what that deployment comes to is not known yet.
///
/// The host is right about what is live, the ledger about what was meant.
pub fn drift(
    host: &Host,
    stage: &str,
    log: &[Deployment],
    told: Option<&Told>,
    under_way: bool,
) -> Vec<String> {
    let mut drift = Vec::new();
    let healthy = |deployment: &&Deployment| deployment.outcome == Some(Outcome::Healthy);
    let newest = || log.iter().find(healthy);
    let told_version = told.map(|told| &told.version);
    let meant = told_version.or_else(|| newest().map(|deployment| &deployment.version));
    let live = host.current.release();
    let open = log.first();
    let open = open.filter(|deployment| deployment.outcome.is_none());
    let arrived = |live: &Version| under_way && open.is_some_and(|open| open.version == *live);
    if let Current::Foreign(what) = &host.current {
        drift.push(format!("current is {what}"));
    }
    // Host and ledger agree again when the job has ended.
    if host.working.is_some() {
        return drift;
    }
    match (live, meant) {
        (live, Some(meant)) if live != Some(meant) && told.is_some_and(|told| told.behind) => {
            let live = live.map_or_else(|| "nothing".to_owned(), ToString::to_string);
            drift.push(format!(
                "stayed behind: runs {live}, the others {meant}; git hostout resume {stage} takes it there"
            ));
        }
        (Some(live), _) if arrived(live) => {}
        (Some(live), Some(meant)) if live != meant => {
            drift.push(format!("runs {live}, the ledger says {meant}"));
        }
        (Some(live), None) => drift.push(format!("runs {live}, the ledger knows of no deployment")),
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
    } else if let Some(open) = open.filter(|_| !under_way) {
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
        host.history = vec![healthy.clone()];
        assert_eq!(
            drift(
                &host,
                "staging",
                std::slice::from_ref(&healthy),
                None,
                false
            ),
            Vec::<String>::new()
        );
        assert_eq!(
            drift(&host, "staging", &[], None, false),
            ["runs 1.0.0, the ledger knows of no deployment"]
        );
        host.working = Some(EntryId("b".into()));
        assert_eq!(drift(&host, "staging", &[], None, false).len(), 0);
        host.working = None;
        // Of a fleet that is not whole each host is to run what the ledger tells of it.
        let newer = Version::new(1, 1, 0);
        let mut told = Told {
            version: newer.clone(),
            behind: false,
        };
        let log = std::slice::from_ref(&healthy);
        let expected = ["runs 1.0.0, the ledger says 1.1.0"];
        assert_eq!(drift(&host, "staging", log, Some(&told), false), expected);
        told.behind = true;
        let behind = "stayed behind: runs 1.0.0, the others 1.1.0; git hostout resume staging takes it there";
        assert_eq!(drift(&host, "staging", log, Some(&told), false), [behind]);
        // What is under way has come to some hosts and not to others, and that is no fault.
        told.behind = false;
        let mut begun = healthy.clone();
        (begun.version, begun.outcome) = (newer.clone(), None);
        let open = [begun, healthy.clone()];
        let before = Told {
            version: healthy.version.clone(),
            behind: false,
        };
        assert_eq!(drift(&host, "staging", &open, Some(&before), true).len(), 0);
        assert_eq!(
            drift(&host, "staging", &open, Some(&before), false).len(),
            1
        );
        host.current = Current::Release(newer.clone());
        host.record = Some((newer.clone(), EntryId("c".into())));
        host.complete.insert(newer.clone(), Digest::of(b""));
        assert_eq!(drift(&host, "staging", &open, Some(&before), true).len(), 0);
        assert_eq!(drift(&host, "staging", log, Some(&told), false).len(), 0);
        host.record = None;
        assert_eq!(drift(&host, "staging", log, Some(&told), false).len(), 0);
        host.history.clear();
        assert_eq!(
            drift(&host, "staging", log, Some(&told), false),
            [
                "has lost its records, .hostout: git hostout rollback staging --to 1.1.0 writes them anew"
            ]
        );
        host.current = Current::Nothing;
        assert_eq!(
            drift(
                &host,
                "staging",
                std::slice::from_ref(&healthy),
                None,
                false
            ),
            ["runs nothing, the ledger says 1.0.0"]
        );
        host.cut_off = Some(EntryId("b".into()));
        assert_eq!(
            drift(&host, "staging", &[healthy], None, false)[1],
            "deployment b was cut off; git hostout resume staging puts it right"
        );
    }
}
