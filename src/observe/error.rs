//! What can go wrong while looking.

use super::bare::uri;
use crate::transport::{self, ConversationError};
use std::{
    io,
    path::{Path, PathBuf},
};

/// A result of this room.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong while looking.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The repository has no work tree to find a project in.
    #[error("{0} is a bare repository: there is no hostout.toml and no buildout to look at")]
    Bare(PathBuf),
    /// There is no project here.
    #[error("no hostout.toml {}", searched(start, root))]
    NoProject {
        /// Where the search began.
        start: PathBuf,
        /// Where it ended.
        root: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is not text.
    #[error("{file}:{line} is not UTF-8")]
    NotText {
        /// Which.
        file: PathBuf,
        /// Its first line that is none, counted from 1.
        line: usize,
    },
    /// A file's name is not text.
    #[error("{0} is not UTF-8")]
    Encoding(PathBuf),
    /// `--config` names a file outside of the repository.
    #[error("{file} is not inside the repository at {root}")]
    Outside {
        /// The file.
        file: PathBuf,
        /// The repository.
        root: PathBuf,
    },
    /// There is no buildout to propose anything for.
    #[error("{0} holds no buildout: there is no buildout.cfg")]
    NoBuildout(PathBuf),
    /// A file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There are no commits yet.
    #[error("the repository has no commits yet")]
    NoCommits,
    /// git's library cannot do what was asked.
    #[error("cannot {what}")]
    Git {
        /// What was tried.
        what: &'static str,
        /// What it says.
        #[source]
        source: Box<gix::Error>,
    },
    /// There is no ledger.
    #[error("there is no ledger: neither a branch {0} here nor on the remote")]
    NoLedger(String),
    /// A host does not hand out what it keeps.
    #[error("{host} does not hand out {path}: {said}")]
    Kept {
        /// The host.
        host: String,
        /// What was asked for.
        path: String,
        /// What it said.
        said: String,
    },
    /// A host cannot be reached, or does not let us in.
    #[error(transparent)]
    Unreachable(transport::Error),
    /// What a host was asked by says something else than an answer, or nothing: what is live there is not known.
    #[error("{host}: what runs there is not known, as {python} there has no answer: {said}")]
    Silent {
        /// The host.
        host: String,
        /// The stage's python.
        python: String,
        /// What was said instead.
        said: String,
    },
    /// A host's agent has no answer.
    #[error(transparent)]
    Conversation(ConversationError),
}

/// What to do where a command on `host` was answered with `said`.
fn unlocking(host: &str, said: &str) -> String {
    let words = said.to_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
    if has(&["not found", "no such file", "can't open"]) {
        "install python3 and python3-venv there, or set `python` of the stage".to_owned()
    } else if has(&["password"]) {
        format!(
            "log in once and change it: ssh {}; or, as root there, let it never expire: chage -d -1 USER",
            uri(host)
        )
    } else if has(&["not available", "nologin", "unmatched"]) {
        "its user needs a shell that reads what sh does; as root there: chsh -s /bin/sh USER"
            .to_owned()
    } else {
        format!("look what it says to a command: ssh {} true", uri(host))
    }
}

/// Where `hostout.toml` was searched.
fn searched(start: &Path, root: &Path) -> String {
    if start == root {
        format!("in {}", start.display())
    } else {
        format!(
            "in {} or above it, up to {}",
            start.display(),
            root.display()
        )
    }
}

impl Error {
    /// What to do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Bare(_) => "run it in a clone with files: git clone REPOSITORY FOLDER".to_owned(),
            Self::NoLedger(_) => "`git hostout init` starts one".to_owned(),
            Self::NoProject { .. } => {
                "git hostout init --stage demo --host local --path ~/demo\n  \
                 starts one for this machine; a server is --host USER@HOST"
                    .to_owned()
            }
            Self::NoBuildout(_) => {
                "run it in the folder of the buildout, or use -C FOLDER".to_owned()
            }
            Self::NotText { .. } => "save it as UTF-8, and commit it".to_owned(),
            Self::NoCommits => "git add the buildout and git commit it first".to_owned(),
            Self::Outside { .. } => {
                "move it into the repository, or run in the other one".to_owned()
            }
            Self::Kept { .. } => {
                "log in with a key that may do more than deploy, as who deploys".to_owned()
            }
            Self::Unreachable(error) => return error.hint(),
            Self::Silent { host, said, .. } => unlocking(host, said),
            Self::Conversation(error) => return error.hint(None),
            Self::File { .. } | Self::Write { .. } | Self::Encoding(_) | Self::Git { .. } => {
                return None;
            }
        })
    }

    /// Wraps an error of git's library.
    pub(super) fn git(what: &'static str) -> impl FnOnce(gix::Error) -> Self {
        move |source| Self::Git {
            what,
            source: Box::new(source),
        }
    }
}
