//! A server's public key.

use base64ct::{Base64, Base64Unpadded, Encoding as _};
use sha2::{Digest as _, Sha256};
use std::{fmt, str::FromStr};

/// A public key as `known_hosts` files hold it: a type and base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostKey {
    kind: String,
    blob: Vec<u8>,
}

/// Text that is no public key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no host key, which reads `ssh-ed25519 AAAA…`")]
pub struct HostKeyError(String);

impl HostKey {
    /// A key as the ssh protocol sends it, its type first (RFC 4253, 6.6).
    pub fn from_blob(blob: &[u8]) -> Option<Self> {
        let (length, rest) = blob.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let kind = std::str::from_utf8(rest.get(..length)?).ok()?;
        Some(Self {
            kind: kind.to_owned(),
            blob: blob.to_vec(),
        })
    }

    /// The key's type, e.g. `ssh-ed25519`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// It as the protocol sends it.
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// `SHA256:…`, as ssh shows it.
    pub fn fingerprint(&self) -> String {
        format!(
            "SHA256:{}",
            Base64Unpadded::encode_string(&Sha256::digest(&self.blob))
        )
    }
}

impl FromStr for HostKey {
    type Err = HostKeyError;

    /// `TYPE BASE64`; a comment may follow.
    fn from_str(text: &str) -> Result<Self, HostKeyError> {
        let wrong = || HostKeyError(text.trim().to_owned());
        let mut words = text.split_ascii_whitespace();
        let (Some(kind), Some(key)) = (words.next(), words.next()) else {
            return Err(wrong());
        };
        let key = key.trim_end_matches('=');
        let blob = Base64Unpadded::decode_vec(key).map_err(|_| wrong())?;
        let key = Self::from_blob(&blob).ok_or_else(wrong)?;
        if key.kind == kind {
            Ok(key)
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Display for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, Base64::encode_string(&self.blob))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn fingerprints_are_those_of_ssh_keygen() {
        let folder = tempfile::tempdir().unwrap();
        for kind in ["ed25519", "ecdsa"] {
            let file = folder.path().join(kind);
            let made = Command::new("ssh-keygen")
                .args(["-q", "-N", "", "-t", kind, "-f"])
                .arg(&file)
                .status()
                .unwrap();
            assert!(made.success());
            let public = std::fs::read_to_string(file.with_extension("pub")).unwrap();
            let key: HostKey = public.parse().unwrap();
            assert!(public.starts_with(&key.to_string()));
            let shown = Command::new("ssh-keygen")
                .arg("-lf")
                .arg(&file)
                .output()
                .unwrap();
            let shown = String::from_utf8(shown.stdout).unwrap();
            assert_eq!(shown.split(' ').nth(1), Some(key.fingerprint().as_str()));
        }
    }

    #[test]
    fn a_key_of_another_type_than_it_says_is_none() {
        assert!(
            "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIBqzZ0mLJnRvTV0d8cv8C5Jb0dG5mS3wN0g5Q0Jq3j6A"
                .parse::<HostKey>()
                .is_err()
        );
    }
}
