//! Child processes: a decided environment, their output kept for the error, passwords blotted out.

use super::{Error, Result};
use crate::{process, release::redact};
use std::path::Path;
use std::process::Command;

/// How much of a failed program's output an error shows, in lines.
const LINES: usize = 40;

/// A program with nothing in its environment but where programs are, and fixed language and time zone.
pub(super) fn bare(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("HOME", home)
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        // the user's git settings (filters, hooks, line ends) have no part in what is built
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_ATTR_NOSYSTEM", "1");
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// Runs a command with stdin closed to its end and gives its standard output.
///
/// # Errors
/// `failed` makes one from the end of the output.
pub(super) fn run(command: &mut Command, failed: impl FnOnce(String) -> Error) -> Result<String> {
    let output = process::output(command);
    let output = output.map_err(|source| Error::Start {
        program: command.get_program().display().to_string(),
        source,
    })?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(stdout);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let all = format!("{stdout}\n{stderr}\n{}", output.status);
    let lines: Vec<&str> = all.lines().filter(|line| !line.trim().is_empty()).collect();
    let tail = &lines[lines.len().saturating_sub(LINES)..];
    Err(failed(redact(&tail.join("\n")).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_shows_the_end_of_the_output() {
        let mut command = Command::new("sh");
        command.args(["-c", "seq 100; echo https://u:p@h/ >&2; exit 3"]);
        let what = || "seq".to_owned();
        let error = run(&mut command, |output| Error::Command {
            what: what(),
            output,
        })
        .unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("100\nhttps://h/\nexit status: 3") && !text.contains("\n60\n"),
            "{text}"
        );
    }
}
