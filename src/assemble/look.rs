//! What speaks against a release before anything is resolved or built: all of it at once.
//!
//! A release begins with this look, and `check` takes it, too: what stops the one stops the other. What needs something that is
//! broken itself is left out; it shows when that is mended.

use super::{Error, Job, Result, again, commit, configs, configs::Configs, eggs, pins, settings};
use crate::{
    eggs::EggSource,
    plan::{Reason, Refusal},
};

/// A released commit that nothing speaks against so far.
pub struct Looked {
    /// The configurations in use.
    pub(super) configs: Configs,
    /// The project's own eggs, as their packaging files describe them.
    pub(super) sources: Vec<EggSource>,
}

/// Looks at everything that can be known in seconds.
///
/// # Errors
/// Everything that was found at once; a single thing as the error that it is.
pub fn look(job: &Job<'_>) -> Result<Looked> {
    let mut found = Findings::default();
    found.take(commit::names_are_free(job));
    let configs = configs::read(job, &mut found);
    let sources = configs.as_ref().and_then(|configs| {
        found.take(settings::check(job, configs));
        found.take(pins::outside(job, configs));
        found.take(eggs::sources(job, configs))
    });
    match (found.into_error(), configs.zip(sources)) {
        (None, Some((configs, sources))) => Ok(Looked { configs, sources }),
        (Some(error), _) => Err(error),
        // Whatever is not there left its error.
        (None, None) => Err(Refusal::default().into()),
    }
}

/// The errors of things that do not need each other.
#[derive(Default)]
pub(super) struct Findings(Vec<Error>);

impl Findings {
    /// The value, or nothing: then the error is kept.
    pub fn take<T, E: Into<Error>>(&mut self, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.0.push(error.into())).ok()
    }

    /// One error for all.
    pub fn into_error(mut self) -> Option<Error> {
        if self.0.len() < 2 {
            return self.0.pop();
        }
        let reasons = self.0.into_iter().flat_map(|error| match error {
            Error::Refused(refusal) => refusal.reasons,
            error => vec![Reason {
                what: again::said(&error).replace('\n', "\n    "),
                remedy: error.hint().unwrap_or_default(),
            }],
        });
        let refusal = Refusal {
            reasons: reasons.collect(),
        };
        Some(refusal.into())
    }
}
