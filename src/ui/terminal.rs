//! A person at a real terminal: the test below runs itself again on the other side of a pty.

use super::{Answer, Options, Total, Ui};
use std::process::{Command, Stdio};

/// Types answers as their prompts are seen; prints all that was seen.
const PERSON: &str = include_str!("../../tests/support/person.py");

#[test]
#[ignore = "needs the terminal that the other test makes"]
fn inside() {
    let ui = Ui::new(Options::default());
    assert_eq!(ui.ask("deploy?", false), Answer::Yes);
    assert_eq!(ui.ask_name("this is live", "production"), Answer::Yes);
    let secret = ui.secret("password:").unwrap().unwrap();
    assert_eq!(secret.expose(), "hunter2");
    let progress = ui.progress("uploading", Total::Bytes(100_000_000));
    progress.inc(60_000_000);
    std::thread::sleep(std::time::Duration::from_millis(150));
    progress.inc(1);
    ui.warn("slow");
    progress.inc(39_999_999);
    progress.finish();
    ui.finish().unwrap();
}

fn run(no_color: Option<&str>) -> String {
    let mut command = Command::new("python3");
    command
        .args(["-c", PERSON])
        .args(["[y/N]", "y\n", "go on:", "production\n"])
        .args(["password:", "hunter2\n", "--"])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "ui::terminal::inside",
            "--nocapture",
        ])
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .stdin(Stdio::null());
    if let Some(value) = no_color {
        command.env("NO_COLOR", value);
    }
    let output = command.output().unwrap();
    let seen = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{seen}");
    seen
}

#[test]
fn a_person_is_asked_and_sees_how_far_it_is() {
    let seen = run(None);
    assert!(
        seen.contains("\x1b[33m\x1b[1mwarning:\x1b[0m slow\n"),
        "{seen:?}"
    );
    assert!(seen.contains("60.00 MB of 100.00 MB"), "no bar: {seen:?}");
    assert!(seen.contains("uploading: 100.00 MB\n"), "{seen:?}");
    assert!(
        !seen.contains("hunter2"),
        "the password was shown: {seen:?}"
    );
}

#[test]
fn no_color_is_honoured() {
    let seen = run(Some("1"));
    assert!(seen.contains("warning: slow\n"), "{seen:?}");
}
