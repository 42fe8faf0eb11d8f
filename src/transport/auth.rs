//! Logging in, in ssh's order: keys of the agent, key files, the password, the server's own questions.
//!
//! libssh2's own agent login tries one identity and gives up; here each is tried. Only what was really offered to the
//! server counts against its `MaxAuthTries`, so keys the configuration names come first.

use super::{
    error::Failure,
    host_key::HostKey,
    key_file::{KeyFile, State},
    prompter::Prompter,
    pump::is_gone,
    ssh_options::{IdentityAgent, Options},
};
use ssh2::{ErrorCode, KeyboardInteractivePrompt, Prompt, Session};
use std::path::Path;

/// How often a passphrase or password is asked for (`NumberOfPasswordPrompts`).
const TRIES: usize = 3;

/// `LIBSSH2_ERROR_AUTHENTICATION_FAILED`: the server said no, and the connection is still up.
const REFUSED: i32 = -18;

/// How libssh2's message begins when no answer to a login came, whatever its code.
const NO_ANSWER: &str = "Waiting for";

/// What came of one attempt.
enum Attempt {
    In,
    Refused,
    /// The key could not be used; the server has not seen a signature.
    Unusable(String),
    /// The server has hung up.
    Gone,
}

/// Logs in as the options' user.
///
/// # Errors
/// When every way was refused; the message lists what was offered.
pub fn log_in(
    session: &Session,
    options: &Options,
    host: &str,
    prompter: &dyn Prompter,
) -> Result<(), Failure> {
    let mut login = Login {
        session,
        options,
        host,
        prompter,
        offered: Vec::new(),
        notes: Vec::new(),
        accepts: String::new(),
        hung_up: false,
    };
    login.accepts = login.methods();
    if session.authenticated() || login.try_all() {
        return Ok(());
    }
    Err(login.refusal())
}

struct Login<'a> {
    session: &'a Session,
    options: &'a Options,
    host: &'a str,
    prompter: &'a dyn Prompter,
    /// What the server has seen and refused.
    offered: Vec<String>,
    /// Why something was not offered.
    notes: Vec<String>,
    /// The server's methods, by comma.
    accepts: String,
    hung_up: bool,
}

