//! A release and its ledger, checked: everything is looked at, and nothing stops at the first failure.

use super::Result;
use crate::{
    facts::Check,
    ledger::{self, Introduction, Ledger, Released, Rule},
    pack::Store,
    release::{Artifact, Manifest},
};
use gix::{ObjectId, objs::Kind};
use std::{fs, path::Path};

/// Checks the ledger: which one it is, and that every entry that was not checked before keeps to the rules. Where all of
/// it holds, [`Ledger::remember`] saves doing it again.
///
/// `from` is where the ledger was met, if that was just now.
pub fn verify_ledger(
    ledger: &Ledger,
    introduction: &Introduction,
    from: Option<&str>,
) -> Result<Vec<Check>, ledger::Error> {
    let what = format!(
        "first commit {}, key {}",
        introduction.root, introduction.key
    );
    let met = match from {
        Some(place) => format!("met for the first time, taken from {place}: {what}"),
        None => what,
    };
    let mut checks = vec![Check::passed("introduction", met)];
    let audit = ledger.audit()?;
    let entries = ledger.entries().count();
    let (tip, known) = (short(&ledger.tip()), entries - audit.checked);
    checks.push(match audit.seen {
        None => Check::passed("seen", format!("nothing was seen before; the tip is {tip}")),
        Some(seen) if audit.continues => Check::passed(
            "seen",
            format!("the tip {tip} continues {}, seen before", short(&seen)),
        ),
        Some(seen) => Check::failed(
            "seen",
            format!("entry {seen} was seen here before and is no longer part of the ledger"),
        ),
    });
    for (rule, name, good) in [
        (
            Rule::Signature,
            "entries",
            "signed by a key of the entry before",
        ),
        (Rule::Serial, "serials", "without a gap"),
        (
            Rule::Addition,
            "additions",
            "nothing was changed or removed",
        ),
        (Rule::Role, "roles", "made by keys that may do so"),
        (Rule::Keys, "keys", "with keys and policy that can be read"),
    ] {
        let broken: Vec<String> = audit
            .broken
            .iter()
            .filter(|(broken, _)| *broken == rule)
            .map(|(_, error)| said(error))
            .collect();
        checks.push(if broken.is_empty() {
            let detail = format!("{entries} entries {good}, {known} of them checked before");
            Check::passed(name, detail)
        } else {
            Check::failed(name, broken.join("; "))
        });
    }
    Ok(checks)
}

/// Checks a release: its manifest's signature, its tag called `tag`, and what binds them. One that a host told has only
/// its signature and its project to show.
pub fn verify_release(
    repo: &gix::Repository,
    ledger: &Ledger,
    released: &Released,
    tag: &str,
) -> Result<Vec<Check>, ledger::Error> {
    let manifest = &released.manifest;
    let trust = match &released.entry {
        Some(entry) => ledger.trust_before(entry)?,
        None => ledger.trust()?,
    };
    let mut checks = vec![check(
        "manifest",
        released.check(&trust).map(|signer| signer.to_string()),
    )];
    let contradictions = manifest.contradictions();
    if !contradictions.is_empty() {
        checks.push(Check::failed("manifest", contradictions.join("; ")));
    }
    let (ours, theirs) = (ledger.project_id().to_string(), &manifest.project.id);
    checks.push(if *theirs == ours {
        Check::passed("project", ours)
    } else {
        Check::failed("project", format!("the manifest is of project {theirs}"))
    });
    if released.entry.is_none() {
        return Ok(checks);
    }
    match ledger::read_tag(repo, tag) {
        Ok(Some(found)) => {
            checks.push(Check::passed("tag", tag));
            let examined = ledger::examine_tag(&found, released, ledger.project_id(), &trust);
            checks.extend(examined.map(|(name, result)| check(name, result)));
        }
        Ok(None) => {
            let detail = format!("tag {tag} is not here: git fetch REMOTE tag {tag}");
            checks.push(Check::failed("tag", detail));
        }
        Err(error) => checks.push(Check::failed("tag", said(&error))),
    }
    Ok(checks)
}

