//! The last words of a command that failed: what, why, what to do, what is live.

use super::session::Session;
use crate::error::Error;
use std::{
    io::{self, Write as _},
    process::ExitCode,
};

/// clap's own words; help and version are no failure.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    // A reader that went away needs no words.
    let code = if error.print().is_ok() {
        error.exit_code()
    } else {
        2
    };
    io::stdout().flush().ok();
    ExitCode::from(u8::try_from(code).unwrap_or(2))
}

/// Says everything about `error`, and gives its exit code.
pub(super) fn failure(session: &Session, error: &Error) -> ExitCode {
    if session.global.json {
        session.ui.json(&error.document());
    }
    session.ui.error(&error.to_string());
    for line in error.lines() {
        session.ui.plain(&line);
    }
    for cause in error.causes() {
        session.ui.plain(&format!("caused by: {cause}"));
    }
    for hint in error.hints() {
        session.ui.hint(&hint);
    }
    let live = error.live();
    if !live.is_empty() {
        session.ui.plain(&live);
    }
    ExitCode::from(error.class().code())
}
