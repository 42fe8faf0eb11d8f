//! Programs that read bytes and answer with bytes: ssh-keygen and gpg.

use super::{Error, Result};
use crate::process::Running;
use std::{
    ffi::{OsStr, OsString},
    io::{self, Write as _},
    process::{Command, Output, Stdio},
    thread,
};

/// Runs `command`, feeds it `input`, and waits. Its environment is the user's with C locale and UTC, so that what it
/// prints can be read, and ssh-keygen reads times as they are meant.
pub(super) fn run(mut command: Command, input: &[u8]) -> Result<Output> {
    let program: OsString = command.get_program().to_owned();
    let failed = |source: io::Error| Error::Program {
        program: program.clone(),
        source,
    };
    command
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    // It asks for passphrases itself, and changes nothing.
    let mut running = Running::start_disposable_beside_us(&mut command).map_err(failed)?;
    let stdin = running.streams().stdin.take();
    thread::scope(|scope| {
        let writer = scope.spawn(move || stdin.map_or(Ok(()), |mut pipe| pipe.write_all(input)));
        let output = running.output();
        match writer.join() {
            // A program that ends early has said why by its exit status.
            Ok(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => output,
        }
    })
    .map_err(failed)
}

/// A command whose standard error is kept for messages.
pub(super) fn command(program: &OsStr) -> Command {
    let mut command = Command::new(program);
    command.stderr(Stdio::piped());
    command
}

/// What a program printed, as one line for a message.
pub(super) fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("[GNUPG:]"))
        .collect();
    let clean: String = lines
        .join("; ")
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if clean.is_empty() {
        output.status.to_string()
    } else {
        clean
    }
}
