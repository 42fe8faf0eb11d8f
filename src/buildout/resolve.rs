//! Which distributions a configuration uses: buildout's own run, recorded.
//!
//! The run has an empty egg directory, the project's eggs as wheels in its download cache, `develop` blank, and every pin that is
//! known; everything it uses is therefore fetched, and what is fetched is what it uses. Parts are installed for real, in a copy of
//! the checkout; of parts that act outside it only the recipe is loaded.

use super::{
    Error, Graph, Inspected, Scratch, Settings, User, Workdir, bootstrap,
    generate::{ResolveCfg, resolve_cfg},
    name::spellings,
    recorded::{Failure, Kind, Recorded},
    sandbox::{Sandbox, run},
    wheels,
    workdir::write,
};
use crate::release::{BuiltFrom, Origin, normalize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// What to resolve, and with what.
pub struct Request<'a> {
    /// Where buildout lives.
    pub scratch: &'a Scratch,
    /// A copy of the bumped tree, flattened; parts are installed into it.
    pub work: &'a Workdir,
    /// The production configuration and what it extends.
    pub graph: &'a Graph,
    /// The same as buildout sees it.
    pub inspected: &'a Inspected,
    /// The parts, where not those of the configuration.
    pub parts: Option<&'a [String]>,
    /// Parts whose recipe is loaded and not run.
    pub host_parts: &'a [String],
    /// The project's own eggs.
    pub eggs: &'a [EggWheel],
    /// Pins of the previous release that stay: name and version. Those the project pins itself are passed over.
    pub kept: &'a [(String, String)],
    /// Wheels that are there already, which are taken rather than any index's.
    pub stored: &'a [PathBuf],
    /// Files for the download cache of recipes, by their path in it.
    pub downloads: &'a BTreeMap<String, Vec<u8>>,
    /// Makes a wheel that was built here canonical.
    pub canonical: &'a dyn Fn(Vec<u8>) -> Vec<u8>,
    /// The time in wheels that are built here, seconds since 1970.
    pub epoch: i64,
    /// Whose settings apply.
    pub user: &'a User,
    /// Those settings.
    pub settings: &'a Settings,
    /// Where the wheels are put.
    pub out: &'a Path,
    /// Is given every line that buildout and pip say, redacted.
    pub progress: &'a dyn Fn(&str),
}

/// A wheel of a project's own egg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EggWheel {
    /// The egg's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The file.
    pub file: PathBuf,
}

/// What a configuration uses.
#[derive(Clone, Debug, Default)]
pub struct Resolved {
    /// Third-party distributions with those of the scratch environment, by canonical name.
    pub dists: Vec<Dist>,
    /// The project's eggs that are used.
    pub eggs_used: Vec<String>,
    /// The others.
    pub eggs_unused: Vec<String>,
    /// The parts and their recipes, as written.
    pub parts: BTreeMap<String, String>,
    /// The canonical names of the distributions that each part uses.
    pub used: BTreeMap<String, BTreeSet<String>>,
    /// Further spellings of names that pins are needed for; empty where buildout takes every spelling.
    pub spellings: BTreeMap<String, Vec<String>>,
    /// Files that recipes downloaded through the download cache, by their path in it.
    pub downloads: BTreeMap<String, PathBuf>,
    /// Kept pins that a requirement no longer allows, and that were resolved anew.
    pub released: Vec<(String, String)>,
}

/// A third-party distribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dist {
    /// As buildout prints it.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its wheel, in [`Request::out`].
    pub file: PathBuf,
    /// Where it comes from.
    pub origin: Origin,
    /// Its address without user info; empty for a wheel that was there already.
    pub url: String,
    /// What a wheel that was built here was built from.
    pub built_from: Option<BuiltFrom>,
}

impl Dist {
    /// Whether it came as a wheel from a folder of this machine, which means nothing elsewhere.
    pub fn is_local(&self) -> bool {
        self.built_from.is_none() && !self.url.is_empty() && !self.url.contains("://")
    }
}

/// The script that runs in the scratch environment.
const SCRIPT: &str = include_str!("record.py");
/// The configuration of the run.
const CONFIG: &str = ".hostout-resolve.cfg";

