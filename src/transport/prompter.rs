//! What a connection may ask for, and who answers.

use std::path::Path;

/// A host key that no file knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostKeyQuestion {
    /// The host, as the user named it.
    pub host: String,
    /// The name under which an accepted key is remembered, e.g. `[web1]:2222`.
    pub name: String,
    /// The key's type, e.g. `ssh-ed25519`.
    pub key_type: String,
    /// `SHA256:…`.
    pub fingerprint: String,
    /// The types of other keys known for this host: a reason for doubt.
    pub known_types: Vec<String>,
}

/// Answers what a connection asks. Left out, every answer is no.
///
/// Answers are secret: they are kept no longer than a login takes, and never shown.
pub trait Prompter: Sync {
    /// Whether this really is the host's key. A yes is remembered in the user's `known_hosts` file.
    fn host_key(&self, question: &HostKeyQuestion) -> bool {
        let _ = question;
        false
    }

    /// The passphrase of the private key in `file`.
    fn passphrase(&self, file: &Path) -> Option<String> {
        let _ = file;
        None
    }

    /// The password of `user` on `host`.
    fn password(&self, user: &str, host: &str) -> Option<String> {
        let _ = (user, host);
        None
    }

    /// Told that an answer was wrong: it may be asked for again.
    fn wrong(&self, what: &str) {
        let _ = what;
    }

    /// The password that sudo wants of `user` on `host`: mostly the one of a login.
    fn sudo_password(&self, user: &str, host: &str) -> Option<String> {
        self.password(user, host)
    }

    /// What the server asks in its own words, shown while it is typed if `echo`.
    fn answer(&self, prompt: &str, echo: bool) -> Option<String> {
        let _ = (prompt, echo);
        None
    }
}

/// Nobody answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unattended;

impl Prompter for Unattended {}
