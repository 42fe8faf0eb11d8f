//! Waiting for whoever holds a lock.

use super::session::Session;
use crate::{
    error::{Class, Error},
    execute, process,
};
use std::{
    thread,
    time::{Duration, Instant},
};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// Tries `attempt`, and tries it anew while somebody else holds a lock, for `patience` from when that was first seen. Says
/// who it is, and again when they get on.
pub(super) fn through(
    session: &Session,
    patience: Option<Duration>,
    attempt: impl Fn() -> Result<(), Error>,
) -> Result<(), Error> {
    let mut since = None;
    let mut told = String::new();
    loop {
        let error = match attempt() {
            Err(error) if error.class() == Class::Locked => error,
            done => return done,
        };
        let waited = since.get_or_insert_with(Instant::now).elapsed();
        let left = patience.and_then(|patience| patience.checked_sub(waited));
        let Some(left) = left.filter(|left| !left.is_zero()) else {
            return Err(error);
        };
        let who = error.to_string();
        if who != told {
            session.ui.status(&format!("Waiting: {who}."));
            told = who;
        }
        thread::sleep(PAUSE.min(left));
        if process::asked() > 0 {
            return Err(execute::Error::Interrupted.into());
        }
    }
}
