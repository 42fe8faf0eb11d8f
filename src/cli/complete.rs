//! What a shell may complete: stages, hosts, shared files and versions of the project around the working directory.
//!
//! The shell's function, which `completions` prints, calls this program with `$COMPLETE`. Nothing is said or asked then: a
//! project that cannot be read has nothing to offer.

use super::{
    args::{Cli, Global},
    session::{Session, Workspace},
};
use crate::{
    config::Stage,
    ledger::{Kind, Ledger},
};
use clap::{CommandFactory as _, Parser as _};
use clap_complete::{ArgValueCandidates, CompleteEnv, CompletionCandidate};
use std::{ffi::OsString, path::PathBuf, process::ExitCode};

/// By which a shell's function says that it asks.
pub(super) const VARIABLE: &str = "COMPLETE";

/// Answers a shell that asks; nothing when this is an ordinary run.
pub(super) fn answer(argv: &[OsString]) -> Option<ExitCode> {
    let directory = std::env::current_dir().ok();
    let asked = CompleteEnv::with_factory(Cli::command)
        .var(VARIABLE)
        .try_complete(argv.iter().cloned(), directory.as_deref());
    match asked {
        Ok(false) => None,
        Ok(true) => Some(ExitCode::SUCCESS),
        // The shell gets nothing, which it takes for no candidates.
        Err(_) => Some(ExitCode::FAILURE),
    }
}

/// Names of stages.
pub(super) fn stages() -> ArgValueCandidates {
    of_project(|work| names(&work.project.stages, |stage| vec![stage.name.clone()]))
}

/// Hosts of the stage that the line names, or of any one, as hostout.toml names them.
pub(super) fn hosts() -> ArgValueCandidates {
    of_project(|work| {
        let stages = &work.project.stages;
        let named = line().find_map(|word| stages.iter().find(|stage| *stage.name == *word));
        names(named.map_or(stages, std::slice::from_ref), |stage| {
            let hosts = stage.hosts.iter();
            hosts.map(|host| host.destination.clone()).collect()
        })
    })
}

/// Shared files of any stage.
pub(super) fn shared_files() -> ArgValueCandidates {
    of_project(|work| {
        let settings = work.project.combinations.iter();
        settings
            .flat_map(|settings| settings.shared.files.clone())
            .collect()
    })
}

/// Released versions, newest first.
pub(super) fn versions() -> ArgValueCandidates {
    of_project(released)
}

/// Stages and versions, where a word may be either.
pub(super) fn stages_and_versions() -> ArgValueCandidates {
    of_project(|work| {
        let stages = names(&work.project.stages, |stage| vec![stage.name.clone()]);
        stages.into_iter().chain(released(work)).collect()
    })
}

fn released(work: &Workspace) -> Vec<String> {
    let branch = &work.project.release.ledger;
    let ledger = Ledger::open(&work.repo, branch);
    let Ok(Some(ledger)) = ledger else {
        return Vec::new();
    };
    let released = ledger.entries().filter_map(|entry| match &entry.kind {
        Kind::Release { version, .. } => Some(version.to_string()),
        _ => None,
    });
    released.collect()
}

fn names(stages: &[Stage], of: impl Fn(&Stage) -> Vec<String>) -> Vec<String> {
    stages.iter().flat_map(of).collect()
}

/// What `candidates` finds in the project; each once, in its order.
fn of_project(candidates: fn(&Workspace) -> Vec<String>) -> ArgValueCandidates {
    ArgValueCandidates::new(move || {
        let Ok(cli) = Cli::try_parse_from(["git-hostout", "man"]) else {
            return Vec::new();
        };
        let session = Session::new(Global {
            directory: directory(),
            ..cli.global
        });
        let Ok(work) = session.workspace() else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for name in candidates(&work) {
            if !found.contains(&name) {
                found.push(name);
            }
        }
        let place = 0..;
        place
            .zip(found)
            .map(|(order, name)| CompletionCandidate::new(name).display_order(Some(order)))
            .collect()
    })
}

/// What `-C` says on the line that is being completed.
fn directory() -> Option<PathBuf> {
    let mut words = line().skip_while(|word| word != "-C");
    words.nth(1).map(PathBuf::from)
}

/// The words of the line that is being completed.
fn line() -> impl Iterator<Item = OsString> {
    std::env::args_os().skip_while(|word| word != "--").skip(1)
}
