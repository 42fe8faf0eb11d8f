//! `git hostout diff`: what differs between two releases or stages.

use super::{releasing, session::Session, session::Workspace};
use crate::{
    error::Error,
    ledger::Ledger,
    observe,
    plan::{self, Refusal},
    release::{Manifest, Outcome},
    ui,
};
use serde::Serialize;

/// Show what differs between two releases or stages: eggs, pins, configuration, python.
///
/// A stage stands for the release that it ran healthy last, as the ledger says; no host is asked.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  git hostout diff 1.0.0 1.1.0
  git hostout diff staging production")]
pub struct Args {
    /// A version or a stage
    #[arg(value_name = "A", add = super::complete::stages_and_versions())]
    a: String,
    /// A version or a stage
    #[arg(value_name = "B", add = super::complete::stages_and_versions())]
    b: String,
}

#[derive(Serialize)]
struct Document {
    from: String,
    to: String,
    differences: Vec<plan::Difference>,
}

pub(super) fn run(session: &Session, args: &Args) -> Result<(), Error> {
    let work = session.workspace()?;
    let ledger = work.ledger(&session.ui)?;
    let a = manifest(&work, &ledger, &args.a)?;
    let b = manifest(&work, &ledger, &args.b)?;
    let differences = plan::difference(&a, &b);
    if session.global.json {
        session.ui.json(&Document {
            from: a.version.to_string(),
            to: b.version.to_string(),
            differences,
        });
        return Ok(());
    }
    if differences.is_empty() {
        session
            .ui
            .status(&format!("{} and {} do not differ.", args.a, args.b));
        return Ok(());
    }
    let gone = || "-".to_owned();
    let rows = differences.into_iter().map(|difference| {
        vec![
            difference.kind.to_owned(),
            difference.name,
            difference.from.unwrap_or_else(gone),
            "->".to_owned(),
            difference.to.unwrap_or_else(gone),
        ]
    });
    session.ui.data(&ui::table(rows));
    Ok(())
}

fn manifest(work: &Workspace, ledger: &Ledger, word: &str) -> Result<Manifest, Error> {
    if work.project.stages.iter().all(|stage| stage.name != word) {
        let begins_as_version = |c: char| c.is_ascii_digit();
        if !word.trim_start_matches('v').starts_with(begins_as_version) {
            work.project.select_stage(Some(word))?;
        }
        return Ok(releasing::released(work, ledger, Some(word))?.manifest);
    }
    let deployments = observe::history(ledger);
    let live = observe::order_of(ledger, &deployments, word)?
        .into_iter()
        .find(|deployment| deployment.outcome == Some(Outcome::Healthy));
    let Some(live) = live else {
        let mut refusal = Refusal::default();
        refusal.add(
            format!("nothing was ever healthy on {word}"),
            format!("git hostout deploy {word}"),
        );
        return Err(refusal.into());
    };
    Ok(releasing::released(work, ledger, Some(&live.version.to_string()))?.manifest)
}
