//! Ways to log in, and what is said when none works.

use super::{output, reach, refused, target};
use crate::support::sshd::{Sshd, keygen, user};
use base64ct::Encoding as _;
use hostout::transport::{Credentials, Prompter, Unattended, connect};
use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

pub fn authorize(sshd: &Sshd, name: &str) {
    fs::copy(
        sshd.path(&format!("{name}.pub")),
        sshd.path("authorized_keys"),
    )
    .unwrap();
}

pub fn use_key(sshd: &Sshd, name: &str) {
    sshd.configure("");
    let path = |name: &str| sshd.path(name).display().to_string();
    let config = fs::read_to_string(sshd.config()).unwrap();
    let config = config.replace(
        &format!("IdentityFile {}", path("id")),
        &format!("IdentityFile {}", path(name)),
    );
    fs::write(sshd.config(), config).unwrap();
}

#[test]
fn a_wrong_key_is_named_with_the_user_and_what_the_server_takes() {
    let sshd = Sshd::start();
    keygen(&sshd.path("wrong"), "");
    use_key(&sshd, "wrong");
    let said = refused(reach(&sshd, "web1"));
    for part in [
        "web1: ".to_owned(),
        format!("login as {}", user()),
        sshd.path("wrong").display().to_string(),
        "accepts publickey".to_owned(),
        "authorized_keys".to_owned(),
    ] {
        assert!(said.contains(&part), "{part} in {said}");
    }
}

#[test]
fn the_user_is_the_destination_s_then_the_configuration_s_then_deploy() {
    let sshd = Sshd::start();
    assert_eq!(
        output(&mut *reach(&sshd, "web1").unwrap(), &["id", "-un"]).trim(),
        user()
    );
    let said = refused(reach(&sshd, "nobody-here@web1"));
    assert!(said.contains("login as nobody-here"), "{said}");
    let config = fs::read_to_string(sshd.config()).unwrap();
    fs::write(
        sshd.config(),
        config.replace(&format!("User {}\n", user()), ""),
    )
    .unwrap();
    if user() != "deploy" {
        let said = refused(reach(&sshd, "web1"));
        assert!(said.contains("login as deploy"), "{said}");
    }
    assert!(reach(&sshd, &format!("{}@web1:{}", user(), sshd.port)).is_ok());
}

#[test]
fn a_key_others_can_read_is_ignored_as_ssh_does() {
    use std::os::unix::fs::PermissionsExt as _;
    let sshd = Sshd::start();
    fs::set_permissions(sshd.path("id"), fs::Permissions::from_mode(0o644)).unwrap();
    let said = refused(reach(&sshd, "web1"));
    assert!(said.contains("chmod 600"), "{said}");
}

