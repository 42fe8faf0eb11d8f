//! Virtual environments in which buildout runs here, kept in the cache: one for each interpreter and set of versions.
//!
//! An environment is made at its final place under a lock, and has a marker when it is complete; two processes that want the same
//! one wait for each other.

use super::{
    Bootstrap, Error, Python, Settings, User,
    environment::{self, COMPLETE, made_once, make_venv, with_pip},
    sandbox::{Sandbox, run},
};
use crate::process;
use crate::release::normalize;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// A virtual environment with buildout in it.
#[derive(Clone, Debug)]
pub struct Scratch {
    /// Its interpreter.
    pub python: PathBuf,
    /// What it holds: exact versions by the names of [`super::BOOTSTRAP`].
    pub pins: BTreeMap<String, String>,
    /// The wheel of each.
    pub wheels: BTreeMap<String, PathBuf>,
}

impl Scratch {
    /// Finds the environment in `cache`, or makes it.
    ///
    /// # Errors
    /// Where pip can't get the distributions, or the interpreter can't make an environment.
    pub fn make(
        cache: &Path,
        python: &Python,
        bootstrap: &Bootstrap,
        user: &User,
    ) -> Result<Self, Error> {
        let cache = cache.join("scratch");
        fs::create_dir_all(&cache).map_err(Error::io(&cache))?;
        let sandbox = Sandbox::make(user)?;
        if let Some(pins) = bootstrap.exact()
            && let Some(found) = Self::at(&place(&cache, python, &pins), &pins)
        {
            return Ok(found);
        }
        let pip = with_pip(&cache, python, &sandbox)?;
        let wheels = download(&pip, bootstrap, user, &sandbox)?;
        let pins: BTreeMap<String, String> = wheels
            .iter()
            .map(|(name, (version, _))| (name.clone(), version.clone()))
            .collect();
        let root = place(&cache, python, &pins);
        made_once(&root, || install(&root, python, &wheels, &sandbox))?;
        Self::at(&root, &pins).ok_or_else(|| Error::Python {
            python: python.executable.display().to_string(),
            message: "made an incomplete virtual environment".to_owned(),
        })
    }

    fn at(root: &Path, pins: &BTreeMap<String, String>) -> Option<Self> {
        if !root.join(COMPLETE).exists() {
            return None;
        }
        let mut wheels = BTreeMap::new();
        for entry in fs::read_dir(root.join("wheels")).ok()?.flatten() {
            let (name, _) = wheel_name(&entry.file_name().to_string_lossy())?;
            wheels.insert(spelled(&name, pins)?, entry.path());
        }
        Some(Self {
            python: root.join("bin/python"),
            pins: pins.clone(),
            wheels,
        })
    }

    /// The version of zc.buildout.
    pub fn buildout(&self) -> &str {
        self.pins.get("zc.buildout").map_or("", String::as_str)
    }

    /// What the user has set up: `default.cfg` and pip's configuration.
    ///
    /// # Errors
    /// For a `default.cfg` that is no configuration.
    pub fn settings(&self, user: &User) -> Result<Settings, Error> {
        let sandbox = Sandbox::make(user)?;
        // Read by hand: what it prints may hold passwords, and `run` would take them out.
        let mut list = sandbox.command(&self.python);
        let output = process::output(list.args(["-m", "pip", "config", "list"]))
            .map_err(Error::io(&self.python))?;
        user.settings(&String::from_utf8_lossy(&output.stdout))
    }
}

/// Name and version of a wheel file (PEP 427).
pub(super) fn wheel_name(file: &str) -> Option<(String, String)> {
    let mut parts = file.strip_suffix(".whl")?.split('-');
    Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
}

fn spelled(name: &str, pins: &BTreeMap<String, String>) -> Option<String> {
    pins.keys()
        .find(|pin| normalize(pin) == normalize(name))
        .cloned()
}

