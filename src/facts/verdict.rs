//! What a verification found.

use semver::Version;
use serde::Serialize;

/// What was checked about a release, and whether all of it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The release; nothing where the ledger could not even be read.
    pub version: Option<Version>,
    /// Whether every check passed.
    pub ok: bool,
    /// In the order in which they build on each other: ledger, manifest, tag, artifacts, what was made again.
    pub checks: Vec<Check>,
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What: a fixed word or two, or with the name of an egg or pin behind them.
    pub name: String,
    /// Whether it holds.
    pub ok: bool,
    /// What was seen, for people.
    pub detail: String,
}

impl Verdict {
    /// The verdict of `checks`.
    pub fn of(version: Option<Version>, checks: Vec<Check>) -> Self {
        Self {
            version,
            ok: checks.iter().all(|check| check.ok),
            checks,
        }
    }

    /// What does not hold.
    pub fn failed(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| !check.ok)
    }
}

impl Check {
    /// Something that holds.
    pub fn passed(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(name, true, detail)
    }

    /// Something that does not.
    pub fn failed(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(name, false, detail)
    }

    fn new(name: impl Into<String>, ok: bool, detail: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ok,
            detail: detail.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_check_is_enough() {
        let good = Check::passed("serials", "0 to 9");
        let bad = Check::failed("tag name", "was copied");
        assert!(Verdict::of(None, vec![good.clone()]).ok);
        let verdict = Verdict::of(None, vec![good, bad.clone()]);
        assert!(!verdict.ok);
        assert_eq!(verdict.failed().collect::<Vec<_>>(), [&bad]);
    }
}
