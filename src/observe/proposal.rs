//! What a buildout looks like to somebody who has to write a `hostout.toml` for it.

use super::{Error, Result, place::slashed};
use crate::config::Proposal;
use std::{collections::BTreeSet, fs, path::Path};

/// What developers run, best first.
const DEVELOPMENT: [&str; 4] = ["buildout.cfg", "dev.cfg", "development.cfg", "develop.cfg"];

/// What hosts run, best first.
const PRODUCTION: [&str; 6] = [
    "production.cfg",
    "prod.cfg",
    "deploy.cfg",
    "deployment.cfg",
    "live.cfg",
    "buildout.cfg",
];

/// Folders that configurations often read files from.
const INCLUDE: [&str; 6] = ["etc", "templates", "conf", "config", "profiles", "scripts"];

/// Looks at `folder` of the repository at `root` and proposes what its `hostout.toml` may say. Stage, host and path are left
/// for the person.
pub fn proposal(repo: &gix::Repository, root: &Path, folder: &Path) -> Result<Proposal> {
    let first = |names: &[&'static str]| {
        names
            .iter()
            .find(|name| folder.join(name).is_file())
            .copied()
    };
    let development = first(&DEVELOPMENT);
    let production = first(&PRODUCTION).or(development);
    let (Some(production), development) = (production, development) else {
        return Err(Error::NoBuildout(folder.to_owned()));
    };
    let name = folder
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let inside = slashed(folder.strip_prefix(root).unwrap_or(Path::new("")))?;
    let name = plain(&name.unwrap_or_else(|| "project".to_owned()));
    let mut proposal = Proposal::new(&name, "", "", "");
    development
        .unwrap_or(production)
        .clone_into(&mut proposal.development);
    production.clone_into(&mut proposal.production);
    let texts = texts(folder, production)?;
    proposal.include = included(folder, &texts);
    proposal.services = services(&texts);
    if taken(repo, &proposal.ledger, &inside)? {
        // Another project of this repository has the ledger of that name.
        proposal.ledger = format!("{}-{name}", proposal.ledger);
        proposal.tag = format!("{name}-{}", proposal.tag);
    }
    Ok(proposal)
}

/// The production configuration and everything local that it extends. What cannot be read is no help for a guess.
fn texts(folder: &Path, production: &str) -> Result<Vec<String>> {
    let path = folder.join(production);
    let text = fs::read_to_string(&path).map_err(|source| Error::File { path, source })?;
    let mut seen = BTreeSet::from([production.to_owned()]);
    let mut texts = vec![text];
    let mut next = 0;
    while let Some(text) = texts.get(next) {
        next += 1;
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        for word in words {
            let is_cfg = Path::new(&word)
                .extension()
                .is_some_and(|extension| extension == "cfg");
            if is_cfg && seen.insert(word.clone()) {
                texts.extend(fs::read_to_string(folder.join(&word)));
            }
        }
    }
    Ok(texts)
}

/// Folders below the buildout that its configurations name.
fn included(folder: &Path, texts: &[String]) -> Vec<String> {
    let named = |name: &str| {
        let (inside, first) = (format!("/{name}/"), format!(" {name}/"));
        texts
            .iter()
            .any(|text| text.contains(&inside) || text.contains(&first))
    };
    let folders = INCLUDE
        .into_iter()
        .filter(|name| folder.join(name).is_dir() && named(name));
    folders.map(|name| format!("{name}/")).collect()
}

/// The kind of services, from the recipes that are named; `auto` would find the same.
fn services(texts: &[String]) -> Option<String> {
    const KINDS: [(&str, &str); 3] = [
        ("collective.recipe.supervisor", "supervisor"),
        ("plone.recipe.zeoserver", "zope"),
        ("plone.recipe.zope2instance", "zope"),
    ];
    let found = KINDS
        .into_iter()
        .find(|(recipe, _)| texts.iter().any(|text| text.contains(recipe)));
    found.map(|(_, kind)| kind.to_owned())
}

/// Whether the ledger's branch exists, and the project asking is not the one in the root: two projects share a repository.
fn taken(repo: &gix::Repository, ledger: &str, inside: &str) -> Result<bool> {
    if inside.is_empty() {
        return Ok(false);
    }
    let name = format!("refs/heads/{ledger}");
    let found = repo
        .try_find_reference(&name)
        .map_err(Error::git("look for the ledger"))?;
    Ok(found.is_some())
}

/// A name without what file and tag names cannot hold.
fn plain(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-_.".contains(c) {
                c
            } else {
                '-'
            }
        })
        .collect();
    let name = name.trim_matches(['-', '.']).to_owned();
    if name.is_empty() {
        "project".to_owned()
    } else {
        name
    }
}
