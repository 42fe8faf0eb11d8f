//! The order of attempts, and what is said when all failed.

use crate::transport::{
    error::Failure,
    prompter::Prompter,
    pump::is_gone,
    ssh_options::{Method, Options},
};
use ssh2::{ErrorCode, Session};
use std::{path::PathBuf, time::Duration};

/// How long the server may take for one answer, a person's typing in between: sshd ends a login after 120 s by itself
/// (`LoginGraceTime`), and PAM, a token or the owner of an agent's key may need most of that.
const PATIENCE: Duration = Duration::from_secs(150);

/// `LIBSSH2_ERROR_TIMEOUT` and `LIBSSH2_ERROR_SOCKET_TIMEOUT`.
const SILENT: [i32; 2] = [-9, -30];

/// How much of what a server says is shown, in characters.
const SHOWN: usize = 300;

/// `LIBSSH2_ERROR_AUTHENTICATION_FAILED`: the server said no, and the connection is still up.
const REFUSED: i32 = -18;

/// `LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED`: the server wanted the key, and said no to the signature, or not enough.
const UNVERIFIED: i32 = -19;

/// How its message begins when a signature was sent.
const BAD_SIGNATURE: &str = "Invalid signature";

/// How libssh2's message begins when no answer to a login came, whatever its code.
const NO_ANSWER: &str = "Waiting for";

/// What came of one attempt.
pub enum Attempt {
    In,
    Refused,
    /// The server took the key, and wants one of these methods too (RFC 4252, 5.1).
    Partly(String),
    /// The key could not be used; the server has not seen a signature.
    Unusable(String),
    /// The connection is of no use any more.
    Gone(Gone),
}

/// How a connection went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// The server has hung up.
    HungUp,
    /// The server has not answered for [`PATIENCE`].
    Silent,
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
        passwords: 0,
        no_password: false,
        locked: None,
        partly: false,
        gone: None,
    };
    session.set_timeout(u32::try_from(PATIENCE.as_millis()).unwrap_or(u32::MAX));
    match session.auth_methods(&options.user) {
        Ok(methods) => methods.clone_into(&mut login.accepts),
        Err(_) if session.authenticated() => return Ok(()),
        Err(error) => match gone(&error) {
            Some(how) => login.is_gone(how),
            None => login.notes.push(error.message().to_lowercase()),
        },
    }
    if login.try_all() {
        return Ok(());
    }
    Err(login.refusal())
}

/// A login under way.
pub struct Login<'a> {
    pub session: &'a Session,
    pub options: &'a Options,
    pub host: &'a str,
    pub prompter: &'a dyn Prompter,
    /// What the server has seen and refused.
    pub offered: Vec<String>,
    /// Why something was not offered.
    pub notes: Vec<String>,
    /// The server's methods, by comma.
    pub accepts: String,
    /// How many passwords it has seen.
    pub passwords: usize,
    /// Whether nobody has one.
    pub no_password: bool,
    /// The first key whose passphrase nobody has.
    pub locked: Option<PathBuf>,
    /// Whether it took a key, which was not enough.
    pub partly: bool,
    pub gone: Option<Gone>,
}

