//! What a host is.

use super::cases;
use crate::lab::Lab;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

cases![
    each_is_a_machine_of_its_own,
    passwords_log_in,
    two_labs_side_by_side
];

/// `ssh -F CONFIG …`
pub fn ssh(lab: &Lab, words: &[&str]) -> Command {
    let mut command = Command::new("ssh");
    command.arg("-F").arg(lab.config()).args(words);
    command.stdin(Stdio::null());
    command
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn each_is_a_machine_of_its_own() {
    let lab = Lab::start(3);
    for name in ["web1", "web2", "web3"] {
        let seen = output(&mut ssh(&lab, &[name, "hostname; id -un; sudo id -un"]));
        assert_eq!(seen, format!("{name}\ndeploy\nroot\n"));
        let user = format!("root@{name}");
        assert_eq!(output(&mut ssh(&lab, &[&user, "id -un"])), "root\n");
    }
    let (one, other) = (lab.host(0), lab.host(1));
    one.run(&[
        "sh",
        "-c",
        "echo here > /etc/motd; sleep 1234 > /dev/null 2>&1 &",
    ]);
    assert_eq!(one.read("/etc/motd"), "here\n");
    assert_ne!(other.read("/etc/motd"), "here\n");
    assert!(other.run(&["ps", "ax"]).lines().count() < 10);
    assert!(!other.run(&["ps", "ax"]).contains("sleep 1234"));

    // The others of its lab are near, everything else is out of reach.
    let ask = |address: &str| {
        let connect = "import socket, sys; socket.create_connection((sys.argv[1], 22), 10)";
        one.exec(&["python3", "-c", connect, address])
    };
    assert!(ask(&other.address.to_string()).status.success());
    let refused = String::from_utf8(ask("192.0.2.1").stderr).unwrap();
    assert!(refused.contains("Network is unreachable"), "{refused}");
}

fn passwords_log_in() {
    let lab = Lab::start(2);
    assert_ne!(lab.host(0).password, lab.host(1).password);
    let answer = lab.config().with_file_name("askpass");
    fs::write(&answer, "#!/bin/sh\nprintenv PASSWORD\n").unwrap();
    fs::set_permissions(&answer, fs::Permissions::from_mode(0o700)).unwrap();
    let login = |user: &str, password: &str| {
        ssh(
            &lab,
            &[
                "-o",
                "PubkeyAuthentication=no",
                "-o",
                "NumberOfPasswordPrompts=1",
            ],
        )
        .args([user, "true"])
        .env("SSH_ASKPASS", &answer)
        .env("SSH_ASKPASS_REQUIRE", "force")
        .env("PASSWORD", password)
        .output()
        .unwrap()
        .status
        .success()
    };
    assert!(login("root@web1", &lab.host(0).password));
    assert!(login("deploy@web2", &lab.host(1).password));
    assert!(!login("root@web2", &lab.host(0).password));
}

fn two_labs_side_by_side() {
    let labs = [Lab::start(1), Lab::start(1)];
    assert_ne!(labs[0].host(0).address, labs[1].host(0).address);
    for (lab, word) in labs.iter().zip(["left", "right"]) {
        lab.host(0)
            .run(&["sh", "-c", &format!("echo {word} > /etc/motd")]);
    }
    for (lab, word) in labs.iter().zip(["left\n", "right\n"]) {
        assert_eq!(output(&mut ssh(lab, &["web1", "cat /etc/motd"])), word);
    }
    let [one, other] = labs;
    drop(one);
    assert!(other.host(0).greets());
}
