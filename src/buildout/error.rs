//! What can go wrong here.

use std::{io, path::PathBuf};

/// What pins the project's own eggs: no file, but the version that they get.
pub(super) const THIS_RELEASE: &str = "this release";

/// A buildout that can't be read or resolved. No message holds a user name or password of a URL.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are named as the messages use them")]
pub enum Error {
    /// A configuration file is not one.
    #[error("{file}: cannot be read as a buildout configuration")]
    Syntax {
        file: String,
        #[source]
        source: super::cfg::SyntaxError,
    },
    /// A configuration file is not text.
    #[error("{file}: not UTF-8")]
    Encoding { file: String },
    /// A configuration that is named is not there.
    #[error("{from}: `{file}` is not in the released commit")]
    Missing { from: String, file: String },
    /// A configuration outside the repository.
    #[error("{from}: `{file}` lies outside the repository")]
    Outside { from: String, file: String },
    /// A configuration that extends itself.
    #[error("{file}: extends itself, through {chain}")]
    Recursive { file: String, chain: String },
    /// A URL that gives nothing.
    #[error("{url}: cannot be fetched: {message}")]
    Fetch { url: String, message: String },
    /// The condition of a section can't be evaluated.
    #[error("the condition `{expression}` of a section cannot be evaluated: {message}")]
    Condition { expression: String, message: String },
    /// A release of zc.buildout that is too old or too new.
    #[error("zc.buildout {found} is not supported ({origin}); needed is {needed}")]
    Unsupported {
        found: String,
        needed: &'static str,
        origin: String,
    },
    /// A Python that can't be used.
    #[error("{python}: {message}")]
    Python { python: String, message: String },
    /// pip can't get or build something.
    #[error("{what}: pip failed\n{output}")]
    Pip { what: String, output: String },
    /// Buildout itself failed.
    #[error("{config}: buildout failed\n{output}")]
    Buildout { config: String, output: String },
    /// Nothing fulfils a requirement.
    #[error("{requirement}: no such distribution was found, wanted by {wanted_by}")]
    NotFound {
        requirement: String,
        wanted_by: String,
    },
    /// A pin and a requirement contradict each other.
    #[error(
        "{requirement}: not allowed by the pin `{name} = {pin}` of {pinned_in}, wanted by {wanted_by}"
    )]
    Conflict {
        requirement: String,
        name: String,
        pin: String,
        pinned_in: String,
        wanted_by: String,
    },
    /// One package in two versions within one configuration.
    #[error("{config}: uses {name} in the versions {first} and {second}")]
    TwoVersions {
        config: String,
        name: String,
        first: String,
        second: String,
    },
    /// The name of a project's egg was satisfied by something else.
    #[error("{name}: the project's own egg, but buildout took version {version} from {from}")]
    Confused {
        name: String,
        version: String,
        from: String,
    },
    /// A part that builds a distribution with options of its own.
    #[error("{part}: builds {requirement} with its own options, which no wheel can carry")]
    CustomBuild { part: String, requirement: String },
    /// A file that is neither wheel nor sdist.
    #[error("{name} {version}: `{file}` is neither a wheel nor a source distribution")]
    NoWheel {
        name: String,
        version: String,
        file: String,
    },
    /// An entry of `include` that is no glob.
    #[error("`include` cannot be read")]
    Include {
        #[source]
        source: globset::Error,
    },
    /// A file or process that the system refuses.
    #[error("cannot use {path}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// One of our own scripts gave something unexpected.
    #[error("{script}: unexpected answer")]
    Answer {
        script: &'static str,
        #[source]
        source: serde_json::Error,
    },
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unsupported { .. } => Some("pin zc.buildout in [versions]".to_owned()),
            Self::NotFound { .. } => Some(
                "check the pin, and index and find-links of ~/.buildout/default.cfg".to_owned(),
            ),
            Self::Conflict {
                name, pinned_in, ..
            } if pinned_in == THIS_RELEASE => Some(format!(
                "that is the version which {name} gets here; change the requirement, or the version of {name}: \
                 git tag it, where its tags say it"
            )),
            Self::Conflict { name, .. } => Some(format!("change the pin of {name} in [versions]")),
            Self::TwoVersions { name, .. } => Some(format!("pin {name} in [versions]")),
            Self::Outside { .. } => Some("name a file of the repository, or a URL".to_owned()),
            Self::CustomBuild { .. } => {
                Some("build its wheel yourself, and offer it through find-links".to_owned())
            }
            Self::Python { .. } => Some("install python3 with its venv module".to_owned()),
            Self::Syntax { .. } => {
                Some("a line is `[section]`, `option = value`, or indented below one".to_owned())
            }
            Self::Encoding { file } => Some(format!("save {file} as UTF-8, and commit it")),
            Self::Missing { file, .. } => Some(format!(
                "git add --force {file} and commit it, or take it out of `extends`"
            )),
            Self::Recursive { .. } => Some("take one of them out of `extends`".to_owned()),
            Self::Fetch { .. } => {
                Some("does it open in a browser here? a proxy is told by $https_proxy".to_owned())
            }
            Self::Condition { .. } => Some("correct it; `bin/buildout` fails on it too".to_owned()),
            Self::Pip { .. } | Self::Buildout { .. } => {
                Some("the last lines above say why; -v shows all of them".to_owned())
            }
            Self::Confused { name, .. } => Some(format!(
                "somebody else's {name} must never replace yours: take its pin and its find-links away"
            )),
            Self::NoWheel { name, .. } => Some(format!(
                "pin a version of {name} that has a wheel or an sdist"
            )),
            Self::Include { .. } => {
                Some("`include` in hostout.toml takes globs and folders".to_owned())
            }
            Self::Io { .. } => {
                Some("is there room on its disk, and may you write there?".to_owned())
            }
            Self::Answer { .. } => None,
        }
    }

    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
