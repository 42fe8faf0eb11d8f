//! Where each backend keeps name and version. Sources: PEP 621 and the backends' own documentation.

use super::places::{Version, attribute, in_module, whole_file};
use super::pyproject::{BuildSystem, item, strings, text};
use super::{Folder, Found, Result, VersionSite, normalize};
use toml_edit::DocumentMut;

const FILE: &str = "pyproject.toml";

/// What `pyproject.toml` says, alone or by pointing elsewhere.
pub(super) fn read(
    folder: &Folder<'_>,
    document: &DocumentMut,
    system: &BuildSystem,
) -> Result<Found> {
    if item(document, &["project"]).is_none() {
        return before_pep621(folder, document, system);
    }
    let name = text(document, &["project", "name"]).map(str::to_owned);
    let requires_python = text(document, &["project", "requires-python"]).map(str::to_owned);
    let dynamic = item(document, &["project", "dynamic"])
        .map(strings)
        .unwrap_or_default();
    let version = match text(document, &["project", "version"]) {
        Some(version) => Some(at_key(version, &["project", "version"])),
        None if dynamic.iter().any(|field| field == "version") => dynamic_version(
            folder,
            document,
            system,
            name.as_deref().unwrap_or_default(),
        )?,
        None => None,
    };
    Ok(Found {
        name,
        version,
        requires_python,
    })
}

fn before_pep621(
    folder: &Folder<'_>,
    document: &DocumentMut,
    system: &BuildSystem,
) -> Result<Found> {
    let poetry = |key| text(document, &["tool", "poetry", key]);
    if let Some(name) = poetry("name") {
        return Ok(Found {
            name: Some(name.to_owned()),
            version: poetry_version(document, system),
            requires_python: None,
        });
    }
    let flit = |key| text(document, &["tool", "flit", "metadata", key]);
    let Some(module) = flit("module") else {
        return Ok(Found::default());
    };
    Ok(Found {
        name: Some(flit("dist-name").unwrap_or(module).to_owned()),
        version: by_flit(folder, module)?,
        requires_python: flit("requires-python").map(str::to_owned),
    })
}

fn dynamic_version(
    folder: &Folder<'_>,
    document: &DocumentMut,
    system: &BuildSystem,
    name: &str,
) -> Result<Version> {
    let backend = system.backend.split(['.', ':']).next().unwrap_or_default();
    match backend {
        "setuptools" => setuptools(folder, document, system, name),
        "hatchling" => hatch(folder, document).map(Some),
        "flit_core" => {
            let module = text(document, &["tool", "flit", "module", "name"]);
            let fallback = name.replace('-', "_");
            by_flit(folder, module.unwrap_or(&fallback))
        }
        "poetry" | "poetry_dynamic_versioning" => Ok(poetry_version(document, system)),
        "pdm" => pdm(folder, document).map(Some),
        // an in-tree backend mostly wraps setuptools
        _ if !system.backend_path.is_empty() => setuptools(folder, document, system, name),
        other => Err(folder.undetermined(FILE, "version", format!("it is dynamic, by {other}"))),
    }
}

fn setuptools(
    folder: &Folder<'_>,
    document: &DocumentMut,
    system: &BuildSystem,
    name: &str,
) -> Result<Version> {
    let place = |key| item(document, &["tool", "setuptools", "dynamic", "version", key]);
    if let Some(attr) = place("attr").and_then(|item| item.as_str()) {
        let missing = || folder.undetermined(FILE, "version", format!("{attr} is no plain string"));
        let found = attribute(folder, attr, &package_roots(document))?;
        return found.ok_or_else(missing).map(Some);
    }
    if let Some(file) = place("file") {
        let files = file
            .as_str()
            .map_or_else(|| strings(file), |file| vec![file.to_owned()]);
        let [file] = files.as_slice() else {
            return Err(folder.undetermined(
                FILE,
                "version",
                "it is put together from several files",
            ));
        };
        return whole_file(folder, file).map(Some);
    }
    let scm =
        item(document, &["tool", "setuptools_scm"]).is_some() || system.wants("setuptools-scm");
    let fallback = text(document, &["tool", "setuptools_scm", "fallback_version"]);
    Ok(scm.then(|| (fallback.unwrap_or_default().to_owned(), by_scm(name).1)))
}

