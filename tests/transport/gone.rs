//! Logins that a server breaks off, takes long over, or cannot agree to.

use super::{reach, refused, target};
use crate::support::sshd::{Sshd, user};
use hostout::transport::{Prompter, connect};
use std::{fs, path::Path, thread::sleep, time::Duration};

/// Who is not to be bootstrapped.
fn lost(sshd: &Sshd) -> String {
    let error = reach(sshd, "web1").err().unwrap();
    assert_eq!(error.refused(), None, "{error}");
    refused(Err(error))
}

#[test]
fn a_server_that_is_down_for_maintenance_is_heard() {
    let denies = |sshd: &mut std::process::Command, folder: &Path| {
        let services = folder.join("pam");
        fs::create_dir_all(&services).unwrap();
        let said = services.join("said");
        fs::write(&said, "going down for\nmaintenance \u{1b}[1m\n").unwrap();
        let rules = format!(
            "auth required pam_permit.so\naccount requisite pam_echo.so file={}\naccount requisite pam_deny.so\n\
             session required pam_permit.so\n",
            said.display()
        );
        fs::write(services.join("sshd"), rules).unwrap();
        sshd.env("LD_PRELOAD", "libpam_wrapper.so")
            .env("PAM_WRAPPER", "1")
            .env("PAM_WRAPPER_SERVICE_DIR", services);
    };
    let sshd = Sshd::launch("UsePAM yes", denies);
    let said = lost(&sshd);
    let told = format!(
        "web1: the connection was lost in the login as {}; offered: ",
        user()
    );
    assert!(said.starts_with(&told), "{said}");
    for part in [
        "; the server hung up; the server says: going down for maintenance \\u{1b}[1m; it was asked at",
        "\nthe server says why: try again later, or ask whoever looks after it",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_connection_that_is_lost_in_the_login_is_no_refusal() {
    struct Killer<'s>(&'s Sshd);
    impl Prompter for Killer<'_> {
        fn password(&self, _: &str, _: &str) -> Option<String> {
            self.0.signal_sessions("KILL");
            Some("s3cret".to_owned())
        }
    }
    let sshd = Sshd::with_password(
        "PasswordAuthentication yes\nPubkeyAuthentication no",
        "s3cret",
    );
    let error = connect(&target(&sshd, "web1"), &Killer(&sshd))
        .err()
        .unwrap();
    assert_eq!(error.refused(), None, "{error}");
    let said = refused(Err(error));
    let parts = [
        format!("web1: the connection was lost in the login as {}; offered: password; the server hung up", user()),
        "\ntry again; if it stays so, the log of sshd there says why, and `ssh -v` how far it comes".to_owned(),
    ];
    assert!(parts.iter().all(|part| said.contains(part)), "{said}");
}

#[test]
fn a_login_may_take_longer_than_a_connection() {
    struct Slow;
    impl Prompter for Slow {
        fn password(&self, _: &str, _: &str) -> Option<String> {
            sleep(Duration::from_secs(4));
            Some("s3cret".to_owned())
        }
    }
    for settings in [
        "KbdInteractiveAuthentication yes\nPubkeyAuthentication no",
        "PasswordAuthentication yes\nPubkeyAuthentication no",
    ] {
        let sshd = Sshd::with_password(settings, "s3cret");
        sshd.configure("ConnectTimeout 2");
        let result = connect(&target(&sshd, "web1"), &Slow);
        assert!(result.is_ok(), "{settings}: {}", refused(result));
    }
}

#[test]
fn what_is_not_in_common_is_named_with_what_to_allow() {
    for (settings, name, theirs, keyword) in [
        (
            "KexAlgorithms sntrup761x25519-sha512@openssh.com",
            "key exchange method",
            "sntrup761x25519-sha512@openssh.com",
            "KexAlgorithms",
        ),
        (
            "MACs umac-128-etm@openssh.com\nCiphers aes128-ctr",
            "MAC",
            "umac-128-etm@openssh.com",
            "MACs",
        ),
    ] {
        let sshd = Sshd::start_with(settings);
        let said = lost(&sshd);
        for part in [
            format!(
                "web1: the ssh handshake failed: there is no {name} in common; the server offers {theirs}; taken are "
            ),
            format!(
                "\ngit-hostout logs in by libssh2, which does not know all that ssh does: allow one of its own with {keyword} in \
                 sshd_config there"
            ),
        ] {
            assert!(said.contains(&part), "{part}: {said}");
        }
    }
}
