//! Nobody is talked to who isn't who they should be.

use super::{output, reach, refused, target};
use crate::support::sshd::{Sshd, keygen};
use hostout::transport::{HostKeyQuestion, Prompter, connect};
use std::{fs, process::Command, sync::Mutex};

/// Says yes or no, and remembers what was asked.
struct Person(bool, Mutex<Vec<HostKeyQuestion>>);

impl Prompter for Person {
    fn host_key(&self, question: &HostKeyQuestion) -> bool {
        self.1.lock().unwrap().push(question.clone());
        self.0
    }
}

fn other_key(sshd: &Sshd) -> String {
    keygen(&sshd.path("other"), "");
    fs::read_to_string(sshd.path("other.pub"))
        .unwrap()
        .trim()
        .to_owned()
}

fn nobody_logged_in(sshd: &Sshd) {
    assert!(!sshd.log().contains("Accepted"), "{}", sshd.log());
}

#[test]
fn an_unknown_key_is_refused_with_its_fingerprint() {
    let sshd = Sshd::start();
    fs::remove_file(sshd.path("known_hosts")).unwrap();
    let said = refused(reach(&sshd, "web1"));
    assert!(said.contains(&sshd.fingerprint()), "{said}");
    let scan = format!(
        "ssh-keyscan -t ed25519 -p {} 127.0.0.1 >> {}",
        sshd.port,
        sshd.path("known_hosts").display()
    );
    assert!(said.contains(&scan), "{said}");
    nobody_logged_in(&sshd);
    assert!(!sshd.path("known_hosts").exists());

    let scan = Command::new("sh").args(["-c", &scan]).output().unwrap();
    assert!(scan.status.success());
    assert_eq!(
        output(&mut *reach(&sshd, "web1").unwrap(), &["echo", "in"]),
        "in\n"
    );
}

#[test]
fn a_person_is_asked_and_the_answer_remembered() {
    for hashed in ["no", "yes"] {
        let sshd = Sshd::start();
        sshd.configure(&format!("HashKnownHosts {hashed}"));
        fs::remove_file(sshd.path("known_hosts")).unwrap();
        let no = Person(false, Mutex::default());
        refused(connect(&target(&sshd, "web1"), &no));
        nobody_logged_in(&sshd);
        let yes = Person(true, Mutex::default());
        output(
            &mut *connect(&target(&sshd, "web1"), &yes).unwrap(),
            &["true"],
        );
        let asked = yes.1.into_inner().unwrap();
        assert_eq!(asked, no.1.into_inner().unwrap());
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].fingerprint, sshd.fingerprint());
        assert_eq!(asked[0].name, format!("[127.0.0.1]:{}", sshd.port));
        let known = fs::read_to_string(sshd.path("known_hosts")).unwrap();
        assert_eq!(known.contains("127.0.0.1"), hashed == "no", "{known}");
        assert!(reach(&sshd, "web1").is_ok(), "it is known now");
    }
}

#[test]
fn strict_asks_nobody_and_accept_new_neither() {
    let sshd = Sshd::start();
    let person = Person(true, Mutex::default());
    fs::remove_file(sshd.path("known_hosts")).unwrap();
    sshd.configure("StrictHostKeyChecking yes");
    refused(connect(&target(&sshd, "web1"), &person));
    sshd.configure("StrictHostKeyChecking accept-new");
    assert!(connect(&target(&sshd, "web1"), &person).is_ok());
    assert!(person.1.into_inner().unwrap().is_empty());
}

#[test]
fn a_changed_key_is_refused_with_file_and_line() {
    let sshd = Sshd::start();
    let known = format!(
        "# a comment\n[127.0.0.1]:{} {}\n",
        sshd.port,
        other_key(&sshd)
    );
    fs::write(sshd.path("known_hosts"), &known).unwrap();
    for strict in ["ask", "accept-new", "no"] {
        sshd.configure(&format!("StrictHostKeyChecking {strict}"));
        let person = Person(true, Mutex::default());
        let said = refused(connect(&target(&sshd, "web1"), &person));
        assert!(said.contains("has changed"), "{said}");
        assert!(
            said.contains(&format!("{} line 2", sshd.path("known_hosts").display())),
            "{said}"
        );
        assert!(said.contains(&sshd.fingerprint()), "{said}");
        assert!(person.1.into_inner().unwrap().is_empty());
    }
    nobody_logged_in(&sshd);
    assert_eq!(fs::read_to_string(sshd.path("known_hosts")).unwrap(), known);
}

#[test]
fn a_revoked_key_is_refused() {
    let sshd = Sshd::start();
    let key = sshd.host_key();
    let text = format!("[127.0.0.1]:{} {key}\n@revoked * {key}\n", sshd.port);
    fs::write(sshd.path("known_hosts"), text).unwrap();
    let said = refused(reach(&sshd, "web1"));
    assert!(
        said.contains("revoked") && said.contains("line 2"),
        "{said}"
    );
    nobody_logged_in(&sshd);
}

#[test]
fn wildcards_hashes_aliases_and_bare_names_are_known() {
    let sshd = Sshd::start();
    let key = sshd.host_key();
    for line in [format!("[127.0.0.*]:* {key}"), format!("127.0.0.1 {key}")] {
        fs::write(sshd.path("known_hosts"), format!("{line}\n")).unwrap();
        assert!(reach(&sshd, "web1").is_ok(), "{line}");
    }
    sshd.know(&key);
    let hashed = Command::new("ssh-keygen")
        .arg("-Hf")
        .arg(sshd.path("known_hosts"))
        .output()
        .unwrap();
    assert!(hashed.status.success());
    assert!(
        !fs::read_to_string(sshd.path("known_hosts"))
            .unwrap()
            .contains("127")
    );
    assert!(reach(&sshd, "web1").is_ok());
    sshd.configure("HostKeyAlias shop");
    refused(reach(&sshd, "web1"));
    fs::write(sshd.path("known_hosts"), format!("shop {key}\n")).unwrap();
    assert!(reach(&sshd, "web1").is_ok());
}

/// The server would rather show its ed25519 key.
#[test]
fn the_server_is_asked_for_the_key_that_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rsa");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "rsa", "-N", "", "-f"])
        .arg(&file)
        .status()
        .unwrap();
    assert!(made.success());
    let sshd = Sshd::start_with(&format!("HostKey {}", file.display()));
    sshd.know(
        fs::read_to_string(file.with_extension("pub"))
            .unwrap()
            .trim(),
    );
    assert!(reach(&sshd, "web1").is_ok());
}

#[test]
fn a_pinned_key_is_the_only_one_accepted() {
    let sshd = Sshd::start();
    let mut target = target(&sshd, "web1");
    target.host_key = Some(other_key(&sshd));
    let said = refused(connect(&target, &Person(true, Mutex::default())));
    assert!(
        said.contains("pinned") && said.contains(&sshd.fingerprint()),
        "{said}"
    );
    fs::write(sshd.path("known_hosts"), "").unwrap();
    target.host_key = Some(sshd.host_key());
    assert!(connect(&target, &Person(false, Mutex::default())).is_ok());
    assert_eq!(fs::read_to_string(sshd.path("known_hosts")).unwrap(), "");
}
