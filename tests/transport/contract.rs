//! What every way to a host keeps to, run against this machine and against a real sshd, with the user's own login shell and
//! with dash, which is many a server's.

use super::reach;
use crate::support::sshd::Sshd;
use hostout::{
    host::{Command, Ended, StatusRequest},
    transport::{Answer, Conversation, Error, Local, Transport},
};
use std::{
    io::{self, Read, Write as _},
    path::PathBuf,
    time::{Duration, Instant},
};

/// Every check below, once for each transport.
macro_rules! contract {
    ($($check:ident),+ $(,)?) => {
        mod local {
            $(#[test] fn $check() { super::$check(&mut super::Local::new("local")); })+
        }
        mod ssh {
            $(#[test] fn $check() {
                let sshd = super::Sshd::start();
                let mut transport = super::reach(&sshd, "web1").unwrap();
                super::$check(&mut *transport);
            })+
        }
        mod ssh_and_dash {
            $(#[test] fn $check() {
                let sshd = super::Sshd::start_with("ForceCommand /bin/dash -c \"$SSH_ORIGINAL_COMMAND\"");
                let mut transport = super::reach(&sshd, "web1").unwrap();
                super::$check(&mut *transport);
            })+
        }
    };
}

contract![
    stdin_and_stdout_go_both_ways,
    exit_codes_are_kept,
    a_missing_program_ends_with_127,
    a_killed_command_has_no_exit_code,
    a_command_may_end_while_we_write,
    a_command_may_close_its_output_and_read_on,
    stderr_is_a_bounded_tail,
    arguments_arrive_exactly,
    big_output_comes_as_it_is,
    output_comes_before_the_end,
    commands_follow_each_other,
    home_is_the_working_directory,
    an_unreadable_source_is_a_lost_command,
    what_is_no_command_is_not_started,
    a_command_is_asked_again_and_again,
    a_question_that_is_answered_early_is_the_command_s_last,
    a_command_that_ends_instead_of_answering_has_ended,
];

fn run(transport: &mut dyn Transport, argv: &[&str], stdin: &[u8]) -> (Ended, Vec<u8>) {
    let mut stdout = Vec::new();
    let mut stdin = stdin;
    let ended = transport
        .run(&Command::new(argv.iter().copied()), &mut stdin, &mut stdout)
        .unwrap();
    (ended, stdout)
}

fn sh(transport: &mut dyn Transport, script: &str, stdin: &[u8]) -> (Ended, Vec<u8>) {
    run(transport, &["sh", "-c", script], stdin)
}

fn exited(code: i32, stderr: &str) -> Ended {
    let stderr = stderr.to_owned();
    Ended::Exited { code, stderr }
}

/// Bytes that no shift or loss leaves unchanged.
fn pattern(size: usize) -> Vec<u8> {
    let mut state = 1_u32;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
    .take(size)
    .collect()
}

fn stdin_and_stdout_go_both_ways(transport: &mut dyn Transport) {
    let sent = pattern(20 << 20);
    let (ended, received) = run(transport, &["cat"], &sent);
    assert_eq!(ended, exited(0, ""));
    assert!(
        received == sent,
        "{} of {} bytes came back",
        received.len(),
        sent.len()
    );
}

fn exit_codes_are_kept(transport: &mut dyn Transport) {
    for code in [0, 1, 3, 255] {
        let (ended, _) = sh(transport, &format!("echo no >&2; exit {code}"), b"");
        assert_eq!(ended, exited(code, "no\n"));
        assert_eq!(ended.ok(), code == 0);
    }
}

fn a_missing_program_ends_with_127(transport: &mut dyn Transport) {
    let (ended, _) = run(transport, &["no-such-program", "x"], b"");
    let Ended::Exited { code: 127, stderr } = ended else {
        panic!("{ended:?}");
    };
    assert!(stderr.contains("no-such-program"), "{stderr}");
}

fn a_killed_command_has_no_exit_code(transport: &mut dyn Transport) {
    for signal in ["KILL", "TERM", "SEGV"] {
        let (ended, stdout) = sh(
            transport,
            &format!("echo begun; kill -{signal} $$; sleep 9"),
            b"",
        );
        let Ended::Signalled { signal: seen, .. } = &ended else {
            panic!("{ended:?}");
        };
        assert_eq!(seen, signal);
        assert_eq!(stdout, b"begun\n");
        assert!(!ended.ok());
    }
}

