//! Logins that fail, as `check` explains them: the user, the keys that were offered, the way.

use crate::support::{
    Host, Run,
    sshd::{Sshd, free_port, keygen, user},
};
use std::{fs, process::Command};

fn check(host: &Host, words: &[&str]) -> Run {
    host.hostout(&["check", "far"]).exits(20).says(words)
}

/// Adds `jump1`, on `port` with the key in `key`, to the ssh configuration.
fn add_jump(host: &Host, jump: &Sshd, port: u16, key: &str) {
    host.sshd.configure("ProxyJump jump1");
    let text = fs::read_to_string(host.sshd.config()).unwrap();
    let more = format!(
        "Host jump1\nHostName 127.0.0.1\nPort {port}\nUser {}\nIdentityFile {}\nIdentitiesOnly yes\nIdentityAgent none\n\
         UserKnownHostsFile {}\nGlobalKnownHostsFile /dev/null\n",
        user(),
        jump.path(key).display(),
        jump.path("known_hosts").display()
    );
    fs::write(host.sshd.config(), text + &more).unwrap();
}

/// Offers another key than the one that may log in.
fn use_wrong_key(host: &Host) -> String {
    let text = fs::read_to_string(host.sshd.config()).unwrap();
    let (id, wrong) = (host.sshd.path("id"), host.sshd.path("wrong"));
    let (id, wrong) = (id.display().to_string(), wrong.display().to_string());
    fs::write(host.sshd.config(), text.replace(&id, &wrong)).unwrap();
    wrong
}

#[test]
fn are_explained_by_check() {
    let host = Host::quiet();
    keygen(&host.sshd.path("wrong"), "");
    let port = host.sshd.port;
    let asked = format!("; it was asked at 127.0.0.1 port {port}");

    host.sshd.configure("User nobody-here");
    let id = host.sshd.path("id").display().to_string();
    check(
        &host,
        &[
            "web1: login as nobody-here was refused; offered: ",
            &id,
            "; the server accepts publickey",
            &asked,
            "put your public key into ~/.ssh/authorized_keys of that user, or name another user: `user@host`",
        ],
    );

    host.sshd.configure("");
    let wrong = use_wrong_key(&host);
    check(
        &host,
        &[
            &format!("login as {} was refused; offered: {wrong}", user()),
            &asked,
        ],
    );

    let jump = Sshd::start();
    add_jump(&host, &jump, jump.port, "id");
    host.hostout(&["check", "far"])
        .exits(0)
        .says(&["web1 is ready"]);
    use_wrong_key(&host);
    check(&host, &[&wrong, &asked, ", by the jump through jump1"]);

    keygen(&jump.path("other"), "");
    add_jump(&host, &jump, jump.port, "other");
    let alone = "make `ssh jump1` work first: nothing is asked on a jump, so that its key has to be in your agent or without \
                 a passphrase";
    check(
        &host,
        &[
            "web1: the jump through jump1: ",
            "Permission denied (publickey)",
            ".; the ssh handshake failed: ",
            alone,
        ],
    );

    let closed = free_port();
    add_jump(&host, &jump, closed, "id");
    let refused = format!("connect to host 127.0.0.1 port {closed}: Connection refused");
    let first = format!("web1: the jump through jump1: ssh: {refused}; the ssh handshake failed: ");
    check(&host, &[&first, alone]);
}

#[test]
fn a_missing_key_an_old_certificate_and_a_second_factor_are_named() {
    let host = Host::quiet();
    let missing = use_wrong_key(&host);
    let said = format!("offered: nothing; the server accepts publickey; {missing} is not there");
    check(&host, &[&said]);

    let sshd = &host.sshd;
    for name in ["ca", "wrong"] {
        keygen(&sshd.path(name), "");
    }
    let certificate = sshd.path("wrong-cert.pub").display().to_string();
    for (options, what) in [
        (["-V", "20200101:20200102"], "has expired"),
        (["-V", "20990101:20990102"], "is not valid yet"),
        (["-n", "ada"], "was offered too, which is for ada"),
    ] {
        let signed = Command::new("ssh-keygen")
            .args(["-q", "-I", "test", "-s"])
            .arg(sshd.path("ca"))
            .args(options)
            .arg(sshd.path("wrong.pub"))
            .status();
        assert!(signed.unwrap().success());
        let said = format!(
            "offered: {missing}; the server accepts publickey; its certificate {certificate} {what}"
        );
        check(&host, &[&said]);
    }
}

#[test]
fn a_key_that_is_not_enough_was_taken_all_the_same() {
    let mut host = Host::quiet();
    host.sshd = Sshd::with_password(
        "PasswordAuthentication yes\nAuthenticationMethods publickey,password",
        "s3cret",
    );
    let id = host.sshd.path("id").display().to_string();
    let run = check(
        &host,
        &[
            &format!(
                "offered: {id}; the server accepts password; it took {id}, and wants another proof too: password"
            ),
            "a password is asked for on a terminal, or taken from $HOSTOUT_PASSWORD",
        ],
    );
    assert!(!run.stderr.contains("signature"), "{run}");
}

/// `run` and `ssh` go by the system's ssh, which would speak of files and programs that nobody named.
#[test]
fn a_pinned_key_is_checked_before_ssh_is_started() {
    let host = Host::quiet();
    let other = host.sshd.path("other");
    keygen(&other, "");
    let other = fs::read_to_string(other.with_extension("pub")).unwrap();
    let pin = |key: &str| {
        let text = host.project.read("hostout.toml");
        let (before, after) = text.split_once("hosts = [").unwrap();
        let (_, after) = after.split_once(']').unwrap();
        let key = key.split(' ').take(2).collect::<Vec<_>>().join(" ");
        let hosts = format!("hosts = [{{ host = \"web1\", host-key = \"{key}\" }}]");
        host.project
            .write("hostout.toml", &format!("{before}{hosts}{after}"));
    };
    pin(&other);
    for words in [&["run", "far", "--", "true"][..], &["ssh", "far"]] {
        let run = host.hostout(words).exits(20).says(&[
            "web1: the host key is ssh-ed25519 ",
            " is pinned in the project",
        ]);
        assert!(!run.stderr.contains("/dev/null"), "{run}");
    }
    assert!(!host.sshd.log().contains("Accepted"), "{}", host.sshd.log());
    pin(&host.sshd.host_key());
    // It is let in.
    host.hostout(&["run", "far", "--", "true"])
        .exits(11)
        .says(&["nothing is live"]);
}
