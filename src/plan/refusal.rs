//! Why we will not, and what to do about it.

use serde::Serialize;
use std::fmt;

/// A result of planning: every reason at once, each with a remedy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// In the order they were found; never empty when it is returned.
    pub reasons: Vec<Reason>,
}

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// What is wrong, a lower-case fragment.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl Refusal {
    /// Adds a reason.
    pub fn add(&mut self, what: impl Into<String>, remedy: impl Into<String>) {
        self.reasons.push(Reason {
            what: what.into(),
            remedy: remedy.into(),
        });
    }

    /// This refusal as an error, or nothing when there is no reason.
    pub fn into_result(self) -> Result<(), Self> {
        if self.reasons.is_empty() {
            Ok(())
        } else {
            Err(self)
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reasons.as_slice() {
            [one] => f.write_str(&one.what),
            many => write!(f, "{} checks say no", many.len()),
        }
    }
}

impl std::error::Error for Refusal {}
