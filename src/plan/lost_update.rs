//! Whether a host runs something that the ledger does not know: somebody else's work would be lost.

use crate::facts::{Deployment, Host};

/// What `host` runs that `log`, every deployment of the ledger, does not know, in words.
pub(super) fn unknown(host: &Host, log: &[Deployment]) -> Option<String> {
    let live = host.current.release()?;
    match &host.record {
        None => Some(format!(
            "runs {live}, and has no record of how that came there"
        )),
        Some((recorded, _)) if recorded != live => Some(format!(
            "runs {live} since its `current` was replaced by hand: its record says {recorded}"
        )),
        Some((_, id)) if log.iter().all(|deployment| deployment.id != *id) => Some(format!(
            "runs {live} by deployment {id}, which the ledger here does not know"
        )),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::Current,
        release::{EntryId, Intent, Outcome},
    };
    use semver::Version;

    #[test]
    fn only_what_the_ledger_knows_may_be_replaced() {
        let version = Version::new(1, 0, 0);
        let known = Deployment {
            serial: 3,
            id: EntryId("a".into()),
            stage: "staging".into(),
            version: version.clone(),
            intent: Intent::Deploy,
            outcome: Some(Outcome::Healthy),
            time: String::new(),
        };
        let log = [known];
        let mut host = Host::unknown("web1");
        assert_eq!(unknown(&host, &log), None, "nothing runs");
        host.current = Current::Release(version.clone());
        assert!(unknown(&host, &log).unwrap().contains("no record"));
        host.record = Some((version, EntryId("a".into())));
        assert_eq!(unknown(&host, &log), None);
        assert!(unknown(&host, &[]).unwrap().contains("does not know"));
        host.current = Current::Release(Version::new(2, 0, 0));
        assert!(unknown(&host, &log).unwrap().contains("by hand"));
    }
}
