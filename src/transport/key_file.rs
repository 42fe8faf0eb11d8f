//! Private key files, as far as they can be looked at without their passphrase.

use super::{fields::Fields, host_key::HostKey};
use base64ct::{Base64, Encoding as _};
use rustix::process::geteuid;
use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// How an unencrypted key in OpenSSH's format begins: the magic `openssh-key-v1` and the cipher `none`, in base64
/// (OpenSSH's PROTOCOL.key).
const OPENSSH_PLAIN: &str = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU";

/// What it begins with.
const MAGIC: &[u8] = b"openssh-key-v1\0";

/// A file that `IdentityFile` names and that is there.
#[derive(Clone, Debug)]
pub struct KeyFile {
    pub path: PathBuf,
    /// From the `.pub` file beside it, or the file itself: where it holds only that, and where it is in OpenSSH's format.
    pub public: Option<HostKey>,
    pub state: State,
}

/// What can be done with a key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It can be used as it is.
    Plain,
    /// It needs a passphrase.
    Encrypted,
    /// It holds a public key only; an agent may have the private one.
    PublicOnly,
    /// Others may read it; ssh ignores such a key, and so do we.
    Exposed,
    /// It is there, but can't be read.
    Unreadable,
    /// It only says where on a token (FIDO) the key is; an agent can ask that.
    Token,
}

impl KeyFile {
    /// Looks at `path`; `None` if nothing is there. A `.pub` file alone is as good to an agent.
    pub fn read(path: &Path) -> Option<Self> {
        let Ok(metadata) = fs::metadata(path) else {
            let beside = fs::read_to_string(with_suffix(path, ".pub"));
            return Some(Self {
                public: Some(beside.ok()?.parse().ok()?),
                path: path.to_owned(),
                state: State::PublicOnly,
            });
        };
        let beside = fs::read_to_string(with_suffix(path, ".pub")).ok();
        let mut public = beside.and_then(|text| text.parse().ok());
        let state = match fs::read_to_string(path) {
            Err(_) => State::Unreadable,
            Ok(text) if !text.contains("-----BEGIN") => {
                public = text.parse().ok();
                State::PublicOnly
            }
            Ok(_) if metadata.uid() == geteuid().as_raw() && metadata.mode() & 0o077 != 0 => {
                State::Exposed
            }
            Ok(text) => {
                public = public.or_else(|| public_half(&text));
                if public
                    .as_ref()
                    .is_some_and(|key| key.kind().starts_with("sk-"))
                {
                    State::Token
                } else if is_encrypted(&text) {
                    State::Encrypted
                } else {
                    State::Plain
                }
            }
        };
        Some(Self {
            path: path.to_owned(),
            public,
            state,
        })
    }

    /// The certificate beside the key, if there is one.
    pub fn certificate(&self) -> Option<PathBuf> {
        Some(with_suffix(&self.path, "-cert.pub")).filter(|file| file.exists())
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// PEM says so in its header (RFC 1421), PKCS#8 in its label (RFC 5958), OpenSSH in its cipher.
fn is_encrypted(text: &str) -> bool {
    if let Some((_, body)) = text.split_once("-----BEGIN OPENSSH PRIVATE KEY-----") {
        return !body.trim_start().starts_with(OPENSSH_PLAIN);
    }
    text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
        || text.contains("Proc-Type: 4,ENCRYPTED")
}

/// The public half is plain in OpenSSH's format, with a passphrase too (OpenSSH's PROTOCOL.key).
fn public_half(text: &str) -> Option<HostKey> {
    let (_, rest) = text.split_once("-----BEGIN OPENSSH PRIVATE KEY-----")?;
    let (body, _) = rest.split_once("-----END")?;
    let body: String = body.split_ascii_whitespace().collect();
    let whole = Base64::decode_vec(&body).ok()?;
    let mut fields = Fields(whole.strip_prefix(MAGIC)?);
    for _ in ["cipher", "key derivation", "its options"] {
        fields.string()?;
    }
    fields.short()?; // How many keys.
    HostKey::from_blob(fields.string()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{os::unix::fs::PermissionsExt as _, process::Command};

    #[test]
    fn the_state_of_real_keys() {
        let folder = tempfile::tempdir().unwrap();
        for format in ["RFC4716", "PKCS8", "PEM"] {
            for (passphrase, state) in [("", State::Plain), ("secret", State::Encrypted)] {
                let path = folder.path().join(format!("{format}-{passphrase}"));
                let made = Command::new("ssh-keygen")
                    .args(["-q", "-t", "ecdsa", "-m", format, "-N", passphrase, "-f"])
                    .arg(&path)
                    .status()
                    .unwrap();
                assert!(made.success());
                let key = KeyFile::read(&path).unwrap();
                assert_eq!(key.state, state, "{path:?}");
                assert!(key.public.is_some());
                let beside = with_suffix(&path, ".pub");
                let public = KeyFile::read(&beside).unwrap();
                assert_eq!(
                    (public.state, &public.public),
                    (State::PublicOnly, &key.public)
                );
                let hidden = beside.with_extension("hidden");
                fs::rename(&beside, &hidden).unwrap();
                let alone = KeyFile::read(&path).unwrap();
                let told = (format == "RFC4716").then_some(key.public).flatten();
                assert_eq!((alone.state, alone.public), (state, told), "{path:?}");
                fs::rename(&hidden, &beside).unwrap();
            }
        }
        let path = folder.path().join("PEM-");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(KeyFile::read(&path).unwrap().state, State::Exposed);
        assert!(KeyFile::read(&folder.path().join("missing")).is_none());
        fs::remove_file(&path).unwrap();
        let alone = KeyFile::read(&path).unwrap();
        assert_eq!(alone.state, State::PublicOnly);
        assert!(alone.public.is_some());
    }
}
