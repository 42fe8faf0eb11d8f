//! What can go wrong when packing.

use crate::release::Digest;
use std::{io, path::PathBuf};

/// Why something can't be packed, stored or read back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A path that may not be in a tarball.
    #[error("`{}`: {fault}", path.escape_debug())]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        fault: PathFault,
    },
    /// Two paths that are one on a file system that ignores case, or twice the same path.
    #[error("`{first}` and `{second}` are the same name where case is ignored")]
    Collision {
        /// The one that sorts first.
        first: String,
        /// The other one.
        second: String,
    },
    /// A symbolic link that points out of the tarball, or may do so.
    #[error("the link `{path}` leaves the tree: it points to `{}`", target.escape_debug())]
    LinkLeaves {
        /// The link.
        path: String,
        /// Where it points to.
        target: String,
    },
    /// A file that ustar can't describe (8 GiB and more).
    #[error("`{path}` is too large for a tarball")]
    TooLarge {
        /// The file.
        path: String,
    },
    /// The tarball could not be written.
    #[error("could not write the tarball")]
    Tar(#[source] io::Error),
    /// A path that the tree doesn't hold.
    #[error("`{path}` is not in the commit")]
    Missing {
        /// The path, from the top of the repository.
        path: String,
    },
    /// A submodule: its files are in another repository.
    #[error("`{path}` is a submodule, whose files are not in this repository")]
    Submodule {
        /// Where it is mounted.
        path: String,
    },
    /// A pointer to a file in Git LFS instead of the file.
    #[error("`{path}` is a Git LFS pointer, the file itself is not in the repository")]
    LfsPointer {
        /// The file.
        path: String,
    },
    /// A git object that is missing or damaged.
    #[error("could not read `{path}` from git")]
    Git {
        /// What was read, from the top of the repository.
        path: String,
        /// What git says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store doesn't hold this object.
    #[error("the store {} does not hold sha256 {digest}", store.display())]
    NotStored {
        /// The store's directory.
        store: PathBuf,
        /// What was asked for.
        digest: Digest,
    },
    /// An object whose bytes aren't those of its name. It has been removed if that was possible.
    #[error("{} is damaged: its sha256 is {found}{}", path.display(), if *removed { "; it was removed" } else { "" })]
    Corrupt {
        /// The object's file.
        path: PathBuf,
        /// The digest of what is in it.
        found: Digest,
        /// Whether it is gone now.
        removed: bool,
    },
    /// The file system refused.
    #[error("could not {doing} {}", path.display())]
    Io {
        /// What was tried, as a verb: `read`, `create`.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// What is wrong with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// It is empty.
    #[error("an empty path")]
    Empty,
    /// It starts with `/`.
    #[error("an absolute path")]
    Absolute,
    /// It has a part `..`, `.` or an empty one.
    #[error("a path with an empty part, `.` or `..`")]
    Part,
    /// It holds a NUL byte.
    #[error("a path with a NUL byte")]
    Nul,
    /// It isn't UTF-8.
    #[error("a path that is not UTF-8")]
    Encoding,
    /// What should be its directory is a file or a link.
    #[error("a path below a file or a link")]
    Below,
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Path { .. } => "rename or remove it",
            Self::TooLarge { .. } => "take it out of `include`: a file of a release is below 8 GiB",
            Self::Collision { .. } => "rename one of them",
            Self::LinkLeaves { .. } => {
                "let it point to a file of the project: `..` only at its beginning, no absolute path"
            }
            Self::Missing { .. } => "commit it, or correct the path in hostout.toml",
            Self::Submodule { .. } => {
                "add its files to this repository, or mark it export-ignore in .gitattributes"
            }
            Self::LfsPointer { .. } => {
                "commit the file without LFS, or mark it export-ignore in .gitattributes"
            }
            Self::NotStored { .. } | Self::Corrupt { removed: true, .. } => {
                "run the command again: it is fetched or built anew"
            }
            Self::Corrupt { path, .. } => return Some(format!("remove {}", path.display())),
            Self::Tar(_) | Self::Io { .. } => "is there room on its disk, and may you write there?",
            Self::Git { .. } => "`git fsck` tells what is missing or damaged",
        };
        Some(text.to_owned())
    }
}
