//! A person at a real terminal.

use super::{Run, Sandbox};
use std::path::Path;

/// Types answers as their prompts are seen; prints all that was seen.
const PERSON: &str = include_str!("person.py");

/// Ctrl-C.
pub const CTRL_C: &str = "\u{3}";
/// A signal instead of something typed, which only the program itself gets.
pub const SIGTERM: &str = "SIGTERM";

/// Runs `git-hostout ARGUMENTS` at a terminal of its own where `typed` is the answer to `prompt`; all that was seen counts as
/// standard output.
pub fn at_a_terminal(
    sandbox: &Sandbox,
    directory: &Path,
    arguments: &[&str],
    prompt: &str,
    typed: &str,
) -> Run {
    at_a_terminal_with(sandbox, directory, arguments, &[], prompt, typed)
}

/// The same with further variables.
pub fn at_a_terminal_with(
    sandbox: &Sandbox,
    directory: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
    prompt: &str,
    typed: &str,
) -> Run {
    let answers = [(prompt, typed)];
    conversation(sandbox, directory, arguments, variables, &answers)
}

/// The same with an answer for each of several prompts, in their order.
#[track_caller]
pub fn conversation(
    sandbox: &Sandbox,
    directory: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
    answers: &[(&str, &str)],
) -> Run {
    let mut command = sandbox.command("python3", directory);
    command.env("TERM", "dumb").envs(variables.iter().copied());
    command.args(["-c", PERSON]);
    for (prompt, typed) in answers {
        command.args([prompt, typed]);
    }
    command.args(["--", "git-hostout"]).args(arguments);
    let run = Run::new(arguments, &command.output().unwrap());
    assert!(!run.stdout.contains("is not shown any more"), "{run}");
    run
}
