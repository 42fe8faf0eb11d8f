//! What happens while it happens: told by the edge, shown by `cli`.
//!
//! Whoever does something takes a [`Watch`]; nobody but `cli` knows that there is a terminal.

/// Something worth showing while a command runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something begins, e.g. `web1: prepare releases/1.0.0`.
    Begin(String),
    /// How it is done; shown with `-v`.
    Detail(String),
    /// Something that is not an error, but should be known.
    Warning(String),
    /// So many of so many bytes or things are done.
    Progress {
        /// What: the same words for the same bar.
        label: String,
        /// How far.
        done: u64,
        /// Of how much.
        total: u64,
        /// Whether bytes are counted.
        bytes: bool,
    },
}

/// Whoever looks on.
pub type Watch<'a> = &'a (dyn Fn(Event) + Sync);
