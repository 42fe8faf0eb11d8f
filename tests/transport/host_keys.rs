//! Nobody is talked to who isn't who they should be.

use super::{output, plain, reach, refused, target};
use crate::support::sshd::{Sshd, keygen};
use hostout::transport::{HostKeyQuestion, Prompter, connect};
use std::{fs, path::Path, process::Command, sync::Mutex};

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

/// `SHA256:…` of a public key.
fn fingerprint(file: &Path) -> String {
    let listed = Command::new("ssh-keygen")
        .arg("-lf")
        .arg(file)
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    listed.split_whitespace().nth(1).unwrap().to_owned()
}

#[test]
fn a_known_hosts_file_that_cannot_be_written_is_said() {
    let sshd = Sshd::start();
    sshd.configure("UserKnownHostsFile /proc/known_hosts");
    let said = refused(connect(
        &target(&sshd, "web1"),
        &Person(true, Mutex::default()),
    ));
    assert!(
        said.starts_with("web1: can't write the host key to /proc/known_hosts: "),
        "{said}"
    );
    sshd.configure("HostKeyAlgorithms ssh-dss");
    assert_eq!(
        refused(reach(&sshd, "web1")),
        "web1: none of the configured HostKeyAlgorithms is supported\n"
    );
}

#[test]
fn a_program_that_knows_host_keys_is_named_where_it_would_be_asked() {
    let sshd = Sshd::start();
    fs::remove_file(sshd.path("known_hosts")).unwrap();
    sshd.configure("KnownHostsCommand /bin/echo %H");
    let said = plain(&sshd, &refused(reach(&sshd, "web1")));
    let told = "web1: the host key is not known: ssh-ed25519 SHA256:ITS; KnownHostsCommand of the ssh configuration is not asked here\n";
    assert!(said.starts_with(told), "{said}");
}

fn nobody_logged_in(sshd: &Sshd) {
    assert!(!sshd.log().contains("Accepted"), "{}", sshd.log());
}

#[test]
fn an_unknown_key_is_refused_with_its_fingerprint() {
    let sshd = Sshd::start();
    fs::remove_file(sshd.path("known_hosts")).unwrap();
    let said = refused(reach(&sshd, "web1"));
    assert_eq!(
        plain(&sshd, &said),
        "web1: the host key is not known: ssh-ed25519 SHA256:ITS\n\
         compare the fingerprint on the server, then log in once with ssh, or \
         `ssh-keyscan -t ed25519 -p PORT 127.0.0.1 >> FOLDER/known_hosts`"
    );
    let scan = said.split('`').nth(1).unwrap();
    nobody_logged_in(&sshd);
    assert!(!sshd.path("known_hosts").exists());

    let scan = Command::new("sh").args(["-c", scan]).output().unwrap();
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
    let other = fingerprint(&sshd.path("other.pub"));
    for strict in ["ask", "accept-new", "no"] {
        sshd.configure(&format!("StrictHostKeyChecking {strict}"));
        let person = Person(true, Mutex::default());
        let said = refused(connect(&target(&sshd, "web1"), &person));
        assert_eq!(
            plain(&sshd, &said).replace(&other, "SHA256:OTHER"),
            "web1: the host key at 127.0.0.1 port PORT has changed: it was SHA256:OTHER, FOLDER/known_hosts line 2 says, and is ssh-ed25519 \
             SHA256:ITS now; somebody may be listening in\n\
             if the server was really set up anew, `ssh-keygen -R '[127.0.0.1]:PORT' -f FOLDER/known_hosts`"
        );
        assert!(person.1.into_inner().unwrap().is_empty());
    }
    nobody_logged_in(&sshd);
    assert_eq!(fs::read_to_string(sshd.path("known_hosts")).unwrap(), known);
}

/// A list of keys, or what ssh-keygen packs for many (`ssh_config(5)`, `RevokedHostKeys`).
#[test]
fn a_key_of_the_configured_list_of_revoked_ones_is_refused() {
    let sshd = Sshd::start();
    let list = sshd.path("revoked");
    sshd.configure(&format!("RevokedHostKeys {}", list.display()));
    let said = || plain(&sshd, &refused(reach(&sshd, "web1")));
    assert!(
        said().starts_with("web1: can't read FOLDER/revoked, which RevokedHostKeys names: "),
        "{}",
        said()
    );
    let other = other_key(&sshd);
    fs::write(&list, format!("# old ones\n{other}\n")).unwrap();
    assert!(reach(&sshd, "web1").is_ok());
    fs::write(&list, format!("{other}\n{}\n", sshd.host_key())).unwrap();
    let revoked = "web1: the host key SHA256:ITS is revoked in FOLDER/revoked";
    assert_eq!(said(), format!("{revoked} line 2\n"));
    for (name, known) in [("other.pub", true), ("host_key.pub", false)] {
        let pack = Command::new("ssh-keygen")
            .args(["-q", "-k", "-f"])
            .args([&list, &sshd.path(name)])
            .status();
        assert!(pack.unwrap().success());
        if known {
            assert!(reach(&sshd, "web1").is_ok());
        } else {
            assert_eq!(said(), format!("{revoked}\n"));
        }
    }
}

