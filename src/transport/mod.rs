//! How commands and bytes reach a host.
//!
//! **Invariant:** every command is ended, not started, or lost; nothing is read from an exit code alone.
//! **Not here:** what is said to a host (`host`), which host (`config`).
//!
//! `connect` reads a `destination`, has ssh read its configuration (`ssh_config`, `ssh_options`), opens a `stream`, checks
//! the host key (`host_key_policy` over `known_hosts`) and logs in (`auth`); `ssh` then runs commands through the `pump`.
//! `local` needs none of that.
//!
//! **To add** a transport: a file here, an arm in `connect`, and the contract in `tests/transport.rs` runs against it.

use crate::host::{Command, Ended};
use std::io::{Read, Write};

mod agent;
mod auth;
mod connect;
mod credentials;
mod destination;
mod error;
mod host_key;
mod host_key_policy;
mod key_file;
mod known_hosts;
mod local;
mod prompter;
mod pump;
mod signal;
mod ssh;
mod ssh_config;
mod ssh_options;
mod stdio;
mod stream;

pub use agent::{Conversation, ConversationError};
pub use connect::{Target, connect};
pub use credentials::Credentials;
pub use destination::{Destination, DestinationError};
pub use error::Error;
pub use local::Local;
pub use prompter::{HostKeyQuestion, Prompter, Unattended};
pub use ssh::Ssh;

/// A way to a host: this machine, or a connection that is already logged in.
pub trait Transport: Send {
    /// Runs `command` in the login user's home, feeds it `stdin` to the end, gives what it prints to `stdout` as it
    /// comes, and waits for its end. A command that ends or closes its input early leaves the rest of `stdin` unread.
    ///
    /// # Errors
    /// Only when there is no [`Ended`]; a command that says no is an `Ok`. When `stdin` can't be read or `stdout` not be
    /// written the command is lost.
    fn run(
        &mut self,
        command: &Command,
        stdin: &mut dyn Read,
        stdout: &mut dyn Write,
    ) -> Result<Ended, Error>;

    /// The host, as the user named it.
    fn host(&self) -> &str;
}
