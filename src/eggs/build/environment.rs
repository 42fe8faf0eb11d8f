//! Virtual environments that hold build tools, kept by what is in them.

use super::{Builder, pip};
use crate::eggs::{Error, Result, child};
use crate::process;
use crate::release::{BuildTool, Digest, redact};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// An environment with an egg's build tools.
#[derive(Clone, Debug)]
pub(super) struct Environment {
    pub folder: PathBuf,
    pub tools: Vec<BuildTool>,
}

/// Written last, so that an environment without it is one that was interrupted.
const COMPLETE: &str = "hostout-tools.json";

impl Environment {
    pub fn python(&self) -> PathBuf {
        python_of(&self.folder)
    }
}

impl Builder {
    /// The environment with `requires`, at the versions that `pins` says where they fit.
    pub(super) fn environment(
        &self,
        egg: &str,
        requires: &[String],
        pins: &[BuildTool],
    ) -> Result<Environment> {
        let mut requires = requires.to_vec();
        requires.sort();
        requires.dedup();
        let attempts = pip::constraints(pins);
        let parent = if attempts.is_empty() {
            self.fresh.path()
        } else {
            &self.cache
        };
        let about = self.about_python()?;
        let key = Digest::of(format!("{about}\n{requires:?}\n{attempts:?}").as_bytes());
        made_once(&parent.join(format!("env-{}", key.short())), |folder| {
            for constraints in &attempts {
                match self.install(egg, &requires, constraints, folder) {
                    // a pin that a changed requirement rules out must not stop the release
                    Err(Error::Tools { .. }) => {}
                    result => return result,
                }
            }
            self.install(egg, &requires, &[], folder)
        })
    }

    fn install(
        &self,
        egg: &str,
        requires: &[String],
        pins: &[String],
        folder: &Path,
    ) -> Result<Vec<BuildTool>> {
        self.venv(folder, &["--without-pip"])?;
        if requires.is_empty() {
            return Ok(Vec::new());
        }
        let failed = |output| Error::Tools {
            egg: egg.into(),
            requires: redact(&requires.join(", ")).into_owned(),
            output,
        };
        if requires
            .iter()
            .any(|requirement| requirement.trim_start().starts_with('-'))
        {
            return Err(failed("a requirement is no option of pip".into()));
        }
        // Requirements go through files: an address with a password must not be seen by `ps`, nor stay in the cache.
        let private = process::Folder::new("hostout-");
        let private = private.map_err(Error::file(&std::env::temp_dir()))?;
        let write = |name: &str, lines: &[String]| {
            let path = private.path().join(name);
            let written = fs::write(&path, lines.join("\n") + "\n");
            written.map(|()| path.clone()).map_err(Error::file(&path))
        };
        let report = private.path().join("report.json");
        let mut pip = self.pip()?;
        pip.arg("--python")
            .arg(python_of(folder))
            .args(["install", "--quiet", "--no-input", "--report"])
            .arg(&report);
        pip.arg("-r").arg(write("requirements.txt", requires)?);
        if !pins.is_empty() {
            pip.arg("-c").arg(write("constraints.txt", pins)?);
        }
        child::run(&mut pip, failed)?;
        let text = fs::read(&report).map_err(Error::file(&report))?;
        pip::installed(&text).map_err(|why| failed(format!("pip's report: {why}")))
    }

    /// pip of an environment of its own, with the user's settings: pip.conf, `PIP_*`, .netrc, proxies.
    fn pip(&self) -> Result<Command> {
        let about = Digest::of(self.about_python()?.as_bytes());
        let seed = self.cache.join(format!("pip-{}", about.short()));
        made_once(&seed, |folder| {
            self.venv(folder, &[])?;
            // `--python` came with 22.3; nothing is fetched where that is there
            let mut pip = pip_in(folder);
            pip.args(["install", "--quiet", "--no-input", "pip>=22.3"]);
            let failed = |output| Error::Command {
                what: "updating pip".into(),
                output,
            };
            child::run(&mut pip, failed).map(|_| Vec::new())
        })?;
        Ok(pip_in(&seed))
    }

    fn venv(&self, folder: &Path, options: &[&str]) -> Result<()> {
        let mut command = child::bare(&self.python, self.fresh.path());
        command
            .args(["-I", "-m", "venv", "--clear"])
            .args(options)
            .arg(folder);
        let what = format!(
            "making a virtual environment with {}",
            self.python.display()
        );
        child::run(&mut command, |output| Error::Command { what, output }).map(drop)
    }

    /// What makes two pythons different for an environment.
    fn about_python(&self) -> Result<String> {
        let mut command = child::bare(&self.python, self.fresh.path());
        command.args([
            "-I",
            "-c",
            "import sys, sysconfig; print(sys.version, sys.base_prefix, sysconfig.get_platform())",
        ]);
        let what = format!("asking {} for its version", self.python.display());
        child::run(&mut command, |output| Error::Command { what, output })
    }
}

fn python_of(folder: &Path) -> PathBuf {
    folder.join("bin/python")
}

fn pip_in(seed: &Path) -> Command {
    let mut command = Command::new(python_of(seed));
    command.args(["-I", "-m", "pip", "--disable-pip-version-check"]);
    // what would put the tools elsewhere; everything else of the user's stands
    for name in [
        "PYTHONPATH",
        "PYTHONHOME",
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_ROOT",
        "PIP_DRY_RUN",
        "PIP_PYTHON",
        "PIP_REPORT",
        "PIP_QUIET",
    ] {
        command.env_remove(name);
    }
    command.env("PIP_USER", "0").env("LC_ALL", "C.UTF-8");
    command
}

/// Makes the environment `folder` unless it is complete; one process at a time.
fn made_once(
    folder: &Path,
    make: impl FnOnce(&Path) -> Result<Vec<BuildTool>>,
) -> Result<Environment> {
    let parent = folder.parent().unwrap_or(folder);
    fs::create_dir_all(parent).map_err(Error::file(parent))?;
    let lock = folder.with_extension("lock");
    let locked = File::create(&lock).and_then(|file| file.lock().map(|()| file));
    let _locked = locked.map_err(Error::file(&lock))?;
    let complete = folder.join(COMPLETE);
    let kept = fs::read(&complete).ok();
    let kept = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let tools = if let Some(tools) = kept {
        tools
    } else {
        let tools = make(folder)?;
        let bytes = serde_json::to_vec(&tools);
        let bytes = bytes.map_err(|error| Error::file(&complete)(error.into()))?;
        fs::write(&complete, bytes).map_err(Error::file(&complete))?;
        tools
    };
    Ok(Environment {
        folder: folder.into(),
        tools,
    })
}
