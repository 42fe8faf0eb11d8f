//! One build, from a checked out egg to a canonical wheel.

use super::{Builder, environment::Environment};
use crate::eggs::{EggSource, Error, Result, WheelInfo, WheelName, canonical, child};
use crate::process::Folder;
use crate::release::{Artifact, BuildTool, Digest};
use pep440_rs::Version;
use serde::Deserialize;
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What to build.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The egg, as read from the tree that is checked out.
    pub egg: &'a EggSource,
    /// The root of a [`TemporaryClone`](crate::eggs::TemporaryClone); the build writes into it.
    pub checkout: &'a Path,
    /// The version it has to have.
    pub version: &'a Version,
    /// `SOURCE_DATE_EPOCH`: committer time of the released commit, seconds since 1970.
    pub epoch: i64,
    /// Further environment variables, see [`Edits::pretend`](crate::eggs::Edits::pretend).
    pub pretend: &'a [(String, String)],
    /// The build tools of the previous release; none = the newest.
    pub tools: &'a [BuildTool],
}

/// A wheel.
#[derive(Clone, Debug)]
pub struct Built {
    /// Its name, digest and size; not reproducible where it is for one platform.
    pub artifact: Artifact,
    /// Its canonical bytes.
    pub bytes: Vec<u8>,
    /// What it says about itself.
    pub info: WheelInfo,
    /// What it was built with.
    pub tools: Vec<BuildTool>,
}

impl Builder {
    /// A builder that uses `python` and keeps environments in `cache`.
    pub fn new(cache: impl Into<PathBuf>, python: impl Into<PathBuf>) -> Result<Self> {
        let cache = cache.into();
        fs::create_dir_all(&cache).map_err(Error::file(&cache))?;
        // not below /tmp, where programs may be forbidden to run
        let fresh = Folder::new_in(&cache, "fresh-");
        let fresh = fresh.map_err(Error::file(&cache))?;
        Ok(Self {
            python: python.into(),
            cache,
            fresh,
        })
    }

    /// Builds one wheel.
    ///
    /// # Errors
    /// [`Error::Tools`] and [`Error::Build`] with the end of the output, [`Error::Mismatch`] where the build gave
    /// another name or version.
    pub fn build(&self, job: &Job<'_>) -> Result<Built> {
        let egg = job.egg;
        let scratch = Folder::new("hostout-build-");
        let scratch = scratch.map_err(Error::file(&std::env::temp_dir()))?;
        let mut environment = self.environment(&egg.name, &egg.requires, job.tools)?;
        let mut answer = hook(job, &environment, scratch.path(), "ask")?;
        if let Answer::Requires(wanted) = answer {
            let all = [egg.requires.as_slice(), &wanted].concat();
            environment = self.environment(&egg.name, &all, job.tools)?;
            answer = hook(job, &environment, scratch.path(), "build")?;
        }
        let Answer::Wheel(file) = answer else {
            return Err(unclear(egg, &"no wheel"));
        };
        let named = WheelName::parse(&file)?;
        if !named.is_of(&egg.name) || named.version != *job.version {
            return Err(Error::Mismatch {
                egg: egg.name.clone(),
                version: job.version.clone(),
                file,
            });
        }
        let path = wheels(scratch.path()).join(&file);
        let raw = fs::read(&path).map_err(Error::file(&path))?;
        let bytes = canonical(&file, &raw, job.epoch)?;
        let info = WheelInfo::read(&file, &bytes)?;
        let artifact = Artifact {
            sha256: Digest::of(&bytes),
            size: bytes.len() as u64,
            targets: Vec::new(),
            // a compiler's output depends on the compiler and on the headers of this machine
            reproducible: named.is_any_platform() && info.is_pure,
            file,
        };
        Ok(Built {
            artifact,
            bytes,
            info,
            tools: environment.tools,
        })
    }
}

fn wheels(scratch: &Path) -> PathBuf {
    scratch.join("wheels")
}

/// What `hook.py` answers.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    /// The build needs these as well.
    Requires(Vec<String>),
    /// The wheel's file name.
    Wheel(String),
}

/// Asks the backend, or has it build.
fn hook(job: &Job<'_>, environment: &Environment, scratch: &Path, step: &str) -> Result<Answer> {
    let (script, answer) = (scratch.join("hook.py"), scratch.join("answer.json"));
    let home = scratch.join("home");
    fs::write(&script, include_str!("hook.py")).map_err(Error::file(&script))?;
    for folder in [&home, &wheels(scratch)] {
        fs::create_dir_all(folder).map_err(Error::file(folder))?;
    }
    let mut command = child::bare(&environment.python(), &home);
    search_first(&mut command, &environment.folder.join("bin"));
    command
        .current_dir(job.checkout.join(&job.egg.path))
        .env("TMPDIR", &home)
        .env("SOURCE_DATE_EPOCH", job.epoch.to_string())
        .env("PYTHONHASHSEED", "0")
        .env("PYTHONNOUSERSITE", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .envs(job.pretend.iter().map(|(name, value)| (name, value)))
        .arg(&script)
        .args([step, &job.egg.backend])
        .args([&answer, &wheels(scratch)])
        .args(&job.egg.backend_path);
    child::run(&mut command, |output| Error::Build {
        egg: job.egg.name.clone(),
        output,
    })?;
    let bytes = fs::read(&answer).map_err(Error::file(&answer))?;
    serde_json::from_slice(&bytes).map_err(|error| unclear(job.egg, &error))
}

fn search_first(command: &mut Command, bin: &Path) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut all = bin.as_os_str().to_owned();
    all.push(":");
    all.push(path);
    command.env("PATH", all);
}

fn unclear(egg: &EggSource, error: &dyn Display) -> Error {
    Error::Build {
        egg: egg.name.clone(),
        output: format!("its backend's answer is not as PEP 517 has it: {error}"),
    }
}