/// Checks that the release commit is a child of the released one, and holds the pins of the ledger.
pub fn verify_commit(repo: &gix::Repository, released: &Released) -> Check {
    let manifest = &released.manifest;
    let name = "release commit";
    match holds_pins(repo, released) {
        Ok(None) => Check::passed(name, manifest.release_commit.clone()),
        Ok(Some(wrong)) => Check::failed(name, wrong),
        Err(error) => Check::failed(name, error),
    }
}

/// What is wrong with the release commit; an error where that cannot be seen.
fn holds_pins(repo: &gix::Repository, released: &Released) -> Result<Option<String>, String> {
    let manifest = &released.manifest;
    let missing = |_| format!("commit {} is not in this clone", manifest.release_commit);
    let id = ObjectId::from_hex(manifest.release_commit.as_bytes()).map_err(missing)?;
    let commit = repo.find_commit(id).map_err(missing)?;
    let parent = commit.parent_ids().next().map(|id| id.to_string());
    if parent.as_deref() != Some(&manifest.commit) {
        return Ok(Some(format!("is no child of {}", manifest.commit)));
    }
    let unreadable = |error: gix::Error| format!("its files cannot be read: {error}");
    let tree = commit.tree().map_err(unreadable)?;
    let files = tree.traverse().breadthfirst.files().map_err(unreadable)?;
    let wanted = gix::objs::compute_hash(
        repo.object_hash(),
        Kind::Blob,
        released.versions_cfg.as_bytes(),
    );
    let wanted = wanted.map_err(|error| error.to_string())?;
    let found = files
        .iter()
        .any(|file| file.oid == wanted && file.filepath.ends_with(b"hostout-versions.cfg"));
    Ok((!found).then(|| "holds other pins than the ledger's versions.cfg".to_owned()))
}

/// Checks the artifacts that are on this machine.
pub fn verify_artifacts(manifest: &Manifest, store: &Store) -> Vec<Check> {
    let artifacts = manifest.artifacts();
    let (mut here, mut wrong) = (0, Vec::new());
    for artifact in artifacts.values() {
        match store.look(&artifact.sha256) {
            Ok(None) => {}
            Ok(Some((_, found))) if found == artifact.sha256 => here += 1,
            Ok(Some((path, found))) => wrong.push(damaged(artifact, &path, &found.to_string())),
            Err(error) => wrong.push(error.to_string()),
        }
    }
    let missing = artifacts.len() - here - wrong.len();
    wrong.extend(wrong_sizes(manifest, store));
    vec![if wrong.is_empty() {
        let detail = format!("{here} here with their hashes, {missing} not on this machine");
        Check::passed("artifacts", detail)
    } else {
        Check::failed("artifacts", wrong.join("; "))
    }]
}

/// Artifacts on this machine that are larger or smaller than the manifest says.
pub fn wrong_sizes(manifest: &Manifest, store: &Store) -> Vec<String> {
    let artifacts = manifest.artifacts();
    let wrong = artifacts.values().filter_map(|artifact| {
        let size = fs::metadata(store.path(&artifact.sha256)?).ok()?.len();
        let (file, claimed) = (&artifact.file, artifact.size);
        (size != claimed).then(|| format!("{file} has {size} bytes, the manifest says {claimed}"))
    });
    wrong.collect()
}

fn damaged(artifact: &Artifact, path: &Path, found: &str) -> String {
    let (file, wanted) = (&artifact.file, artifact.sha256);
    format!(
        "{file} has sha256 {found}, not {wanted}: rm {}",
        path.display()
    )
}

fn check(name: &str, result: Result<String, ledger::Error>) -> Check {
    match result {
        Ok(detail) => Check::passed(name, detail),
        Err(error) => Check::failed(name, said(&error)),
    }
}

/// An error with its causes, on one line.
fn said(error: &ledger::Error) -> String {
    use std::error::Error as _;
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}

fn short(id: &ObjectId) -> String {
    id.to_hex_with_len(12).to_string()
}
