//! Checking signatures against the keys of one commit of the ledger, and nothing else: no configuration of the clone,
//! no keyring of the user.

use super::{Error, Keyring, Result, Scheme, allowed::Allowed, key, program, sign::scratch};
use crate::{
    process::Folder,
    release::{Need, Roles},
};
use gix::ObjectId;
use jiff::Timestamp;
use std::{ffi::OsString, fs, path::PathBuf, process::Output};

/// Who made a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// As the ledger names them: the first principal of their line in `allowed_signers`, or their `OpenPGP` user id.
    pub principal: String,
    /// `SHA256:…` of an ssh key, or an `OpenPGP` primary key's fingerprint.
    pub fingerprint: String,
}

impl std::fmt::Display for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "signed by {} with {}", self.principal, self.fingerprint)
    }
}

/// Who may sign: the `keys/` of one commit of the ledger.
#[derive(Debug)]
pub struct Trust {
    /// `allowed_signers`, and a keyring of the `OpenPGP` keys; the user's alone, as gpg wants it.
    dir: Folder,
    openpgp: Vec<String>,
    /// The same `allowed_signers`, where it is plain.
    allowed: Option<Allowed>,
    /// What each key may do; nothing = all may do all.
    roles: Option<Roles>,
    // Those of the system: one that a configuration names may find everything good.
    ssh_keygen: OsString,
    gpg: OsString,
}

impl Trust {
    /// The keys in the tree of `commit`.
    pub fn read(repo: &gix::Repository, commit: ObjectId) -> Result<Self> {
        let what = || Error::git(format!("read the keys of {commit}"));
        let dir =
            Folder::new("hostout-keys-").map_err(Error::file("make", std::env::temp_dir()))?;
        let mut trust = Self {
            dir,
            openpgp: Vec::new(),
            allowed: None,
            roles: Keyring::read(repo, commit)?.roles()?,
            ssh_keygen: key::ordinary_program(Scheme::Ssh).into(),
            gpg: key::ordinary_program(Scheme::OpenPgp).into(),
        };
        let tree = repo.find_commit(commit).map_err(what())?;
        let tree = tree.tree().map_err(what())?;
        let lookup = |path: &str| tree.lookup_entry_by_path(path).map_err(what());

        let signers = match lookup("keys/allowed_signers")? {
            Some(entry) => entry.object().map_err(what())?.data.clone(),
            None => Vec::new(),
        };
        trust.allowed = std::str::from_utf8(&signers).ok().and_then(Allowed::read);
        let path = trust.allowed_signers();
        fs::write(&path, signers).map_err(Error::file("write", &path))?;

        if let Some(entry) = lookup("keys/openpgp")? {
            let folder = entry.object().map_err(what())?;
            let folder = folder.try_into_tree().map_err(what())?;
            for file in folder.iter() {
                let file = file.map_err(what())?;
                let name = file.filename().to_string();
                if let Some(fingerprint) = name.strip_suffix(".asc") {
                    let armored = file.object().map_err(what())?.data.clone();
                    trust.import(&armored)?;
                    trust.openpgp.push(fingerprint.to_ascii_uppercase());
                }
            }
        }
        Ok(trust)
    }

    /// Whose the key with this fingerprint is, where the roles say so.
    pub(super) fn name(&self, fingerprint: &str) -> Option<&str> {
        let key = self.roles.as_ref()?.get(fingerprint)?;
        Some(&key.name)
    }

    /// Whether `signer` may do what is needed.
    pub fn may(&self, signer: &Signer, need: &Need) -> bool {
        let roles = self.roles.as_ref();
        roles.is_none_or(|roles| roles.may(&signer.fingerprint, need))
    }

    /// The same, as an error that says what `signer` may do instead; `what` was signed.
    pub(super) fn require(&self, what: &str, signer: &Signer, need: &Need) -> Result<()> {
        if self.may(signer, need) {
            return Ok(());
        }
        let roles = self.roles.as_ref();
        let has = roles.map_or_else(String::new, |roles| roles.words(&signer.fingerprint));
        Err(Error::Untrusted {
            what: what.to_owned(),
            message: format!(
                "{} with {} may do {has}, and this needs the role {need}",
                signer.principal, signer.fingerprint
            ),
        })
    }

    /// Who signed `bytes`, if they may: `signature` is theirs, made for `namespace`, by a key that was valid at `at`.
    ///
    /// # Errors
    /// [`Error::Untrusted`] says why not; the caller's words for what was checked go in front.
    pub fn check(
        &self,
        namespace: &str,
        bytes: &[u8],
        signature: &str,
        at: Timestamp,
    ) -> Result<Signer> {
        if signature.starts_with("-----BEGIN SSH SIGNATURE-----") {
            self.check_ssh(namespace, bytes, signature, at)
        } else if signature.starts_with("-----BEGIN PGP SIGNATURE-----") {
            self.check_openpgp(bytes, signature)
        } else {
            Err(untrusted(namespace, "there is no ssh or OpenPGP signature"))
        }
    }

