//! When a release is healthy: what is asked on the host after it was started, and how often.

use super::Hook;
use serde::{Deserialize, Serialize};
use std::fmt;

/// When a started release is healthy. Without `http`, `tcp` and `command`: when its processes run. Keys that a manifest
/// lacks mean what was done before they could be set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Health {
    /// An address that is asked on the host; redirects are not followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<String>,
    /// How a healthy answer begins.
    #[serde(
        default = "Statuses::before",
        skip_serializing_if = "Statuses::are_before"
    )]
    pub status: Statuses,
    /// What its body holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A header that it has, `Name: value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// `HOST:PORT` that takes connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<String>,
    /// How long it may take until it is healthy, in seconds.
    pub timeout: u64,
    /// Seconds between two looks at what is healthy.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub interval: u64,
    /// How often in a row it must be found healthy, at least 1.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub successes: u64,
    /// How long it must stay healthy, in seconds.
    #[serde(default, skip_serializing_if = "is_none")]
    pub stable: u64,
    /// A command that ends with status 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Hook>,
}

impl Default for Health {
    /// What a release gets whose `hostout.toml` says nothing.
    fn default() -> Self {
        Self {
            http: None,
            status: Statuses::default(),
            text: None,
            header: None,
            tcp: None,
            timeout: 60,
            interval: 1,
            successes: 1,
            stable: 5,
            command: None,
        }
    }
}

/// Statuses of HTTP answers, the first and the last of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statuses(pub u16, pub u16);

impl Statuses {
    /// What was healthy when it could not be set.
    fn before() -> Self {
        Self(200, 399)
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    fn are_before(&self) -> bool {
        *self == Self::before()
    }
}

impl Default for Statuses {
    /// Success (RFC 9110, 15.3). A redirect is none: a site that sends everybody to its login page serves nothing.
    fn default() -> Self {
        Self(200, 299)
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self(first, last) if first == last => write!(f, "{first}"),
            Self(first, last) => write!(f, "{first} to {last}"),
        }
    }
}

fn one() -> u64 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_one(number: &u64) -> bool {
    *number == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_none(number: &u64) -> bool {
    *number == 0
}