#[test]
fn every_token_of_a_key_s_path_is_filled_in_and_none_is_no_path() {
    let sshd = Sshd::start();
    let name = |host: &str| {
        let say = |program: &str, argument: &str| {
            let output = Command::new(program).arg(argument).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        let (id, whole) = (say("id", "-u"), say("uname", "-n"));
        let short = whole.split('.').next().unwrap_or_default().to_owned();
        format!("key-{host}-{id}-{short}-{whole}-%")
    };
    fs::rename(sshd.path("id"), sshd.path(&name("ali"))).unwrap();
    fs::remove_file(sshd.path("id.pub")).unwrap();
    use_key(&sshd, "key-%k-%i-%L-%l-%%");
    let config = fs::read_to_string(sshd.config()).unwrap();
    let known = fs::read_to_string(sshd.path("known_hosts")).unwrap();
    let (_, key) = known.split_once(' ').unwrap();
    fs::write(sshd.path("known_hosts"), format!("{known}ali {key}")).unwrap();
    let said = refused(reach(&sshd, "web1"));
    assert!(said.contains(&name("web1")), "{said}");
    let alias = format!("Host web1\nHostKeyAlias ali\n{config}");
    fs::write(sshd.config(), alias).unwrap();
    assert!(reach(&sshd, "web1").is_ok());

    use_key(&sshd, "none");
    let config = fs::read_to_string(sshd.config()).unwrap();
    let path = sshd.path("none").display().to_string();
    fs::write(sshd.config(), config.replace(&path, "none")).unwrap();
    let said = refused(reach(&sshd, "web1"));
    assert!(!said.contains("none is not there"), "{said}");
}

/// Only what talks to the token can use such a key: an agent.
#[test]
fn a_key_on_a_token_is_named_with_what_to_do() {
    use std::os::unix::fs::PermissionsExt as _;
    let sshd = Sshd::start();
    let text = |text: &[u8]| [&u32::try_from(text.len()).unwrap().to_be_bytes(), text].concat();
    let kind = b"sk-ssh-ed25519@openssh.com";
    let public = [text(kind), text(&[7; 32]), text(b"ssh:")].concat();
    let private = [
        &[1; 8][..],
        &text(kind),
        &text(&[7; 32]),
        &text(b"ssh:"),
        &[1],
        &text(&[9; 64]),
        &text(b""),
        &text(b"mine"),
    ]
    .concat();
    let whole = [
        &b"openssh-key-v1\0"[..],
        &text(b"none"),
        &text(b"none"),
        &text(b""),
        &1u32.to_be_bytes(),
        &text(&public),
        &text(&private),
    ]
    .concat();
    let body = base64ct::Base64::encode_string(&whole);
    let lines: Vec<&str> = (0..body.len())
        .step_by(70)
        .map(|at| &body[at..body.len().min(at + 70)])
        .collect();
    let pem = format!(
        "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n",
        lines.join("\n")
    );
    let file = sshd.path("token");
    fs::write(&file, pem).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    use_key(&sshd, "token");
    let said = refused(reach(&sshd, "web1"));
    let file = file.display();
    let told = format!("{file} is on a token (FIDO), which only an agent can use: ssh-add {file}");
    assert!(said.contains(&told), "{said}");
}

/// Types the passphrases one after the other.
struct Typist(&'static [&'static str], AtomicUsize);

impl Prompter for Typist {
    fn passphrase(&self, _: &Path) -> Option<String> {
        let passphrase = self.0.get(self.1.fetch_add(1, Ordering::SeqCst))?;
        Some((*passphrase).to_owned())
    }
}

#[test]
fn an_encrypted_key_asks_for_its_passphrase() {
    let sshd = Sshd::start();
    keygen(&sshd.path("secret"), "correct horse");
    use_key(&sshd, "secret");
    for beside in [true, false] {
        let attempt = |typed: &'static [&'static str]| {
            let typist = Typist(typed, AtomicUsize::new(0));
            let result = connect(&target(&sshd, "web1"), &typist);
            (result, typist.1.into_inner())
        };
        if beside {
            let (result, asked) = attempt(&["correct horse"]);
            let said = refused(result);
            assert!(said.contains("secret"), "{said}");
            assert_eq!(asked, 0, "the server wants none of it");
            authorize(&sshd, "secret");
        } else {
            fs::remove_file(sshd.path("secret.pub")).unwrap();
        }
        let said = refused(attempt(&[]).0);
        assert!(said.contains("there is no passphrase"), "{said}");
        let file = sshd.path("secret");
        let hint = format!(
            "\nssh-add {} lets it be used without asking; on a terminal you are asked",
            file.display()
        );
        assert!(said.ends_with(&hint), "{said}");
        let said = refused(attempt(&["wrong", "wrong"]).0);
        assert!(said.contains("the passphrase is wrong"), "{said}");
        let (result, asked) = attempt(&["wrong", "correct horse"]);
        assert!(result.is_ok(), "{:?}", result.err());
        assert_eq!(asked, 2);
    }
}

