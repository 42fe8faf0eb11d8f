//! Building an egg's wheel: its build tools in an environment of their own, its backend's hooks (PEP 517) called there.
//!
//! **Invariant:** a build sees `PATH`, its own scratch home, fixed time, language and umask, and nothing else of the user's;
//! pip sees the user's settings, because that is where indexes and their passwords are.
//! **Not here:** which eggs are built and as what (`plan`), what the wheel must look like (`wheel`).
//! **To add** a backend: nothing, unless its version stands in a new place (`read`); add a fixture to `tests.rs`.

mod builder;
mod environment;
mod pip;

pub use builder::{Built, Job};

use crate::process::Folder;
use std::path::PathBuf;

/// Builds wheels with one python.
#[derive(Debug)]
pub struct Builder {
    cache: PathBuf,
    python: PathBuf,
    /// Environments whose tools are not pinned: never older than this value.
    fresh: Folder,
}

#[cfg(test)]
mod tests;
