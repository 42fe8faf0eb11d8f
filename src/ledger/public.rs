//! The public half of a key, as it stands in the ledger.

use super::{Error, Key, Result, Scheme, key, keyring, program};
use std::{fs, path::Path};

/// The public half of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// `ssh-ed25519 AAAA…`: type and key as in `authorized_keys` (sshd(8)), without comment.
    Ssh(String),
    /// An `OpenPGP` certificate.
    OpenPgp {
        /// The primary key's fingerprint, upper-case hexadecimal digits.
        fingerprint: String,
        /// The certificate in ASCII armor.
        armored: String,
    },
}

impl Key {
    /// The public half. An ssh key without a `.pub` beside it may ask for its passphrase.
    pub fn public(&self) -> Result<PublicKey> {
        match self.scheme {
            Scheme::Ssh => self.ssh_public().map(PublicKey::Ssh),
            Scheme::OpenPgp => {
                let fingerprint = self.openpgp_fingerprint()?;
                let export = ["--armor", "--export-options", "export-minimal", "--export"];
                let armored = self.ask(&[&export[..], &[&fingerprint]].concat(), b"")?;
                Ok(PublicKey::OpenPgp {
                    fingerprint,
                    armored,
                })
            }
        }
    }

    /// How people name this key: `SHA256:…` for ssh (ssh-keygen(1), -l), the primary key's fingerprint for `OpenPGP`.
    pub fn fingerprint(&self) -> Result<String> {
        match self.public()? {
            PublicKey::OpenPgp { fingerprint, .. } => Ok(fingerprint),
            PublicKey::Ssh(line) => {
                let answer = self.ask(&["-l", "-E", "sha256", "-f", "-"], line.as_bytes())?;
                let word = answer.split_whitespace().nth(1).unwrap_or_default();
                Ok(word.to_owned())
            }
        }
    }

    fn ssh_public(&self) -> Result<String> {
        let path = Path::new(&self.id);
        let beside = key::with_suffix(path, ".pub");
        let line = if let Some(literal) = key::literal(&self.id) {
            literal.to_owned()
        } else if path.extension().is_some_and(|suffix| suffix == "pub") {
            self.read(path)?
        } else if beside.is_file() {
            self.read(&beside)?
        } else {
            self.ask(&["-y", "-f", &self.id], b"")?
        };
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some(kind), Some(key)) => Ok(format!("{kind} {key}")),
            _ => Err(self.failed("this is no public ssh key")),
        }
    }

    fn read(&self, file: &Path) -> Result<String> {
        fs::read_to_string(file).map_err(|error| self.failed(&error.to_string()))
    }

    /// The primary key's fingerprint, from gpg's colon listing (doc/DETAILS of `GnuPG`).
    fn openpgp_fingerprint(&self) -> Result<String> {
        let listing = self.ask(&["--with-colons", "--list-keys", "--", &self.id], b"")?;
        let mut primaries = listing
            .lines()
            .skip_while(|line| !line.starts_with("pub:"))
            .filter(|line| line.starts_with("pub:") || line.starts_with("fpr:"));
        let fingerprint = primaries
            .nth(1)
            .and_then(|line| line.split(':').nth(9))
            .filter(|text| text.len() >= 40 && text.bytes().all(|b| b.is_ascii_hexdigit()));
        fingerprint
            .map(str::to_owned)
            .ok_or_else(|| self.failed("gpg names no fingerprint for it"))
    }

    /// What the key's program answers on standard output.
    fn ask(&self, arguments: &[&str], input: &[u8]) -> Result<String> {
        let mut command = program::command(&self.program);
        command.args(arguments);
        let output = program::run(command, input)?;
        if !output.status.success() || output.stdout.is_empty() {
            return Err(self.failed(&program::said(&output)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    pub(super) fn failed(&self, message: &str) -> Error {
        Error::Sign {
            key: self.id.clone(),
            message: message.to_owned(),
        }
    }
}

/// A public key as somebody named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenKey {
    /// The key.
    pub key: PublicKey,
    /// Its fingerprint.
    pub fingerprint: String,
    /// The comment of an ssh key, the mail address of an `OpenPGP` user id.
    pub comment: Option<String>,
}

/// The public key that `word` names: `TYPE BASE64` itself; a file with one, or with an `OpenPGP` certificate in ASCII armor;
/// else what gpg calls so.
///
/// # Errors
/// [`Error::NoPublicKey`] where it names none.
pub fn given_key(repo: &gix::Repository, word: &str) -> Result<GivenKey> {
    read_key(repo, word).map_err(|error| match error {
        Error::Sign { message, .. } => Error::NoPublicKey {
            key: word.to_owned(),
            message,
        },
        other => other,
    })
}

fn read_key(repo: &gix::Repository, word: &str) -> Result<GivenKey> {
    let path = Path::new(word);
    let is_ssh =
        key::literal(word).is_some() || ["ecdsa-", "sk-"].iter().any(|s| word.starts_with(s));
    let text = if is_ssh {
        word.strip_prefix("key::").unwrap_or(word).to_owned()
    } else if path.is_file() || word.contains('/') {
        fs::read_to_string(path).map_err(Error::file("read", path))?
    } else {
        let mut known = Key::new(Scheme::OpenPgp, word);
        known.program = key::program(repo, Scheme::OpenPgp)?;
        return known.public().and_then(|public| given(public, None));
    };
    if text.contains("-----BEGIN PGP PUBLIC KEY BLOCK-----") {
        let mut shown = Key::new(Scheme::OpenPgp, word);
        shown.program = key::program(repo, Scheme::OpenPgp)?;
        let arguments = ["--batch", "--no-autostart", "--with-colons", "--show-keys"];
        let listing = shown.ask(&arguments, text.as_bytes())?;
        let field = |record: &str| {
            let line = listing.lines().find(|line| line.starts_with(record))?;
            line.split(':').nth(9).map(str::to_owned)
        };
        let fingerprint = field("fpr:").ok_or_else(|| shown.failed("it holds no key"))?;
        let mail = field("uid:").and_then(|uid| {
            let (_, rest) = uid.rsplit_once('<')?;
            Some(rest.trim_end_matches('>').to_owned())
        });
        let armored = text;
        return given(
            PublicKey::OpenPgp {
                fingerprint,
                armored,
            },
            mail,
        );
    }
    if text.contains("PRIVATE KEY-----") {
        return given(Key::new(Scheme::Ssh, word).public()?, None);
    }
    let line = text.lines().next().unwrap_or_default();
    let mut words = line.split_whitespace();
    let (Some(kind), Some(base64)) = (words.next(), words.next()) else {
        return Err(Key::new(Scheme::Ssh, word).failed("this is no public key"));
    };
    let comment = words.next().map(str::to_owned);
    given(PublicKey::Ssh(format!("{kind} {base64}")), comment)
}

fn given(key: PublicKey, comment: Option<String>) -> Result<GivenKey> {
    Ok(GivenKey {
        fingerprint: keyring::fingerprint(&key)?,
        key,
        comment,
    })
}
