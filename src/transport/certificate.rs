//! A certificate: what it says, and whether an authority of the user's signed that of a host (OpenSSH's
//! PROTOCOL.certkeys).
//!
//! libssh2 checks that the server has the certified key, and nothing of the certificate itself.

use super::{fields::Fields, host_key::HostKey};
use crate::process::{self, Folder};
use std::{
    fs,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

/// What the type of a certificate ends in.
const SUFFIX: &str = "-cert-v01@openssh.com";

/// `SSH2_CERT_TYPE_HOST`.
const HOST: u32 = 2;

/// A certificate as it was read; nothing of it has been checked.
#[derive(Debug)]
pub struct Certificate {
    whole: HostKey,
    /// The key that is certified.
    pub key: HostKey,
    purpose: u32,
    principals: Vec<String>,
    valid_after: u64,
    valid_before: u64,
    critical: bool,
    /// Who signed it.
    pub authority: HostKey,
    algorithm: String,
}

impl Certificate {
    /// Whether a type of key or of host key algorithm is a certificate's.
    pub fn is_kind(name: &str) -> bool {
        name.ends_with(SUFFIX)
    }

    /// Reads it; nothing where it is none, or no whole one.
    pub fn read(shown: &HostKey) -> Option<Self> {
        let kind = shown.kind().strip_suffix(SUFFIX)?;
        let mut fields = Fields(shown.blob());
        fields.string()?;
        fields.string()?; // The nonce.
        let key = fields.0;
        let parts = if kind == "ssh-ed25519" { 1 } else { 2 };
        for _ in 0..parts {
            fields.string()?;
        }
        let key = &key[..key.len() - fields.0.len()];
        let length = u32::try_from(kind.len()).ok()?.to_be_bytes();
        let key = [length.as_slice(), kind.as_bytes(), key].concat();
        fields.number()?; // The serial.
        let purpose = fields.short()?;
        fields.string()?; // The key's id.
        let mut names = Fields(fields.string()?);
        let mut principals = Vec::new();
        while !names.0.is_empty() {
            principals.push(String::from_utf8(names.string()?.to_vec()).ok()?);
        }
        let (valid_after, valid_before) = (fields.number()?, fields.number()?);
        let critical = !fields.string()?.is_empty();
        fields.string()?; // Extensions, which hosts have none of.
        fields.string()?; // Reserved.
        let authority = HostKey::from_blob(fields.string()?)?;
        let algorithm = HostKey::from_blob(fields.string()?)?.kind().to_owned();
        fields.0.is_empty().then_some(Self {
            whole: shown.clone(),
            key: HostKey::from_blob(&key)?,
            purpose,
            principals,
            valid_after,
            valid_before,
            critical,
            authority,
            algorithm,
        })
    }

    /// Checks that it proves, now, that its key is that of `host`.
    ///
    /// # Errors
    /// Why it doesn't: what follows "its certificate".
    pub fn check(&self, host: &str, authorities: &[HostKey]) -> Result<(), String> {
        if self.purpose != HOST {
            return Err("is a user's".to_owned());
        }
        if !authorities.contains(&self.authority) {
            let signer = self.authority.fingerprint();
            return Err(format!("is signed by another authority, {signer}"));
        }
        self.in_time()?;
        let names = &self.principals;
        if !names.is_empty() && !names.iter().any(|name| matches(name, host)) {
            return Err(format!("is for {}", names.join(", ").escape_debug()));
        }
        if self.critical {
            return Err("has conditions that nobody here knows".to_owned());
        }
        // A signature by SHA-1 proves nothing any more; ssh takes none either (`CASignatureAlgorithms`).
        if self.algorithm == "ssh-rsa" || !self.is_signed() {
            return Err("has no good signature".to_owned());
        }
        Ok(())
    }

    /// What a person should know of it who offered it in vain: what follows "its certificate FILE".
    pub fn of_user(&self) -> String {
        if self.purpose == HOST {
            return "is a host's".to_owned();
        }
        match self.in_time() {
            Err(why) => why,
            Ok(()) if self.principals.is_empty() => "was offered too".to_owned(),
            Ok(()) => {
                let names = self.principals.join(", ");
                format!("was offered too, which is for {}", names.escape_debug())
            }
        }
    }

    fn in_time(&self) -> Result<(), String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_secs());
        if now < self.valid_after {
            return Err("is not valid yet".to_owned());
        }
        if now >= self.valid_before {
            return Err("has expired".to_owned());
        }
        Ok(())
    }

    /// ssh-keygen reads no certificate whose signature is not its authority's, of any type.
    fn is_signed(&self) -> bool {
        let listed = || {
            let folder = Folder::new("hostout-")?;
            let file = folder.path().join("host-cert.pub");
            fs::write(&file, format!("{}\n", self.whole))?;
            process::output(Command::new("ssh-keygen").args(["-L", "-f"]).arg(&file))
        };
        listed().is_ok_and(|output| output.status.success())
    }
}

