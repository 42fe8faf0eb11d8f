//! Which release a rollback goes back to.

use crate::{
    facts::{Deployment, Host},
    release::{Intent, Outcome},
};
use semver::Version;

/// There is no release to go back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoTarget {
    /// Versions that may be named with `--to`, newest first.
    pub others: Vec<Version>,
}

/// The newest healthy deployment older than the first deployment of the current release, of another version:
/// 1.5 → 1.4 → 1.3, never forward.
///
/// `log` is the stage's history, newest first.
pub fn rollback_target<'a>(
    log: &'a [Deployment],
    current: Option<&Version>,
) -> Result<&'a Deployment, NoTarget> {
    let healthy = |deployment: &&Deployment| deployment.outcome == Some(Outcome::Healthy);
    let is_current = |deployment: &Deployment| Some(&deployment.version) == current;
    let first = log
        .iter()
        .rposition(|deployment| healthy(&deployment) && is_current(deployment));
    log.iter()
        .skip(first.map_or(0, |first| first + 1))
        .find(healthy)
        .ok_or_else(|| {
            let mut others: Vec<Version> = Vec::new();
            for deployment in log.iter().filter(healthy) {
                if !is_current(deployment) && !others.contains(&deployment.version) {
                    others.push(deployment.version.clone());
                }
            }
            NoTarget { others }
        })
}

/// The release that the stage runs. Where its hosts differ it is the one that was deployed last: those with another one
/// went back alone, or never followed. A rollback that did not reach all of them is not over: another one goes on with it.
pub fn runs<'a>(log: &'a [Deployment], hosts: &'a [Host]) -> Option<&'a Version> {
    let mut live = hosts.iter().filter_map(|host| host.current.release());
    let is_over = |past: &&Deployment| {
        past.intent == Intent::Deploy || past.outcome == Some(Outcome::Healthy)
    };
    let last = log.iter().filter(is_over).map(|past| &past.version);
    let mut last = last.filter(|version| live.clone().any(|live| live == *version));
    last.next().or_else(|| live.next())
}

/// The deployment whose release the stage runs, where it was found healthy and nothing came after it that nobody can
/// tell the end of.
pub fn proven(log: &[Deployment]) -> Option<&Deployment> {
    let newest = log
        .iter()
        .find(|deployment| deployment.outcome != Some(Outcome::Reverted))?;
    (newest.outcome == Some(Outcome::Healthy)).then_some(newest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{facts::Current, release::EntryId};

    /// A stage's history, oldest first; a version followed by `!` was reverted.
    fn log(versions: &str) -> Vec<Deployment> {
        let mut log: Vec<Deployment> = (1..)
            .zip(versions.split_whitespace())
            .map(|(serial, word)| Deployment {
                serial,
                id: EntryId(format!("{serial:016x}")),
                stage: "staging".to_owned(),
                version: Version::parse(&format!("{}.0", word.trim_end_matches('!'))).unwrap(),
                intent: Intent::Deploy,
                outcome: Some(if word.ends_with('!') {
                    Outcome::Reverted
                } else {
                    Outcome::Healthy
                }),
                time: String::new(),
            })
            .collect();
        log.reverse();
        log
    }

    fn target(versions: &str, current: &str) -> Result<String, Vec<String>> {
        let current = Version::parse(&format!("{current}.0")).unwrap();
        rollback_target(&log(versions), Some(&current))
            .map(|deployment| deployment.version.to_string())
            .map_err(|none| none.others.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn hosts_that_went_back_alone_do_not_say_what_the_stage_runs() {
        let host = |live: &str| {
            let mut host = Host::unknown("web1");
            host.current = match live {
                "" => Current::Nothing,
                live => Current::Release(Version::parse(live).unwrap()),
            };
            host
        };
        let runs = |versions: &str, lives: [&str; 2]| {
            let hosts = lives.map(host);
            runs(&log(versions), &hosts).map(ToString::to_string)
        };
        let some = |version: &str| Some(version.to_owned());
        assert_eq!(runs("1.3 1.4 1.5", ["1.4.0", "1.5.0"]), some("1.5.0"));
        assert_eq!(runs("1.3 1.4 1.5!", ["1.4.0", "1.4.0"]), some("1.4.0"));
        assert_eq!(runs("1.3 1.4 1.5 1.3", ["", "1.3.0"]), some("1.3.0"));
        assert_eq!(runs("1.3", ["9.9.0", ""]), some("9.9.0"));
        assert_eq!(runs("1.3", ["", ""]), None);
        let mut halfway = log("1.4 1.5 1.4!");
        halfway[0].intent = Intent::Rollback;
        let hosts = [host("1.4.0"), host("1.5.0")];
        let live = super::runs(&halfway, &hosts).unwrap();
        let target = rollback_target(&halfway, Some(live)).unwrap();
        assert_eq!(target.version, Version::new(1, 4, 0));
    }

    #[test]
    fn goes_back_and_never_forward() {
        assert_eq!(target("1.3 1.4 1.5", "1.5"), Ok("1.4.0".to_owned()));
        assert_eq!(target("1.3 1.4 1.5 1.4", "1.4"), Ok("1.3.0".to_owned()));
        assert_eq!(
            target("1.3 1.4 1.5 1.4 1.3", "1.3"),
            Err(vec!["1.4.0".into(), "1.5.0".into()])
        );
    }

    #[test]
    fn passes_over_what_was_never_healthy() {
        assert_eq!(target("1.3 1.4! 1.5", "1.5"), Ok("1.3.0".to_owned()));
        assert_eq!(target("1.3 1.3 1.3", "1.3"), Err(Vec::new()));
    }

    #[test]
    fn what_is_proven_is_what_runs_healthy() {
        let version =
            |versions: &str| proven(&log(versions)).map(|found| found.version.to_string());
        assert_eq!(version("1.3 1.4"), Some("1.4.0".to_owned()));
        assert_eq!(version("1.3 1.4!"), Some("1.3.0".to_owned()));
        assert_eq!(version(""), None);
        let mut open = log("1.3 1.4");
        open[0].outcome = None;
        assert_eq!(proven(&open), None);
    }

    #[test]
    fn a_live_release_that_the_ledger_does_not_know_goes_to_the_newest_healthy_one() {
        assert_eq!(target("1.3 1.4", "9.9"), Ok("1.4.0".to_owned()));
    }
}
