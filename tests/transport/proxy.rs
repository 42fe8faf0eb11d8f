//! Hosts behind other hosts.

use super::{output, reach, refused};
use crate::support::sshd::{Sshd, free_port, user};
use hostout::host::Command;
use std::fs;

/// Adds `jump1` to the configuration of `sshd`, reached on `port`.
fn add_jump(sshd: &Sshd, jump: &Sshd, port: u16) {
    let text = fs::read_to_string(sshd.config()).unwrap();
    let jump = format!(
        "Host jump1\nHostName 127.0.0.1\nPort {port}\nUser {}\nIdentityFile {}\nIdentitiesOnly yes\nIdentityAgent none\n\
         UserKnownHostsFile {}\nGlobalKnownHostsFile /dev/null\n",
        user(),
        jump.path("id").display(),
        jump.path("known_hosts").display()
    );
    fs::write(sshd.config(), text + &jump).unwrap();
}

#[test]
fn a_jump_carries_bytes_both_ways() {
    let (sshd, jump) = (Sshd::start(), Sshd::start());
    sshd.configure("ProxyJump jump1");
    add_jump(&sshd, &jump, jump.port);
    let mut transport = reach(&sshd, "web1").unwrap();
    let sent: Vec<u8> = (0_u32..8 << 20)
        .map(|number| (number / 5).to_le_bytes()[0])
        .collect();
    let mut received = Vec::new();
    let ended = transport
        .run(&Command::new(["cat"]), &mut sent.as_slice(), &mut received)
        .unwrap();
    assert!(ended.ok());
    assert!(received == sent);
    assert!(jump.log().contains("Accepted publickey"));
}

/// `ssh -G` prints an IPv4 address in brackets.
#[test]
fn a_jump_may_be_an_address() {
    let (sshd, jump) = (Sshd::start(), Sshd::start());
    add_jump(&sshd, &jump, jump.port);
    let named = fs::read_to_string(sshd.config()).unwrap();
    let (web1, jump1) = named.split_once("Host jump1\n").unwrap();
    for written in [
        "127.0.0.1".to_owned(),
        format!("{}@127.0.0.1", user()),
        format!("127.0.0.1:{}", jump.port),
    ] {
        let text = format!("{web1}Host 127.0.0.1\n{jump1}");
        let text = text.replacen("web1\n", &format!("web1\nProxyJump {written}\n"), 1);
        fs::write(sshd.config(), text).unwrap();
        let said = output(&mut *reach(&sshd, "web1").unwrap(), &["echo", "through"]);
        assert_eq!(said, "through\n", "{written}");
    }
    assert_eq!(jump.log().matches("Accepted publickey").count(), 3);
}

#[test]
fn a_jump_that_fails_is_named_in_its_own_words() {
    let (sshd, jump) = (Sshd::start(), Sshd::start());
    sshd.configure("ProxyJump jump1");
    add_jump(&sshd, &jump, free_port());
    let said = refused(reach(&sshd, "web1"));
    assert!(
        said.contains("the jump through jump1") && said.contains("Connection refused"),
        "{said}"
    );
    sshd.configure("ProxyJump jump$1");
    let said = refused(reach(&sshd, "web1"));
    let why = "ProxyJump: `jump$1` is no destination: it holds a character that a shell would read";
    assert!(said.contains(why), "{said}");
}

#[test]
fn a_proxy_command_is_a_stream() {
    let sshd = Sshd::start();
    let relay = sshd.path("relay.py");
    fs::write(
        &relay,
        "import os, select, socket, sys\n\
         s = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n\
         while True:\n    \
             for r in select.select([0, s], [], [])[0]:\n        \
                 data = os.read(0, 65536) if r == 0 else s.recv(65536)\n        \
                 if not data: sys.exit()\n        \
                 (s.sendall if r == 0 else lambda d: sys.stdout.buffer.write(d) and sys.stdout.flush())(data)\n",
    )
    .unwrap();
    sshd.configure(&format!("ProxyCommand python3 {} %h %p", relay.display()));
    assert_eq!(
        output(&mut *reach(&sshd, "web1").unwrap(), &["echo", "through"]),
        "through\n"
    );
    sshd.configure("ProxyCommand sh -c 'echo no way >&2; exit 1'");
    let said = refused(reach(&sshd, "web1"));
    assert!(said.contains("no way"), "{said}");
}

#[test]
fn a_proxy_command_may_hand_over_a_socket() {
    let sshd = Sshd::start();
    let hand = sshd.path("hand.py");
    fs::write(
        &hand,
        "import socket, sys\n\
         with socket.socket(fileno=1) as us, socket.create_connection((sys.argv[1], int(sys.argv[2]))) as them:\n    \
             socket.send_fds(us, [b'x'], [them.fileno()])\n",
    )
    .unwrap();
    let command = format!("ProxyCommand python3 {} %h %p", hand.display());
    sshd.configure(&format!("ProxyUseFdpass yes\n{command}"));
    let mut transport = reach(&sshd, "web1").unwrap();
    assert_eq!(output(&mut *transport, &["echo", "through"]), "through\n");
    sshd.configure("ProxyUseFdpass yes\nProxyCommand sh -c 'echo no way >&2'");
    let said = refused(reach(&sshd, "web1"));
    let told =
        "ProxyCommand: no way; no connection came from the ProxyCommand, as ProxyUseFdpass says: ";
    assert!(said.contains(told), "{said}");
}

#[test]
fn a_connection_comes_from_where_the_configuration_says() {
    let sshd = Sshd::start();
    sshd.configure("BindAddress 127.0.0.2");
    output(&mut *reach(&sshd, "web1").unwrap(), &["true"]);
    assert!(
        sshd.log().contains(" from 127.0.0.2 port "),
        "{}",
        sshd.log()
    );
    sshd.configure(&format!("BindAddress 192.0.2.1\nPort {}", free_port()));
    refused(reach(&sshd, "web1"));
    sshd.configure(&format!("BindInterface lo\nPort {}", free_port()));
    let said = refused(reach(&sshd, "web1"));
    let told = "; BindInterface lo of the ssh configuration is passed over here\n";
    assert!(said.contains(told), "{said}");
}
