//! Logging in by key.
//!
//! libssh2's own agent login tries one identity and gives up; here each is tried. What is offered counts against the
//! server's `MaxAuthTries`, so keys that the configuration names come first.

use super::{
    TRIES,
    lent::{Certified, Lent},
    login::{Attempt, Login},
};
use crate::{
    process::{self, File},
    transport::{
        askpass::{self, Besides},
        certificate::Certificate,
        host_key::HostKey,
        key_file::{KeyFile, State},
        ssh_options::IdentityAgent,
    },
};
use std::{
    env, fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

/// What came of the keys of an agent.
#[derive(Default)]
struct Tried {
    /// The keys that the server refused, without their certificates.
    refused: Vec<HostKey>,
    is_in: bool,
}

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
        let tried = self.by_agent(&files);
        if tried.is_in || self.gone.is_some() || self.partly {
            return tried.is_in;
        }
        for file in &files {
            let shown = file.path.display().to_string();
            let public = file.public.as_ref();
            if public.is_some_and(|key| tried.refused.contains(key)) {
                continue;
            }
            match file.state {
                State::PublicOnly => continue,
                State::Token => {
                    self.notes.push(format!(
                        "{shown} is on a token (FIDO), which only an agent can use: ssh-add {shown}"
                    ));
                    continue;
                }
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
            match self.by_file(file) {
                Attempt::In => return true,
                Attempt::Refused => {
                    self.offered.push(shown);
                    for path in self.certificates(file) {
                        self.note_certificate(&path, file.public.as_ref());
                    }
                }
                Attempt::Partly(methods) => {
                    self.partly(shown, methods);
                    return false;
                }
                Attempt::Unusable(why) => self.notes.push(format!("{shown}: {why}")),
                Attempt::Gone(how) => {
                    self.offered.push(shown);
                    self.is_gone(how);
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

    /// What may be wrong with a certificate that was offered with a key.
    fn note_certificate(&mut self, path: &Path, key: Option<&HostKey>) {
        let certificate = read_certificate(path).and_then(|shown| Certificate::read(&shown));
        if let Some(certificate) = certificate.filter(|read| Some(&read.key) == key) {
            let what = certificate.of_user();
            self.notes
                .push(format!("its certificate {} {what}", path.display()));
        }
    }

    /// Tries the agent's identities: first certificates of files for its keys, then those that `files` name, as ssh does.
    fn by_agent(&mut self, files: &[KeyFile]) -> Tried {
        let mut tried = Tried::default();
        let Some(socket) = self.agent_socket() else {
            return tried;
        };
        let Some(mut agent) = self.agent(&socket) else {
            return tried;
        };
        let mut identities = agent.identities().unwrap_or_default();
        let held: Vec<HostKey> = identities.iter().filter_map(key_of).collect();
        let certified = self.certified(files, &held);
        let mut all_offered = true;
        if !certified.is_empty() {
            if let Ok(lent) = Lent::new(socket, certified)
                && let Some(mut lender) = self.agent(&lent.socket())
            {
                let all = lender.identities().unwrap_or_default();
                self.by_identities(&mut lender, &all, &mut tried);
            } else {
                all_offered = false;
            }
            if tried.is_in || self.gone.is_some() || self.partly {
                return tried;
            }
        }
        let named = |identity: &ssh2::PublicKey| {
            let key = key_of(identity).map(|key| match Certificate::read(&key) {
                Some(certificate) => certificate.key,
                None => key,
            });
            files
                .iter()
                .position(|file| file.public.is_some() && file.public == key)
        };
        if self.options.identities_only {
            identities.retain(|identity| named(identity).is_some());
        }
        identities.sort_by_key(|identity| named(identity).unwrap_or(usize::MAX));
        self.by_identities(&mut agent, &identities, &mut tried);
        if !all_offered {
            // A key that is refused may be taken with its certificate.
            tried.refused.clear();
        }
        tried
    }

    /// Where the agent listens; nothing where there is none, or none may be used.
    fn agent_socket(&self) -> Option<PathBuf> {
        match &self.options.identity_agent {
            IdentityAgent::None => None,
            IdentityAgent::Environment => env::var_os("SSH_AUTH_SOCK").map(PathBuf::from),
            IdentityAgent::Socket(path) => Some(path.clone()),
        }
    }

    /// The agent at `socket`. No agent is as good as an empty one.
    fn agent(&mut self, socket: &Path) -> Option<ssh2::Agent> {
        let mut agent = self.session.agent().ok()?;
        if let Err(error) = agent.set_identity_path(socket) {
            let socket = socket.display();
            self.notes
                .push(format!("agent {socket}: {}", error.message()));
            return None;
        }
        agent
            .connect()
            .and_then(|()| agent.list_identities())
            .ok()?;
        Some(agent)
    }

    /// Certificates of files for keys that the agent holds without them.
    fn certified(&self, files: &[KeyFile], held: &[HostKey]) -> Vec<Certified> {
        let beside = files.iter().filter_map(KeyFile::certificate);
        let named = self.options.certificate_files.iter().cloned();
        let mut found: Vec<Certified> = Vec::new();
        for file in named.chain(beside) {
            let Some(certificate) = read_certificate(&file) else {
                continue;
            };
            let Some(key) = Certificate::read(&certificate).map(|read| read.key) else {
                continue;
            };
            let known = found.iter().any(|one| one.certificate == certificate);
            if held.contains(&key) && !held.contains(&certificate) && !known {
                found.push(Certified {
                    file,
                    certificate,
                    key,
                });
            }
        }
        found
    }

    fn by_identities(
        &mut self,
        agent: &mut ssh2::Agent,
        identities: &[ssh2::PublicKey],
        tried: &mut Tried,
    ) {
        for identity in identities {
            let key = key_of(identity);
            let shown = match &key {
                Some(key) => format!("agent key {} {}", identity.comment(), key.fingerprint()),
                None => format!("agent key {}", identity.comment()),
            };
            match self.outcome(agent.userauth(&self.options.user, identity)) {
                Attempt::In => {
                    tried.is_in = true;
                    return;
                }
                Attempt::Refused => {
                    self.offered.push(shown);
                    if let Some(certificate) = key.as_ref().and_then(Certificate::read) {
                        let (name, what) = (identity.comment(), certificate.of_user());
                        self.notes.push(format!("its certificate {name} {what}"));
                    }
                    tried.refused.extend(key);
                }
                Attempt::Partly(methods) => {
                    self.partly(shown, methods);
                    return;
                }
                Attempt::Unusable(why) => self.notes.push(format!("{shown}: {why}")),
                Attempt::Gone(how) => {
                    self.offered.push(shown);
                    self.is_gone(how);
                    return;
                }
            }
        }
    }

    fn by_file(&mut self, file: &KeyFile) -> Attempt {
        if file.state == State::Plain {
            let attempt = self.with_certificates(file, None);
            if matches!(attempt, Attempt::In) {
                self.lend_to_agent(file, None);
            }
            return attempt;
        }
        // With the public key at hand the server can say no before anybody types a passphrase.
        if let Some(refused) = self.refused_before(file) {
            return refused;
        }
        let mut last = None;
        for _ in 0..TRIES {
            let Some(passphrase) = self.prompter.passphrase(&file.path) else {
                self.locked.get_or_insert_with(|| file.path.clone());
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
                attempt => {
                    if matches!(attempt, Attempt::In) {
                        self.lend_to_agent(file, Some(&passphrase));
                    }
                    return attempt;
                }
            }
        }
        Attempt::Unusable("the passphrase is wrong".to_owned())
    }

    /// What the server says to the public key alone, where it is no.
    fn refused_before(&self, file: &KeyFile) -> Option<Attempt> {
        let public = file.public.as_ref()?;
        if file.certificate().is_some() {
            return None;
        }
        let mut single = File::new().ok()?;
        writeln!(single, "{public}").ok()?;
        match self.offer(file, Some(single.path()), None) {
            refused @ (Attempt::Refused | Attempt::Gone(_)) => Some(refused),
            _ => None,
        }
    }

    /// Puts a key that let us in into the agent, where `AddKeysToAgent` says so.
    fn lend_to_agent(&self, file: &KeyFile, passphrase: Option<&str>) {
        let (Some(options), Some(socket)) = (&self.options.add_to_agent, self.agent_socket())
        else {
            return;
        };
        let mut add = Command::new("ssh-add");
        add.arg("-q").args(options).arg(&file.path);
        add.env("SSH_AUTH_SOCK", socket);
        let secret = passphrase.unwrap_or_default();
        let question = askpass::PASSPHRASE;
        if askpass::answered(&mut add, question, secret, Besides::Nobody).is_ok() {
            // We are logged in, with or without it.
            process::output(&mut add).ok();
        }
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
                done @ (Attempt::In | Attempt::Partly(_) | Attempt::Gone(_)) => return done,
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

fn key_of(identity: &ssh2::PublicKey) -> Option<HostKey> {
    HostKey::from_blob(identity.blob())
}

fn read_certificate(file: &Path) -> Option<HostKey> {
    fs::read_to_string(file).ok()?.parse().ok()
}
