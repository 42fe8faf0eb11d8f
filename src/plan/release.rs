//! Deciding a release: whether there is one to make, then how it is published.

use super::{
    Action, Bump, Copies, Interrupted, Plan, Refusal, Sources, irreplaceable, next_version,
    resume::publishing,
};
use crate::{
    facts::{Dirt, Released, RemoteLedger, Repository},
    release::{Digest, Manifest},
};
use semver::Version;
use std::collections::{BTreeMap, BTreeSet};

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReleaseRequest {
    /// This version and no other.
    pub version: Option<Version>,
    /// Which number goes up.
    pub bump: Option<Bump>,
    /// Whether pins may go up: whether they do is known once the release is put together.
    pub upgrade: bool,
}

/// What is known before anything is built.
#[derive(Clone, Debug)]
pub struct ReleaseFacts<'a> {
    /// The project's name.
    pub project: &'a str,
    /// `[release] tag`, with `{version}` in it.
    pub tag_format: &'a str,
    /// The ledger's branch, short.
    pub ledger: &'a str,
    /// The ledger's tip.
    pub tip: &'a str,
    /// The repository.
    pub repository: &'a Repository,
    /// The nearest release whose released commit is an ancestor of HEAD.
    pub previous: Option<&'a Released>,
    /// Every version in the ledger.
    pub released: &'a BTreeSet<Version>,
    /// Whether the project's tree equals the previous release's.
    pub unchanged: bool,
    /// The remote's ledger.
    pub remote: &'a RemoteLedger,
    /// Why nothing can be signed, and what to do about it.
    pub unsigned: Option<(&'a str, &'a str)>,
}

/// What comes out of considering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Considered {
    /// The tree equals that of this release, and none was asked for.
    Nothing(Version),
    /// A release with this version is to be made.
    Release(Version),
}

/// A release that was put together where nobody sees it.
#[derive(Clone, Debug)]
pub struct Staged<'a> {
    /// Its manifest.
    pub manifest: &'a Manifest,
    /// sha256 of the manifest's bytes.
    pub digest: Digest,
    /// Develop eggs that production does not use.
    pub unused: &'a [String],
    /// What looks like a password in its configurations, with a remedy each.
    pub secrets: &'a [String],
    /// What only its making shows of where its files come from.
    pub sources: &'a Sources,
    /// Where its files are.
    pub copies: &'a Copies<'a>,
    /// Where it is pushed to: the remote's name; nothing = it stays local.
    pub push_to: Option<&'a str>,
    /// Tags of earlier releases that go there with it, because they are not there.
    pub lacking: &'a [String],
    /// Subjects of branch commits that the push would publish.
    pub publishes: &'a [String],
}

/// Whether there is a release to make, and with which version.
///
/// # Errors
/// Every reason that is known before anything is built, at once.
pub fn consider(request: &ReleaseRequest, facts: &ReleaseFacts<'_>) -> Result<Considered, Refusal> {
    let mut refusal = Refusal::default();
    state(facts, &mut refusal);
    let tag = |version: &Version| facts.tag_format.replace("{version}", &version.to_string());
    let taken = |version: &Version| {
        facts.released.contains(version) || facts.repository.tags.contains(&tag(version))
    };
    if let Some(version) = &request.version
        && taken(version)
    {
        refusal.add(
            format!(
                "{version} is taken: tag {} or its release exists",
                tag(version)
            ),
            "leave the version out to take the next free one",
        );
    }
    refusal.into_result()?;
    if let Some(version) = &request.version {
        return Ok(Considered::Release(version.clone()));
    }
    let previous = facts.previous.map(|released| &released.manifest.version);
    if let (Some(version), true, None) =
        (previous, facts.unchanged && !request.upgrade, request.bump)
    {
        return Ok(Considered::Nothing(version.clone()));
    }
    let (prefix, suffix) = facts
        .tag_format
        .split_once("{version}")
        .unwrap_or((facts.tag_format, ""));
    let tagged: BTreeSet<Version> = facts
        .repository
        .tags
        .iter()
        .filter_map(|name| name.strip_prefix(prefix)?.strip_suffix(suffix))
        .filter_map(|version| version.parse().ok())
        .collect();
    let bump = request.bump.unwrap_or(Bump::Patch);
    Ok(Considered::Release(next_version(
        previous, bump, &tagged, &taken,
    )))
}

fn state(facts: &ReleaseFacts<'_>, refusal: &mut Refusal) {
    for (file, dirt) in &facts.repository.dirty {
        match dirt {
            Dirt::Modified => refusal.add(
                format!("{file} has changes that are not committed"),
                "git commit --all or git stash them",
            ),
            Dirt::Untracked => refusal.add(
                format!("{file} is needed, but not in git"),
                format!("git add :/{file}, and commit it"),
            ),
        }
    }
    if let Some(operation) = &facts.repository.operation {
        refusal.add(
            format!("a {operation} is under way"),
            format!("finish it, or git {operation} --abort"),
        );
    }
    for (file, line) in &facts.repository.passwords {
        refusal.add(
            format!("{file}:{line}: an address with a password, in git for everyone to read"),
            "move it to ~/.netrc or pip's configuration, and change the password",
        );
    }
    if let Some((why, remedy)) = facts.unsigned {
        refusal.add(format!("no way to sign: {why}"), remedy);
    }
    if let RemoteLedger::Diverged { detail, blocked } = facts.remote {
        refusal.add(
            format!(
                "ledger {} and the remote's have diverged: {detail}",
                facts.ledger
            ),
            if *blocked {
                "git hostout resume --give-up gives ours up, to be released again on top of theirs"
            } else {
                "git hostout resume makes our entries again on top of theirs"
            },
        );
    }
}

