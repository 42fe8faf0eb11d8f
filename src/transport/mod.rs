//! How commands and bytes reach a host.
//!
//! **Invariant:** every command is ended, not started, or lost; nothing is read from an exit code alone.
//! **Not here:** what is said to a host (`host`), which host (`config`).
//!
//! `connect` reads a `destination`, has ssh read its configuration (`ssh_config`, `ssh_options`), opens a `stream`, checks
//! the host key (`host_key_policy` over `known_hosts` and `certificate`) and logs in (`auth`); `ssh` then runs commands through the `pump`.
//! `local` needs none of that. `attached` hands our terminal over, by the system's ssh.
//!
//! **To add** a transport: a file here, an arm in `connect`, and the contract in `tests/transport.rs` runs against it.

use crate::host::{Command, Ended};
use std::io::{Read, Write};

mod agent;
mod askpass;
mod attached;
mod auth;
mod certificate;
mod connect;
mod credentials;
mod destination;
mod dialogue;
mod error;
mod fields;
mod host_key;
mod host_key_policy;
mod identity;
mod key_file;
mod known_hosts;
mod local;
mod objects;
mod offer;
mod prompter;
mod pump;
mod revoked_keys;
mod signal;
mod ssh;
mod ssh_config;
mod ssh_options;
mod stdio;
mod stream;

pub use agent::{Conversation, ConversationError};
pub use askpass::{Asked, asked};
pub use attached::{Attach, attached};
pub use connect::{Target, check_pinned, connect};
pub use credentials::Credentials;
pub use destination::{Destination, DestinationError};
pub use error::Error;
pub use identity::{Identity, identity, login_name, make_key, place_for_key};
pub use local::Local;
pub use objects::{Objects, ObjectsError};
pub use prompter::{HostKeyQuestion, Prompter, Unattended};
pub use ssh::Ssh;
#[doc(hidden)] // for tests/fuzz
pub use ssh_options::Options as SshOptions;

/// Where an answer goes, and who can tell when it is whole.
pub trait Answer: Write {
    /// Whether nothing more is to come.
    fn is_whole(&self) -> bool;
}

/// Opens one more way to a host.
pub type Another = Box<dyn Fn() -> Option<Box<dyn Transport>> + Send + Sync>;

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

    /// Has the host ask the login user for a new password, on a terminal, as it does when the old one has expired: then
    /// nothing else can be done there. `answer` gets each prompt, below what is said before it; without an answer it is given up. The connection is of no
    /// use afterwards.
    ///
    /// # Errors
    /// When the password was not changed, with the host's last words.
    fn change_password(
        &mut self,
        _answer: &mut dyn FnMut(&str) -> Option<String>,
    ) -> Result<(), Error> {
        let command = Command::new(["passwd"]);
        Err(Error::not_started(
            self.host(),
            &command,
            "nobody asks for it here",
        ))
    }

    /// Feeds `question` to `command` and hands over what it prints until the `answer` is whole; nothing then, else how
    /// the command ended before that. It goes on running, and the next call with the same command talks to it again: for
    /// commands that answer questions until their input ends. One that has ended meanwhile is started anew, and so is one
    /// whose answer was whole before it could have taken the whole question.
    ///
    /// # Errors
    /// As of [`Transport::run`]; a command whose answer was cut off is left to itself, with its input closed.
    fn ask(
        &mut self,
        command: &Command,
        question: &mut dyn Read,
        answer: &mut dyn Answer,
    ) -> Result<Option<Ended>, Error>;

    /// Who opens further ways to the same host without asking anybody, each nothing where that is refused. Nothing at all
    /// where one way is as good as several.
    fn another(&self) -> Option<Another> {
        None
    }

    /// The host, as the user named it.
    fn host(&self) -> &str;
}
