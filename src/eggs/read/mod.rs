//! Reading a develop egg without running it: name, version, where the version stands, backend, changelog.
//!
//! **Invariant:** what is read is what the build says, or the build is refused (`Error::Mismatch`): reading may guess,
//! nothing is shipped on a guess.
//! **Not here:** changing the version (`edit`), whether the egg changed (`tree`).
//! **To add** a backend: an arm in `backends::site`.

mod backends;
mod cfg;
mod places;
mod pyproject;
mod python;
mod setuptools;

pub(super) use cfg::value as cfg_value;
pub(super) use python::{Value as PythonValue, assigned, keywords, resolved};

use super::{Error, Result, normalize};
use pep440_rs::Version;

/// What a develop egg's packaging files say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EggSource {
    /// Its name as its metadata spells it.
    pub name: String,
    /// Its folder in the repository; `.` = the root.
    pub path: String,
    /// The version that stands there; `None` where the VCS knows it.
    pub version: Option<Version>,
    /// Where the version stands.
    pub site: VersionSite,
    /// The build backend (PEP 517), e.g. `hatchling.build`.
    pub backend: String,
    /// `[build-system] backend-path`: in-tree backends.
    pub backend_path: Vec<String>,
    /// `[build-system] requires` (PEP 518).
    pub requires: Vec<String>,
    /// `Requires-Python`, where it is written plainly.
    pub requires_python: Option<String>,
    /// Its changelog, relative to its folder.
    pub changelog: Option<String>,
}

/// Where an egg's version stands. Files are relative to the egg's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionSite {
    /// A key of a TOML file, e.g. `project.version`.
    Toml {
        /// `pyproject.toml`.
        file: String,
        /// The tables and the key.
        key: Vec<String>,
    },
    /// `version` of `[metadata]`.
    Cfg {
        /// `setup.cfg`.
        file: String,
    },
    /// The `version` argument of `setup()`, itself or the variable it names.
    SetupPy {
        /// `setup.py`.
        file: String,
    },
    /// A string in a module, e.g. `__version__ = "1.0"`.
    Attr {
        /// The module.
        file: String,
        /// The variable.
        name: String,
    },
    /// A file that holds nothing else.
    File {
        /// The file.
        file: String,
    },
    /// Computed from the VCS at build time; told to the build instead.
    Scm {
        /// The environment variables that overrule it.
        pretend: Vec<String>,
    },
}

/// A folder's files as they are in git: a path relative to the repository gives its bytes.
pub type Files<'a> = &'a dyn Fn(&str) -> Option<Vec<u8>>;

/// The reader of develop eggs.
#[derive(Clone, Copy, Debug)]
pub struct Project;

/// One egg's folder while it is read.
#[derive(Clone, Copy)]
struct Folder<'a> {
    files: Files<'a>,
    path: &'a str,
}

/// A name and a version with its place; either may be missing while files are still to be asked.
#[derive(Debug, Default)]
struct Found {
    name: Option<String>,
    version: Option<(String, VersionSite)>,
    requires_python: Option<String>,
}

const CHANGELOGS: [&str; 5] = ["CHANGES", "CHANGELOG", "HISTORY", "NEWS", "CHANGE_HISTORY"];

impl Project {
    /// Reads the egg in the folder `path` of a repository.
    ///
    /// # Errors
    /// [`Error::Undetermined`] where name or version are computed.
    pub fn read(files: Files<'_>, path: &str) -> Result<EggSource> {
        let folder = Folder { files, path };
        let pyproject = pyproject::read(&folder)?;
        let system = pyproject::build_system(pyproject.as_ref());
        let mut found = match &pyproject {
            Some(document) => backends::read(&folder, document, &system)?,
            None => Found::default(),
        };
        if system.may_be_setuptools() && (found.name.is_none() || found.version.is_none()) {
            found = found.or(setuptools::read(&folder, &system)?);
        } else if pyproject.is_none() {
            return Err(Error::NotAnEgg { path: path.into() });
        }
        let missing = |what| Error::Undetermined {
            file: folder.place(if system.may_be_setuptools() {
                folder.setup_file()
            } else {
                "pyproject.toml"
            }),
            what,
            why: "it is not there".into(),
        };
        let (text, site) = found.version.ok_or_else(|| missing("version"))?;
        let version = match &site {
            VersionSite::Scm { .. } if text.is_empty() => None,
            VersionSite::Scm { .. } => Some(folder.version("pyproject.toml", &text)?),
            site => Some(folder.version(site.file(), &text)?),
        };
        Ok(EggSource {
            name: found.name.ok_or_else(|| missing("name"))?,
            path: path.into(),
            version,
            site,
            backend: system.backend,
            backend_path: system.backend_path,
            requires: system.requires,
            requires_python: found.requires_python,
            changelog: folder.changelog(),
        })
    }
}

impl Found {
    fn or(self, other: Self) -> Self {
        Self {
            name: self.name.or(other.name),
            version: self.version.or(other.version),
            requires_python: self.requires_python.or(other.requires_python),
        }
    }
}

impl VersionSite {
    /// The file that holds the version; empty for [`VersionSite::Scm`].
    pub fn file(&self) -> &str {
        match self {
            Self::Toml { file, .. }
            | Self::Cfg { file }
            | Self::SetupPy { file }
            | Self::Attr { file, .. }
            | Self::File { file } => file,
            Self::Scm { .. } => "",
        }
    }
}

impl EggSource {
    /// A file of the egg, relative to the repository.
    pub fn place(&self, file: &str) -> String {
        place(&self.path, file)
    }
}

impl Folder<'_> {
    fn place(&self, file: &str) -> String {
        place(self.path, file)
    }

    fn bytes(&self, file: &str) -> Option<Vec<u8>> {
        (self.files)(&self.place(file))
    }

    fn text(&self, file: &str) -> Result<Option<String>> {
        let Some(bytes) = self.bytes(file) else {
            return Ok(None);
        };
        let text = String::from_utf8(bytes);
        text.map(Some).map_err(|_| Error::Encoding {
            file: self.place(file),
        })
    }

    fn version(&self, file: &str, text: &str) -> Result<Version> {
        text.trim().parse().map_err(|source| Error::Version {
            file: self.place(file),
            version: text.trim().into(),
            source: Box::new(source),
        })
    }

    fn undetermined(&self, file: &str, what: &'static str, why: impl Into<String>) -> Error {
        let (file, why) = (self.place(file), why.into());
        Error::Undetermined { file, what, why }
    }

    fn setup_file(&self) -> &'static str {
        let mut files = ["setup.py", "setup.cfg"].into_iter();
        let found = files.find(|file| self.bytes(file).is_some());
        found.unwrap_or("pyproject.toml")
    }

    fn changelog(&self) -> Option<String> {
        let names = ["", "docs/"].into_iter().flat_map(|folder| {
            let stems = CHANGELOGS.into_iter();
            stems.flat_map(move |stem| {
                [".rst", ".md", ".txt", ""].map(|suffix| format!("{folder}{stem}{suffix}"))
            })
        });
        names
            .flat_map(|name| [name.clone(), name.to_ascii_lowercase()])
            .find(|name| self.bytes(name).is_some())
    }
}

fn place(folder: &str, file: &str) -> String {
    let folder = folder.trim_end_matches('/');
    if folder.is_empty() || folder == "." {
        file.to_owned()
    } else {
        format!("{folder}/{file}")
    }
}

#[cfg(test)]
mod tests;
