//! Ourselves as the program that a child of ours asks for a secret.

use crate::{
    process,
    transport::{Asked, asked},
};
use std::{
    ffi::OsString,
    fs::File,
    io::{self, BufRead as _, BufReader, Write as _},
    process::ExitCode,
};

/// Answers a child that asks; nothing when this is an ordinary run.
pub(super) fn answer(argv: &[OsString]) -> Option<ExitCode> {
    let answer = match asked(argv)? {
        Asked::Known(secret) => Ok(secret),
        Asked::Person { words, hidden } => at_terminal(&words, hidden),
        Asked::Nobody => return Some(ExitCode::FAILURE),
    };
    let told = answer.and_then(|answer| writeln!(io::stdout(), "{answer}"));
    Some(if told.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Standard input is not the terminal: it is for the command on the host.
fn at_terminal(words: &str, hidden: bool) -> io::Result<String> {
    let ask = || {
        let terminal = File::options().read(true).write(true).open("/dev/tty")?;
        (&terminal).write_all(words.as_bytes())?;
        let mut line = String::new();
        BufReader::new(&terminal).read_line(&mut line)?;
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    };
    if !hidden {
        return ask();
    }
    // Ctrl-C leaves the terminal as it was.
    process::listen(|| 1)?;
    process::quietly(ask)
}
