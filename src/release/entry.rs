//! Deployment entries of the ledger: a started and an ended one each.

use super::Digest;
use semver::Version;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The random id of an entry: 16 hexadecimal digits. It names files on hosts; the serial never does.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntryId(pub String);

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a deployment was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Intent {
    /// `git hostout deploy`.
    Deploy,
    /// `git hostout rollback`.
    Rollback,
}

/// The entry that is made when the host locks are held: what hosts verify, and the stage's lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Started {
    /// Format version, 1.
    pub format: u32,
    /// Always `started`.
    pub state: String,
    /// Its id.
    pub id: EntryId,
    /// deploy or rollback.
    pub kind: Intent,
    /// The project's id.
    pub project: String,
    /// The stage.
    pub stage: String,
    /// The hosts, as `hostout.toml` names them.
    pub hosts: Vec<String>,
    /// Those among them that were asked for, where that is not all (`--hosts`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// The path on them.
    pub path: String,
    /// The release.
    pub version: Version,
    /// sha256 of its manifest.
    pub manifest: Digest,
    /// Who, `Name <mail>`.
    pub by: String,
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// Why, in the user's words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What was asked instead of the release's own health check, this once: an address, or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
    /// Whether the release stays live when it is not healthy.
    #[serde(default, skip_serializing_if = "is_no")]
    pub keep: bool,
    /// How far the hosts had taken entries when this was signed: one of them that is further takes it for an old one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

impl Started {
    /// The hosts that the release was to go to.
    pub fn asked(&self) -> &[String] {
        if self.only.is_empty() {
            &self.hosts
        } else {
            &self.only
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_no(flag: &bool) -> bool {
    !flag
}

/// How a deployment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The new release runs and was found healthy.
    Healthy,
    /// The old release was put back.
    Reverted,
    /// It failed, before the switch or with the new release live.
    Failed,
    /// The client died; found out later.
    Abandoned,
    /// Of one host: it was left as it was, because it could not be reached or another one had failed.
    Behind,
}

impl Outcome {
    /// How a deployment to so many hosts ended as a whole: the first bad result decides, but only where no host has
    /// anything else the old release was put back; without any result nothing happened.
    pub fn overall(results: &[HostResult], hosts: usize) -> Self {
        let bad = |outcome: &Self| *outcome != Self::Healthy;
        let worse = |outcome: &Self| bad(outcome) && *outcome != Self::Reverted;
        let outcomes = || results.iter().map(|result| result.result);
        let all_reverted = outcomes().all(|outcome| outcome == Self::Reverted);
        match outcomes().find(worse) {
            Some(worse) => worse,
            None if results.is_empty() => Self::Failed,
            None if all_reverted => Self::Reverted,
            // Some run the new release, and others don't.
            None if outcomes().any(|outcome| bad(&outcome)) || results.len() < hosts => {
                Self::Failed
            }
            None => Self::Healthy,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Healthy => "healthy",
            Self::Reverted => "reverted",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
            Self::Behind => "behind",
        })
    }
}

/// The entry that is made when a deployment has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Ended {
    /// Format version, 1.
    pub format: u32,
    /// How it ended.
    pub state: Outcome,
    /// Its own id.
    pub id: EntryId,
    /// The id of its started entry.
    pub of: EntryId,
    /// The stage.
    pub stage: String,
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// What each host says.
    pub host: Vec<HostResult>,
}

/// How a deployment ended on one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HostResult {
    /// The host, as `hostout.toml` names it.
    pub host: String,
    /// The release that ran before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Version>,
    /// The release that runs now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Version>,
    /// How it ended there.
    pub result: Outcome,
    /// The backup that was made, by its name below `backups/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<String>,
    /// sha256 of that backup's `SHA256SUMS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_sha256: Option<Digest>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_or_missing_host_decides() {
        let results = |outcomes: &[Outcome]| -> Vec<HostResult> {
            let result = |result: &Outcome| HostResult {
                host: "web1".to_owned(),
                from: None,
                to: None,
                result: *result,
                backup: None,
                backup_sha256: None,
            };
            outcomes.iter().map(result).collect()
        };
        let healthy = Outcome::Healthy;
        assert_eq!(Outcome::overall(&results(&[healthy, healthy]), 2), healthy);
        assert_eq!(Outcome::overall(&results(&[healthy]), 2), Outcome::Failed);
        assert_eq!(Outcome::overall(&[], 1), Outcome::Failed);
        let (reverted, failed) = (Outcome::Reverted, Outcome::Failed);
        assert_eq!(Outcome::overall(&results(&[reverted]), 2), reverted);
        assert_eq!(Outcome::overall(&results(&[reverted; 2]), 2), reverted);
        for part in [[healthy, reverted], [reverted, healthy], [reverted, failed]] {
            assert_eq!(Outcome::overall(&results(&part), 2), failed, "{part:?}");
        }
        let unseen = results(&[reverted, Outcome::Abandoned]);
        assert_eq!(Outcome::overall(&unseen, 2), Outcome::Abandoned);
    }
}
