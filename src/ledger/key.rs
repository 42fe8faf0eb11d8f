//! The key that signs: which one, where it is, and what git was told about it.

use super::{Error, Result, program};
use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

/// How signatures are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// SSHSIG (OpenSSH's PROTOCOL.sshsig), through ssh-keygen: key files, agents, hardware keys.
    Ssh,
    /// `OpenPGP` (RFC 9580), through gpg.
    OpenPgp,
}

/// A signing key: a reference to it, never its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// How it signs.
    pub scheme: Scheme,
    /// ssh: the path of the private key or its `.pub`, or `key::ssh-ed25519 AAAA…` for a key in an agent.
    /// `OpenPGP`: a fingerprint, or anything else that gpg takes for one key.
    pub id: String,
    /// ssh-keygen or gpg, or what stands for them.
    pub program: OsString,
}

impl Key {
    /// A key with the ordinary program.
    pub fn new(scheme: Scheme, id: impl Into<String>) -> Self {
        Self {
            scheme,
            id: id.into(),
            program: ordinary_program(scheme).into(),
        }
    }

    /// The key that the git configuration names: `hostout.signingKey` with `hostout.signingFormat`, else
    /// `user.signingKey` with `gpg.format` (git-config(1)). The programs are always git's own settings. `None` where
    /// none is named.
    pub fn configured(repo: &gix::Repository) -> Result<Option<Self>> {
        let ours = string(repo, "hostout.signingKey")?;
        let (key, format_key) = if ours.is_some() {
            (ours, "hostout.signingFormat")
        } else {
            (string(repo, "user.signingKey")?, "gpg.format")
        };
        let Some(id) = key.filter(|id| !id.is_empty()) else {
            return Ok(None);
        };
        let format = string(repo, format_key)?;
        let scheme = match format.as_deref().map(str::to_ascii_lowercase).as_deref() {
            Some("ssh") => Scheme::Ssh,
            // No name of an OpenPGP key has a slash: it is a file, and so an ssh key.
            None if literal(&id).is_some() || id.contains('/') => Scheme::Ssh,
            None | Some("openpgp") => Scheme::OpenPgp,
            Some(other) => {
                return Err(Error::Config {
                    key: format_key.into(),
                    message: format!("`{other}` is neither ssh nor openpgp"),
                });
            }
        };
        let mut found = Self::new(scheme, id);
        found.program = program(repo, scheme)?;
        if scheme == Scheme::Ssh && literal(&found.id).is_none() {
            let base = repo.workdir().unwrap_or_else(|| repo.git_dir());
            found.id = expand(&found.id, home().as_deref(), base);
        }
        Ok(Some(found))
    }

    /// The user's ordinary ssh key, where there is one that needs no configuration.
    pub fn found() -> Option<PathBuf> {
        Some(home()?.join(".ssh/id_ed25519")).filter(|path| path.is_file())
    }

    /// Makes an ed25519 key without passphrase, readable for the user only, and the folders that it needs.
    ///
    /// # Errors
    /// [`Error::KeyExists`] where `path` or its `.pub` is there already.
    pub fn make(path: &Path, comment: &str) -> Result<Self> {
        let public = with_suffix(path, ".pub");
        for taken in [path, &public] {
            if taken.symlink_metadata().is_ok() {
                return Err(Error::KeyExists(taken.to_owned()));
            }
        }
        if let Some(folder) = path.parent() {
            let mut private = fs::DirBuilder::new();
            let made = private.recursive(true).mode(0o700).create(folder);
            made.map_err(Error::file("make", folder))?;
        }
        let key = Self::new(Scheme::Ssh, path.to_string_lossy());
        let mut command = program::command(&key.program);
        command
            .args(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f"])
            .arg(path);
        let output = program::run(command, b"")?;
        if !output.status.success() {
            return Err(Error::Failed {
                program: key.program,
                message: program::said(&output),
            });
        }
        Ok(key)
    }

    /// Writes this key into the repository's own configuration, for every work tree of it.
    pub fn remember(&self, repo: &gix::Repository) -> Result<()> {
        let format = match self.scheme {
            Scheme::Ssh => "ssh",
            Scheme::OpenPgp => "openpgp",
        };
        set(
            repo,
            None,
            &[("signingKey", &self.id), ("signingFormat", format)],
        )
    }
}

/// Sets values of `[hostout]` or `[hostout "subsection"]` in the repository's configuration file.
pub(super) fn set(
    repo: &gix::Repository,
    subsection: Option<&str>,
    values: &[(&str, &str)],
) -> Result<()> {
    let what = || Error::git("write the repository's git configuration");
    let path = repo.common_dir().join("config");
    let mut file = repo.config_file_mut(path).map_err(what())?;
    for (name, value) in values {
        file.set_raw_value_by("hostout", subsection.map(Into::into), *name, *value)
            .map_err(|error| what()(error))?;
    }
    file.commit().map_err(what())
}

/// The program that signs and verifies, as git's configuration names it.
pub(super) fn program(repo: &gix::Repository, scheme: Scheme) -> Result<OsString> {
    let names: &[&str] = match scheme {
        Scheme::Ssh => &["gpg.ssh.program"],
        Scheme::OpenPgp => &["gpg.openpgp.program", "gpg.program"],
    };
    for name in names {
        if let Some(program) = string(repo, name)? {
            return Ok(program.into());
        }
    }
    Ok(ordinary_program(scheme).into())
}

pub(super) fn ordinary_program(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Ssh => "ssh-keygen",
        Scheme::OpenPgp => "gpg",
    }
}

