//! The last words of a command that failed: what, why, what to do, what is live.

use super::{partial, session::Session};
use crate::{
    error::{Error, Stopped},
    ui::{Options, Ui},
};
use std::{
    ffi::OsString,
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

/// clap's own words; help and version are no failure. The flags could not be read: whether there should be JSON is
/// looked up in the words themselves.
pub(super) fn usage(argv: &[OsString], error: &clap::Error) -> ExitCode {
    if error.use_stderr() && argv.iter().any(|word| word == "--json") {
        let words = error.to_string();
        let (message, _) = words.split_once("\n\n").unwrap_or((&words, ""));
        let message = message.trim_start_matches("error: ").to_owned();
        Ui::new(Options::default()).json(&Error::Usage(message).document());
    }
    // A reader that went away needs no words.
    let code = if error.print().is_ok() {
        error.exit_code()
    } else {
        2
    };
    io::stdout().flush().ok();
    ExitCode::from(u8::try_from(code).unwrap_or(2))
}

/// Says that a signal ended the command before it began anything, and gives the exit code. Where a question stands on the
/// terminal, or a bar, the words begin on a line of their own.
pub(super) fn stopped(session: &Session, stopped: Stopped) -> u8 {
    if io::stderr().is_terminal() {
        session.ui.plain("");
    }
    failure(session, &Error::Stopped(stopped))
}

/// Says everything about `error`, and gives its exit code.
pub(super) fn failure(session: &Session, error: &Error) -> u8 {
    let partial = partial::remedy(session, error);
    if session.global.json {
        session.ui.json(&error.document().hinting(partial.clone()));
    }
    session.ui.error(&error.to_string());
    for line in error.lines() {
        session.ui.plain(&line);
    }
    for cause in error.causes() {
        session.ui.plain(&format!("caused by: {cause}"));
    }
    let hints = partial.map_or_else(|| error.hints(), |hint| vec![hint]);
    for hint in hints {
        session.ui.hint(&hint);
    }
    let live = error.live();
    if !live.is_empty() {
        session.ui.plain(&live);
    }
    error.class().code()
}
