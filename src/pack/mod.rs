//! What is shipped, as bytes: the buildout tarball and the store that holds artifacts by their sha256.
//!
//! **Invariant:** the same tree gives the same bytes, on every machine and in every year; bytes that don't match their
//! name are never handed out.
//! **Not here:** which files belong into a tarball (`buildout`), wheels (`eggs`), the store of a host (`host`).
//! **To add** a kind of entry: a variant of [`Kind`], a header in `tarball.rs`, a rule in `layout.rs`, and a new name
//! for the profile, because its bytes are a promise.

mod attributes;
mod error;
mod gzip;
mod layout;
mod read;
mod store;
mod tarball;

pub use error::{Error, PathFault};
pub use gzip::{ENCODER, compress};
pub use read::entries;
pub use store::Store;
pub use tarball::{PROFILE, build};

/// A file or symbolic link of a tarball. Directories follow from the paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it lies, below the top directory, parts separated by `/`.
    pub path: String,
    /// What it is.
    pub kind: Kind,
}

/// What an [`Entry`] is. Git knows no more kinds than these, and hosts get no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File {
        /// What is in it.
        bytes: Vec<u8>,
        /// Mode 0755 instead of 0644.
        executable: bool,
    },
    /// A symbolic link.
    Link {
        /// What it points to, relative to its own directory.
        target: String,
    },
}