impl Login<'_> {
    fn methods(&self) -> String {
        self.session
            .auth_methods(&self.options.user)
            .unwrap_or_default()
            .to_owned()
    }

    /// Whether the server takes `method`.
    pub fn accepts(&self, method: &str) -> bool {
        self.accepts.split(',').any(|name| name == method)
    }

    fn try_all(&mut self) -> bool {
        self.options.methods.iter().any(|method| match method {
            Method::PublicKey => self.by_keys(),
            Method::Password => self.by_password(),
            Method::KeyboardInteractive => self.by_questions(),
        })
    }

    fn by_keys(&mut self) -> bool {
        if !self.accepts("publickey") {
            return false;
        }
        if self.by_key() {
            return true;
        }
        // A server that wants a key and a password names the second only after the first.
        let passwords = self.accepts("password") || self.accepts("keyboard-interactive");
        if self.gone.is_none() && !self.partly && !passwords {
            self.accepts = self.methods();
        }
        false
    }

    /// What the server takes and the configuration doesn't want.
    fn kept_back(&self) -> Vec<&'static str> {
        let unwanted = |method: &Method| !self.options.methods.contains(method);
        let names = Method::ALL.into_iter().filter(unwanted).map(Method::name);
        names.filter(|name| self.accepts(name)).collect()
    }

    /// What libssh2's answer means.
    pub fn outcome(&self, result: Result<(), ssh2::Error>) -> Attempt {
        if let Some(how) = result.as_ref().err().and_then(gone) {
            return Attempt::Gone(how);
        }
        match result {
            // One of several factors is not a login.
            Ok(()) if self.session.authenticated() => Attempt::In,
            Ok(()) => Attempt::Refused,
            Err(error) => match error.code() {
                ErrorCode::Session(REFUSED) => Attempt::Refused,
                // Where it is our own key that can't sign, the server was told nothing.
                ErrorCode::Session(UNVERIFIED) if error.message().starts_with(BAD_SIGNATURE) => {
                    let methods = self.methods();
                    if methods.is_empty() || methods.split(',').any(|name| name == "publickey") {
                        Attempt::Unusable(error.message().to_lowercase())
                    } else {
                        Attempt::Partly(methods)
                    }
                }
                ErrorCode::Session(_) | ErrorCode::SFTP(_) => {
                    Attempt::Unusable(error.message().to_lowercase())
                }
            },
        }
    }

    /// The server took the key called `shown`, which is not enough.
    pub fn partly(&mut self, shown: String, methods: String) {
        self.notes.push(format!(
            "it took {shown}, and wants another proof too: {}",
            methods.replace(',', ", ")
        ));
        self.offered.push(shown);
        self.accepts = methods;
        self.partly = true;
    }

    /// Nothing more can be tried.
    pub fn is_gone(&mut self, how: Gone) {
        self.accepts.clear();
        self.gone = Some(how);
    }

    /// What the server has said to whoever logs in (RFC 4252, 5.4), in one line.
    fn said(&self) -> Option<String> {
        if self.gone == Some(Gone::HungUp) {
            // What it said last was not read yet: libssh2 does so when it asks for the methods.
            self.session.set_timeout(1000);
            self.methods();
        }
        let said = self.session.userauth_banner().ok().flatten()?;
        let words: Vec<&str> = said.split_whitespace().collect();
        let mut line = String::new();
        for c in words.join(" ").chars() {
            if c.is_control() {
                line.extend(c.escape_default());
            } else {
                line.push(c);
            }
        }
        let shown: String = line.chars().take(SHOWN).collect();
        let rest = if shown.len() < line.len() { "…" } else { "" };
        (!shown.is_empty()).then(|| format!("the server says: {shown}{rest}"))
    }

    fn refusal(self) -> Failure {
        let user = &self.options.user;
        // Servers hang up after some keys: that is a no to each of them.
        let lost = self.gone.filter(|_| self.offered.len() < 2);
        let said = self.said();
        let mut parts = vec![if lost.is_some() {
            format!("the connection was lost in the login as {user}")
        } else {
            format!("login as {user} was refused")
        }];
        if self.offered.is_empty() && lost.is_none() {
            parts.push("offered: nothing".to_owned());
        } else if !self.offered.is_empty() {
            parts.push(format!("offered: {}", self.offered.join(", ")));
        }
        if !self.accepts.is_empty() {
            let methods = self.accepts.replace(',', ", ");
            parts.push(format!("the server accepts {methods}"));
        }
        let kept_back = self.kept_back();
        if !kept_back.is_empty() {
            let methods = kept_back.join(", ");
            parts.push(format!("the ssh configuration keeps back {methods}"));
        }
        parts.extend(self.notes.iter().cloned());
        parts.extend(self.gone.map(|how| match how {
            Gone::HungUp => "the server hung up".to_owned(),
            Gone::Silent => format!("the server was silent for {} s", PATIENCE.as_secs()),
        }));
        let speaks = said.is_some();
        parts.extend(said);
        let hint = match (lost, &self.locked) {
            (Some(_), _) if speaks => {
                "the server says why: try again later, or ask whoever looks after it".to_owned()
            }
            (Some(Gone::HungUp), _) => {
                "try again; if it stays so, the log of sshd there says why, and `ssh -v` how far it comes".to_owned()
            }
            (Some(Gone::Silent), _) => {
                "what looks the user up there may wait for something: see the log of sshd, and `ssh -v`".to_owned()
            }
            (None, _) if self.gone.is_some() => {
                "servers hang up after some keys: name the right one with `IdentityFile` and set `IdentitiesOnly yes`".to_owned()
            }
            (None, _) if self.partly => {
                "a password is asked for on a terminal, or taken from $HOSTOUT_PASSWORD".to_owned()
            }
            (None, Some(file)) if self.offered.is_empty() => {
                format!("ssh-add {} lets it be used without asking; on a terminal you are asked", file.display())
            }
            (None, _) => {
                "put your public key into ~/.ssh/authorized_keys of that user, or name another user: `user@host`".to_owned()
            }
        };
        // Of a key that nobody could use the server has not said anything.
        let unasked = self.locked.is_some() && self.offered.is_empty();
        Failure {
            refused: (lost.is_none() && !unasked).then(|| user.clone()),
            ..Failure::new(parts.join("; ")).hint(hint)
        }
    }
}

/// Whether an error means that the connection is of no use any more.
fn gone(error: &ssh2::Error) -> Option<Gone> {
    match error.code() {
        ErrorCode::Session(code) if SILENT.contains(&code) => Some(Gone::Silent),
        _ if is_gone(error) || error.message().starts_with(NO_ANSWER) => Some(Gone::HungUp),
        _ => None,
    }
}
