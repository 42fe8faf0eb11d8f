//! What may be deployed: `policy.toml` of the ledger.

use super::{FormatError, duration, from_toml};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::collections::BTreeMap;

/// `policy.toml`. What it does not limit is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Policy {
    /// Format version, 1.
    pub format: u32,
    /// Whether every deployment and rollback needs a reason.
    #[serde(default)]
    pub reason: bool,
    /// What becomes of a deployment to a host that cannot check signatures.
    #[serde(default)]
    pub unchecked: Unchecked,
    /// By stage.
    #[serde(default)]
    pub stage: BTreeMap<String, StagePolicy>,
}

/// What becomes of a deployment to a host without an ssh-keygen that verifies (OpenSSH before 8.2), or without gpg where
/// `OpenPGP` signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unchecked {
    /// The plan says so, and it goes on.
    #[default]
    Warn,
    /// It is refused.
    Refuse,
}

/// What holds for one stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StagePolicy {
    /// How many people have to agree: who deploys, and those who approve.
    #[serde(default = "one")]
    pub signers: usize,
    /// Whether a deployment or rollback needs a reason.
    #[serde(default)]
    pub reason: bool,
    /// How long a release must have been healthy on the stage that `--from` names, in seconds.
    #[serde(default, deserialize_with = "span")]
    pub healthy: u64,
    /// How old a release may be, in seconds; nothing = of any age.
    #[serde(default, deserialize_with = "some_span")]
    pub retention: Option<u64>,
    /// How old the newest entry that the remote has may be at a deployment, in seconds: an older one may be a ledger that
    /// somebody put in the true one's place. Nothing = of any age.
    #[serde(default, deserialize_with = "some_span")]
    pub max_age: Option<u64>,
}

fn one() -> usize {
    1
}

impl Default for StagePolicy {
    fn default() -> Self {
        Self {
            signers: 1,
            reason: false,
            healthy: 0,
            retention: None,
            max_age: None,
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            format: super::FORMAT,
            reason: false,
            unchecked: Unchecked::default(),
            stage: BTreeMap::new(),
        }
    }
}

impl Policy {
    /// Reads the file.
    ///
    /// # Errors
    /// An unknown key is one: a limit that is not understood is no limit.
    pub fn from_toml(text: &str) -> Result<Self, FormatError> {
        from_toml(text)
    }

    /// What holds for `stage`.
    pub fn of(&self, stage: &str) -> StagePolicy {
        let mut policy = self.stage.get(stage).cloned().unwrap_or_default();
        policy.reason |= self.reason;
        policy
    }
}

fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = String::deserialize(deserializer)?;
    duration(&text).ok_or_else(|| {
        de::Error::custom(format!(
            "`{text}` is no time; it is a whole number followed by s, m, h or d"
        ))
    })
}

fn some_span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    span(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_not_limited() {
        let policy = Policy::from_toml("format = 1\n").unwrap();
        assert_eq!(policy, Policy::default());
        assert_eq!(policy.of("production"), StagePolicy::default());
    }

    #[test]
    fn a_limit_that_is_not_understood_is_refused() {
        for text in [
            "format = 1\nsigners = 2\n",
            "format = 1\n[stage.production]\nsigner = 2\n",
            "format = 1\n[stage.production]\nretention = \"90\"\n",
            "format = 1\nunchecked = \"ignore\"\n",
        ] {
            assert!(Policy::from_toml(text).is_err(), "{text}");
        }
        assert!(matches!(
            Policy::from_toml("format = 2\nsigners = 2\n"),
            Err(FormatError::Newer(2))
        ));
    }

    #[test]
    fn a_stage_has_its_own() {
        let text = "format = 1\nreason = true\n[stage.production]\nsigners = 2\nhealthy = \"30m\"\nretention = \"90d\"\nmax-age = \"12h\"\n";
        let policy = Policy::from_toml(text).unwrap();
        let production = policy.of("production");
        assert_eq!((production.signers, production.healthy), (2, 1800));
        assert_eq!(production.retention, Some(7_776_000));
        assert_eq!(production.max_age, Some(43_200));
        assert!(production.reason && policy.of("staging").reason);
        assert_eq!(policy.of("staging").signers, 1);
    }
}
