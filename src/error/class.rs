//! Exit codes and their names.

use serde::Serialize;

/// An exit code and its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// 1: unexpected; please report.
    Bug,
    /// 2: the words on the command line; nothing happened.
    Usage,
    /// 10: a configuration is wrong; nothing happened.
    Config,
    /// 11: a check says no; nothing happened.
    Refused,
    /// 12: somebody else is at work; nothing happened.
    Locked,
    /// 13: the person said no; nothing happened.
    Declined,
    /// 20: host, key or login; nothing happened there.
    Unreachable,
    /// 21: failed before the switch; the old release is live, untouched.
    FailedBeforeSwitch,
    /// 22: failed after the switch; the old release is live again.
    Reverted,
    /// 23: failed after the switch; the new release is live, or services are down.
    FailedAfterSwitch,
    /// 24: connection lost in a step that cannot be observed.
    Unknown,
    /// 25: live but unhealthy.
    Unhealthy,
    /// 130: stopped between steps.
    Interrupted,
}

impl Class {
    /// Every class, by its code.
    pub const ALL: [Self; 13] = [
        Self::Bug,
        Self::Usage,
        Self::Config,
        Self::Refused,
        Self::Locked,
        Self::Declined,
        Self::Unreachable,
        Self::FailedBeforeSwitch,
        Self::Reverted,
        Self::FailedAfterSwitch,
        Self::Unknown,
        Self::Unhealthy,
        Self::Interrupted,
    ];

    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Bug => 1,
            Self::Usage => 2,
            Self::Config => 10,
            Self::Refused => 11,
            Self::Locked => 12,
            Self::Declined => 13,
            Self::Unreachable => 20,
            Self::FailedBeforeSwitch => 21,
            Self::Reverted => 22,
            Self::FailedAfterSwitch => 23,
            Self::Unknown => 24,
            Self::Unhealthy => 25,
            Self::Interrupted => 130,
        }
    }
}