/// Runs buildout and collects what it used.
///
/// # Errors
/// For requirements that can't be fulfilled, contradictions, and whatever makes buildout or pip fail.
pub fn resolve(request: &Request<'_>) -> Result<Resolved, Error> {
    let sandbox = Sandbox::with_programs(request.user)?;
    let mut kept: Vec<(String, String)> = request.kept.to_vec();
    let versions = request.graph.sections.versions();
    kept.retain(|(name, _)| {
        !versions
            .keys()
            .any(|pinned| normalize(pinned) == normalize(name))
    });
    let mut released = Vec::new();
    let run = folder(request.work.root())?;
    let cache = run.join("cache");
    seed(request, &cache.join("dist"))?;
    for (name, bytes) in request.downloads {
        write(&cache.join(name), bytes)?;
    }
    let recorded = loop {
        let attempt = folder(&run)?;
        let (ok, output, recorded) = attempt_run(request, &sandbox, &kept, &attempt, &cache)?;
        let Some(failure) = recorded
            .as_ref()
            .and_then(|recorded| recorded.failure.as_ref())
        else {
            match recorded {
                Some(recorded) if ok => break recorded,
                _ => {
                    return Err(Error::Buildout {
                        config: request.graph.config.clone(),
                        output,
                    });
                }
            }
        };
        // A new egg may want more than the last release had: that pin was buildout's choice, not the user's.
        let same = |(name, _): &(String, String)| normalize(name) == normalize(failure.name());
        match kept
            .iter()
            .position(same)
            .filter(|_| failure.kind == Kind::Conflict)
        {
            Some(index) => released.push(kept.remove(index)),
            None => return Err(explain(request, failure)),
        }
    };
    let mut resolved = collect(request, &sandbox, &recorded)?;
    resolved.released = released;
    resolved.downloads = downloads(&cache)?;
    Ok(resolved)
}

/// A new folder of its own; it goes when what it lies in goes.
fn folder(parent: &Path) -> Result<PathBuf, Error> {
    let made = tempfile::tempdir_in(parent).map_err(Error::io(parent))?;
    Ok(made.keep())
}

/// Puts wheels that are there already into the download cache, where buildout prefers them to any index.
fn seed(request: &Request<'_>, dist: &Path) -> Result<(), Error> {
    fs::create_dir_all(dist).map_err(Error::io(dist))?;
    let eggs = request.eggs.iter().map(|egg| &egg.file);
    for file in eggs.chain(request.stored) {
        place(file, dist)?;
    }
    Ok(())
}

/// Hard-links a file into a folder, or copies it.
fn place(file: &Path, folder: &Path) -> Result<PathBuf, Error> {
    let to = folder.join(file.file_name().unwrap_or_default());
    if !to.exists() && fs::hard_link(file, &to).is_err() {
        fs::copy(file, &to).map_err(Error::io(file))?;
    }
    Ok(to)
}

fn attempt_run(
    request: &Request<'_>,
    sandbox: &Sandbox,
    kept: &[(String, String)],
    attempt: &Path,
    cache: &Path,
) -> Result<(bool, String, Option<Recorded>), Error> {
    let cfg = resolve_cfg(&ResolveCfg {
        graph: request.graph,
        inspected: request.inspected,
        parts: request.parts,
        pins: &pins(request, kept),
        attempt,
        cache,
    });
    write(&request.work.path().join(CONFIG), cfg.as_bytes())?;
    write(
        &sandbox.path("home/.buildout/default.cfg"),
        request.settings.to_cfg().as_bytes(),
    )?;
    let answer = attempt.join("recorded.json");
    let names: Vec<String> = request
        .eggs
        .iter()
        .map(|egg| normalize(&egg.name))
        .collect();
    let ask = serde_json::json!({
        "config": CONFIG,
        "host_parts": request.host_parts,
        "project": names,
        "extra_indexes": request.settings.extra_indexes,
        "answer": answer,
    });
    // In the sandbox, not beside the tree: an index may hold a password.
    let asked = sandbox.path("request.json");
    write(&asked, ask.to_string().as_bytes())?;
    let script = sandbox.path("record.py");
    write(&script, SCRIPT.as_bytes())?;
    let mut command = sandbox.command(&request.scratch.python);
    command
        .arg(&script)
        .arg(&asked)
        .current_dir(request.work.path());
    command.env("SOURCE_DATE_EPOCH", request.epoch.to_string());
    let (ok, output) =
        run(&mut command, request.progress).map_err(Error::io(&request.scratch.python))?;
    let Ok(text) = fs::read(&answer) else {
        return Ok((false, output, None));
    };
    let recorded = serde_json::from_slice(&text).map_err(|source| Error::Answer {
        script: "record.py",
        source,
    })?;
    Ok((ok, output, Some(recorded)))
}

/// Every pin of the run that the project does not make itself, in every spelling that may be asked for.
fn pins(request: &Request<'_>, kept: &[(String, String)]) -> BTreeMap<String, String> {
    let written = request.graph.sections.versions();
    let all_spellings = !bootstrap::canonicalises(request.scratch.buildout());
    let mut pins = BTreeMap::new();
    let mut pin = |name: &str, version: &str| {
        let same = written
            .keys()
            .filter(|key| normalize(key) == normalize(name));
        let mut names: BTreeSet<String> = same.cloned().collect();
        names.insert(name.to_owned());
        if all_spellings {
            names.extend(spellings(name));
        }
        pins.extend(names.into_iter().map(|name| (name, version.to_owned())));
    };
    for (name, version) in kept {
        pin(name, version);
    }
    if !written.keys().any(|key| normalize(key) == "zc-recipe-egg") {
        pin(
            "zc.recipe.egg",
            bootstrap::recipe_egg(request.scratch.buildout()),
        );
    }
    for (name, version) in &request.scratch.pins {
        pin(name, version);
    }
    for egg in request.eggs {
        pin(&egg.name, &egg.version);
    }
    pins
}