fn a_command_may_end_while_we_write(transport: &mut dyn Transport) {
    let begun = Instant::now();
    let endless = &mut io::repeat(7);
    let command = Command::new(["sh", "-c", "head -c 100000 | wc -c; echo full >&2; exit 3"]);
    let mut stdout = Vec::new();
    let ended = transport.run(&command, endless, &mut stdout).unwrap();
    assert_eq!(ended, exited(3, "full\n"));
    assert_eq!(stdout.trim_ascii(), b"100000");
    assert!(begun.elapsed() < Duration::from_secs(60));
}

fn a_command_may_close_its_output_and_read_on(transport: &mut dyn Transport) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy");
    let sent = pattern(4 << 20);
    let script = format!("exec >&- 2>&-; sleep 0.2; cat > {}", file.display());
    let (ended, _) = sh(transport, &script, &sent);
    assert_eq!(ended, exited(0, ""));
    assert!(std::fs::read(file).unwrap() == sent);
}

fn stderr_is_a_bounded_tail(transport: &mut dyn Transport) {
    let (ended, stdout) = sh(transport, "seq 1 100000 >&2; echo done; exit 1", b"");
    let Ended::Exited { code: 1, stderr } = ended else {
        panic!("{ended:?}");
    };
    assert_eq!(stdout, b"done\n");
    assert_eq!(stderr.len(), 64 << 10);
    assert!(stderr.ends_with("99999\n100000\n"));
}

/// Whoever deploys may have any login shell.
#[test]
fn arguments_arrive_exactly_whatever_the_login_shell() {
    for shell in ["zsh", "fish", "tcsh"] {
        let forced = format!("ForceCommand exec {shell} -c \"$SSH_ORIGINAL_COMMAND\"");
        let sshd = Sshd::start_with(&forced);
        let mut transport = reach(&sshd, "web1").unwrap();
        arguments_arrive_exactly(&mut *transport);
        a_killed_command_has_no_exit_code(&mut *transport);
        let path = sshd.path("shop").display().to_string();
        let mut conversation = Conversation::new(&mut *transport, &path, "python3");
        let answer = conversation.status(&StatusRequest::default());
        assert_eq!(answer.unwrap().path, path, "{shell}");
    }
}

fn arguments_arrive_exactly(transport: &mut dyn Transport) {
    let words = [
        "",
        "two words",
        "it's \"quoted\"",
        "$HOME `id` $(id) \\",
        "\\\\\\n'\\",
        "new\nline\n",
        "-n",
        "naïve ☃",
        "*?[a]",
        "~",
        "a;b&c|d>e",
        "#x",
        "!x",
        "=ls",
    ];
    let mut argv = vec!["printf", "%s\\0"];
    argv.extend(words);
    let (ended, stdout) = run(transport, &argv, b"");
    assert_eq!(ended, exited(0, ""));
    let text = String::from_utf8(stdout).unwrap();
    assert_eq!(text.split_terminator('\0').collect::<Vec<_>>(), words);
}

fn big_output_comes_as_it_is(transport: &mut dyn Transport) {
    let (ended, stdout) = sh(transport, "seq 1 3000000; seq 1 30000 >&2", b"");
    assert!(ended.ok());
    let mut expected = Vec::new();
    for number in 1..=3_000_000 {
        writeln!(expected, "{number}").unwrap();
    }
    assert!(
        stdout == expected,
        "{} of {} bytes",
        stdout.len(),
        expected.len()
    );
}

/// The command goes on only when its first line was seen.
fn output_comes_before_the_end(transport: &mut dyn Transport) {
    struct Seen(PathBuf);
    impl io::Write for Seen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            std::fs::write(&self.0, bytes)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let mut seen = Seen(folder.path().join("seen"));
    let script =
        "echo first; for i in $(seq 200); do test -e \"$0\" && exit 0; sleep 0.1; done; exit 1";
    let command = Command::new(["sh", "-c", script, seen.0.to_str().unwrap()]);
    let ended = transport
        .run(&command, &mut io::empty(), &mut seen)
        .unwrap();
    assert_eq!(ended, exited(0, ""));
}

fn commands_follow_each_other(transport: &mut dyn Transport) {
    for number in 0..10 {
        let (ended, stdout) = run(transport, &["echo", &number.to_string()], b"unread");
        assert_eq!(ended, exited(0, ""));
        assert_eq!(stdout, format!("{number}\n").as_bytes());
    }
}

fn home_is_the_working_directory(transport: &mut dyn Transport) {
    let (ended, stdout) = sh(
        transport,
        "test \"$(pwd -P)\" = \"$(cd && pwd -P)\" && test -n \"$PATH\"",
        b"",
    );
    assert_eq!((ended, stdout), (exited(0, ""), Vec::new()));
}

