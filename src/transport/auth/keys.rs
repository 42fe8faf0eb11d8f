//! Logging in by key.
//!
//! libssh2's own agent login tries one identity and gives up; here each is tried. What is offered counts against the
//! server's `MaxAuthTries`, so keys that the configuration names come first.

use super::{
    TRIES,
    login::{Attempt, Login},
};
use crate::transport::{
    certificate::Certificate,
    host_key::HostKey,
    key_file::{KeyFile, State},
    ssh_options::IdentityAgent,
};
use std::{
    env, fs,
    path::{Path, PathBuf},
};

impl Login<'_> {
    /// Tries every key there is; whether we are in.
    pub fn by_key(&mut self) -> bool {
        let files: Vec<KeyFile> = self
            .options
            .identity_files
            .iter()
            .filter_map(|path| KeyFile::read(path))
            .collect();
        self.note_missing(&files);
        let (in_agent, done) = self.by_agent(&files);
        if done || self.hung_up || self.partly {
            return done;
        }
        for file in &files {
            let shown = file.path.display().to_string();
            match file.state {
                State::PublicOnly => continue,
                State::Exposed => {
                    self.notes.push(format!(
                        "{shown} is ignored because others may read it (chmod 600)"
                    ));
                    continue;
                }
                State::Unreadable => {
                    self.notes.push(format!("{shown} can't be read"));
                    continue;
                }
                State::Plain | State::Encrypted => {}
            }
            if file
                .public
                .as_ref()
                .is_some_and(|key| in_agent.contains(key))
            {
                continue;
            }
            match self.by_file(file) {
                Attempt::In => return true,
                Attempt::Refused => {
                    self.offered.push(shown);
                    self.note_certificates(file);
                }
                Attempt::Partly(methods) => {
                    self.partly(shown, methods);
                    return false;
                }
                Attempt::Unusable(why) => self.notes.push(format!("{shown}: {why}")),
                Attempt::Gone => {
                    self.offered.push(shown);
                    self.hung_up();
                    return false;
                }
            }
        }
        false
    }

    /// Files that the configuration names and that are not there. Of those that ssh looks for by itself most are missing.
    fn note_missing(&mut self, files: &[KeyFile]) {
        let named = &self.options.identity_files;
        let folder = env::home_dir().unwrap_or_default().join(".ssh");
        let usual = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str());
            path.parent() == Some(&folder) && name.is_some_and(|name| name.starts_with("id_"))
        };
        if named.len() > 2 && named.iter().all(usual) {
            return;
        }
        for path in named {
            if !files.iter().any(|file| file.path == *path) {
                self.notes.push(format!("{} is not there", path.display()));
            }
        }
    }

    /// What may be wrong with the certificates that were offered with a key.
    fn note_certificates(&mut self, file: &KeyFile) {
        for path in self.certificates(file) {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let key = text.parse::<HostKey>().ok();
            let certificate = key.and_then(|key| Certificate::read(&key));
            let certificate = certificate.filter(|read| Some(&read.key) == file.public.as_ref());
            if let Some(certificate) = certificate {
                let what = certificate.of_user();
                self.notes
                    .push(format!("its certificate {} {what}", path.display()));
            }
        }
    }

    /// Tries the agent's identities, those of `files` first. Gives what the agent has, and whether we are in.
    fn by_agent(&mut self, files: &[KeyFile]) -> (Vec<HostKey>, bool) {
        let Ok(mut agent) = self.session.agent() else {
            return (Vec::new(), false);
        };
        match &self.options.identity_agent {
            IdentityAgent::None => return (Vec::new(), false),
            IdentityAgent::Environment => {}
            IdentityAgent::Socket(path) => {
                if let Err(error) = agent.set_identity_path(path) {
                    self.notes
                        .push(format!("agent {}: {}", path.display(), error.message()));
                    return (Vec::new(), false);
                }
            }
        }
        // No agent is as good as an empty one.
        if agent.connect().is_err() || agent.list_identities().is_err() {
            return (Vec::new(), false);
        }
        let mut identities = agent.identities().unwrap_or_default();
        let named = |identity: &ssh2::PublicKey| {
            let key = HostKey::from_blob(identity.blob());
            files
                .iter()
                .position(|file| file.public.is_some() && file.public == key)
        };
        if self.options.identities_only {
            identities.retain(|identity| named(identity).is_some());
        }
        identities.sort_by_key(|identity| named(identity).unwrap_or(usize::MAX));
        for identity in &identities {
            let shown = match HostKey::from_blob(identity.blob()) {
                Some(key) => format!("agent key {} {}", identity.comment(), key.fingerprint()),
                None => format!("agent key {}", identity.comment()),
            };
            match self.outcome(agent.userauth(&self.options.user, identity)) {
                Attempt::In => return (Vec::new(), true),
                Attempt::Refused => self.offered.push(shown),
                Attempt::Partly(methods) => {
                    self.partly(shown, methods);
                    break;
                }
                Attempt::Unusable(why) => self.notes.push(format!("{shown}: {why}")),
                Attempt::Gone => {
                    self.offered.push(shown);
                    self.hung_up();
                    break;
                }
            }
        }
        let keys = identities
            .iter()
            .filter_map(|identity| HostKey::from_blob(identity.blob()));
        (keys.collect(), false)
    }

    fn by_file(&self, file: &KeyFile) -> Attempt {
        if file.state == State::Plain {
            return self.with_certificates(file, None);
        }
        // With the public key at hand the server can say no before anybody types a passphrase.
        if file.public_file.is_some()
            && let refused @ (Attempt::Refused | Attempt::Gone) =
                self.offer(file, file.public_file.as_deref(), None)
            && file.certificate().is_none()
        {
            return refused;
        }
        let mut last = None;
        for _ in 0..TRIES {
            let Some(passphrase) = self.prompter.passphrase(&file.path) else {
                return Attempt::Unusable("it is encrypted, and there is no passphrase".to_owned());
            };
            if last.as_ref() == Some(&passphrase) {
                break;
            }
            match self.with_certificates(file, Some(&passphrase)) {
                Attempt::Unusable(_) => {
                    let shown = file.path.display();
                    self.prompter.wrong(&format!("the passphrase of {shown}"));
                    last = Some(passphrase);
                }
                attempt => return attempt,
            }
        }
        Attempt::Unusable("the passphrase is wrong".to_owned())
    }

    /// The files of certificates that may be a key's.
    fn certificates(&self, file: &KeyFile) -> Vec<PathBuf> {
        let named = self.options.certificate_files.iter().cloned();
        let all = file.certificate().into_iter().chain(named);
        all.filter(|path| path.exists()).collect()
    }

    /// Tries the certificates for a key, then the key alone.
    fn with_certificates(&self, file: &KeyFile, passphrase: Option<&str>) -> Attempt {
        for certificate in self.certificates(file) {
            match self.offer(file, Some(&certificate), passphrase) {
                done @ (Attempt::In | Attempt::Partly(_) | Attempt::Gone) => return done,
                Attempt::Refused | Attempt::Unusable(_) => {}
            }
        }
        self.offer(file, None, passphrase)
    }

    fn offer(&self, file: &KeyFile, public: Option<&Path>, passphrase: Option<&str>) -> Attempt {
        let user = &self.options.user;
        self.outcome(
            self.session
                .userauth_pubkey_file(user, public, &file.path, passphrase),
        )
    }
}
