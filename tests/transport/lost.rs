//! Connections that don't come up, and those that go.

use super::{output, reach, refused, target};
use crate::support::sshd::{Sshd, free_port};
use hostout::{
    host::Command,
    transport::{Error, Transport, Unattended, connect},
};
use std::{
    io,
    net::{Shutdown, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

/// Runs `argv` while `meanwhile` happens a moment after its first output.
fn lost(
    transport: &mut dyn Transport,
    stdin: &mut (dyn io::Read + Send),
    meanwhile: impl FnOnce() + Send,
) -> String {
    struct Signal(std::sync::mpsc::Sender<()>);
    impl io::Write for Signal {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(()).ok();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            receiver.recv_timeout(Duration::from_secs(10)).unwrap();
            meanwhile();
        });
        let command = Command::new(["sh", "-c", "echo begun; sleep 30"]);
        match transport.run(&command, stdin, &mut Signal(sender)) {
            Err(error @ Error::Lost { .. }) => error.to_string(),
            other => panic!("{other:?}"),
        }
    })
}

#[test]
fn a_killed_sshd_loses_the_command() {
    let sshd = Sshd::start();
    let mut transport = reach(&sshd, "web1").unwrap();
    let begun = Instant::now();
    let said = lost(&mut *transport, &mut io::empty(), || {
        sshd.signal_sessions("KILL");
    });
    assert!(said.starts_with("web1: lost `sh`: "), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(60));
    let again = transport.run(&Command::new(["true"]), &mut io::empty(), &mut io::sink());
    assert!(matches!(again, Err(Error::NotStarted { .. })), "{again:?}");
    output(&mut *reach(&sshd, "web1").unwrap(), &["true"]);
}

#[test]
fn a_killed_sshd_loses_an_upload() {
    let sshd = Sshd::start();
    let mut transport = reach(&sshd, "web1").unwrap();
    lost(&mut *transport, &mut io::repeat(1), || {
        sshd.signal_sessions("KILL");
    });
}

/// Stopped processes keep the connection open and say nothing, as a cut cable does.
#[test]
fn a_server_that_falls_silent_is_lost_whoever_has_bytes_to_send() {
    let mut idle = io::empty();
    let mut endless = io::repeat(1);
    let sources: [&mut (dyn io::Read + Send); 2] = [&mut idle, &mut endless];
    for stdin in sources {
        let sshd = Sshd::start();
        sshd.configure("ServerAliveInterval 1\nServerAliveCountMax 1");
        let mut transport = reach(&sshd, "web1").unwrap();
        let begun = Instant::now();
        let said = lost(&mut *transport, stdin, || sshd.signal_sessions("STOP"));
        assert!(said.contains("silent"), "{said}");
        drop(transport);
        assert!(
            begun.elapsed() < Duration::from_secs(15),
            "{:?}",
            begun.elapsed()
        );
        sshd.signal_sessions("CONT");
    }
}

#[test]
fn a_silent_command_and_one_that_reads_late_are_not_lost() {
    let sshd = Sshd::start();
    sshd.configure("ServerAliveInterval 2\nServerAliveCountMax 2");
    let mut transport = reach(&sshd, "web1").unwrap();
    let sent = vec![7; 8 << 20];
    let mut stdout = Vec::new();
    let command = Command::new(["sh", "-c", "sleep 7; wc -c"]);
    let ended = transport
        .run(&command, &mut sent.as_slice(), &mut stdout)
        .unwrap();
    assert!(ended.ok());
    assert_eq!(stdout.trim_ascii(), sent.len().to_string().as_bytes());
}

/// A machine under load takes its time to open a channel, too.
#[test]
fn a_server_that_pauses_for_some_seconds_is_not_lost() {
    let sshd = Sshd::start();
    let mut transport = reach(&sshd, "web1").unwrap();
    // It is past the moment when libssh2 wants a sign of life.
    thread::sleep(Duration::from_secs(3));
    sshd.signal_sessions("STOP");
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_secs(4));
            sshd.signal_sessions("CONT");
        });
        assert_eq!(output(&mut *transport, &["echo", "late"]), "late\n");
    });
}

