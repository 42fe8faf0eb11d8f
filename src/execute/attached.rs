//! A command of the person's own on hosts, with their terminal or line by line.

use super::{Error, Result};
use crate::{
    host::Command,
    process::{Folder, Running},
    transport::{self, Attach, Target, attached},
};
use std::{
    io::{BufRead as _, BufReader, Read},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    process::{ExitStatus, Stdio},
    thread,
};

/// ssh's own status where it could not do its work; a command's may be the same.
const SSH_FAILED: i32 = 255;

/// Where a line was printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// Becomes `command` on `target`: what comes then, signals too, is between the person and it.
///
/// # Errors
/// Only when it could not be started.
pub fn become_attached(target: &Target, command: &Command, terminal: bool) -> Error {
    let attach = Attach {
        terminal,
        ..Attach::default()
    };
    let program = transport::check_pinned(target).and_then(|()| attached(target, command, attach));
    match program {
        Ok(mut program) => not_started(target, command, &program.exec()),
        Err(error) => Error::Unreachable(error),
    }
}

/// Runs `command` on `target` with our own input, output and terminal: its exit status, 128 and the signal's number where
/// one ended it, as in a shell (POSIX.1-2024, XCU 2.8.2).
///
/// # Errors
/// [`Error::Unreachable`] where it never ran.
pub fn run_attached(target: &Target, command: &Command, terminal: bool) -> Result<i32> {
    let attach = Attach {
        terminal,
        ..Attach::default()
    };
    watched(target, command, attach, |program| {
        Running::start_beside_us(program)?.wait()
    })
}

/// Runs `command` on `target` with nothing to read, and gives each line it prints to `line`; its exit status. Where it is
/// the only one, a login may ask on our terminal.
///
/// # Errors
/// [`Error::Unreachable`] where it never ran.
pub fn run_by_line(
    target: &Target,
    command: &Command,
    only: bool,
    line: &(dyn Fn(Stream, &str) + Sync),
) -> Result<i32> {
    let attach = Attach {
        quiet: !only,
        ..Attach::default()
    };
    watched(target, command, attach, |program| {
        program
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut running = if only {
            Running::start_beside_us(program)?
        } else {
            Running::start(program)?
        };
        let streams = running.streams();
        let (out, err) = (streams.stdout.take(), streams.stderr.take());
        thread::scope(|scope| {
            scope.spawn(move || lines(err, |text| line(Stream::Err, text)));
            lines(out, |text| line(Stream::Out, text));
        });
        running.wait()
    })
}

/// Tells a command that ended with 255 from one that was never reached.
fn watched(
    target: &Target,
    command: &Command,
    attach: Attach<'_>,
    run: impl FnOnce(&mut std::process::Command) -> std::io::Result<ExitStatus>,
) -> Result<i32> {
    transport::check_pinned(target).map_err(Error::Unreachable)?;
    let failed = |error: std::io::Error| not_started(target, command, &error);
    let folder = Folder::new("hostout-").map_err(failed)?;
    let reached = folder.path().join("reached");
    let attach = Attach {
        reached: Some(&reached),
        ..attach
    };
    let mut program = attached(target, command, attach).map_err(Error::Unreachable)?;
    let code = status(run(&mut program).map_err(failed)?);
    if code == SSH_FAILED && target.host != "local" && !reached.exists() {
        return Err(Error::Unreachable(transport::Error::Unreachable {
            host: target.host.clone(),
            message: "ssh could not log in; it says why above".to_owned(),
            hint: Some(
                "git hostout check says what was offered, and what the host takes".to_owned(),
            ),
            refused: None,
        }));
    }
    Ok(code)
}

fn not_started(target: &Target, command: &Command, error: &std::io::Error) -> Error {
    let program = if target.host == "local" {
        command.argv().first().cloned().unwrap_or_default()
    } else {
        "ssh".to_owned()
    };
    Error::Unreachable(transport::Error::NotStarted {
        host: target.host.clone(),
        command: program,
        message: error.to_string(),
    })
}

fn status(status: ExitStatus) -> i32 {
    let signal = status.signal().unwrap_or_default();
    status.code().unwrap_or(128 + signal)
}

/// Every line of `pipe`, the last one too where it has no end. A pipe that breaks has ended.
fn lines(pipe: Option<impl Read>, mut line: impl FnMut(&str)) {
    let Some(pipe) = pipe else { return };
    let mut reader = BufReader::new(pipe);
    let mut bytes = Vec::new();
    while matches!(reader.read_until(b'\n', &mut bytes), Ok(1..)) {
        line(String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']));
        bytes.clear();
    }
}
