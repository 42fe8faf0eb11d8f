//! Ourselves as the program that ssh, ssh-add and ssh-keygen ask for a secret (`ssh(1)`, `$SSH_ASKPASS`).
//!
//! The secret is in the environment of the one that asks: no other user reads that, and no argument holds it.

use std::{env, ffi::OsString, io, process::Command};

/// A part of what ssh-add and ssh-keygen ask for a key.
pub const PASSPHRASE: &str = "passphrase";

/// A part of every question that the secret answers; that it is there makes us the program that is asked.
const QUESTION: &str = "HOSTOUT_ASKPASS_QUESTION";

/// The secret.
const SECRET: &str = "HOSTOUT_ASKPASS_SECRET";

/// Whether the person at the terminal is asked for anything else.
const PERSON: &str = "HOSTOUT_ASKPASS_PERSON";

/// Who answers what `command` asks besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Besides {
    /// Whoever is at the terminal.
    Person,
    /// Nobody.
    Nobody,
}

/// Has `command` ask us, and answers questions that hold `question` with `secret`.
///
/// # Errors
/// Where nobody knows where we are.
pub fn answered(
    command: &mut Command,
    question: &str,
    secret: &str,
    besides: Besides,
) -> io::Result<()> {
    command
        .env("SSH_ASKPASS", env::current_exe()?)
        .env("SSH_ASKPASS_REQUIRE", "force")
        .env(QUESTION, question)
        .env(SECRET, secret)
        .env(PERSON, if besides == Besides::Person { "1" } else { "" });
    Ok(())
}

/// What we are asked as the program that was made ready in [`answered`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// What the answer is known to.
    Known(String),
    /// Something of the person at the terminal.
    Person {
        /// The question.
        words: String,
        /// Whether the answer is not shown while it is typed.
        hidden: bool,
    },
    /// What nobody answers.
    Nobody,
}

/// Reads the words and the environment that we were started with; nothing where that was not to answer.
pub fn asked(argv: &[OsString]) -> Option<Asked> {
    let question = env::var(QUESTION).ok()?;
    let [_, words] = argv else { return None };
    let words = words.to_string_lossy().into_owned();
    if words.contains(&question) && words.to_lowercase().contains("pass") {
        return Some(env::var(SECRET).map_or(Asked::Nobody, Asked::Known));
    }
    if env::var(PERSON).is_ok_and(|person| person.is_empty()) {
        return Some(Asked::Nobody);
    }
    // Whether a key is the host's is not secret.
    let hidden = !words.contains("(yes/no");
    Some(Asked::Person { words, hidden })
}
