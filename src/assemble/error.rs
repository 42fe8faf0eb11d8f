//! Why a release could not be put together.

use std::{io, path::PathBuf};

use crate::{buildout, eggs, ledger, pack, plan, release};

/// A result of this room.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a release could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The buildout.
    #[error(transparent)]
    Buildout(#[from] buildout::Error),
    /// An egg.
    #[error(transparent)]
    Egg(#[from] eggs::Error),
    /// The tarball or the store.
    #[error(transparent)]
    Pack(#[from] pack::Error),
    /// Objects.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// The manifest.
    #[error(transparent)]
    Format(#[from] release::FormatError),
    /// Reasons that only show while it is put together, all at once.
    #[error(transparent)]
    Refused(#[from] plan::Refusal),
    /// An unchanged egg whose wheel is not at hand and cannot be made again.
    #[error(
        "the wheel {file} of {egg} is not on this machine, and building it again gives other bytes"
    )]
    Lost {
        /// The egg.
        egg: String,
        /// The wheel.
        file: String,
    },
    /// A scratch file cannot be read or written.
    #[error("cannot use {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// git's library cannot do what was asked.
    #[error("cannot {what}")]
    Git {
        /// What was tried.
        what: String,
        /// What it says.
        #[source]
        source: Box<gix::Error>,
    },
}

impl Error {
    /// What to do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Buildout(error) => error.hint(),
            Self::Egg(error) => error.hint(),
            Self::Pack(error) => error.hint(),
            Self::Ledger(error) => error.hint(),
            Self::Lost { egg, .. } => Some(format!(
                "release on the machine that built it, name the `store` that has it in [release], or change {egg} so that it gets a new version"
            )),
            Self::Refused(refusal) => match refusal.reasons.as_slice() {
                [only] => Some(only.remedy.clone()),
                _ => None,
            },
            Self::Format(_) | Self::File { .. } | Self::Git { .. } => None,
        }
    }

    /// Wraps an error of the file system.
    pub(super) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }

    /// Wraps an error of git's library.
    pub(super) fn git(what: impl Into<String>) -> impl FnOnce(gix::Error) -> Self {
        let what = what.into();
        move |source| Self::Git {
            what,
            source: Box::new(source),
        }
    }
}
