//! Whether a key can sign, found out without signing and without a question: no passphrase, no PIN, no touch.

use super::{Error, Key, Result, Scheme, key, program, public::PublicKey};
use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

/// Part of what ssh-keygen says of a key whose passphrase is another one; its exit status is that of any other failure.
const LOCKED: &str = "passphrase";

impl Key {
    /// Whether this key can sign, as far as that is known without asking for its passphrase.
    ///
    /// # Errors
    /// Says why it cannot: it expired or was revoked, or its secret half is not to be had here.
    pub fn ready(&self) -> Result<()> {
        match self.scheme {
            Scheme::OpenPgp => self.openpgp_ready(),
            // What stands for ssh-keygen may have its keys wherever it likes.
            Scheme::Ssh if self.program != OsStr::new(key::ordinary_program(Scheme::Ssh)) => Ok(()),
            Scheme::Ssh => self.ssh_ready(),
        }
    }

    fn openpgp_ready(&self) -> Result<()> {
        let mut command = program::command(&self.program);
        command.args(["--batch", "--no-tty", "--with-colons"]);
        command.args(["--list-secret-keys", "--", &self.id]);
        let output = program::run(command, b"")?;
        if !output.status.success() {
            return Err(self.failed(&program::said(&output)));
        }
        match unusable(&String::from_utf8_lossy(&output.stdout)) {
            Some(why) => Err(self.failed(why)),
            None => Ok(()),
        }
    }

    fn ssh_ready(&self) -> Result<()> {
        let Some(private) = self.private_file() else {
            return if self.is_in_agent() {
                Ok(())
            } else {
                Err(self.failed("no agent has its private half"))
            };
        };
        if !private.is_file() {
            return if self.is_in_agent() {
                Ok(())
            } else {
                Err(self.failed(&format!(
                    "its private half is neither {} nor in an agent",
                    private.display()
                )))
            };
        }
        // With a passphrase given it does not ask for one; that it is the wrong one shows that there is a key.
        let mut command = program::command(&self.program);
        command.args(["-y", "-P", "", "-f"]).arg(&private);
        let output = program::run(command, b"")?;
        let said = program::said(&output);
        if output.status.success() || said.contains(LOCKED) || self.is_in_agent() {
            Ok(())
        } else {
            Err(self.failed(&said))
        }
    }

    /// The file that ssh-keygen takes for the private half; nothing for a key that only an agent has.
    fn private_file(&self) -> Option<PathBuf> {
        if key::literal(&self.id).is_some() {
            return None;
        }
        let name = self.id.strip_suffix(".pub").unwrap_or(&self.id);
        Some(PathBuf::from(name.strip_suffix("-cert").unwrap_or(name)))
    }

    /// Whether an agent has the private half. Where there is no ssh-add to ask, it is not known and taken for granted.
    fn is_in_agent(&self) -> bool {
        let beside = key::with_suffix(Path::new(&self.id), ".pub");
        let known =
            key::literal(&self.id).is_some() || Path::new(&self.id).is_file() || beside.is_file();
        // Without a public half nobody knows which one is meant.
        let Some(Ok(PublicKey::Ssh(public))) = known.then(|| self.public()) else {
            return false;
        };
        let mut command = program::command(OsStr::new("ssh-add"));
        command.arg("-L");
        match program::run(command, b"") {
            Ok(output) => String::from_utf8_lossy(&output.stdout)
                .lines()
                .any(|line| line.starts_with(&public)),
            Err(Error::Program { .. }) => true,
            Err(_) => false,
        }
    }
}

