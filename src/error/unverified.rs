//! A release or ledger that does not hold what is claimed.

use crate::facts::Verdict;
use std::fmt;

/// A verdict with something in it that failed.
#[derive(Clone, Debug)]
pub struct Unverified(pub Verdict);

impl fmt::Display for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.version {
            Some(version) => write!(f, "release {version} does not verify")?,
            None => write!(f, "the ledger does not verify")?,
        }
        let failed = self.0.failed().count();
        write!(f, ": {failed} of {} checks failed", self.0.checks.len())
    }
}