/// Where packages may lie: `[tool.setuptools] package-dir`, `packages.find.where`, `src`, the folder itself.
fn package_roots(document: &DocumentMut) -> Vec<String> {
    let mut roots = Vec::new();
    roots.extend(text(document, &["tool", "setuptools", "package-dir", ""]).map(str::to_owned));
    let found = item(
        document,
        &["tool", "setuptools", "packages", "find", "where"],
    );
    roots.extend(found.map(strings).unwrap_or_default());
    roots
}

fn by_flit(folder: &Folder<'_>, module: &str) -> Result<Version> {
    let attr = format!("{module}.__version__");
    let missing = || folder.undetermined(FILE, "version", format!("{attr} is no plain string"));
    attribute(folder, &attr, &[])?.ok_or_else(missing).map(Some)
}

fn hatch(folder: &Folder<'_>, document: &DocumentMut) -> Result<(String, VersionSite)> {
    let get = |key| text(document, &["tool", "hatch", "version", key]);
    let undetermined = |why: &str| Err(folder.undetermined(FILE, "version", why));
    match (get("source"), get("path"), get("pattern")) {
        // hatch-vcs doesn't tell setuptools-scm the name
        (Some("vcs"), ..) => Ok(scm(&["SETUPTOOLS_SCM_PRETEND_VERSION"])),
        (None | Some("regex"), Some(path), None) => {
            let named = ["__version__", "VERSION", "version"]
                .iter()
                .map(|name| in_module(folder, path, name));
            match named.into_iter().find_map(Result::transpose) {
                Some(found) => found,
                None => undetermined("hatchling's default pattern finds nothing"),
            }
        }
        (None | Some("regex"), _, Some(_)) => undetermined("hatchling finds it by a pattern"),
        (Some(source), ..) => undetermined(&format!("hatchling's version source is `{source}`")),
        (None, None, _) => undetermined("[tool.hatch.version] names no path"),
    }
}

fn poetry_version(document: &DocumentMut, system: &BuildSystem) -> Version {
    if system.wants("poetry-dynamic-versioning") {
        return Some(scm(&["POETRY_DYNAMIC_VERSIONING_BYPASS"]));
    }
    let key = ["tool", "poetry", "version"];
    text(document, &key).map(|version| at_key(version, &key))
}

fn pdm(folder: &Folder<'_>, document: &DocumentMut) -> Result<(String, VersionSite)> {
    let get = |key| text(document, &["tool", "pdm", "version", key]);
    match (get("source"), get("path")) {
        (Some("file"), Some(path)) => match in_module(folder, path, "__version__")? {
            Some(found) => Ok(found),
            None => Err(folder.undetermined(path, "version", "there is no __version__ in it")),
        },
        (Some("scm"), _) => Ok(scm(&["PDM_BUILD_SCM_VERSION"])),
        _ => Err(folder.undetermined(FILE, "version", "[tool.pdm.version] calls a function")),
    }
}

fn at_key(version: &str, key: &[&str]) -> (String, VersionSite) {
    let key = key.iter().map(|&part| part.to_owned()).collect();
    let file = FILE.to_owned();
    (version.to_owned(), VersionSite::Toml { file, key })
}

fn scm(pretend: &[&str]) -> (String, VersionSite) {
    let pretend = pretend.iter().map(|&name| name.to_owned()).collect();
    (String::new(), VersionSite::Scm { pretend })
}

/// A version from setuptools-scm, which knows the distribution's name or doesn't, by how it is called.
pub(super) fn by_scm(name: &str) -> (String, VersionSite) {
    let named = normalize(name).replace('-', "_").to_ascii_uppercase();
    let named = format!("SETUPTOOLS_SCM_PRETEND_VERSION_FOR_{named}");
    scm(&[&named, "SETUPTOOLS_SCM_PRETEND_VERSION"])
}
