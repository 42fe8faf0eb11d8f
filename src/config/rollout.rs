//! In which order the hosts of a stage get a release, and what a host that fails means for the others.

use std::fmt;

/// `strategy`, `batch`, `pause` and `on-failure` of a stage, as meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rollout {
    /// In which order hosts are activated.
    pub strategy: Strategy,
    /// How many at a time, with [`Strategy::Rolling`].
    pub batch: Batch,
    /// Seconds between batches.
    pub pause: u64,
    /// What happens to the others when a host fails.
    pub on_failure: OnFailure,
}

/// In which order the hosts of a stage are activated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// All hosts at the same time.
    #[default]
    AllAtOnce,
    /// Batch by batch, in the order of `hosts`.
    Rolling,
    /// The first one, then the others together.
    Canary,
}

/// How many hosts at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// So many, at least 1.
    Hosts(u32),
    /// So many of a hundred, from 1 to 100; rounded up to whole hosts.
    Percent(u32),
}

/// What happens to the other hosts when one fails. The one that failed has put back its old release by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Those that run the new release go back.
    #[default]
    RevertAll,
    /// Those that run the new release keep it; the rest is left alone.
    Halt,
    /// The rest gets it too.
    Continue,
}

impl Rollout {
    /// How many of `hosts` hosts are activated together, batch by batch; their sum is `hosts`.
    pub fn batches(&self, hosts: usize) -> Vec<usize> {
        let sizes = match self.strategy {
            Strategy::AllAtOnce => vec![hosts],
            Strategy::Canary => vec![1.min(hosts), hosts.saturating_sub(1)],
            Strategy::Rolling => {
                let size = self.batch.of(hosts);
                let whole = std::iter::repeat_n(size, hosts / size);
                whole.chain([hosts % size]).collect()
            }
        };
        sizes.into_iter().filter(|size| *size > 0).collect()
    }
}

impl Batch {
    /// `2`, or `25%`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (digits, percent) = match text.strip_suffix('%') {
            Some(digits) => (digits, true),
            None => (text, false),
        };
        let number = digits.parse().ok().filter(|number| *number > 0);
        match (number, percent) {
            (Some(number @ 1..=100), true) => Ok(Self::Percent(number)),
            (Some(number), false) => Ok(Self::Hosts(number)),
            _ => {
                Err("must be a number of hosts from 1, or a percentage such as \"25%\"".to_owned())
            }
        }
    }

    /// How many of `hosts` that are; at least 1.
    fn of(self, hosts: usize) -> usize {
        let size = match self {
            Self::Hosts(size) => usize::try_from(size).unwrap_or(usize::MAX),
            Self::Percent(percent) => {
                let percent = usize::try_from(percent).unwrap_or(100);
                hosts.saturating_mul(percent).div_ceil(100)
            }
        };
        size.max(1)
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self::Hosts(1)
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AllAtOnce => "all-at-once",
            Self::Rolling => "rolling",
            Self::Canary => "canary",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches(strategy: Strategy, batch: &str, hosts: usize) -> Vec<usize> {
        let rollout = Rollout {
            strategy,
            batch: Batch::parse(batch).unwrap(),
            ..Rollout::default()
        };
        rollout.batches(hosts)
    }

    #[test]
    fn every_host_is_in_one_batch() {
        assert_eq!(batches(Strategy::AllAtOnce, "1", 3), [3]);
        assert_eq!(batches(Strategy::Canary, "1", 4), [1, 3]);
        assert_eq!(batches(Strategy::Canary, "1", 1), [1]);
        assert_eq!(batches(Strategy::Rolling, "2", 5), [2, 2, 1]);
        assert_eq!(batches(Strategy::Rolling, "9", 5), [5]);
        assert_eq!(batches(Strategy::Rolling, "25%", 10), [3, 3, 3, 1]);
        assert_eq!(batches(Strategy::Rolling, "1%", 2), [1, 1]);
        assert_eq!(batches(Strategy::Rolling, "1", 0), [0usize; 0]);
    }

    #[test]
    fn a_batch_is_never_empty() {
        for wrong in ["0", "0%", "101%", "%", "", "-1", "1.5", "a"] {
            assert!(Batch::parse(wrong).is_err(), "{wrong}");
        }
    }
}