/// `*` and `?` of ssh's patterns (`ssh_config(5)`, PATTERNS).
fn matches(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (pattern.to_lowercase(), host.to_lowercase());
    let (mut pattern, mut host) = (pattern.as_str(), host.as_str());
    let mut retry = None;
    loop {
        let mut rest = pattern.chars();
        let mut left = host.chars();
        match (rest.next(), left.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                pattern = rest.as_str();
                retry = Some((pattern, host));
                continue;
            }
            (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {
                (pattern, host) = (rest.as_str(), left.as_str());
                continue;
            }
            _ => {}
        }
        // The last star takes one character more.
        let Some((after, from)) = retry else {
            return false;
        };
        let mut from = from.chars();
        if from.next().is_none() {
            return false;
        }
        (pattern, host) = (after, from.as_str());
        retry = Some((pattern, host));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn made(file: &Path, kind: &str) -> HostKey {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", kind, "-N", "", "-f"])
            .arg(file)
            .status();
        assert!(made.unwrap().success());
        fs::read_to_string(file.with_extension("pub"))
            .unwrap()
            .parse()
            .unwrap()
    }

    #[test]
    fn a_certificate_proves_its_key_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for (number, kind) in ["ed25519", "ecdsa", "rsa"].into_iter().enumerate() {
            let authority = made(&path(&format!("ca{number}")), kind);
            let key = made(&path(kind), kind);
            let signed = |options: &[&str]| {
                let signed = Command::new("ssh-keygen")
                    .args(["-q", "-I", "test", "-s"])
                    .arg(path(&format!("ca{number}")))
                    .args(options)
                    .arg(path(&format!("{kind}.pub")))
                    .status();
                assert!(signed.unwrap().success());
                let text = fs::read_to_string(path(&format!("{kind}-cert.pub"))).unwrap();
                text.parse::<HostKey>().unwrap()
            };
            let check = |options: &[&str], host: &str| {
                let shown = signed(options);
                assert!(Certificate::is_kind(shown.kind()));
                let read = Certificate::read(&shown).unwrap();
                assert_eq!((&read.key, &read.authority), (&key, &authority));
                read.check(host, std::slice::from_ref(&authority))
                    .err()
                    .unwrap_or_default()
            };
            assert_eq!(check(&["-h", "-n", "web1,*.test"], "WEB1"), "");
            assert_eq!(check(&["-h", "-n", "web1,*.test"], "a.b.test"), "");
            assert_eq!(check(&["-h"], "web2"), "");
            assert_eq!(
                check(&["-h", "-n", "web1,*.test"], "web2"),
                "is for web1, *.test"
            );
            let past = ["-h", "-V", "20200101:20200102"];
            assert_eq!(check(&past, "web1"), "has expired");
            let future = ["-h", "-V", "20990101:20990102"];
            assert_eq!(check(&future, "web1"), "is not valid yet");
            assert_eq!(check(&["-n", "web1"], "web1"), "is a user's");

            let shown = signed(&["-h", "-n", "web1"]);
            let read = Certificate::read(&shown).unwrap();
            assert_eq!(
                read.check("web1", std::slice::from_ref(&key)),
                Err(format!(
                    "is signed by another authority, {}",
                    authority.fingerprint()
                ))
            );
            let mut forged = shown.blob().to_vec();
            let at = forged.windows(4).position(|part| part == b"web1").unwrap();
            forged[at + 3] = b'2';
            let read = Certificate::read(&HostKey::from_blob(&forged).unwrap()).unwrap();
            assert_eq!(
                read.check("web2", std::slice::from_ref(&authority)),
                Err("has no good signature".to_owned())
            );
            for length in 0..shown.blob().len() {
                let cut = HostKey::from_blob(&shown.blob()[..length]);
                assert!(cut.is_none_or(|cut| Certificate::read(&cut).is_none()));
            }
        }
    }

    #[test]
    fn names_match_as_ssh_has_it() {
        for (pattern, host) in [("*", "web1"), ("w?b*", "web1"), ("*.a.*.b", "x.a.a.y.b")] {
            assert!(matches(pattern, host), "{pattern} {host}");
        }
        for (pattern, host) in [("", "web1"), ("web", "web1"), ("*.test", "test"), ("?", "")] {
            assert!(!matches(pattern, host), "{pattern} {host}");
        }
    }
}
