//! Develop eggs whose code is not in the project's tree: submodules, ignored clones, links, folders that nobody added to git.
//!
//! buildout passes over a develop egg that it cannot find, and then takes the name from an index: here it is a reason.

use super::{Job, files};
use crate::{
    buildout::Inspected,
    eggs::{Project, normalize},
};
use gix::{ObjectId, objs::tree::EntryKind};
use std::{collections::BTreeSet, fs, path::Path};

/// What `develop` and mr.developer's `auto-checkout` want and the released tree has not, relative to the buildout directory:
/// entries that match nothing, and what globs match in the work tree only.
pub(super) fn missing(job: &Job<'_>, inspected: &Inspected) -> Vec<String> {
    let inside = |path: &str| {
        let below = path.strip_prefix(&inspected.directory);
        below
            .map_or(path, |below| below.trim_start_matches('/'))
            .to_owned()
    };
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    for item in inspected.words("buildout", "develop") {
        let item = inside(item);
        if item.contains(['*', '?', '[']) {
            wanted.extend(matching(job, &item));
        } else if inspected
            .develop_missing
            .iter()
            .any(|missing| inside(missing) == item)
        {
            wanted.insert(item);
        }
    }
    wanted.extend(sources(inspected));
    let there: BTreeSet<&String> = inspected.develop.iter().collect();
    wanted
        .into_iter()
        .filter(|path| !there.contains(path))
        .collect()
}

/// The folders in which mr.developer would have a checkout.
fn sources(inspected: &Inspected) -> Vec<String> {
    if !inspected
        .words("buildout", "extensions")
        .contains(&"mr.developer")
    {
        return Vec::new();
    }
    let or = |option: &str, default: &'static str| match inspected.option("buildout", option) {
        "" => default.to_owned(),
        text => text.to_owned(),
    };
    let folder = or("sources-dir", "src");
    let checkouts = inspected.words("buildout", "auto-checkout");
    let section = inspected.sections.get(&or("sources", "sources"));
    section
        .into_iter()
        .flat_map(|section| section.keys())
        .filter(|name| checkouts.contains(&"*") || checkouts.contains(&name.as_str()))
        .map(|name| format!("{folder}/{name}"))
        .collect()
}

/// Eggs in the work tree that a pattern such as `src/*` matches.
fn matching(job: &Job<'_>, pattern: &str) -> Vec<String> {
    let (folder, last) = pattern.rsplit_once('/').unwrap_or(("", pattern));
    let Ok(glob) = globset::Glob::new(last) else {
        return Vec::new();
    };
    let glob = glob.compile_matcher();
    let path = files::join(job.directory, folder);
    let found = path
        .zip(job.repo.workdir())
        .and_then(|(path, root)| fs::read_dir(root.join(path)).ok());
    let names = found
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| is_egg(&entry.path()))
        .filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|name| glob.is_match(name))
        .map(|name| {
            format!("{folder}/{name}")
                .trim_start_matches('/')
                .to_owned()
        })
        .collect()
}

fn is_egg(folder: &Path) -> bool {
    ["setup.py", "pyproject.toml", "setup.cfg"]
        .iter()
        .any(|name| folder.join(name).is_file())
}

/// The name of the egg that is at `path` of the work tree, else what its folder's name says.
pub(super) fn name(job: &Job<'_>, path: &str) -> String {
    let read = |path: &str| fs::read(job.repo.workdir()?.join(path)).ok();
    Project::read(&read, path).map_or_else(
        |_| path.rsplit('/').next().unwrap_or(path).to_owned(),
        |source| source.name,
    )
}

/// Whether the project releases a name: `published` eggs it does not.
pub(super) fn is_published(job: &Job<'_>, path: &str) -> bool {
    let folder = path.rsplit('/').next().unwrap_or(path);
    job.project.published.contains(&name(job, path))
        || job.project.published.contains(&normalize(folder))
}

/// Why the code at `path`, from the root of the repository, is not the project's; nothing where git has it.
pub(super) fn why(job: &Job<'_>, tree: ObjectId, path: &str) -> Option<String> {
    if path.is_empty() {
        return None;
    }
    let ends = path.match_indices('/').map(|(at, _)| at);
    let outer = ends.chain([path.len()]).map(|end| &path[..end]);
    for path in outer {
        let kind = kind(job, tree, path);
        let folder = job.repo.workdir().map(|root| root.join(path));
        let there = folder.as_deref().filter(|folder| folder.exists());
        if kind == Some(EntryKind::Commit) {
            let state = there
                .and_then(state)
                .unwrap_or_else(|| "not checked out".to_owned());
            return Some(format!(
                "{path} is its own git repository ({state}), a submodule"
            ));
        }
        if let Some(target) = folder
            .as_deref()
            .and_then(|folder| fs::read_link(folder).ok())
        {
            return Some(format!("{path} is a symbolic link to {}", target.display()));
        }
        if kind == Some(EntryKind::Link) {
            return Some(format!("{path} is a symbolic link"));
        }
        if kind.is_none()
            && let Some(state) = there.and_then(state)
        {
            return Some(format!("{path} is its own git repository ({state})"));
        }
    }
    // The egg is named, also where git has nothing of the folders above it.
    let there = job.repo.workdir().map(|root| root.join(path).exists());
    kind(job, tree, path).is_none().then(|| match there {
        Some(true) => format!("{path} is not in git"),
        _ => format!("{path} is neither in git nor in the work tree"),
    })
}

/// What a link at `path`, or above it, leads to, where that is a folder of the released tree: there the egg is.
pub(super) fn behind_link(job: &Job<'_>, tree: ObjectId, path: &str) -> Option<String> {
    let root = fs::canonicalize(job.repo.workdir()?).ok()?;
    let real = fs::canonicalize(root.join(path)).ok()?;
    let real = real.strip_prefix(root).ok()?.to_str()?;
    let is_folder = kind(job, tree, real) == Some(EntryKind::Tree);
    (is_folder && real != path).then(|| real.to_owned())
}

fn kind(job: &Job<'_>, tree: ObjectId, path: &str) -> Option<EntryKind> {
    let tree = job.repo.find_tree(tree).ok()?;
    Some(tree.lookup_entry_by_path(path).ok()??.mode().kind())
}

/// Branch, commit and uncommitted files of the repository in `folder`: `main @ d58a696, 1 uncommitted file`.
fn state(folder: &Path) -> Option<String> {
    if !folder.join(".git").exists() {
        return None;
    }
    let repo = gix::open(folder).ok()?;
    let branch = match repo.head_name().ok()? {
        Some(name) => name.shorten().to_string(),
        None => "detached".to_owned(),
    };
    let commit = match repo.head_id() {
        Ok(id) => id.to_hex_with_len(7).to_string(),
        Err(_) => "no commit".to_owned(),
    };
    let status = repo.status(gix::progress::Discard).ok()?;
    let status = status.untracked_files(gix::status::UntrackedFiles::Files);
    let items = status.into_iter(None).ok()?.flatten();
    let paths: BTreeSet<Vec<u8>> = items.map(|item| item.location().to_vec()).collect();
    Some(match paths.len() {
        0 => format!("{branch} @ {commit}"),
        1 => format!("{branch} @ {commit}, 1 uncommitted file"),
        many => format!("{branch} @ {commit}, {many} uncommitted files"),
    })
}
