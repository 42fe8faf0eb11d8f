//! What became of the remote since it was seen last: tags that moved, went or were copied, a ledger that was put back.

use super::{Error, Kind, Ledger, Result, branch, entry, git::redact};
use gix::{
    ObjectId,
    refs::{
        FullName, Target,
        transaction::{PreviousValue, RefEdit},
    },
};
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
    let wrong = |name: &str, message: String| Error::RemoteTag {
        remote: redact(remote),
        name: name.to_owned(),
        message,
    };
    let file = seen_file(repo, branch);
    let seen = read(&file)?;
    let mut now = seen.clone();
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
                now.insert(name);
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
    if now != seen {
        write(&file, &now)?;
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

/// Where the remote's ledger is fetched to; from one fetch to the next, what it was.
pub(super) fn quarantine(branch: &str) -> String {
    format!("refs/hostout/fetched/{branch}")
}

impl Ledger {
    /// Keeps that the remote has all of this now.
    pub fn note_pushed(&self) -> Result<()> {
        set(&self.repo, &self.branch, Some(self.tip))
    }
}

/// Keeps `tip` as what the remote has; nothing = it was not seen yet.
pub(super) fn set(repo: &gix::Repository, branch: &str, tip: Option<ObjectId>) -> Result<()> {
    let name = quarantine(branch);
    if branch::tip_of(repo, &name)? == tip {
        return Ok(());
    }
    let what = || Error::git(format!("write {name}"));
    let full = FullName::try_from(name.clone());
    let full = full.map_err(|error| what()(gix::Error::from_error(error)))?;
    let edit = match tip {
        Some(tip) => RefEdit::update(
            full,
            Target::Object(tip),
            PreviousValue::Any,
            "hostout: seen on the remote",
        ),
        None => RefEdit::delete(full, PreviousValue::Any),
    };
    let nobody = super::Person {
        name: "git-hostout".into(),
        email: "git-hostout@localhost".into(),
    };
    let nobody = nobody.at(jiff::Timestamp::UNIX_EPOCH);
    let mut buffer = gix::date::parse::TimeBuf::default();
    repo.edit_references_as([edit], Some(nobody.to_ref(&mut buffer)))
        .map_err(what())?;
    Ok(())
}

/// The name inside a tag object; `None` where it is not here yet.
fn name_of(repo: &gix::Repository, tag: ObjectId) -> Result<Option<String>> {
    if !repo.has_object(tag) {
        return Ok(None);
    }
    let what = || Error::git(format!("read tag object {tag}"));
    let object = repo.find_tag(tag).map_err(what())?;
    let name = object.decode().map_err(what())?.name.to_string();
    Ok(Some(name))
}

/// The tags that were seen on the remote, a line each.
fn seen_file(repo: &gix::Repository, branch: &str) -> PathBuf {
    repo.common_dir().join("hostout/remote-tags").join(branch)
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
