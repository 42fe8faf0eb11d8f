//! What a person sees and answers.
//!
//! stdout is data, stderr the rest. One [`Ui`] is made by the command line and passed by reference; threads may share it.
//!
//! **Invariant:** no control character reaches a terminal that we didn't write ourselves; a question is asked only where
//! somebody can answer it; a closed stdout ends quietly.
//! **Not here:** the sentences (`cli`, `plan`, the `Display` of errors), exit codes (`error`).
//! **To add** a kind of line: a method in `say.rs` that says where it goes and what silences it.

mod ask;
mod clean;
mod progress;
mod say;
mod secret;
mod table;
#[cfg(test)]
mod terminal;
pub mod time;

pub use ask::Answer;
pub use clean::{clean, clean_line};
pub use progress::{Progress, Total};
pub use secret::Secret;
pub use table::table;

use indicatif::MultiProgress;
use std::{
    io::{BufRead, Write},
    sync::Mutex,
};

/// How much is said on stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Warnings, errors, questions (`-q`).
    Quiet,
    /// What is being done, too.
    #[default]
    Normal,
    /// How it is done, too (`-v`).
    Verbose,
}

/// When stderr is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// On a terminal that can, unless `$NO_COLOR` is set (no-color.org).
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What the command line says about all output.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// How much is said.
    pub verbosity: Verbosity,
    /// Whether in colour.
    pub color: Color,
    /// stdout is one JSON document.
    pub json: bool,
    /// Questions that [`Ui::ask`] asks are answered with yes.
    pub yes: bool,
    /// Nothing is asked.
    pub no_input: bool,
}

/// The terminal, or what stands in for it. What can't be written to stdout is kept for [`Ui::finish`].
pub struct Ui {
    options: Options,
    color: bool,
    /// Whether questions can be asked: stdin and stderr are terminals.
    interactive: bool,
    input: Mutex<Box<dyn BufRead + Send>>,
    out: Mutex<say::Out>,
    err: Mutex<Box<dyn Write + Send>>,
    /// The progress bars, when stderr is a terminal.
    bars: Option<MultiProgress>,
}
