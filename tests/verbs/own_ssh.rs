//! `run` and `ssh`, and what goes by libssh2, keep to the same configuration of the person's own ssh.

use crate::support::{
    Host, Run, at_a_terminal_with,
    sshd::{Sshd, keygen, user},
};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
};

const SECRET: &str = "it's s3cret";

fn with(host: &Host, words: &[&str], more: &[(&str, &str)]) -> Run {
    let config = host.sshd.config().display().to_string();
    let variables = [&[("HOSTOUT_SSH_CONFIG", config.as_str())], more].concat();
    let project = &host.project;
    project
        .sandbox
        .hostout_with(&project.directory, words, &variables)
}

#[test]
fn the_password_of_the_environment_lets_ssh_in_too() {
    let mut host = Host::quiet();
    let name = format!("{}@web1", user());
    host.project
        .add_stage_on(&["web1", &name], "both", "/srv/none", "");
    let run = ["run", "far", "--", "true"];
    for settings in [
        "PasswordAuthentication yes\nPubkeyAuthentication no",
        "KbdInteractiveAuthentication yes\nPubkeyAuthentication no",
    ] {
        host.sshd = Sshd::with_password(settings, SECRET);
        with(&host, &run, &[("HOSTOUT_PASSWORD", SECRET)])
            .exits(11)
            .says(&["nothing is live"]);
        let wrong = with(&host, &run, &[("HOSTOUT_PASSWORD", "wrong")]).exits(20);
        assert!(!format!("{wrong}").contains("wrong"), "{wrong}");
    }
    with(&host, &["ssh", "far"], &[("HOSTOUT_PASSWORD", SECRET)])
        .exits(0)
        .says(&["nothing is deployed to"]);
    // Several at the same time.
    let both = ["run", "both", "--", "true"];
    with(&host, &both, &[("HOSTOUT_PASSWORD", SECRET)])
        .exits(11)
        .says(&["web1: nothing is live", &format!("{name}: nothing is live")]);
    with(&host, &run, &[]).exits(20);

    // What is asked besides is asked at the terminal.
    fs::remove_file(host.sshd.path("known_hosts")).unwrap();
    let config = host.sshd.config().display().to_string();
    let variables = [
        ("HOSTOUT_SSH_CONFIG", config.as_str()),
        ("HOSTOUT_PASSWORD", SECRET),
    ];
    let project = &host.project;
    let (sandbox, directory) = (&project.sandbox, &project.directory);
    at_a_terminal_with(sandbox, directory, &run, &variables, "(yes/no", "yes\n")
        .exits(11)
        .says(&["nothing is live"]);
}

#[test]
fn a_connection_that_ssh_keeps_is_gone_through() {
    let host = Host::quiet();
    let (sshd, control) = (&host.sshd, host.sshd.path("control"));
    sshd.configure(&format!("ControlPath {}", control.display()));
    let ssh = |words: &[&str]| {
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(sshd.config()).args(words);
        ssh.stdout(Stdio::null()).stderr(Stdio::null());
        assert!(ssh.status().unwrap().success(), "{words:?}");
    };
    ssh(&["-M", "-N", "-f", "web1"]);
    fs::remove_file(sshd.path("authorized_keys")).unwrap();
    let run = ["run", "far", "--", "true"];
    host.hostout(&run).exits(11).says(&["nothing is live"]);
    host.hostout(&["ssh", "far"]).exits(0);
    host.hostout(&["deploy", "far", "--yes"]).exits(20).says(&[
        "; the connection that ssh keeps there (ControlMaster) serves run and ssh only",
        "a key that an agent has, or $HOSTOUT_PASSWORD, logs in beside a connection that ssh keeps",
    ]);
    ssh(&["-O", "exit", "web1"]);
    let run = host.hostout(&run).exits(20);
    assert!(!run.stderr.contains("ControlMaster"), "{run}");
}

#[test]
fn a_proxy_command_is_read_by_the_person_s_own_shell() {
    let host = Host::quiet();
    let relay = host.sshd.path("relay.sh");
    let port = host.sshd.port;
    fs::write(
        &relay,
        "exec 3<>/dev/tcp/127.0.0.1/$1\ncat <&3 &\ncat >&3\n",
    )
    .unwrap();
    let line = format!("bash {} {port} 2> >(cat >&2)", relay.display());
    host.sshd.configure(&format!("ProxyCommand {line}"));
    with(&host, &["check", "far"], &[("SHELL", "/bin/bash")])
        .exits(0)
        .says(&["web1 is ready"]);
}

/// As clouds hand them out.
#[test]
fn a_key_that_tells_its_public_half_to_nobody_is_asked_for_its_passphrase() {
    let host = Host::quiet();
    let file = host.sshd.path("cloud.pem");
    keygen(&file, "correct horse");
    let mut rewrite = Command::new("ssh-keygen");
    rewrite.args([
        "-q",
        "-t",
        "ecdsa",
        "-m",
        "PEM",
        "-N",
        "correct horse",
        "-f",
    ]);
    fs::remove_file(&file).unwrap();
    assert!(rewrite.arg(&file).status().unwrap().success());
    let public = host.sshd.path("cloud.pem.pub");
    fs::copy(&public, host.sshd.path("authorized_keys")).unwrap();
    fs::remove_file(public).unwrap();
    let name = file.display().to_string();
    let text = fs::read_to_string(host.sshd.config()).unwrap();
    let id = host.sshd.path("id").display().to_string();
    fs::write(host.sshd.config(), text.replace(&id, &name)).unwrap();
    host.project
        .add_stage_on(&["ghost@web1"], "ghostly", "/srv/ghost", "");
    let bootstrap = ["bootstrap", "ghostly", "--dry-run"];
    host.hostout(&bootstrap).exits(20).says(&[
        &format!("can't read the public half of {name}: "),
        &format!("write it down once: ssh-keygen -y -f {name} > {name}.pub"),
    ]);
    let askpass = host.project.sandbox.path("askpass");
    fs::write(&askpass, "#!/bin/sh\necho 'correct horse'\n").unwrap();
    fs::set_permissions(&askpass, fs::Permissions::from_mode(0o700)).unwrap();
    let askpass = askpass.display().to_string();
    let variables = [
        ("SSH_ASKPASS", askpass.as_str()),
        ("SSH_ASKPASS_REQUIRE", "force"),
    ];
    let run = with(&host, &bootstrap, &variables);
    assert!(!run.stderr.contains("public half"), "{run}");
}