/// Why none of the keys in a colon listing of secret keys can sign (doc/DETAILS of `GnuPG`: field 2 is the validity, 12 what
/// a key may be used for, 15 is `#` where the secret half is not here).
fn unusable(listing: &str) -> Option<&'static str> {
    let mut why = "gpg has no secret key that may sign";
    let mut primary_is_good = false;
    for line in listing.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let field = |number: usize| fields.get(number - 1).copied().unwrap_or_default();
        let complaint = match field(2) {
            "e" => Some("it has expired; gpg --quick-set-expire makes it last longer"),
            "r" => Some("it was revoked"),
            "i" => Some("gpg takes it for invalid"),
            "d" => Some("it is disabled"),
            _ if field(12).contains('D') => Some("it is disabled"),
            _ => None,
        };
        let signs = field(12).contains('s');
        match field(1) {
            "sec" => primary_is_good = complaint.is_none(),
            // Subkeys go with the primary key.
            "ssb" if primary_is_good && signs => {}
            _ => continue,
        }
        match complaint {
            Some(complaint) => why = complaint,
            None if !signs => {}
            None if field(15) == "#" => why = "its secret half is not on this machine",
            None => return None,
        }
    }
    Some(why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testing::Lab;
    use std::fs;

    #[test]
    fn a_listing_says_who_can_sign() {
        let primary = "sec:u:255:22:0D8:1:::u:::scESC:::+:::23::0:\nfpr:::::::::ABC:\nuid:u::::1::9::A <a@b>:\n";
        for (listing, why) in [
            (primary.to_owned(), None),
            (
                primary.replace("sec:u:", "sec:e:"),
                Some("it has expired; gpg --quick-set-expire makes it last longer"),
            ),
            (primary.replace("sec:u:", "sec:r:"), Some("it was revoked")),
            (
                primary.replace("sec:u:", "sec:i:"),
                Some("gpg takes it for invalid"),
            ),
            (primary.replace("sec:u:", "sec:d:"), Some("it is disabled")),
            (primary.replace("scESC", "scESCD"), Some("it is disabled")),
            (
                primary.replace(":+:", ":#:"),
                Some("its secret half is not on this machine"),
            ),
            (
                primary.replace("scESC", "cEC"),
                Some("gpg has no secret key that may sign"),
            ),
            (
                // The usual way of a key that was taken off line: a subkey signs.
                primary.replace(":+:", ":#:") + "ssb:u:255:22:0D9:1::::::s:::+:::23:\n",
                None,
            ),
            (
                primary.replace("scESC", "cESC") + "ssb:e:255:22:0D9:1::::::s:::+:::23:\n",
                Some("it has expired; gpg --quick-set-expire makes it last longer"),
            ),
            (
                primary.to_owned() + "ssb:e:255:18:0D9:1::::::e:::+:::23:\n",
                None,
            ),
            (String::new(), Some("gpg has no secret key that may sign")),
        ] {
            assert_eq!(unusable(&listing), why, "{listing}");
        }
    }

    #[test]
    fn a_private_half_is_looked_for_without_a_question() {
        let lab = Lab::new();
        let path = lab.path().join("key");
        let named = |name: &str| Key::new(Scheme::Ssh, lab.path().join(name).to_string_lossy());
        named("key").ready().unwrap();
        named("key.pub").ready().unwrap();

        // Locked by a passphrase: there is a key, and nobody was asked.
        let mut lock = program::command(OsStr::new("ssh-keygen"));
        lock.args(["-q", "-p", "-P", "", "-N", "a long word", "-f"])
            .arg(&path);
        assert!(program::run(lock, b"").unwrap().status.success());
        named("key.pub").ready().unwrap();

        fs::write(&path, "nonsense").unwrap();
        let error = named("key.pub").ready().unwrap_err();
        assert!(error.to_string().starts_with("cannot sign with"), "{error}");
        fs::remove_file(&path).unwrap();
        for name in ["key", "key.pub"] {
            let error = named(name).ready().unwrap_err().to_string();
            let words = "its private half is neither ";
            assert!(error.contains(words), "{error}");
            assert!(error.contains("key nor in an agent"), "{error}");
        }
        let public = fs::read_to_string(lab.path().join("key.pub")).unwrap();
        let error = Key::new(Scheme::Ssh, public.trim()).ready().unwrap_err();
        assert!(error.to_string().contains("no agent has its private half"));
    }
}
