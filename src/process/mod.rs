//! What has to end when we end: child processes, scratch folders, and how the terminal was.
//!
//! Until a plan is carried out everything that a command does is invisible: children, scratch folders, a cache. So a
//! signal ends it at any moment ([`listen`]): children first, then the folders, then a last word, while every thread that
//! wants to start, make, print or begin something finds the register locked. From [`begin`] on signals are only counted
//! ([`asked`]), and whoever carries out stops between two steps.
//!
//! **Invariant:** a child process is started with [`Running`], a scratch folder or file made with [`Scratch`]; what is in
//! the register when we are stopped is gone when we are.
//! **Not here:** what is stopped between steps (`execute`), what is said then (`cli`), commands on hosts and the proxies on
//! the way there (`transport`): they end when their connection does.
//! **To add** something that must not outlive us: a field of the register, undone in `signals.rs`.

mod child;
mod register;
mod scratch;
mod signals;

pub use child::{Running, output};
pub use scratch::{File, Folder, Scratch};
pub use signals::{asked, begin, listen, quietly, reporting};
