//! Logging in, in ssh's order: keys of the agent, key files, the password, the server's own questions.
//!
//! **Invariant:** nothing is offered to a server whose host key has not been checked; no answer is kept or shown.
//! **Not here:** who answers (`prompter`, `credentials`), what the user configured (`ssh_options`).
//! **To add** a way to log in: a file here, its place in `Login::try_all`, a test against a real sshd.

mod keys;
mod lent;
mod login;
mod passwords;

pub use login::log_in;

/// How often a passphrase or password is asked for (`NumberOfPasswordPrompts`).
const TRIES: usize = 3;
