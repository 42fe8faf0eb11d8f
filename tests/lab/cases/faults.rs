//! Each fault does what it says.

use super::{cases, machine::ssh};
use crate::lab::{Host, Lab, Line};
use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, ExitStatus, Stdio},
    time::{Duration, Instant},
};

cases![
    a_cut_keeps_newcomers_out_and_a_short_one_ends_nothing,
    a_slow_line_is_longer_narrower_or_lossy,
    a_full_disk_takes_no_byte_more,
    a_killed_sshd_is_gone_with_or_without_its_connections,
];

/// An ssh connection to a program that answers what it is told.
struct Echo {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Echo {
    fn on(lab: &Lab, host: &Host) -> Self {
        let mut child = ssh(lab, &[&host.name, "cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut echo = Self {
            child,
            stdin,
            stdout,
        };
        assert_eq!(echo.answer("hello"), "hello\n");
        echo
    }

    fn tell(&mut self, word: &str) {
        writeln!(self.stdin, "{word}").unwrap();
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line
    }

    fn answer(&mut self, word: &str) -> String {
        self.tell(word);
        self.hear()
    }

    fn took(&mut self, word: &str) -> Duration {
        let start = Instant::now();
        assert_eq!(self.answer(word), format!("{word}\n"));
        start.elapsed()
    }

    fn end(mut self) -> ExitStatus {
        drop(self.stdin);
        self.child.wait().unwrap()
    }
}

fn a_cut_keeps_newcomers_out_and_a_short_one_ends_nothing() {
    let lab = Lab::start(2);
    let host = lab.host(0);
    let mut echo = Echo::on(&lab, host);
    host.cut();
    assert!(!host.greets());
    assert!(lab.host(1).greets());
    echo.tell("from afar");
    host.reconnect();
    assert_eq!(echo.hear(), "from afar\n");
    assert!(echo.end().success());
    host.heal();
}

fn a_slow_line_is_longer_narrower_or_lossy() {
    let lab = Lab::start(1);
    let host = lab.host(0);
    let mut echo = Echo::on(&lab, host);
    let near = (0..5).map(|_| echo.took("near")).min().unwrap();
    host.slow(Line {
        round_trip: Duration::from_millis(400),
        ..Line::default()
    });
    let far = (0..5).map(|_| echo.took("far")).min().unwrap();
    assert!(far >= Duration::from_millis(400), "{far:?}");
    assert!(far > near * 2, "{near:?} {far:?}");
    let trips = host.round_trips();
    echo.took("one question, one answer");
    assert_eq!(host.round_trips(), trips + 1);

    host.slow(Line {
        rate: 100_000,
        ..Line::default()
    });
    let narrow = echo.took(&"narrow".repeat(10_000));
    assert!(narrow >= Duration::from_millis(600), "{narrow:?}");

    host.slow(Line {
        loss: 0.2,
        ..Line::default()
    });
    for word in ["some", "of", "it", "twice"] {
        echo.took(word);
    }
    host.slow(Line {
        loss: 1.0,
        ..Line::default()
    });
    assert!(!host.greets());
    host.heal();
    assert!(echo.end().success());
}

fn a_full_disk_takes_no_byte_more() {
    let lab = Lab::start(1);
    let host = lab.host(0);
    let write = ["sh", "-c", "head -c 100000 /dev/zero > /home/deploy/zeros"];
    host.full();
    let refused = host.exec(&write);
    assert!(!refused.status.success());
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("No space left on device"), "{said}");
    assert!(ssh(&lab, &["web1", "true"]).status().unwrap().success());
    host.heal();
    host.run(&write);
}

fn a_killed_sshd_is_gone_with_or_without_its_connections() {
    let lab = Lab::start(1);
    let host = lab.host(0);
    let echo = Echo::on(&lab, host);
    host.kill_sessions();
    assert_eq!(echo.end().code(), Some(255));
    assert!(host.greets());

    let mut echo = Echo::on(&lab, host);
    host.kill_listener();
    assert!(!host.greets());
    assert_eq!(echo.answer("still here"), "still here\n");
    host.kill_sshd();
    assert_eq!(echo.end().code(), Some(255));

    host.heal();
    assert!(Echo::on(&lab, host).end().success());
}