impl Login<'_> {
    fn methods(&self) -> String {
        self.session
            .auth_methods(&self.options.user)
            .unwrap_or_default()
            .to_owned()
    }

    fn accepts(&self, method: &str) -> bool {
        self.accepts.split(',').any(|name| name == method)
    }

    fn try_all(&mut self) -> bool {
        let passwords =
            |login: &Self| login.accepts("password") || login.accepts("keyboard-interactive");
        if self.accepts("publickey") {
            if self.by_key() {
                return true;
            }
            // A server that wants a key and a password names the second only after the first.
            if !self.hung_up && !passwords(self) {
                self.accepts = self.methods();
            }
        }
        self.options.password_authentication && (self.by_password() || self.by_questions())
    }

    fn by_key(&mut self) -> bool {
        let files: Vec<KeyFile> = self
            .options
            .identity_files
            .iter()
            .filter_map(|path| KeyFile::read(path))
            .collect();
        let (in_agent, done) = self.by_agent(&files);
        if done || self.hung_up {
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
                Attempt::Refused => self.offered.push(shown),
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
                Attempt::Unusable(_) => last = Some(passphrase),
                attempt => return attempt,
            }
        }
        Attempt::Unusable("the passphrase is wrong".to_owned())
    }

    /// Tries the certificates for a key, then the key alone.
    fn with_certificates(&self, file: &KeyFile, passphrase: Option<&str>) -> Attempt {
        let named = self
            .options
            .certificate_files
            .iter()
            .filter(|path| path.exists())
            .cloned();
        for certificate in file.certificate().into_iter().chain(named) {
            match self.offer(file, Some(&certificate), passphrase) {
                Attempt::In => return Attempt::In,
                Attempt::Gone => return Attempt::Gone,
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

    fn by_password(&mut self) -> bool {
        let mut last = None;
        while self.accepts("password")
            && self.offered.iter().filter(|way| *way == "password").count() < TRIES
        {
            let Some(password) = self.prompter.password(&self.options.user, self.host) else {
                self.notes.push("there is no password".to_owned());
                return false;
            };
            if last.as_ref() == Some(&password) {
                return false;
            }
            match self.outcome(
                self.session
                    .userauth_password(&self.options.user, &password),
            ) {
                Attempt::In => return true,
                Attempt::Refused => self.offered.push("password".to_owned()),
                Attempt::Unusable(why) => {
                    self.notes.push(format!("password: {why}"));
                    return false;
                }
                Attempt::Gone => {
                    self.offered.push("password".to_owned());
                    self.hung_up();
                    return false;
                }
            }
            last = Some(password);
        }
        false
    }

    /// Servers that ask for one hidden answer want the password; anything else is put to a person.
    fn by_questions(&mut self) -> bool {
        if !self.accepts("keyboard-interactive") {
            return false;
        }
        let mut questions = Questions {
            login: self,
            unanswered: false,
        };
        let result = self
            .session
            .userauth_keyboard_interactive(&self.options.user, &mut questions);
        let unanswered = questions.unanswered;
        match self.outcome(result) {
            Attempt::In => return true,
            _ if unanswered => self
                .notes
                .push("nobody answered the server's question".to_owned()),
            Attempt::Refused => self.offered.push("keyboard-interactive".to_owned()),
            Attempt::Unusable(why) => self.notes.push(format!("keyboard-interactive: {why}")),
            Attempt::Gone => self.hung_up(),
        }
        false
    }

    fn outcome(&self, result: Result<(), ssh2::Error>) -> Attempt {
        match result {
            // One of several factors is not a login.
            Ok(()) if self.session.authenticated() => Attempt::In,
            Ok(()) => Attempt::Refused,
            Err(error) => match error.code() {
                _ if is_gone(&error) || error.message().starts_with(NO_ANSWER) => Attempt::Gone,
                ErrorCode::Session(REFUSED) => Attempt::Refused,
                ErrorCode::Session(_) | ErrorCode::SFTP(_) => {
                    Attempt::Unusable(error.message().to_lowercase())
                }
            },
        }
    }

    fn hung_up(&mut self) {
        self.notes.push("the server hung up".to_owned());
        self.accepts.clear();
        self.hung_up = true;
    }

    fn refusal(self) -> Failure {
        let user = &self.options.user;
        let offered = if self.offered.is_empty() {
            "nothing".to_owned()
        } else {
            self.offered.join(", ")
        };
        let mut message = format!("login as {user} was refused; offered: {offered}");
        if !self.accepts.is_empty() {
            message.push_str("; the server accepts ");
            message.push_str(&self.accepts.replace(',', ", "));
        }
        for note in &self.notes {
            message.push_str("; ");
            message.push_str(note);
        }
        let hint = if self.hung_up && self.offered.len() > 1 {
            "servers hang up after some keys: name the right one with `IdentityFile` and set `IdentitiesOnly yes`"
        } else {
            "put your public key into ~/.ssh/authorized_keys of that user, or name another user: `user@host`"
        };
        Failure::new(message).hint(hint)
    }
}

struct Questions<'a, 'b> {
    login: &'a Login<'b>,
    unanswered: bool,
}

impl KeyboardInteractivePrompt for Questions<'_, '_> {
    fn prompt<'p>(
        &mut self,
        _user: &str,
        instructions: &str,
        prompts: &[Prompt<'p>],
    ) -> Vec<String> {
        let Login {
            options,
            host,
            prompter,
            ..
        } = self.login;
        if let [only] = prompts
            && !only.echo
            && only.text.to_lowercase().contains("password")
            && let Some(password) = prompter.password(&options.user, host)
        {
            return vec![password];
        }
        let answer = |prompt: &Prompt<'p>| {
            let text = if instructions.is_empty() {
                prompt.text.to_string()
            } else {
                format!("{instructions}\n{}", prompt.text)
            };
            prompter.answer(&text, prompt.echo)
        };
        let answers: Option<Vec<String>> = prompts.iter().map(answer).collect();
        self.unanswered |= answers.is_none();
        answers.unwrap_or_default()
    }
}