/// The public key of `key::KEY` or of a bare `ssh-…` line (user.signingKey in git-config(1)).
pub(super) fn literal(id: &str) -> Option<&str> {
    id.strip_prefix("key::")
        .or_else(|| id.starts_with("ssh-").then_some(id))
}

/// `path` with `suffix` after its last component.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(OsStr::new(suffix));
    name.into()
}

/// A value of the configuration, left out where it stands in a repository that somebody else owns.
fn string(repo: &gix::Repository, key: &str) -> Result<Option<String>> {
    let value = repo.config_snapshot().trusted_program(key);
    let value = value.map_err(Error::git(format!("read `{key}` of the git configuration")))?;
    Ok(value.map(|value| value.to_string_lossy().into_owned()))
}

fn home() -> Option<PathBuf> {
    env::var_os("HOME").map(PathBuf::from)
}

fn expand(path: &str, home: Option<&Path>, base: &Path) -> String {
    let full = match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => base.join(path),
    };
    full.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testing::Lab;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn paths_are_read_as_git_reads_them() {
        let (home, base) = (Path::new("/home/ann"), Path::new("/work"));
        assert_eq!(expand("~/.ssh/k", Some(home), base), "/home/ann/.ssh/k");
        assert_eq!(expand("/k", Some(home), base), "/k");
        assert_eq!(expand("keys/k", None, base), "/work/keys/k");
    }

    #[test]
    fn git_names_the_key_and_ours_comes_first() {
        let lab = Lab::new();
        assert_eq!(Key::configured(&lab.repo()).unwrap(), None);
        lab.git(&["config", "user.signingKey", "key::ssh-ed25519 AAAA"]);
        lab.git(&["config", "gpg.format", "ssh"]);
        lab.git(&["config", "gpg.ssh.program", "my-keygen"]);
        let key = Key::configured(&lab.repo()).unwrap().unwrap();
        assert_eq!(
            (key.scheme, key.id.as_str()),
            (Scheme::Ssh, "key::ssh-ed25519 AAAA")
        );
        assert_eq!(key.program, "my-keygen");

        Key::new(Scheme::OpenPgp, "0123ABCD")
            .remember(&lab.repo())
            .unwrap();
        let key = Key::configured(&lab.repo()).unwrap().unwrap();
        assert_eq!(key, Key::new(Scheme::OpenPgp, "0123ABCD"));

        lab.git(&["config", "--unset", "hostout.signingFormat"]);
        lab.git(&["config", "hostout.signingKey", "/away/key"]);
        let key = Key::configured(&lab.repo()).unwrap().unwrap();
        assert_eq!((key.scheme, key.id.as_str()), (Scheme::Ssh, "/away/key"));

        lab.git(&["config", "hostout.signingFormat", "x509"]);
        let error = Key::configured(&lab.repo()).unwrap_err();
        assert!(error.to_string().contains("x509"), "{error}");
    }

    #[test]
    fn a_new_key_is_private_and_never_overwrites() {
        let lab = Lab::new();
        let path = lab.path().join("new");
        Key::make(&path, "a comment").unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let error = Key::make(&path, "").unwrap_err();
        assert!(matches!(error, Error::KeyExists(_)), "{error}");
    }
}
