//! How commands and bytes reach a host.
//!
//! **Invariant:** every command is ended, not started, or lost; nothing is read from an exit code alone.
//! **Not here:** what is said to a host (`host`), which host (`config`).
//! **To add** a transport: a file here, an arm in `connect`, and the contract in `tests/transport.rs` runs against it.

use crate::host::{Command, Ended};
use std::io::{Read, Write};

/// Why there is no [`Ended`]. Whether the host can have changed is the kind of the error, not its text.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Connecting, the host key or the login failed: nothing ran.
    #[error("{host}: {message}")]
    Unreachable {
        /// The host, as the user named it.
        host: String,
        /// What went wrong, a lower-case fragment.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The connection is up, but the command never ran.
    #[error("{host}: `{command}` was not started: {message}")]
    NotStarted {
        /// The host.
        host: String,
        /// The command's program.
        command: String,
        /// What went wrong.
        message: String,
    },
    /// The command may have run, may be running still.
    #[error("{host}: lost the connection while `{command}` ran: {message}")]
    Lost {
        /// The host.
        host: String,
        /// The command's program.
        command: String,
        /// What went wrong.
        message: String,
    },
}

/// A way to a host: this machine, or a connection that is already logged in.
pub trait Transport: Send {
    /// Runs `command` in the login user's home, feeds it `stdin` to the end, gives what it prints to `stdout` as it
    /// comes, and waits for its end.
    ///
    /// # Errors
    /// Only when there is no [`Ended`]; a command that says no is an `Ok`.
    fn run(
        &mut self,
        command: &Command,
        stdin: &mut dyn Read,
        stdout: &mut dyn Write,
    ) -> Result<Ended, Error>;

    /// The host, as the user named it.
    fn host(&self) -> &str;
}