fn place(cache: &Path, python: &Python, pins: &BTreeMap<String, String>) -> PathBuf {
    environment::place(cache, python, &format!("{pins:?}"))
}

type Wheels = BTreeMap<String, (String, Vec<u8>)>;

/// The wheels that fulfil the requirements together: version and bytes by name.
fn download(
    python: &Path,
    bootstrap: &Bootstrap,
    user: &User,
    sandbox: &Sandbox,
) -> Result<Wheels, Error> {
    let folder = sandbox.path("wheels");
    let mut command = sandbox.command(python);
    command
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--only-binary",
            ":all:",
            "--dest",
        ])
        .arg(&folder);
    command.args(
        bootstrap
            .wanted
            .iter()
            .map(|(name, specifier)| format!("{name}{specifier}")),
    );
    // An index that only buildout's own settings name is told to pip through the environment: it may hold a password.
    let settings = user.settings("")?;
    if let Some(index) = settings.options.get("index")
        && user.var("PIP_INDEX_URL").is_none()
    {
        command.env("PIP_EXTRA_INDEX_URL", extra_index(user, index));
    }
    let (ok, output) = run(&mut command, &|_| ()).map_err(Error::io(python))?;
    if !ok {
        return Err(Error::Pip {
            what: "zc.buildout".to_owned(),
            output,
        });
    }
    let mut wheels = Wheels::new();
    for entry in fs::read_dir(&folder).map_err(Error::io(&folder))? {
        let entry = entry.map_err(Error::io(&folder))?;
        if let Some((name, version)) = wheel_name(&entry.file_name().to_string_lossy()) {
            let known = super::BOOTSTRAP
                .iter()
                .find(|known| normalize(known) == normalize(&name));
            let name = known.map_or(name, |known| (*known).to_owned());
            let bytes = fs::read(entry.path()).map_err(Error::io(entry.path()))?;
            wheels.insert(name, (version, bytes));
        }
    }
    Ok(wheels)
}

/// `PIP_EXTRA_INDEX_URL` with one more index.
pub(super) fn extra_index(user: &User, index: &str) -> String {
    let before = user
        .var("PIP_EXTRA_INDEX_URL")
        .map(|value| value.to_string_lossy().into_owned());
    [before.as_deref().unwrap_or(""), index]
        .join(" ")
        .trim()
        .to_owned()
}

/// Makes the environment at `root` from the wheels.
fn install(root: &Path, python: &Python, wheels: &Wheels, sandbox: &Sandbox) -> Result<(), Error> {
    make_venv(root, python, sandbox, &["--without-pip"])?;
    let folder = root.join("wheels");
    fs::create_dir(&folder).map_err(Error::io(&folder))?;
    let mut files = Vec::new();
    for entry in fs::read_dir(sandbox.path("wheels"))
        .map_err(Error::io(&folder))?
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some((_, bytes)) = wheel_name(&name)
            .and_then(|(wheel, _)| {
                wheels
                    .iter()
                    .find(|(known, _)| normalize(known) == normalize(&wheel))
            })
            .map(|(_, found)| found)
        {
            let to = folder.join(&name);
            fs::write(&to, bytes).map_err(Error::io(&to))?;
            files.push(to);
        }
    }
    // A wheel of pip is a program too (it runs from the zip file), so the interpreter needs no ensurepip.
    let Some(pip) = files.iter().find(|file| {
        file.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("pip-"))
    }) else {
        return Err(Error::Python {
            python: python.executable.display().to_string(),
            message: "pip gave no wheel of itself".to_owned(),
        });
    };
    let mut command = sandbox.command(&root.join("bin/python"));
    command
        .arg(pip.join("pip"))
        .args(["install", "--quiet", "--no-index", "--no-deps"])
        .args(&files);
    let (ok, output) = run(&mut command, &|_| ()).map_err(Error::io(root))?;
    if !ok {
        return Err(Error::Pip {
            what: root.display().to_string(),
            output,
        });
    }
    Ok(())
}