#[test]
fn a_revoked_key_is_refused() {
    let sshd = Sshd::start();
    let key = sshd.host_key();
    let text = format!("[127.0.0.1]:{} {key}\n@revoked * {key}\n", sshd.port);
    fs::write(sshd.path("known_hosts"), text).unwrap();
    let said = refused(reach(&sshd, "web1"));
    assert_eq!(
        plain(&sshd, &said),
        "web1: the host key SHA256:ITS is revoked in FOLDER/known_hosts line 2\n\
         it is not to be trusted again: have another one made on the server, or, where it was revoked by mistake, take \
         that line away"
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
    let other = fingerprint(&sshd.path("other.pub"));
    assert_eq!(
        plain(&sshd, &said).replace(&other, "SHA256:OTHER"),
        "web1: the host key is ssh-ed25519 SHA256:ITS, but ssh-ed25519 SHA256:OTHER is pinned in the project\n\
         if the server was really set up anew, change `host-key` of web1"
    );
    target.host_key = Some("ssh-ed25519".to_owned());
    assert_eq!(
        refused(connect(&target, &Person(true, Mutex::default()))),
        "web1: `ssh-ed25519` is no host key, which reads `ssh-ed25519 AAAA…`\n"
    );
    fs::write(sshd.path("known_hosts"), "").unwrap();
    target.host_key = Some(sshd.host_key());
    assert!(connect(&target, &Person(false, Mutex::default())).is_ok());
    assert_eq!(fs::read_to_string(sshd.path("known_hosts")).unwrap(), "");
}

#[test]
fn a_certificate_of_a_known_authority_proves_the_host() {
    let sshd = Sshd::start_with("");
    keygen(&sshd.path("ca"), "");
    let signed = |options: &[&str]| {
        let signed = Command::new("ssh-keygen")
            .args(["-q", "-h", "-I", "test", "-s"])
            .arg(sshd.path("ca"))
            .args(options)
            .arg(sshd.path("host_key.pub"))
            .status();
        assert!(signed.unwrap().success());
    };
    signed(&["-n", "127.0.0.1"]);
    let settings = format!(
        "HostCertificate {}",
        sshd.path("host_key-cert.pub").display()
    );
    let authority = fs::read_to_string(sshd.path("ca.pub")).unwrap();
    let known = |server: &Sshd, names: &str| {
        let line = format!("@cert-authority {names} {authority}");
        fs::write(server.path("known_hosts"), line).unwrap();
    };
    known(&sshd, "127.0.0.*");
    let said = refused(reach(&sshd, "web1"));
    assert!(
        plain(&sshd, &said).starts_with(
            "web1: the host key is not known: ssh-ed25519 SHA256:ITS; FOLDER/known_hosts line 1 names an authority \
             for it, but the server shows no certificate\n"
        ),
        "{said}"
    );

    // Its key is made before its certificate is, so that one server has another's.
    let settings = format!("HostKey {}\n{settings}", sshd.path("host_key").display());
    let server = Sshd::start_with(&settings);
    for names in [
        "127.0.0.*".to_owned(),
        format!("[127.0.0.1]:{}", server.port),
    ] {
        known(&server, &names);
        let before = fs::read_to_string(server.path("known_hosts")).unwrap();
        assert!(reach(&server, "web1").is_ok(), "{names}");
        let after = fs::read_to_string(server.path("known_hosts")).unwrap();
        assert_eq!(before, after);
    }
    let key = sshd.host_key();
    for revoked in [key.as_str(), authority.trim()] {
        let text = format!("@cert-authority * {authority}@revoked * {revoked}\n");
        fs::write(server.path("known_hosts"), text).unwrap();
        let said = refused(reach(&server, "web1"));
        assert!(said.contains(" is revoked in "), "{said}");
    }

    known(&server, "*");
    server.configure("HostKeyAlias shop");
    let said = refused(reach(&server, "web1"));
    assert!(
        said.contains("; its certificate is for 127.0.0.1\n"),
        "{said}"
    );
    nobody_logged_in(&sshd);
}