#[test]
fn keys_exchanged_anew_in_the_middle_lose_nothing() {
    let sshd = Sshd::start_with("RekeyLimit 1M");
    let mut transport = reach(&sshd, "web1").unwrap();
    let sent: Vec<u8> = (0_u32..8 << 20)
        .map(|number| (number / 7).to_le_bytes()[0])
        .collect();
    let mut received = Vec::new();
    let ended = transport
        .run(&Command::new(["cat"]), &mut sent.as_slice(), &mut received)
        .unwrap();
    assert!(ended.ok());
    assert!(received == sent);
}

#[test]
fn a_server_without_exec_does_not_start_the_command() {
    let sshd = Sshd::start_with("MaxSessions 0");
    let mut transport = reach(&sshd, "web1").unwrap();
    let result = transport.run(&Command::new(["true"]), &mut io::empty(), &mut io::sink());
    assert!(
        matches!(result, Err(Error::NotStarted { .. })),
        "{result:?}"
    );
}

#[test]
fn a_refused_connection_is_said_with_its_address() {
    let sshd = Sshd::start();
    let port = free_port();
    let said = refused(reach(&sshd, &format!("web1:{port}")));
    assert_eq!(
        said,
        format!(
            "web1:{port}: can't connect to 127.0.0.1:{port}: connection refused\n\
             is the server up, sshd running, and the port right and open?"
        )
    );
    sshd.configure("AddressFamily inet6");
    assert_eq!(
        refused(reach(&sshd, "web1")),
        "web1: 127.0.0.1 has no address that may be used\n"
    );
    sshd.configure("NoSuchOption yes");
    let said = refused(reach(&sshd, "web1"));
    assert!(
        said.starts_with("web1: can't read the ssh configuration: "),
        "{said}"
    );
}

#[test]
fn a_host_that_comes_back_is_reached_when_more_attempts_are_allowed() {
    let sshd = Sshd::start();
    let (port, relay) = (sshd.port(), free_port());
    sshd.configure(&format!(
        "Port {relay}\nConnectionAttempts 10\nStrictHostKeyChecking accept-new"
    ));
    let late = thread::spawn(move || {
        thread::sleep(Duration::from_millis(1500));
        let listener = TcpListener::bind(("127.0.0.1", relay)).unwrap();
        let (mut near, _) = listener.accept().unwrap();
        let mut far = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (mut back, mut forth) = (far.try_clone().unwrap(), near.try_clone().unwrap());
        let answers = thread::spawn(move || io::copy(&mut back, &mut forth).ok());
        io::copy(&mut near, &mut far).ok();
        far.shutdown(Shutdown::Both).ok();
        answers.join().unwrap();
    });
    let host = reach(&sshd, "web1");
    assert!(host.is_ok(), "{}", refused(host));
    drop(host);
    late.join().unwrap();
}

#[test]
fn a_port_that_says_nothing_times_out() {
    let sshd = Sshd::start();
    sshd.configure("ConnectTimeout 1");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let begun = Instant::now();
    // Its host key is known, so that only the silence can be the reason.
    let mut target = target(&sshd, &format!("web1:{port}"));
    target.host_key = Some(sshd.host_key());
    let said = refused(connect(&target, &Unattended));
    let words = [
        "the ssh handshake failed: ",
        "\ndoes an ssh server listen on that port, and does it answer `ssh -v`?",
    ];
    assert!(words.iter().all(|words| said.contains(words)), "{said}");
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn what_is_no_destination_and_what_has_no_address_is_said() {
    let sshd = Sshd::start();
    assert!(refused(reach(&sshd, "-oProxyCommand=x")).contains("is no destination"));
    let said = refused(reach(&sshd, "no-such-host.invalid"));
    for words in [
        "can't find the address of no-such-host.invalid: ",
        "\ncheck the spelling in `hosts`, or name the host in the ssh configuration",
    ] {
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn long_command_lines_arrive_or_are_not_started() {
    let sshd = Sshd::start();
    let mut transport = reach(&sshd, "web1").unwrap();
    let word = "x".repeat(31_000);
    assert_eq!(
        output(&mut *transport, &["echo", &word]).len(),
        word.len() + 1
    );
    let command = Command::new(["echo", &"x".repeat(40_000)]);
    let result = transport.run(&command, &mut io::empty(), &mut io::sink());
    assert!(
        matches!(result, Err(Error::NotStarted { .. })),
        "{result:?}"
    );
    output(&mut *transport, &["true"]);
}