    fn check_ssh(
        &self,
        namespace: &str,
        bytes: &[u8],
        signature: &str,
        at: Timestamp,
    ) -> Result<Signer> {
        let plain = self.allowed.as_ref();
        if let Some(signer) = plain.and_then(|all| all.check(namespace, bytes, signature, at)) {
            return Ok(signer);
        }
        let file = scratch(signature.as_bytes())?;
        // The Z matters: without it OpenSSH takes the verifier's local time, one hour off in summer.
        let time = format!("-Overify-time={}", at.strftime("%Y%m%d%H%M%SZ"));
        let keygen = |arguments: &[&str], input: &[u8]| -> Result<Output> {
            let mut command = program::command(&self.ssh_keygen);
            command.args(arguments).arg("-f");
            command.arg(self.allowed_signers()).arg(&time).arg("-s");
            command.arg(file.path());
            program::run(command, input)
        };
        let found = keygen(&["-Y", "find-principals"], b"")?;
        let principals = String::from_utf8_lossy(&found.stdout).into_owned();
        let Some(principal) = principals.lines().next().filter(|_| found.status.success()) else {
            return Err(untrusted(namespace, &program::said(&found)));
        };
        let verify = ["-Y", "verify", "-n", namespace, "-I", principal];
        let output = keygen(&verify, bytes)?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        // Good "git" signature for ann@example.org with ED25519 key SHA256:…
        let fingerprint = said.split_whitespace().last().unwrap_or_default();
        if !output.status.success() || !fingerprint.starts_with("SHA256:") {
            return Err(untrusted(namespace, &program::said(&output)));
        }
        Ok(Signer {
            principal: principal.to_owned(),
            fingerprint: fingerprint.to_owned(),
        })
    }

    /// The status lines are those of doc/DETAILS of `GnuPG`. Expiry is no reason to refuse: a key is withdrawn by
    /// taking it out of the ledger, and old entries stay what they were.
    fn check_openpgp(&self, bytes: &[u8], signature: &str) -> Result<Signer> {
        let file = scratch(signature.as_bytes())?;
        let mut command = program::command(&self.gpg);
        command.arg("--homedir").arg(self.dir.path());
        command.args(["--batch", "--no-tty", "--no-autostart"]);
        command.args(["--trust-model", "always", "--status-fd", "1", "--verify"]);
        command.arg(file.path()).arg("-");
        let output = program::run(command, bytes)?;
        let status = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = |keyword: &str| {
            let mut lines = status
                .lines()
                .filter_map(|line| line.strip_prefix("[GNUPG:] "));
            lines.find_map(|line| line.strip_prefix(keyword)?.strip_prefix(' '))
        };
        let valid = line("VALIDSIG").and_then(|rest| rest.split_whitespace().last());
        let named = line("GOODSIG").or_else(|| line("EXPKEYSIG"));
        match (valid, named) {
            (Some(fingerprint), Some(name)) if self.openpgp.iter().any(|f| f == fingerprint) => {
                Ok(Signer {
                    principal: name.split_once(' ').map_or("", |(_, user)| user).to_owned(),
                    fingerprint: fingerprint.to_owned(),
                })
            }
            _ => Err(untrusted("OpenPGP", &program::said(&output))),
        }
    }

    fn import(&self, armored: &[u8]) -> Result<()> {
        let mut command = program::command(&self.gpg);
        command.arg("--homedir").arg(self.dir.path());
        command.args(["--batch", "--no-tty", "--no-autostart", "--import"]);
        let output = program::run(command, armored)?;
        if output.status.success() {
            return Ok(());
        }
        Err(Error::Failed {
            program: self.gpg.clone(),
            message: program::said(&output),
        })
    }

    fn allowed_signers(&self) -> PathBuf {
        self.dir.path().join("allowed_signers")
    }
}

fn untrusted(what: &str, message: &str) -> Error {
    Error::Untrusted {
        what: format!("the {what} signature"),
        message: message.to_owned(),
    }
}

/// Puts the caller's words for what was checked into an [`Error::Untrusted`].
pub(super) fn named(what: impl Into<String>) -> impl FnOnce(Error) -> Error {
    let what = what.into();
    move |error| match error {
        Error::Untrusted { message, .. } => Error::Untrusted { what, message },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{GIT, HOSTOUT, testing::Lab};

    #[test]
    fn only_the_right_key_bytes_and_namespace_pass() {
        let lab = Lab::new();
        let trust = lab.trust();
        let signature = lab.key().sign(HOSTOUT, b"a manifest").unwrap();
        let signer = trust
            .check(HOSTOUT, b"a manifest", &signature, Lab::now())
            .unwrap();
        assert_eq!(signer.principal, "ann@example.org");
        assert_eq!(signer.fingerprint, lab.key().fingerprint().unwrap());

        let refused = |namespace: &str, bytes: &[u8], signature: &str| {
            let result = trust.check(namespace, bytes, signature, Lab::now());
            assert!(matches!(result, Err(Error::Untrusted { .. })), "{result:?}");
        };
        refused(HOSTOUT, b"another manifest", &signature);
        refused(GIT, b"a manifest", &signature);
        refused(HOSTOUT, b"a manifest", "");
        let stranger = lab.key_named("stranger");
        refused(
            HOSTOUT,
            b"a manifest",
            &stranger.sign(HOSTOUT, b"a manifest").unwrap(),
        );
    }

    #[test]
    fn openpgp_signatures_count_for_keys_of_the_ledger_only() {
        let lab = Lab::with_openpgp();
        let trust = lab.trust();
        let signature = lab.key().sign(HOSTOUT, b"text").unwrap();
        let signer = trust
            .check(HOSTOUT, b"text", &signature, Lab::now())
            .unwrap();
        assert!(
            signer.principal.contains("ann@example.org"),
            "{}",
            signer.principal
        );
        assert_eq!(signer.fingerprint, lab.key().fingerprint().unwrap());
        assert!(
            trust
                .check(HOSTOUT, b"texts", &signature, Lab::now())
                .is_err()
        );
        let ssh_only = Lab::new();
        let result = ssh_only
            .trust()
            .check(HOSTOUT, b"text", &signature, Lab::now());
        assert!(matches!(result, Err(Error::Untrusted { .. })), "{result:?}");
    }
}
