//! A person at a real terminal.

use super::{Run, Sandbox};
use std::path::Path;

/// Types an answer, or presses Ctrl-C, as soon as a prompt is seen; prints all that was seen.
const PERSON: &str = r#"
import os, pty, signal, sys
prompt, typed, *argv = sys.argv[1:]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(argv[0], argv)
signal.alarm(300)
seen, answered = b"", False
while True:
    try:
        more = os.read(fd, 4096)
    except OSError:
        more = b""
    if not more:
        break
    seen += more
    if not answered and prompt.encode() in seen:
        answered = True
        os.write(fd, typed.encode())
sys.stdout.buffer.write(seen.replace(b"\r\n", b"\n"))
sys.stdout.flush()
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(code if code >= 0 else 128 - code)
"#;

/// Ctrl-C.
pub const CTRL_C: &str = "\u{3}";

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
    let mut command = sandbox.command("python3", directory);
    command.env("TERM", "dumb").envs(variables.iter().copied());
    command.args(["-c", PERSON, prompt, typed, "git-hostout"]);
    Run::new(arguments, &command.args(arguments).output().unwrap())
}