/// How a staged release is published: files that others need, objects, then the tag, the ledger last, one push.
///
/// # Errors
/// Where the only copy of a file would be lost.
pub fn release(facts: &ReleaseFacts<'_>, staged: &Staged<'_>) -> Result<Plan, Refusal> {
    let manifest = staged.manifest;
    let found = irreplaceable(manifest, staged.sources);
    staged.copies.check(&found)?;
    let version = &manifest.version;
    let tag = facts.tag_format.replace("{version}", &version.to_string());
    let commit = Action::Commit {
        id: manifest.release_commit.clone(),
        manifest: staged.digest,
        tarball: manifest.tarball.sha256,
    };
    let published = publishing(&Interrupted {
        project: facts.project,
        manifest,
        tag: &tag,
        ledger: facts.ledger,
        tip: facts.tip,
        push_to: staged.push_to,
        lacking: staged.lacking,
    });
    let shared = staged.copies.shared.iter();
    let shared = shared.filter(|sharing| !sharing.lacks.is_empty());
    let shared = shared.map(|sharing| Action::Store {
        store: sharing.name.clone(),
        artifacts: sharing.lacks.clone(),
        there: sharing.there,
    });
    let steps = shared.chain([commit]).chain(published);
    let steps = steps.map(|action| (None, action)).collect();
    let mut notes = notes(facts, staged);
    notes.extend(staged.copies.notes(&found));
    let summary = format!("Release {} {version}.", facts.project);
    Ok(Plan::new(summary, notes, steps))
}

fn notes(facts: &ReleaseFacts<'_>, staged: &Staged<'_>) -> Vec<String> {
    let previous = facts.previous.map(|released| &released.manifest);
    let before =
        |name: &str| previous.and_then(|manifest| manifest.egg.iter().find(|egg| egg.name == name));
    let mut notes: Vec<String> = staged
        .manifest
        .egg
        .iter()
        .map(|egg| match before(&egg.name) {
            Some(old) if egg.changed => {
                format!(
                    "egg {} {} -> {} ({})",
                    egg.name, old.version, egg.version, egg.why
                )
            }
            _ => format!("egg {} {} ({})", egg.name, egg.version, egg.why),
        })
        .collect();
    if !staged.unused.is_empty() {
        notes.push(format!(
            "develop eggs that production does not use: {}",
            staged.unused.join(", ")
        ));
    }
    notes.extend(pin_notes(previous, staged.manifest));
    notes.extend(staged.secrets.iter().cloned());
    match (facts.remote, staged.push_to) {
        (RemoteLedger::Unreachable { remote, detail }, _) => notes.push(format!(
            "{remote} does not answer ({detail}); push later: git hostout resume"
        )),
        (RemoteLedger::NoRemote, _) => {
            notes.push("there is no remote: nothing is pushed".to_owned());
        }
        (_, None) => notes.push("nothing is pushed".to_owned()),
        (_, Some(_)) => {}
    }
    if !staged.publishes.is_empty() {
        notes.push(format!(
            "the tag publishes {} of this branch: {}",
            commits(staged.publishes.len()),
            staged.publishes.join("; ")
        ));
    }
    notes
}

fn commits(count: usize) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} commit{plural}")
}

fn pin_notes(previous: Option<&Manifest>, manifest: &Manifest) -> Vec<String> {
    let versions = |manifest: &Manifest| -> BTreeMap<String, String> {
        manifest
            .pin
            .iter()
            .map(|pin| (pin.name.clone(), pin.version.to_string()))
            .collect()
    };
    let old = previous.map(versions).unwrap_or_default();
    let new = versions(manifest);
    let added: Vec<&String> = new.keys().filter(|name| !old.contains_key(*name)).collect();
    let changed: Vec<String> = new
        .iter()
        .filter_map(|(name, version)| {
            let before = old.get(name).filter(|before| *before != version)?;
            Some(format!("{name} {before} -> {version}"))
        })
        .collect();
    let removed: Vec<&String> = old.keys().filter(|name| !new.contains_key(*name)).collect();
    let kept = new.len() - added.len() - changed.len();
    let counts: Vec<String> = [
        (added.len(), "added"),
        (changed.len(), "changed"),
        (removed.len(), "removed"),
        (kept, "kept"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, word)| format!("{count} {word}"))
    .collect();
    let mut notes = Vec::new();
    if !counts.is_empty() {
        notes.push(format!("pins: {}", counts.join(", ")));
    }
    notes.extend(changed.iter().map(|line| format!("pin {line}")));
    if previous.is_some() {
        notes.extend(
            added
                .iter()
                .map(|name| format!("pin {name} {} (new)", new[*name])),
        );
        notes.extend(
            removed
                .iter()
                .map(|name| format!("pin {name} is no longer used")),
        );
    }
    notes
}
