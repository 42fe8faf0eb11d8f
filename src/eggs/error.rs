//! What can go wrong with an egg.

use std::{io, path::PathBuf};

/// An egg that cannot be read, edited, compared or built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No packaging file in its folder.
    #[error("{path} has no pyproject.toml, setup.cfg or setup.py")]
    NotAnEgg {
        /// The egg's folder.
        path: String,
    },
    /// A packaging file that is no TOML.
    #[error("{file} cannot be read")]
    Toml {
        /// The file.
        file: String,
        /// Where and why.
        #[source]
        source: Box<toml_edit::TomlError>,
    },
    /// A packaging file that is not UTF-8.
    #[error("{file} is not UTF-8")]
    Encoding {
        /// The file.
        file: String,
    },
    /// Its name or version is computed.
    #[error("{file} does not say the {what} in a form that can be read without running it: {why}")]
    Undetermined {
        /// The file.
        file: String,
        /// `name` or `version`.
        what: &'static str,
        /// What was found.
        why: String,
    },
    /// A version that is not PEP 440.
    #[error("{file} says version `{version}`")]
    Version {
        /// The file.
        file: String,
        /// The text.
        version: String,
        /// Why it is none.
        #[source]
        source: Box<pep440_rs::VersionParseError>,
    },
    /// A version that cannot be written where it stands.
    #[error("{file}: the version was not found again at {place}")]
    Edit {
        /// The file.
        file: String,
        /// The place.
        place: String,
    },
    /// Something that is no wheel, or one that must not be shipped.
    #[error("{file} is not an acceptable wheel: {why}")]
    Wheel {
        /// The file's name.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// git objects that cannot be read or written.
    #[error("cannot read or write {what} in git")]
    Git {
        /// What was wanted.
        what: String,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The egg's folder is not in the tree.
    #[error("{path} is not a folder of tree {tree}")]
    NoFolder {
        /// The folder.
        path: String,
        /// The tree's object id.
        tree: String,
    },
    /// A program that cannot be started.
    #[error("{program} cannot be run")]
    Start {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A program that failed.
    #[error("{what} failed:\n{output}")]
    Command {
        /// What was attempted.
        what: String,
        /// The end of its output, passwords blotted out.
        output: String,
    },
    /// The build tools cannot be installed.
    #[error("the build tools of {egg} ({requires}) cannot be installed:\n{output}")]
    Tools {
        /// The egg.
        egg: String,
        /// What it asks for.
        requires: String,
        /// The end of pip's output, passwords blotted out.
        output: String,
    },
    /// The egg cannot be built.
    #[error("{egg} cannot be built:\n{output}")]
    Build {
        /// The egg.
        egg: String,
        /// The end of the backend's output, passwords blotted out.
        output: String,
    },
    /// The build gave another distribution than was asked for.
    #[error("{egg} {version} was asked for, its build gave {file}")]
    Mismatch {
        /// The egg.
        egg: String,
        /// The version that was asked for.
        version: pep440_rs::Version,
        /// The wheel's file name.
        file: String,
    },
    /// A file of the scratch folders or the cache.
    #[error("cannot use {path}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Undetermined { what, .. } => {
                format!(
                    "write the {what} into pyproject.toml, or as a plain string in setup.cfg or setup.py"
                )
            }
            Self::Version { .. } => {
                "versions are written as PEP 440 has them, e.g. 1.0, 1.0rc1, 1.0.dev0".into()
            }
            Self::Mismatch { .. } => {
                "the version that was written is not the one its build uses; keep it in one place"
                    .into()
            }
            Self::NotAnEgg { .. } => {
                "add a pyproject.toml there, or take the folder out of `develop`".into()
            }
            Self::Toml { .. } => "correct it; pip cannot read it either".into(),
            Self::Encoding { file } => format!("save {file} as UTF-8, and commit it"),
            Self::Edit { .. } => "write the version as a plain string, in one place".into(),
            Self::NoFolder { path, .. } => format!("is {path} committed to git?"),
            Self::Start { program, .. } => format!("is {program} installed, and on PATH?"),
            Self::File { .. } => "is there room on its disk, and may you write there?".into(),
            Self::Tools { .. } => {
                "pip is configured by pip.conf, PIP_* variables and .netrc as usual".into()
            }
            Self::Command { what, .. } if what.contains("virtual environment") => {
                "on Debian and Ubuntu `python3 -m venv` needs the package python3-venv".into()
            }
            Self::Build { .. } | Self::Wheel { .. } | Self::Git { .. } | Self::Command { .. } => {
                return None;
            }
        })
    }

    pub(super) fn git<E>(what: impl Into<String>) -> impl FnOnce(E) -> Self
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        let what = what.into();
        move |source| Self::Git {
            what,
            source: Box::new(source),
        }
    }

    pub(super) fn file(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}