#[test]
fn the_configuration_says_which_ways_are_tried_and_in_which_order() {
    let sshd = Sshd::with_password("PasswordAuthentication yes", "s3cret");
    let password = Credentials::new(Some("s3cret".to_owned()), None, &Unattended);
    let by = |settings: &str| {
        sshd.configure(settings);
        let before = sshd.log().len();
        let result = connect(&target(&sshd, "web1"), &password);
        assert!(result.is_ok(), "{settings}: {:?}", result.err());
        // It lets somebody in first, and writes that down then.
        let start = Instant::now();
        loop {
            let log = sshd.log();
            let accepted = log[before..].lines().find_map(|line| {
                let (_, words) = line.split_once("Accepted ")?;
                let (method, rest) = words.split_once(' ')?;
                rest.contains(" from 127.0.0.1 ").then(|| method.to_owned())
            });
            match accepted {
                Some(method) => return method,
                None if start.elapsed() > Duration::from_secs(30) => panic!("{log}"),
                None => sleep(Duration::from_millis(10)),
            }
        }
    };
    assert_eq!(by(""), "publickey");
    assert_eq!(by("PubkeyAuthentication no"), "password");
    assert_eq!(by("PreferredAuthentications password"), "password");
    assert_eq!(
        by("PreferredAuthentications password,publickey"),
        "password"
    );
    assert_eq!(
        by("PreferredAuthentications publickey,password"),
        "publickey"
    );
    for settings in [
        "PubkeyAuthentication no\nPasswordAuthentication no",
        "PreferredAuthentications keyboard-interactive",
    ] {
        sshd.configure(settings);
        let said = refused(connect(&target(&sshd, "web1"), &password));
        let why = "offered: nothing; the server accepts publickey, password; the ssh configuration keeps back publickey, \
                   password";
        assert!(said.contains(why), "{settings}: {said}");
    }
    let asking = Sshd::with_password(
        "KbdInteractiveAuthentication yes\nPubkeyAuthentication no",
        "s3cret",
    );
    asking.configure("KbdInteractiveAuthentication no");
    let said = refused(connect(&target(&asking, "web1"), &password));
    assert!(
        said.contains("the ssh configuration keeps back keyboard-interactive"),
        "{said}"
    );
    asking.configure("");
    assert!(connect(&target(&asking, "web1"), &password).is_ok());
}

#[test]
fn no_identity_file_is_no_missing_one() {
    let sshd = Sshd::start();
    sshd.configure("");
    let text = fs::read_to_string(sshd.config()).unwrap();
    let id = format!("IdentityFile {}", sshd.path("id").display());
    fs::write(sshd.config(), text.replace(&id, "IdentityFile none")).unwrap();
    let said = refused(reach(&sshd, "web1"));
    assert!(
        said.contains("offered: nothing; the server accepts publickey; it was"),
        "{said}"
    );
}

/// Types one thing after the other, and remembers what was said of it.
struct Told(&'static [&'static str], AtomicUsize, Mutex<Vec<String>>);

impl Prompter for Told {
    fn password(&self, _: &str, _: &str) -> Option<String> {
        let typed = self.0.get(self.1.fetch_add(1, Ordering::SeqCst))?;
        Some((*typed).to_owned())
    }

    fn passphrase(&self, _: &Path) -> Option<String> {
        self.password("", "")
    }

    fn wrong(&self, what: &str) {
        self.2.lock().unwrap().push(what.to_owned());
    }
}

#[test]
fn whoever_is_asked_again_is_told_that_it_was_wrong() {
    let told = |sshd: &Sshd, typed| {
        let told = Told(typed, AtomicUsize::new(0), Mutex::default());
        let result = connect(&target(sshd, "web1"), &told);
        assert!(result.is_ok(), "{:?}", result.err());
        told.2.into_inner().unwrap()
    };
    let settings = "PasswordAuthentication yes\nPubkeyAuthentication no";
    let sshd = Sshd::with_password(settings, "s3cret");
    let words = format!("the password of {} on web1", user());
    assert_eq!(told(&sshd, &["wrong", "s3cret"]), [words]);
    assert!(told(&sshd, &["s3cret"]).is_empty());
    let sshd = Sshd::start();
    keygen(&sshd.path("secret"), "correct horse");
    authorize(&sshd, "secret");
    use_key(&sshd, "secret");
    let words = format!("the passphrase of {}", sshd.path("secret").display());
    assert_eq!(told(&sshd, &["wrong", "correct horse"]), [words]);
}

#[test]
fn a_certificate_beside_the_key_logs_in() {
    let sshd = Sshd::start();
    keygen(&sshd.path("ca"), "");
    let authority = fs::read_to_string(sshd.path("ca.pub")).unwrap();
    fs::write(
        sshd.path("authorized_keys"),
        format!("cert-authority {authority}"),
    )
    .unwrap();
    refused(reach(&sshd, "web1"));
    let signed = Command::new("ssh-keygen")
        .args(["-q", "-I", "test", "-n", &user(), "-s"])
        .args([sshd.path("ca"), sshd.path("id.pub")])
        .status()
        .unwrap();
    assert!(signed.success());
    assert!(reach(&sshd, "web1").is_ok());
}