fn an_unreadable_source_is_a_lost_command(transport: &mut dyn Transport) {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let command = Command::new(["cat"]);
    let error = transport
        .run(&command, &mut Broken, &mut io::sink())
        .unwrap_err();
    assert!(matches!(error, Error::Lost { .. }), "{error:?}");
    assert!(error.to_string().contains("the disk is gone"), "{error}");
}

fn what_is_no_command_is_not_started(transport: &mut dyn Transport) {
    for argv in [&[][..], &["echo", "nul\0byte"]] {
        let command = Command::new(argv.iter().copied());
        let result = transport.run(&command, &mut io::empty(), &mut io::sink());
        assert!(
            matches!(result, Err(Error::NotStarted { .. })),
            "{result:?}"
        );
    }
    let (ended, _) = run(transport, &["true"], b"");
    assert!(ended.ok(), "the next command runs");
}

/// An answer of one line.
#[derive(Default)]
struct Line(Vec<u8>);

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Answer for Line {
    fn is_whole(&self) -> bool {
        self.0.ends_with(b"\n")
    }
}

fn ask(transport: &mut dyn Transport, script: &str, question: &[u8]) -> Result<String, Ended> {
    let (command, mut question, mut answer) = (
        Command::new(["sh", "-c", script]),
        question,
        Line::default(),
    );
    match transport.ask(&command, &mut question, &mut answer).unwrap() {
        None => Ok(String::from_utf8(answer.0).unwrap()),
        Some(ended) => Err(ended),
    }
}

/// Says its process and what it read, line by line.
const ECHO: &str = "while read -r line; do echo $$ $line; done";

fn a_command_is_asked_again_and_again(transport: &mut dyn Transport) {
    let first = ask(transport, ECHO, b"one\n").unwrap();
    let (process, word) = first.trim().split_once(' ').unwrap();
    assert_eq!(word, "one");
    // Others may run meanwhile.
    assert_eq!(run(transport, &["echo", "hi"], b"").1, b"hi\n");
    let second = ask(transport, ECHO, b"two\n").unwrap();
    assert_eq!(second, format!("{process} two\n"));

    let (killed, _) = run(transport, &["kill", "-KILL", process], b"");
    assert!(killed.ok());
    std::thread::sleep(Duration::from_millis(100));
    let third = ask(transport, ECHO, b"three\n").unwrap();
    assert!(third.ends_with(" three\n"), "{third}");
    assert!(!third.starts_with(&format!("{process} ")), "{third}");
    // Another command ends the one before.
    let other = "read -r line; echo other $line; cat";
    assert_eq!(ask(transport, other, b"four\n").unwrap(), "other four\n");
}

/// A server may let one command run at a time, and takes its time to see that the one before has ended.
#[test]
fn one_session_at_a_time_is_enough() {
    let sshd = Sshd::start_with("MaxSessions 1");
    let mut transport = reach(&sshd, "web1").unwrap();
    for _ in 0..20 {
        assert_eq!(run(&mut *transport, &["echo", "hi"], b"").1, b"hi\n");
    }
    for _ in 0..3 {
        assert!(ask(&mut *transport, ECHO, b"one\n").is_ok());
        assert_eq!(run(&mut *transport, &["echo", "hi"], b"").1, b"hi\n");
    }
    let none = Sshd::start_with("MaxSessions 0");
    let mut transport = reach(&none, "web1").unwrap();
    let begun = Instant::now();
    let mut nothing = io::empty();
    let refused = transport.run(&Command::new(["true"]), &mut nothing, &mut io::sink());
    assert!(
        matches!(refused, Err(Error::NotStarted { .. })),
        "{refused:?}"
    );
    assert!(begun.elapsed() < Duration::from_secs(3));
}

fn a_question_that_is_answered_early_is_the_command_s_last(transport: &mut dyn Transport) {
    let script = "echo $$; exec cat >/dev/null";
    let first = ask(transport, script, &pattern(20 << 20)).unwrap();
    let second = ask(transport, script, b"").unwrap();
    assert_ne!(first, second);
}

fn a_command_that_ends_instead_of_answering_has_ended(transport: &mut dyn Transport) {
    let ended = ask(transport, "read -r line; echo no >&2; exit 3", b"x\n").unwrap_err();
    assert_eq!(ended, exited(3, "no\n"));
    let ended = ask(transport, "no-such-program", b"x\n").unwrap_err();
    assert!(
        matches!(ended, Ended::Exited { code: 127, .. }),
        "{ended:?}"
    );
}
