//! Whether a host runs something that the ledger does not know: somebody else's work would be lost.

use crate::facts::{Deployment, Host};

/// What `host` runs that `log`, every deployment of the ledger, does not know, in words.
pub fn unknown(host: &Host, log: &[Deployment]) -> Option<String> {
    let live = host.current.release()?;
    let mut told = host.record.iter().chain(&host.switched);
    let Some((_, id)) = told.find(|(version, _)| version == live) else {
        return Some(match &host.record {
            None => format!("runs {live}, and has no record of how that came there"),
            Some((recorded, _)) => format!(
                "runs {live} since its `current` was replaced by hand: its record says {recorded}"
            ),
        });
    };
    let known = log.iter().any(|deployment| deployment.id == *id);
    (!known).then(|| format!("runs {live} by deployment {id}, which the ledger here does not know"))
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
        let other = Version::new(2, 0, 0);
        host.current = Current::Release(other.clone());
        assert!(unknown(&host, &log).unwrap().contains("by hand"));
        // Where the record could not be written the job's journal tells.
        host.switched = Some((other, EntryId("a".into())));
        assert_eq!(unknown(&host, &log), None);
        assert!(unknown(&host, &[]).unwrap().contains("does not know"));
        host.record = None;
        assert_eq!(unknown(&host, &log), None);
    }
}
