//! The one list of what has to end with us.

use rustix::{process::Pid, termios::Termios};
use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What there is now.
pub(super) struct Register {
    /// Whether something visible is being done: then signals are only counted.
    pub begun: bool,
    /// Child processes that run.
    pub children: Vec<Member>,
    /// Scratch folders and files.
    pub scratch: Vec<PathBuf>,
    /// How the terminal was before it stopped showing what is typed.
    pub terminal: Option<Termios>,
}

/// A child process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// Its id.
    pub pid: Pid,
    /// Whether it leads a process group of its own, and its children are in it.
    pub leads: bool,
    /// Whether nothing is lost when it ends, at any moment: then it never has to be waited for.
    pub disposable: bool,
}

static REGISTER: Mutex<Register> = Mutex::new(Register {
    begun: false,
    children: Vec::new(),
    scratch: Vec::new(),
    terminal: None,
});

/// The register. Whoever stops us never gives it back: what needs it then waits for the end of the program.
pub(super) fn register() -> MutexGuard<'static, Register> {
    REGISTER.lock().unwrap_or_else(PoisonError::into_inner)
}
