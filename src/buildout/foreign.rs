//! Wheels for machines that are not this one, and what they need besides.

use super::{
    Error, Inspected, Scratch, Settings, User,
    index::point_to_index,
    sandbox::{Sandbox, run, script},
};
use crate::release::{Elsewhere, Target};
use serde::{Deserialize, de::DeserializeOwned};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Another kind of machine, and where its wheels come from.
pub struct Foreign<'a> {
    /// Where pip lives.
    pub scratch: &'a Scratch,
    /// A production configuration, whose index counts.
    pub inspected: &'a Inspected,
    /// Whose settings apply.
    pub user: &'a User,
    /// Those settings.
    pub settings: &'a Settings,
    /// The machine.
    pub target: &'a Target,
    /// Is given every line that pip says, redacted.
    pub progress: &'a dyn Fn(&str),
}

/// A requirement that holds there and not here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Wanted {
    /// `name`, with its specifier.
    pub requirement: String,
    /// The name of the distribution that wants it.
    pub by: String,
}

impl Wanted {
    /// The name of what is wanted.
    pub fn name(&self) -> &str {
        let end = self.requirement.find(|c: char| "<>=!~".contains(c));
        &self.requirement[..end.unwrap_or(self.requirement.len())]
    }
}

const MARKERS: &str = include_str!("markers.py");

impl Foreign<'_> {
    /// Downloads wheels that fulfil `requirements` into `folder`, nothing that these want; those files. What no index has
    /// for that machine is left out.
    ///
    /// # Errors
    /// Where pip cannot be run.
    pub fn download(&self, requirements: &[String], folder: &Path) -> Result<Vec<PathBuf>, Error> {
        if !requirements.is_empty() && !self.pip(requirements, folder)? && requirements.len() > 1 {
            // One that is not there stops all others.
            for requirement in requirements {
                self.pip(std::slice::from_ref(requirement), folder)?;
            }
        }
        let Ok(entries) = fs::read_dir(folder) else {
            return Ok(Vec::new());
        };
        let mut files = Vec::new();
        for entry in entries {
            files.push(entry.map_err(Error::io(folder))?.path());
        }
        files.sort();
        Ok(files)
    }

    /// pip takes a series for its first release, which many distributions refuse by `Requires-Python`: with a patch
    /// version it is a late one. Older platforms have to be named, too.
    fn pip(&self, requirements: &[String], folder: &Path) -> Result<bool, Error> {
        let sandbox = Sandbox::make(self.user)?;
        let mut command = sandbox.command(&self.scratch.python);
        command
            .args([
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--only-binary",
                ":all:",
            ])
            .args([
                "--python-version",
                &self.target.late_python(),
                "--implementation",
                "cp",
            ])
            .args(["--abi", &self.target.abi()]);
        for platform in self.target.platforms() {
            command.args(["--platform", &platform]);
        }
        command
            .arg("--dest")
            .arg(folder)
            .arg("--")
            .args(requirements);
        point_to_index(&mut command, self.inspected, self.user, self.settings);
        let (ok, _) = run(&mut command, self.progress).map_err(Error::io(&self.scratch.python))?;
        Ok(ok)
    }

    /// What `dists`, with their requirements, want on that machine, do not want here, and is not among them.
    ///
    /// # Errors
    /// Where the interpreter cannot be run.
    pub fn wants(&self, dists: &BTreeMap<String, Vec<String>>) -> Result<Vec<Wanted>, Error> {
        let (system, machine) = self.target.machine();
        let ask = serde_json::json!({
            "python": self.target.late_python(),
            "system": system,
            "machine": machine,
            "dists": dists,
        });
        let sandbox = Sandbox::make(self.user)?;
        markers(self.scratch, &sandbox, &ask)
    }
}

/// What `dists`, with their requirements, want on other machines than this, where their python fulfils one of the
/// specifiers `pythons`.
///
/// # Errors
/// Where the interpreter cannot be run.
pub fn conditional(
    scratch: &Scratch,
    user: &User,
    dists: &BTreeMap<String, Vec<String>>,
    pythons: &[String],
) -> Result<Vec<Elsewhere>, Error> {
    let ask = serde_json::json!({ "pythons": pythons, "dists": dists });
    markers(scratch, &Sandbox::make(user)?, &ask)
}

fn markers<T: DeserializeOwned>(
    scratch: &Scratch,
    sandbox: &Sandbox,
    ask: &serde_json::Value,
) -> Result<T, Error> {
    let mut command = sandbox.command(&scratch.python);
    let output = script(&mut command, MARKERS, ask).map_err(Error::io(&scratch.python))?;
    serde_json::from_slice(&output.stdout).map_err(|source| Error::Answer {
        script: "markers.py",
        source,
    })
}
