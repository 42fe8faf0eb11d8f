//! `git hostout log`: releases and deployments, newest first.

use super::session::Session;
use crate::{
    error::Error,
    ledger::{Entry, Kind},
    release::{Ended, EntryId, HostResult, Intent, Outcome},
    ui,
};
use serde::Serialize;
use std::collections::HashMap;

/// Show releases and deployments, newest first; a deployment's start and end are one line.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  git hostout log            everything
  git hostout log staging    what happened on staging
  git hostout log -n 3 --json")]
pub struct Args {
    /// Only this stage; left out = releases and all stages
    #[arg(value_name = "STAGE", add = super::complete::stages())]
    stage: Option<String>,
    /// At most N lines
    #[arg(short = 'n', value_name = "N")]
    count: Option<usize>,
}

/// One line of the log, as `--json` writes it.
#[derive(Debug, Serialize)]
struct Line {
    serial: u64,
    id: EntryId,
    kind: &'static str,
    version: Option<String>,
    stage: Option<String>,
    by: String,
    time: String,
    reason: String,
    result: Option<Outcome>,
    /// The hosts that stayed behind where it went well on the others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    behind: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Document {
    entries: Vec<Line>,
}

pub(super) fn run(session: &Session, args: &Args) -> Result<(), Error> {
    let work = session.workspace()?;
    if let Some(stage) = &args.stage {
        work.project.select_stage(Some(stage))?;
    }
    let ledger = work.ledger(&session.ui)?;
    let mut ends: HashMap<EntryId, &Entry> = HashMap::new();
    let mut entries = Vec::new();
    for entry in ledger.entries() {
        if args.count.is_some_and(|count| entries.len() >= count) {
            break;
        }
        let (kind, version, stage, result) = match &entry.kind {
            Kind::Ended { of, .. } => {
                ends.entry(of.clone()).or_insert(entry);
                continue;
            }
            Kind::Start { .. } => ("start", None, None, None),
            Kind::Release { version, .. } => ("release", Some(version.to_string()), None, None),
            Kind::Started {
                stage,
                version,
                intent,
            } => {
                let kind = match intent {
                    Intent::Deploy => "deploy",
                    Intent::Rollback => "rollback",
                };
                let result = ends.remove(&entry.id);
                let result = result.map(|end| ledger.ended(end)).transpose()?;
                (kind, Some(version.to_string()), Some(stage.clone()), result)
            }
            Kind::Keys { .. } => ("keys", None, None, None),
            Kind::Approved { stage, version } => (
                "approve",
                Some(version.to_string()),
                Some(stage.clone()),
                None,
            ),
            Kind::Withdrawn { version } => ("withdraw", Some(version.to_string()), None, None),
            Kind::Other(_) => ("other", None, None, None),
        };
        if args.stage.is_some() && stage != args.stage {
            continue;
        }
        entries.push(Line {
            serial: entry.serial,
            id: entry.id.clone(),
            kind,
            version,
            stage,
            by: entry.by.clone(),
            time: entry.time.to_string(),
            reason: entry.reason.clone(),
            behind: result.as_ref().map(left_behind).unwrap_or_default(),
            result: result.map(|ended| ended.state),
        });
    }
    if session.global.json {
        session.ui.json(&Document { entries });
    } else {
        let rows = entries.iter().map(row);
        session.ui.data(&ui::table(rows));
    }
    Ok(())
}

fn left_behind(ended: &Ended) -> Vec<String> {
    let behind = |result: &&HostResult| result.result == Outcome::Behind;
    let hosts = ended.host.iter().filter(behind);
    let hosts = hosts.filter(|_| ended.state == Outcome::Healthy);
    hosts.map(|result| result.host.clone()).collect()
}

fn row(line: &Line) -> Vec<String> {
    let result = match (line.kind, line.result) {
        ("deploy" | "rollback", None) => "no end known".to_owned(),
        (_, Some(outcome)) if line.behind.is_empty() => outcome.to_string(),
        (_, Some(outcome)) => format!("{outcome}, but {} behind", line.behind.join(", ")),
        _ => String::new(),
    };
    // To the minute: seconds cost columns and tell people nothing. `Z` is UTC (RFC 3339).
    let minute = line.time.get(..16).unwrap_or(&line.time);
    let time = format!("{}Z", minute.replace('T', " "));
    vec![
        format!("#{}", line.serial),
        time,
        line.kind.to_owned(),
        line.version.clone().unwrap_or_default(),
        line.stage.clone().unwrap_or_default(),
        result,
        line.by.split(" <").next().unwrap_or_default().to_owned(),
        line.reason.lines().next().unwrap_or_default().to_owned(),
    ]
}