fn explain(request: &Request<'_>, failure: &Failure) -> Error {
    let sections = &request.graph.sections;
    let name = normalize(failure.name());
    let mut pins = sections.options(sections.versions_section());
    let pin = pins
        .find(|(key, _)| normalize(key) == name)
        .map(|(_, value)| value);
    let place = pin.map(|pin| format!("{} line {}", super::redact(&pin.file), pin.line));
    let own = request.eggs.iter().find(|egg| normalize(&egg.name) == name);
    match failure.kind {
        Kind::Custom => Error::CustomBuild {
            part: failure.part.clone(),
            requirement: failure.requirement.clone(),
        },
        Kind::Missing => Error::NotFound {
            requirement: failure.requirement.clone(),
            wanted_by: match place {
                Some(place) => format!("{}, pinned in {place}", failure.wanted_by()),
                None => failure.wanted_by(),
            },
        },
        Kind::Conflict => Error::Conflict {
            requirement: failure.requirement.clone(),
            name: failure.name().to_owned(),
            pin: own
                .map(|egg| egg.version.clone())
                .or(pin.map(|pin| pin.text.clone()))
                .unwrap_or_default(),
            pinned_in: match (own, place) {
                (Some(_), _) => super::error::THIS_RELEASE.to_owned(),
                (None, place) => place.unwrap_or_else(|| "the scratch environment".to_owned()),
            },
            wanted_by: failure.wanted_by(),
        },
    }
}

fn collect(
    request: &Request<'_>,
    sandbox: &Sandbox,
    recorded: &Recorded,
) -> Result<Resolved, Error> {
    fs::create_dir_all(request.out).map_err(Error::io(request.out))?;
    let mut resolved = Resolved {
        parts: recorded.parts.clone(),
        used: recorded.used.clone(),
        ..Resolved::default()
    };
    for (name, version) in &request.scratch.pins {
        let wheel = request
            .scratch
            .wheels
            .get(name)
            .map(|file| place(file, request.out))
            .transpose()?;
        resolved.dists.push(Dist {
            name: name.clone(),
            version: version.clone(),
            file: wheel.unwrap_or_default(),
            origin: Origin::Index,
            url: String::new(),
            built_from: None,
        });
    }
    for (name, used) in &recorded.dists {
        let [first, others @ ..] = used.as_slice() else {
            continue;
        };
        if let Some(other) = others.iter().find(|other| other.version != first.version) {
            return Err(Error::TwoVersions {
                config: request.graph.config.clone(),
                name: first.name.clone(),
                first: first.version.clone(),
                second: other.version.clone(),
            });
        }
        if request
            .scratch
            .pins
            .keys()
            .any(|pin| normalize(pin) == *name)
        {
            continue;
        }
        let fetched = recorded.fetched.get(&format!("{name} {}", first.version));
        if let Some(egg) = request
            .eggs
            .iter()
            .find(|egg| normalize(&egg.name) == *name)
        {
            let ours = fetched.is_some_and(|got| {
                got.file.file_name() == egg.file.file_name() && same_bytes(&got.file, &egg.file)
            });
            if !ours {
                return Err(Error::Confused {
                    name: egg.name.clone(),
                    version: first.version.clone(),
                    from: fetched.map_or_else(
                        || first.location.display().to_string(),
                        |got| got.url.clone(),
                    ),
                });
            }
            resolved.eggs_used.push(egg.name.clone());
            continue;
        }
        let Some(fetched) = fetched else {
            return Err(Error::NoWheel {
                name: first.name.clone(),
                version: first.version.clone(),
                file: first.location.display().to_string(),
            });
        };
        resolved
            .dists
            .push(wheels::third_party(request, sandbox, first, fetched)?);
    }
    resolved.dists.sort_by_key(|dist| normalize(&dist.name));
    let unused = request
        .eggs
        .iter()
        .filter(|egg| !resolved.eggs_used.contains(&egg.name));
    resolved.eggs_unused = unused.map(|egg| egg.name.clone()).collect();
    if !bootstrap::canonicalises(request.scratch.buildout()) {
        resolved.spellings = recorded.spellings.clone();
    }
    Ok(resolved)
}

fn same_bytes(one: &Path, other: &Path) -> bool {
    matches!((fs::read(one), fs::read(other)), (Ok(one), Ok(other)) if one == other)
}

/// What recipes put into the download cache, in folders of their own too; that of distributions is left out.
fn downloads(cache: &Path) -> Result<BTreeMap<String, PathBuf>, Error> {
    let mut found = BTreeMap::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let path = cache.join(&folder);
        for entry in fs::read_dir(&path).map_err(Error::io(&path))? {
            let entry = entry.map_err(Error::io(&path))?;
            let name = format!("{folder}{}", entry.file_name().to_string_lossy());
            if entry.path().is_file() {
                found.insert(name, entry.path());
            } else if name != "dist" {
                folders.push(format!("{name}/"));
            }
        }
    }
    Ok(found)
}
