//! Making signatures.

use super::{Error, Key, Result, Scheme, key, program};
use crate::process::{File, asked};
use rustix::process::Signal;
use std::{io::Write as _, os::unix::process::ExitStatusExt as _, process::Stdio};

impl Key {
    /// A detached, armored signature over `bytes`.
    ///
    /// `namespace` is the one of SSHSIG, [`GIT`](super::GIT) or [`HOSTOUT`](super::HOSTOUT); `OpenPGP` knows none.
    /// A passphrase or PIN is asked for by the program itself, on the terminal.
    pub fn sign(&self, namespace: &str, bytes: &[u8]) -> Result<String> {
        let mut command = program::command(&self.program);
        // An agent's key is given by its public half, which must live in a file while ssh-keygen runs.
        let mut literal_file = None;
        match (self.scheme, key::literal(&self.id)) {
            (Scheme::OpenPgp, _) => {
                command.args(["--armor", "--detach-sign", "-u", &self.id]);
            }
            (Scheme::Ssh, None) => {
                command.args(["-Y", "sign", "-n", namespace, "-f", &self.id]);
            }
            (Scheme::Ssh, Some(public)) => {
                let file = literal_file.insert(scratch(public.as_bytes())?);
                command.args(["-Y", "sign", "-n", namespace, "-U", "-f"]);
                command.arg(file.path());
                if public.starts_with("sk-") {
                    // "Confirm user presence": the person must see it.
                    command.stderr(Stdio::inherit());
                }
            }
        }
        let output = program::run(command, bytes)?;
        drop(literal_file);
        let signature = String::from_utf8_lossy(&output.stdout).replace('\r', "");
        // A Ctrl-C goes to both of us: it may have ended the program before we hear of it.
        let interrupted = output.status.signal() == Some(Signal::INT.as_raw());
        if !output.status.success() && (interrupted || asked() > 0) {
            return Err(Error::Interrupted);
        }
        if !output.status.success() || !signature.starts_with("-----BEGIN ") {
            return Err(self.failed(&program::said(&output)));
        }
        Ok(signature)
    }
}

/// A private temporary file with `bytes` in it.
pub(super) fn scratch(bytes: &[u8]) -> Result<File> {
    let wrap = || Error::file("write", std::env::temp_dir());
    let mut file = File::new().map_err(wrap())?;
    file.write_all(bytes).map_err(wrap())?;
    file.flush().map_err(wrap())?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{HOSTOUT, testing::Lab};

    #[test]
    fn a_missing_key_is_an_error_that_names_it() {
        let key = Key::new(Scheme::Ssh, "/nowhere/key");
        let error = key.sign(HOSTOUT, b"text").unwrap_err();
        assert!(error.to_string().contains("/nowhere/key"), "{error}");
        assert!(error.hint().is_some());
    }

    #[test]
    fn a_key_knows_its_public_half_without_the_pub_file() {
        let lab = Lab::new();
        let beside = lab.key().public().unwrap();
        std::fs::remove_file(lab.path().join("key.pub")).unwrap();
        assert_eq!(lab.key().public().unwrap(), beside);
        assert!(lab.key().fingerprint().unwrap().starts_with("SHA256:"));
    }

    #[test]
    fn an_agent_signs_for_a_literal_key() {
        let lab = Lab::new();
        let agent = lab.agent();
        let (crate::ledger::PublicKey::Ssh(public), program) =
            (lab.key().public().unwrap(), lab.keygen_with(&agent))
        else {
            panic!("an ssh key")
        };
        let mut key = Key::new(Scheme::Ssh, format!("key::{public}"));
        key.program = program;
        let signature = key.sign(HOSTOUT, b"text").unwrap();
        lab.trust()
            .check(HOSTOUT, b"text", &signature, Lab::now())
            .unwrap();
        drop(agent);
        assert!(matches!(
            key.sign(HOSTOUT, b"text"),
            Err(Error::Sign { .. })
        ));
    }
}
