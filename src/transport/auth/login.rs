//! The order of attempts, and what is said when all failed.

use crate::transport::{
    error::Failure,
    prompter::Prompter,
    pump::is_gone,
    ssh_options::{Method, Options},
};
use ssh2::{ErrorCode, Session};

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
        partly: false,
        hung_up: false,
    };
    login.accepts = login.methods();
    if session.authenticated() || login.try_all() {
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
    /// Whether it took a key, which was not enough.
    pub partly: bool,
    pub hung_up: bool,
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
        if !self.hung_up && !self.partly && !passwords {
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
        match result {
            // One of several factors is not a login.
            Ok(()) if self.session.authenticated() => Attempt::In,
            Ok(()) => Attempt::Refused,
            Err(error) => match error.code() {
                _ if is_gone(&error) || error.message().starts_with(NO_ANSWER) => Attempt::Gone,
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
    pub fn hung_up(&mut self) {
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
        let kept_back = self.kept_back();
        if !kept_back.is_empty() {
            message.push_str("; the ssh configuration keeps back ");
            message.push_str(&kept_back.join(", "));
        }
        for note in &self.notes {
            message.push_str("; ");
            message.push_str(note);
        }
        let hint = if self.hung_up && self.offered.len() > 1 {
            "servers hang up after some keys: name the right one with `IdentityFile` and set `IdentitiesOnly yes`"
        } else if self.partly {
            "a password is asked for on a terminal, or taken from $HOSTOUT_PASSWORD"
        } else {
            "put your public key into ~/.ssh/authorized_keys of that user, or name another user: `user@host`"
        };
        Failure {
            refused: Some(user.clone()),
            ..Failure::new(message).hint(hint)
        }
    }
}
