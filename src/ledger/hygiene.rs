//! What became of the remote since it was seen last: tags that moved, went or were copied, a ledger that was put back.

use super::{Entry, Error, Kind, Ledger, Result, branch, entry, git::redact, own};
use gix::ObjectId;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::PathBuf,
};

/// The tags of `git ls-remote --tags`: name without `refs/tags/`, object.
pub(super) fn tags(listing: &str) -> BTreeMap<String, ObjectId> {
    let lines = listing.lines().filter_map(|line| line.split_once('\t'));
    lines
        .filter_map(|(id, name)| {
            let name = name.strip_prefix("refs/tags/")?;
            let peeled = name.ends_with("^{}");
            (!peeled).then_some((name.to_owned(), id.parse().ok()?))
        })
        .collect()
}

/// Compares the remote's tags with those that the entries `chain` name, and keeps which of them were seen there.
///
/// # Errors
/// [`Error::RemoteTag`] for the first that is not where it was made to be.
pub(super) fn check_tags(
    repo: &gix::Repository,
    remote: &str,
    branch: &str,
    chain: &[ObjectId],
    there: &BTreeMap<String, ObjectId>,
) -> Result<()> {
    let file = seen_file(repo, remote, branch);
    let seen = read(&file)?;
    let mut now = seen.clone();
    compare_tags(repo, remote, chain, there, &mut now)?;
    if now != seen {
        write(&file, &now)?;
    }
    Ok(())
}

/// The same with the tags that were `seen` there before; those that are there now become part of it.
pub(super) fn compare_tags(
    repo: &gix::Repository,
    remote: &str,
    chain: &[ObjectId],
    there: &BTreeMap<String, ObjectId>,
    seen: &mut BTreeSet<String>,
) -> Result<()> {
    let wrong = |name: &str, message: String| Error::RemoteTag {
        remote: redact(remote),
        name: name.to_owned(),
        message,
    };
    for id in chain {
        let Kind::Release { tag, .. } = entry::read(repo, *id)?.0.kind else {
            continue;
        };
        let Some(name) = name_of(repo, tag)? else {
            continue;
        };
        let copy = there
            .iter()
            .find(|(other, object)| **object == tag && **other != name);
        if let Some((copy, _)) = copy {
            return Err(wrong(
                copy,
                format!("was made as tag {name} and copied there"),
            ));
        }
        match there.get(&name) {
            Some(object) if *object == tag => {
                seen.insert(name);
            }
            Some(_) => {
                let message = "was moved there: the ledger names another tag object".to_owned();
                return Err(wrong(&name, message));
            }
            None if seen.contains(&name) => {
                return Err(wrong(&name, "is gone from there".to_owned()));
            }
            None => {}
        }
    }
    Ok(())
}

/// Whether what the remote has now continues what it had when it was seen last.
///
/// # Errors
/// [`Error::Rewound`] where it does not.
pub(super) fn check_tip(
    remote: &str,
    branch: &str,
    before: Option<ObjectId>,
    chain: &[ObjectId],
) -> Result<()> {
    match before {
        Some(tip) if !chain.contains(&tip) => Err(Error::Rewound {
            remote: redact(remote),
            branch: branch.to_owned(),
            tip,
        }),
        _ => Ok(()),
    }
}

/// Where the ledger of `remote` is fetched to; from one fetch to the next, what it was. Each remote has its own: what one
/// had is not gone from another that never had it.
pub(super) fn quarantine(remote: &str, branch: &str) -> String {
    format!("refs/hostout/remotes/{remote}/{branch}")
}

impl Ledger {
    /// Keeps that `remote` has all of this now, and `tags`.
    pub fn note_pushed(&self, remote: &str, tags: &[String]) -> Result<()> {
        let mut seen = self.tags_seen_at(remote)?;
        let before = seen.len();
        seen.extend(tags.iter().cloned());
        if seen.len() > before {
            write(&seen_file(&self.repo, remote, &self.branch), &seen)?;
        }
        set(&self.repo, remote, &self.branch, Some(self.tip))
    }

    /// The tags of releases that `remote` was not seen to have, oldest first, as far as they are here. A remote that was
    /// added later, or another one, gets them with the ledger: its releases are nothing without them.
    pub fn tags_lacking_at(&self, remote: &str) -> Result<Vec<String>> {
        let seen = self.tags_seen_at(remote)?;
        let mut lacking = Vec::new();
        for entry in &self.history {
            let Kind::Release { tag, .. } = entry.kind else {
                continue;
            };
            if let Some(name) = name_of(&self.repo, tag)?
                && !seen.contains(&name)
                && branch::tip_of(&self.repo, &format!("refs/tags/{name}"))? == Some(tag)
            {
                lacking.push(name);
            }
        }
        Ok(lacking)
    }

    fn tags_seen_at(&self, remote: &str) -> Result<BTreeSet<String>> {
        match branch::tip_of(&self.repo, &quarantine(remote, &self.branch))? {
            Some(_) => read(&seen_file(&self.repo, remote, &self.branch)),
            // What was there is forgotten, or was never looked at.
            None => Ok(BTreeSet::new()),
        }
    }
}

impl Ledger {
    /// The newest entry that `remote` was seen to have; where there is no remote the newest one of all.
    pub fn newest_at(&self, remote: Option<&str>) -> Result<Option<&Entry>> {
        let Some(remote) = remote else {
            return Ok(self.entries().next());
        };
        let tip = branch::tip_of(&self.repo, &quarantine(remote, &self.branch))?;
        Ok(tip.and_then(|tip| self.find(|entry| entry.commit == tip)))
    }
}

/// Keeps `tip` as what `remote` has; nothing = it was not seen yet.
pub(super) fn set(
    repo: &gix::Repository,
    remote: &str,
    branch: &str,
    tip: Option<ObjectId>,
) -> Result<()> {
    let name = quarantine(remote, branch);
    own::set(repo, &name, tip, "hostout: seen on the remote")
}

/// The name inside a tag object; `None` where it is not here yet.
pub(super) fn name_of(repo: &gix::Repository, tag: ObjectId) -> Result<Option<String>> {
    if !repo.has_object(tag) {
        return Ok(None);
    }
    let what = || Error::git(format!("read tag object {tag}"));
    let object = repo.find_tag(tag).map_err(what())?;
    let name = object.decode().map_err(what())?.name.to_string();
    Ok(Some(name))
}

/// The tags that were seen on the remote, a line each.
fn seen_file(repo: &gix::Repository, remote: &str, branch: &str) -> PathBuf {
    let folder = repo.common_dir().join("hostout/remotes");
    folder.join(remote).join(branch)
}

fn read(file: &PathBuf) -> Result<BTreeSet<String>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(error) => Err(Error::file("read", file)(error)),
    }
}

fn write(file: &PathBuf, names: &BTreeSet<String>) -> Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(Error::file("make", folder))?;
    }
    let lines: Vec<&str> = names.iter().map(String::as_str).collect();
    fs::write(file, lines.join("\n")).map_err(Error::file("write", file))
}