/// An ssh-agent of our own.
pub struct Agent<'a>(&'a Sshd, Child);

impl<'a> Agent<'a> {
    pub fn start(sshd: &'a Sshd) -> Self {
        let socket = sshd.path("agent");
        let child = Command::new("ssh-agent")
            .arg("-D")
            .arg("-a")
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(5);
        while !socket.exists() && Instant::now() < deadline {
            sleep(Duration::from_millis(5));
        }
        Self(sshd, child)
    }

    /// The key is in the agent only.
    pub fn take(&self, name: &str) {
        let file = self.0.path(name);
        let added = Command::new("ssh-add")
            .arg("-q")
            .arg(&file)
            .env("SSH_AUTH_SOCK", self.0.path("agent"))
            .status()
            .unwrap();
        assert!(added.success());
        fs::remove_file(file).unwrap();
    }
}

impl Drop for Agent<'_> {
    fn drop(&mut self) {
        self.1.kill().ok();
        self.1.wait().ok();
    }
}

#[test]
fn every_identity_of_the_agent_is_tried_and_identities_only_is_kept_to() {
    let sshd = Sshd::start();
    let agent = Agent::start(&sshd);
    for name in ["one", "two", "three"] {
        keygen(&sshd.path(name), "");
        agent.take(name);
    }
    authorize(&sshd, "three");
    let socket = format!("IdentityAgent {}", sshd.path("agent").display());
    sshd.configure(&format!("{socket}\nIdentitiesOnly no"));
    assert!(reach(&sshd, "web1").is_ok());
    assert_eq!(
        sshd.log().matches("Failed publickey").count(),
        2,
        "{}",
        sshd.log()
    );

    sshd.configure(&format!("{socket}\nIdentitiesOnly yes"));
    let said = refused(reach(&sshd, "web1"));
    assert!(!said.contains("agent key"), "{said}");

    sshd.configure(&format!(
        "{socket}\nIdentitiesOnly yes\nIdentityFile {}",
        sshd.path("three.pub").display()
    ));
    assert!(reach(&sshd, "web1").is_ok());
    sshd.configure(&format!(
        "{socket}\nIdentityFile {}",
        sshd.path("two").display()
    ));
    let said = refused(reach(&sshd, "web1"));
    assert!(said.contains("agent key") || said.contains("id;"), "{said}");
}

#[test]
fn too_many_keys_are_said_to_be_too_many() {
    let sshd = Sshd::start_with("MaxAuthTries 3");
    let agent = Agent::start(&sshd);
    for name in ["a", "b", "c", "d", "e"] {
        keygen(&sshd.path(name), "");
        agent.take(name);
    }
    sshd.configure(&format!(
        "IdentityAgent {}\nIdentitiesOnly no",
        sshd.path("agent").display()
    ));
    let said = refused(reach(&sshd, "web1"));
    assert!(
        said.contains("hung up") && said.contains("IdentitiesOnly"),
        "{said}"
    );
}

#[test]
fn a_password_logs_in_by_both_methods() {
    for (settings, method) in [
        (
            "PasswordAuthentication yes\nPubkeyAuthentication no",
            "password",
        ),
        (
            "KbdInteractiveAuthentication yes\nPubkeyAuthentication no",
            "keyboard-interactive",
        ),
        (
            "PasswordAuthentication yes\nAuthenticationMethods publickey,password",
            "password",
        ),
    ] {
        let sshd = Sshd::with_password(settings, "s3cret");
        let said = refused(reach(&sshd, "web1"));
        assert!(
            said.contains(&format!("accepts {method}")),
            "{settings}: {said}"
        );
        let wrong = Credentials::new(Some("wrong".to_owned()), None, &Unattended);
        let said = refused(connect(&target(&sshd, "web1"), &wrong));
        assert!(!said.contains("wrong"), "{said}");
        let right = Credentials::new(Some("s3cret".to_owned()), None, &Unattended);
        let result = connect(&target(&sshd, "web1"), &right);
        assert!(
            result.is_ok(),
            "{settings}: {:?} {}",
            result.err(),
            sshd.log()
        );
    }
}
