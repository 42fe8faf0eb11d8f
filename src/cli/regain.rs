//! `git hostout init --from-host`: the ledger and all releases, back from a host that was deployed to.

use super::{
    carry_out::{Mode, Question, carry_out},
    hosts,
    session::Session,
};
use crate::{
    config::{Host, Project},
    error::Error,
    host::{StatusAnswer, StatusRequest},
    ledger::{self, Believed, Bundled, Git, ListedKey},
    observe,
    plan::{self, Refusal, Regaining},
    process,
    release::role_words,
    transport::Conversation,
};
use std::fs::File;

/// Where the ledger is to come from.
struct Source {
    host: Host,
    path: String,
    python: String,
}

/// Gets back what `host` keeps of the ledger; `path` is its stage's. `project` is what hostout.toml says, where there is
/// one. Gives the tag of the newest release.
pub(super) fn run(
    session: &Session,
    repo: &gix::Repository,
    project: Option<&Project>,
    host: &str,
    path: Option<&str>,
) -> Result<Option<String>, Error> {
    let source = source(project, host, path)?;
    let mut transport = hosts::connect(session, &source.host)?;
    let seen = Conversation::new(transport.as_mut(), &source.path, &source.python)
        .status(&StatusRequest::default())
        .map_err(observe::Error::Conversation)?;
    let Some(kept) = &seen.bundle else {
        let mut refusal = Refusal::default();
        refusal.add(
            format!("{host} keeps no ledger at {}", source.path),
            "name the stage's path with --path, or another host that was deployed to",
        );
        return Err(refusal.into());
    };
    let scratch = process::File::new().map_err(|source| ledger::Error::File {
        what: "write",
        path: std::env::temp_dir(),
        source,
    })?;
    let mut file = File::create(scratch.path()).map_err(|source| ledger::Error::File {
        what: "write",
        path: scratch.path().to_owned(),
        source,
    })?;
    observe::bundle(transport.as_mut(), &seen, &mut file)?;
    let git = Git::of(repo);
    let believed = believed(host, &seen);
    let branch = project.map_or(kept.branch.as_str(), |project| &project.release.ledger);
    let met = ledger::introduction(repo, branch)?.is_some();
    let bundled = ledger::fetch_bundle(repo, &git, scratch.path(), branch, &believed)?;
    let tag = bundled.ledger.newest_tag()?;
    if bundled.new == 0 {
        session.ui.status(&format!(
            "Ledger: branch {branch} has all that {host} keeps of it."
        ));
        return Ok(tag);
    }
    let plan = plan::regain(Regaining {
        host,
        ledger: branch,
        project: bundled.ledger.project_id().to_string(),
        tip: bundled.ledger.tip().to_string(),
        entries: bundled.new,
        releases: bundled.ledger.releases().into_iter().cloned().collect(),
        keys: keys(&bundled)?,
        met,
        behind: behind(&bundled, &seen)?,
    });
    let question = Question {
        text: Some("Take it over?"),
        ..Question::default()
    };
    carry_out(session, &plan, Mode::Execute, &question, || {
        let ledger = bundled.take_over(repo, &git)?;
        session.ui.status(&format!(
            "Ledger: branch {branch} is back, with {} entries and the tags of its releases.",
            ledger.entries().count()
        ));
        Ok(())
    })?;
    Ok(tag)
}

/// The host with what hostout.toml says of it.
fn source(project: Option<&Project>, host: &str, path: Option<&str>) -> Result<Source, Error> {
    let stages = project.map_or(&[][..], |project| &project.stages);
    let known = stages.iter().find_map(|stage| {
        let mut hosts = stage.hosts.iter();
        let found = hosts.find(|known| known.destination == host)?;
        path.is_none_or(|path| path == stage.path)
            .then_some((stage, found))
    });
    match (known, path) {
        (Some((stage, host)), _) => Ok(Source {
            host: host.clone(),
            path: stage.path.clone(),
            python: stage.python.clone(),
        }),
        (None, Some(path)) => Ok(Source {
            host: Host {
                destination: host.to_owned(),
                roles: Vec::new(),
                host_key: None,
            },
            path: path.to_owned(),
            python: "python3".to_owned(),
        }),
        (None, None) => Err(Error::Usage(format!(
            "hostout.toml names no host {host}: where did it deploy to there? Add --path PATH"
        ))),
    }
}

fn believed(host: &str, seen: &StatusAnswer) -> Believed {
    let trust = seen.trust.clone().unwrap_or_default();
    Believed {
        host: host.to_owned(),
        project: trust.project,
        statement: trust.generation.zip(trust.digest),
    }
}

/// Who may sign.
fn keys(bundled: &Bundled) -> Result<Vec<String>, Error> {
    let listed = bundled.ledger.keyring()?.list()?;
    let line = |key: ListedKey| {
        let roles = role_words(&key.roles);
        format!("{} {}: {roles}", key.name, key.fingerprint)
    };
    Ok(listed.into_iter().flatten().map(line).collect())
}

/// What the host has done after the ledger's newest entry, in words.
fn behind(bundled: &Bundled, seen: &StatusAnswer) -> Result<Option<String>, Error> {
    let ledger = &bundled.ledger;
    if let Some(record) = &seen.record
        && let (Some(release), Some(id)) = (&record.release, &record.id)
        && ledger.started(id)?.is_none()
    {
        return Ok(Some(format!("runs {release} by deployment {id}")));
    }
    let taken = seen.trust.as_ref().and_then(|trust| trust.serial);
    let newest = ledger.entries().next().map_or(0, |entry| entry.serial);
    let later = taken.filter(|taken| u64::try_from(*taken).is_ok_and(|taken| taken > newest));
    Ok(later.map(|taken| format!("took entry {taken}, after {newest}")))
}
