//! What is asked at a terminal before anything is done, and Ctrl-C there: nothing happens, and the terminal is as it was.

use crate::support::{
    CTRL_C, Host, Project, Run, SIGTERM, conversation, refs,
    sshd::{Sshd, keygen, user},
    tree,
};
use std::{fs, os::unix::fs::PermissionsExt as _};

const PASSPHRASE: &str = "correct horse";

/// A released project whose stage is behind `sshd`.
fn behind(sshd: Sshd) -> Host {
    let mut host = Host::quiet();
    host.sshd = sshd;
    host
}

/// `deploy far` at a terminal.
fn deploy(host: &Host, answers: &[(&str, &str)]) -> Run {
    let config = host.sshd.config().display().to_string();
    let variables = [("HOSTOUT_SSH_CONFIG", config.as_str())];
    let project = &host.project;
    let (sandbox, directory) = (&project.sandbox, &project.directory);
    conversation(sandbox, directory, &["deploy", "far"], &variables, answers)
}

/// Ctrl-C at the last of `answers`.
#[track_caller]
fn stopped(host: &Host, answers: &[(&str, &str)]) -> Run {
    let project = &host.project;
    let before = refs(&project.sandbox, &project.directory);
    let run = deploy(host, answers).exits(130);
    assert_eq!(refs(&project.sandbox, &project.directory), before);
    assert_eq!(tree(&project.sandbox.path("tmp"), 1), "");
    assert!(!host.path.exists(), "{run}");
    run.says(&[
        "error: interrupted\n",
        "what was live is live. Next: git hostout deploy far\n",
    ])
}

/// The answers lead to the plan, which is declined.
#[track_caller]
fn plans(host: &Host, answers: &[(&str, &str)]) -> Run {
    let declined = [("[Y/n]", "n\n")];
    let run = deploy(host, &[answers, &declined].concat()).exits(13);
    run.says(&["Deploy single 0.1.0 to far"])
}

#[test]
fn for_a_password() {
    let settings = "PasswordAuthentication yes\nPubkeyAuthentication no";
    let host = behind(Sshd::with_password(settings, "s3cret"));
    let prompt = format!("Password of {} on web1 (Enter if there is none):", user());
    stopped(&host, &[(&prompt, CTRL_C)]);
    let wrong = format!("the password of {} on web1 was wrong", user());
    stopped(&host, &[(&prompt, "wrong\n"), (&prompt, CTRL_C)]).says(&[&wrong]);
    let run = plans(&host, &[(&prompt, "s3cret\n")]);
    assert!(!run.stdout.contains("s3cret"), "{run}");
    // Enter, or the end of what is typed: whoever has none is asked once.
    for none in ["\n", "\u{4}"] {
        let run = deploy(&host, &[(&prompt, none), ("as root?", "n\n")]).exits(20);
        let run = run.says(&["there is no password"]);
        assert_eq!(run.stdout.matches("Password of").count(), 1, "{run}");
    }
}

#[test]
fn for_a_key_s_passphrase() {
    let host = behind(Sshd::start());
    let locked = host.sshd.path("locked");
    keygen(&locked, PASSPHRASE);
    let public = locked.with_extension("pub");
    fs::copy(public, host.sshd.path("authorized_keys")).unwrap();
    fs::remove_file(host.sshd.path("id")).unwrap();
    let file = locked.display().to_string();
    host.sshd.configure(&format!("IdentityFile {file}"));
    let prompt = format!("Passphrase of {file}:");
    stopped(&host, &[(&prompt, CTRL_C)]);
    let typed = format!("{PASSPHRASE}\n");
    let run = plans(&host, &[(&prompt, &typed)]);
    assert!(!run.stdout.contains(PASSPHRASE), "{run}");

    // Where there is no terminal a program is asked, in the words of ssh.
    let askpass = host.project.sandbox.path("askpass");
    let asked = host.project.sandbox.path("asked");
    let script = format!(
        "#!/bin/sh\nprintf %s \"$1\" > '{}'\necho '{PASSPHRASE}'\n",
        asked.display()
    );
    fs::write(&askpass, script).unwrap();
    fs::set_permissions(&askpass, fs::Permissions::from_mode(0o700)).unwrap();
    let (config, askpass) = (host.sshd.config(), askpass.display().to_string());
    let variables = [
        ("HOSTOUT_SSH_CONFIG", config.to_str().unwrap()),
        ("SSH_ASKPASS", &askpass),
        ("SSH_ASKPASS_REQUIRE", "force"),
    ];
    let project = &host.project;
    let words = ["deploy", "far", "--dry-run"];
    let run = project
        .sandbox
        .hostout_with(&project.directory, &words, &variables);
    run.exits(0);
    assert_eq!(
        fs::read_to_string(asked).unwrap(),
        format!("Enter passphrase for key '{file}': ")
    );
}

