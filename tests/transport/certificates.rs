//! Certificates of users, wherever their keys are.

use super::{
    login::{Agent, authorize, use_key},
    reach, refused, target,
};
use crate::support::sshd::{Sshd, keygen, user};
use hostout::transport::{Unattended, identity};
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

/// A server that lets in whom `ca` has certified, and nobody else.
fn certifying() -> Sshd {
    let sshd = Sshd::start();
    keygen(&sshd.path("ca"), "");
    let authority = fs::read_to_string(sshd.path("ca.pub")).unwrap();
    let line = format!("cert-authority {authority}");
    fs::write(sshd.path("authorized_keys"), line).unwrap();
    sshd
}

/// Has `ca` certify `NAME.pub` as `NAME-cert.pub`.
fn certify(sshd: &Sshd, name: &str, options: &[&str]) {
    let signed = Command::new("ssh-keygen")
        .args(["-q", "-I", "test", "-n", &user()])
        .args(options)
        .arg("-s")
        .args([sshd.path("ca"), sshd.path(&format!("{name}.pub"))])
        .status();
    assert!(signed.unwrap().success());
}

fn agent_of(sshd: &Sshd) -> String {
    format!("IdentityAgent {}", sshd.path("agent").display())
}

fn add(sshd: &Sshd, file: &Path) {
    let added = Command::new("ssh-add")
        .arg("-q")
        .arg(file)
        .env("SSH_AUTH_SOCK", sshd.path("agent"))
        .stderr(Stdio::null())
        .status();
    assert!(added.unwrap().success());
}

#[test]
fn a_certificate_in_a_file_goes_with_a_key_that_only_the_agent_has() {
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let sshd = certifying();
        let agent = Agent::start(&sshd);
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", kind, "-N", "", "-f"])
            .arg(sshd.path("held"))
            .status();
        assert!(made.unwrap().success());
        certify(&sshd, "held", &[]);
        fs::rename(sshd.path("held-cert.pub"), sshd.path("elsewhere.pub")).unwrap();
        agent.take("held");
        fs::remove_file(sshd.path("held.pub")).unwrap();
        let named = format!("CertificateFile {}", sshd.path("elsewhere.pub").display());
        for only in ["no", "yes"] {
            sshd.configure(&format!(
                "{}\n{named}\nIdentitiesOnly {only}",
                agent_of(&sshd)
            ));
            let result = reach(&sshd, "web1");
            assert!(result.is_ok(), "{kind}, {only}: {}", refused(result));
        }
        sshd.configure(&format!("{}\nIdentitiesOnly no", agent_of(&sshd)));
        refused(reach(&sshd, "web1"));
    }
}

#[test]
fn a_certificate_beside_the_file_counts_whatever_the_agent_has() {
    let sshd = certifying();
    let _agent = Agent::start(&sshd);
    // The bare key.
    add(&sshd, &sshd.path("id"));
    certify(&sshd, "id", &[]);
    sshd.configure(&agent_of(&sshd));
    let result = reach(&sshd, "web1");
    assert!(result.is_ok(), "{}", refused(result));

    // One that has expired meanwhile, and a fresh one in its place.
    certify(&sshd, "id", &["-V", "20200101:20200102"]);
    add(&sshd, &sshd.path("id"));
    let said = refused(reach(&sshd, "web1"));
    assert!(said.contains("its certificate test has expired"), "{said}");
    certify(&sshd, "id", &["-V", "-1d:+1d"]);
    let result = reach(&sshd, "web1");
    assert!(result.is_ok(), "{}", refused(result));
}

/// What goes into `authorized_keys` of a new server is the key.
#[test]
fn an_agent_that_has_only_a_certificate_has_its_key() {
    let sshd = certifying();
    let _agent = Agent::start(&sshd);
    certify(&sshd, "id", &[]);
    add(&sshd, &sshd.path("id"));
    fs::remove_file(sshd.path("id-cert.pub")).unwrap();
    let mut forget = Command::new("ssh-add");
    let forget = forget.args(["-q", "-d"]).arg(sshd.path("id.pub"));
    let forget = forget.env("SSH_AUTH_SOCK", sshd.path("agent"));
    assert!(forget.status().unwrap().success());
    let public = fs::read_to_string(sshd.path("id.pub")).unwrap();
    fs::remove_file(sshd.path("id")).unwrap();
    fs::remove_file(sshd.path("id.pub")).unwrap();
    sshd.configure(&format!("{}\nIdentitiesOnly no", agent_of(&sshd)));
    let identity = identity(&target(&sshd, "web1"), &Unattended)
        .unwrap()
        .unwrap();
    assert!(public.starts_with(&identity.line), "{}", identity.line);
    assert!(reach(&sshd, "web1").is_ok());
}

#[test]
fn a_certificate_that_was_offered_in_vain_is_named() {
    let sshd = certifying();
    let agent = Agent::start(&sshd);
    keygen(&sshd.path("held"), "");
    agent.take("held");
    certify(&sshd, "held", &["-n", "somebody-else"]);
    let file = sshd.path("held-cert.pub");
    sshd.configure(&format!(
        "{}\nIdentitiesOnly no\nCertificateFile {}",
        agent_of(&sshd),
        file.display()
    ));
    let said = refused(reach(&sshd, "web1"));
    let told = format!(
        "its certificate {} was offered too, which is for somebody-else",
        file.display()
    );
    assert!(said.contains(&told), "{said}");
}

#[test]
fn a_key_that_let_us_in_goes_into_the_agent_where_that_is_configured() {
    let sshd = Sshd::start();
    let _agent = Agent::start(&sshd);
    keygen(&sshd.path("secret"), "correct horse");
    authorize(&sshd, "secret");
    let listed = || {
        let mut list = Command::new("ssh-add");
        let listed = list.arg("-l").env("SSH_AUTH_SOCK", sshd.path("agent"));
        let output = listed.output().unwrap();
        String::from_utf8(output.stdout).unwrap().lines().count()
    };
    use_key(&sshd, "id");
    let config = fs::read_to_string(sshd.config()).unwrap();
    let config = config.replace(
        "web1\n",
        &format!("web1\n{}\nAddKeysToAgent yes\n", agent_of(&sshd)),
    );
    fs::write(sshd.config(), config).unwrap();
    authorize(&sshd, "id");
    assert_eq!(listed(), 1); // "The agent has no identities."
    let result = reach(&sshd, "web1");
    assert!(result.is_ok(), "{}", refused(result));
    fs::remove_file(sshd.path("id")).unwrap();
    assert!(reach(&sshd, "web1").is_ok());
}
