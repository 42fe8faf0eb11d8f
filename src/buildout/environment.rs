//! Virtual environments in the cache: made at their final place under a lock, with a marker when they are complete, so that
//! two processes that want the same one wait for each other.

use super::{
    Error, Python,
    sandbox::{Sandbox, run},
};
use crate::release::Digest;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

/// Says that an environment is complete; last file that is written.
pub(super) const COMPLETE: &str = "complete";

/// Where the environment of `python` that holds `what` is.
pub(super) fn place(cache: &Path, python: &Python, what: &str) -> PathBuf {
    let key = format!("{}\n{}\n{what}", python.executable.display(), python.build);
    cache.join(Digest::of(key.as_bytes()).short())
}

/// Lets `make` fill `root` unless that is complete; what an attempt left that was cut short goes first.
pub(super) fn made_once(
    root: &Path,
    make: impl FnOnce() -> Result<(), Error>,
) -> Result<(), Error> {
    let lock = root.with_extension("lock");
    let locked = File::create(&lock).and_then(|file| file.lock().map(|()| file));
    let _locked = locked.map_err(Error::io(lock))?;
    let marker = root.join(COMPLETE);
    if marker.exists() {
        return Ok(());
    }
    if root.exists() {
        fs::remove_dir_all(root).map_err(Error::io(root))?;
    }
    make()?;
    fs::write(&marker, "").map_err(Error::io(marker))
}

/// `python -m venv` with further options.
pub(super) fn make_venv(
    root: &Path,
    python: &Python,
    sandbox: &Sandbox,
    options: &[&str],
) -> Result<(), Error> {
    let mut venv = sandbox.command(&python.executable);
    venv.args(["-m", "venv"]).args(options).arg(root);
    let (ok, output) = run(&mut venv, &|_| ()).map_err(Error::io(&python.executable))?;
    if ok {
        return Ok(());
    }
    Err(Error::Python {
        python: python.executable.display().to_string(),
        message: output,
    })
}

/// An interpreter that has pip: this one, else that of an environment. Debian's own has none; what it puts into
/// environments comes with python3-venv.
pub(super) fn with_pip(cache: &Path, python: &Python, sandbox: &Sandbox) -> Result<PathBuf, Error> {
    let mut ask = sandbox.command(&python.executable);
    ask.args(["-c", "import pip"]);
    let (has_pip, _) = run(&mut ask, &|_| ()).map_err(Error::io(&python.executable))?;
    if has_pip {
        return Ok(python.executable.clone());
    }
    let root = place(cache, python, "pip");
    made_once(&root, || make_venv(&root, python, sandbox, &[]))?;
    Ok(root.join("bin/python"))
}