#[test]
fn for_a_host_s_key() {
    let host = behind(Sshd::start());
    let known = host.sshd.path("known_hosts");
    fs::remove_file(&known).unwrap();
    let prompt = "Is this the host's key? [y/N]";
    stopped(&host, &[(prompt, CTRL_C)])
        .says(&[": nobody has vouched for its ", &host.sshd.fingerprint()]);
    assert!(!known.exists());
    let place = format!("[127.0.0.1]:{}", host.sshd.port);
    let other = host.sshd.path("other");
    let sandbox = &host.project.sandbox;
    let mut make = sandbox.command("ssh-keygen", sandbox.root());
    make.args(["-q", "-t", "ecdsa", "-N", "", "-f"]).arg(&other);
    assert!(make.status().unwrap().success());
    let key = fs::read_to_string(other.with_extension("pub")).unwrap();
    fs::write(&known, format!("{place} {key}")).unwrap();
    let run = plans(&host, &[(prompt, "y\n")]);
    run.says(&[&format!(
        "other keys of {place} are known: ecdsa-sha2-nistp256; this one is new"
    )]);
    let kept = fs::read_to_string(&known).unwrap();
    assert!(kept.contains(&host.sshd.host_key()), "{kept}");
}

#[test]
fn whether_to_release_first() {
    let host = behind(Sshd::start());
    let project = &host.project;
    project.write("NEWS.txt", "More.\n");
    project.commit("Say more");
    let first = "HEAD is 1 commit after v0.1.0: release it first? [Y/n]";
    stopped(&host, &[(first, CTRL_C)]);
    let asked = |run: &Run| run.stdout.matches("release it first?").count();

    let run = plans(&host, &[(first, "n\n")]);
    let run = run.says(&["HEAD is 1 commit after v0.1.0; v0.1.0 is deployed."]);
    assert_eq!(asked(&run), 1, "{run}");

    // Who says yes to the question says nothing of the release's plan yet.
    let before = refs(&project.sandbox, &project.directory);
    let run = deploy(&host, &[(first, "y\n"), ("Release it? [Y/n]", "n\n")]).exits(13);
    let run = run.says(&["Release single 0.1.1"]);
    assert!(
        asked(&run) == 1 && !run.stdout.contains("Deploy single"),
        "{run}"
    );
    assert_eq!(refs(&project.sandbox, &project.directory), before);

    let both = [
        (first, "\n"),
        ("Release it? [Y/n]", "y\n"),
        ("[Y/n]", "n\n"),
    ];
    let run = deploy(&host, &both).exits(13);
    let run = run.says(&["Released single 0.1.1", "Deploy single 0.1.1 to far"]);
    assert_eq!(asked(&run), 1, "{run}");
    let run = deploy(&host, &[("[Y/n]", "n\n")]).exits(13);
    assert_eq!(asked(&run), 0, "{run}");
}

/// Only what is signed asks, after the plan was agreed to; ssh-keygen itself does.
#[test]
fn for_the_signing_key_s_passphrase() {
    let project = Project::single();
    project.hostout(&["init"]).exits(0);
    let key = project.sandbox.path("home/.ssh/id_ed25519");
    let mut lock = project.sandbox.command("ssh-keygen", &project.directory);
    lock.args(["-q", "-p", "-P", "", "-N", PASSPHRASE, "-f"])
        .arg(&key);
    assert!(lock.output().unwrap().status.success());
    let before = refs(&project.sandbox, &project.directory);
    let release = |answers: &[(&str, &str)]| {
        let (sandbox, directory) = (&project.sandbox, &project.directory);
        conversation(sandbox, directory, &["release"], &[], answers)
    };
    let agreed = ("Release it? [Y/n]", "y\n");
    let prompt = "Enter passphrase";
    for stop in [CTRL_C, SIGTERM] {
        release(&[agreed, (prompt, stop)])
            .exits(130)
            .says(&["interrupted"]);
        assert_eq!(refs(&project.sandbox, &project.directory), before);
    }
    let typed = (prompt, "correct horse\n");
    release(&[agreed, typed, typed, typed])
        .exits(0)
        .says(&["Released single 0.1.0 (tag v0.1.0)."]);
}
