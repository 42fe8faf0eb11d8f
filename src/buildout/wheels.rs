//! The wheel of a distribution that buildout fetched: the file itself, or built from it.

use super::{
    Error,
    recorded::{File, Used},
    resolve::{Dist, Request},
    sandbox::{Sandbox, run},
    scratch::extra_index,
};
use crate::release::{BuiltFrom, Digest, Origin};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Starts pip with a file mode mask that does not depend on the user.
const PIP: &str = "import os, runpy; os.umask(0o022); runpy.run_module('pip', run_name='__main__', alter_sys=True)";

/// A distribution with its wheel in [`Request::out`].
pub(super) fn third_party(
    request: &Request<'_>,
    sandbox: &Sandbox,
    used: &Used,
    fetched: &File,
) -> Result<Dist, Error> {
    let name = fetched
        .file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    // A file that lay in the cache before the run is one of ours.
    let before = Path::new(&fetched.url) == fetched.file;
    let mut dist = Dist {
        name: used.name.clone(),
        version: used.version.clone(),
        file: request.out.join(&name),
        origin: origin(request, &fetched.url),
        url: if before {
            String::new()
        } else {
            public(&fetched.url)
        },
        built_from: None,
    };
    let bytes = fs::read(&fetched.file).map_err(Error::io(&fetched.file))?;
    if has_extension(&name, &["whl"]) {
        fs::write(&dist.file, bytes).map_err(Error::io(&dist.file))?;
    } else if has_extension(&name, &["gz", "zip", "bz2", "tgz", "xz"]) {
        let wheel = build(request, sandbox, used, &fetched.file)?;
        let built = fs::read(&wheel).map_err(Error::io(&wheel))?;
        dist.file = request.out.join(wheel.file_name().unwrap_or_default());
        fs::write(&dist.file, (request.canonical)(built)).map_err(Error::io(&dist.file))?;
        dist.origin = Origin::Sdist;
        dist.built_from = Some(BuiltFrom {
            url: if dist.url.contains("://") {
                dist.url.clone()
            } else {
                name
            },
            sha256: Digest::of(&bytes),
        });
    } else {
        return Err(Error::NoWheel {
            name: dist.name,
            version: dist.version,
            file: name,
        });
    }
    Ok(dist)
}

/// Builds a wheel, with pip's build isolation.
fn build(
    request: &Request<'_>,
    sandbox: &Sandbox,
    used: &Used,
    sdist: &Path,
) -> Result<PathBuf, Error> {
    let folder = sandbox.path(&format!("built-{}", used.name));
    let mut command = sandbox.command(&request.scratch.python);
    command
        .args(["-c", PIP, "wheel", "--no-deps", "--wheel-dir"])
        .arg(&folder)
        .arg(sdist);
    command.env("SOURCE_DATE_EPOCH", request.epoch.to_string());
    let index = request.inspected.option("buildout", "index");
    let index = if index.is_empty() {
        request
            .settings
            .options
            .get("index")
            .map_or("", String::as_str)
    } else {
        index
    };
    if !index.is_empty() {
        command.env("PIP_EXTRA_INDEX_URL", extra_index(request.user, index));
    }
    let (ok, output) =
        run(&mut command, request.progress).map_err(Error::io(&request.scratch.python))?;
    let wheel = fs::read_dir(&folder)
        .ok()
        .and_then(|mut found| found.find_map(|entry| Some(entry.ok()?.path())));
    wheel.filter(|_| ok).ok_or_else(|| Error::Pip {
        what: format!("{} {}", used.name, used.version),
        output,
    })
}

fn origin(request: &Request<'_>, url: &str) -> Origin {
    let mut links = request.inspected.words("buildout", "find-links");
    links.extend(
        request
            .settings
            .options
            .get("find-links")
            .map_or("", String::as_str)
            .split_whitespace(),
    );
    let listed = |link: &&str| url.starts_with(super::redact(link).trim_end_matches('/'));
    if links.iter().any(listed) {
        Origin::Url
    } else {
        Origin::Index
    }
}

/// An address that means something elsewhere; of a local file only its name.
fn public(url: &str) -> String {
    let local = url.starts_with('/') || url.starts_with("file:");
    if local {
        url.rsplit('/').next().unwrap_or_default().to_owned()
    } else {
        url.to_owned()
    }
}

fn has_extension(name: &str, wanted: &[&str]) -> bool {
    let extension = Path::new(name)
        .extension()
        .map(|extension| extension.to_string_lossy().to_lowercase());
    extension.is_some_and(|extension| wanted.contains(&extension.as_str()))
}
