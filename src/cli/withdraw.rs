//! `git hostout withdraw`: no stage takes a release any more.

use super::{
    carry_out::Mode,
    releasing,
    session::Session,
    tell,
    writing::{self, Writing},
};
use crate::{
    error::Error,
    ledger::{self, Kind, NewEntry},
    release::{FORMAT, Need, Withdrawal},
};

/// Withdraw a release: no stage takes it any more. Nothing is deleted, and what runs it runs on.
///
/// The hosts of every stage are told at once, as far as they answer; the same again tells those that did not.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  git hostout withdraw 1.4.2 -m 'Leaks order numbers'")]
pub struct Args {
    /// The release
    #[arg(value_name = "VERSION")]
    version: String,
    /// Why, for everybody who meets it
    #[arg(long, short = 'm', value_name = "TEXT")]
    reason: String,
    /// Show what would be done
    #[arg(long, short = 'n')]
    dry_run: bool,
}

pub(super) fn run(session: &Session, args: &Args) -> Result<(), Error> {
    if args.reason.trim().is_empty() {
        return Err(Error::Usage(
            "a withdrawal needs a reason: add -m TEXT".to_owned(),
        ));
    }
    let work = session.workspace()?;
    let mut ledger = writing::ledger(session, &work)?;
    let released = releasing::released(&work, &ledger, Some(&args.version))?;
    let version = &released.manifest.version;
    if ledger.withdrawal(version).is_some() {
        session
            .ui
            .status(&format!("{version} was withdrawn already."));
        return tell::tell(session, &ledger, &tell::stages(&work, &ledger));
    }
    let project = ledger.project_id().to_string();
    let writing = Writing {
        summary: format!(
            "Withdraw {} {version}: no stage takes it any more.",
            released.manifest.project.name
        ),
        notes: vec!["where it runs it runs on, until something else is deployed".to_owned()],
        entry: format!("withdraw {version}"),
        details: vec![format!("manifest sha256:{}", released.digest.short())],
        need: Need::Release,
        question: "Withdraw it?",
        tells: true,
        mode: Mode::of(args.dry_run),
        done: format!("{version} is withdrawn."),
    };
    writing::write(session, &work, &mut ledger, writing, |_, key, who, time| {
        let withdrawal = Withdrawal {
            format: FORMAT,
            state: "withdrawn".to_owned(),
            id: ledger::new_id()?,
            project,
            version: version.clone(),
            manifest: released.digest,
            by: who.to_string(),
            time: time.to_string(),
            reason: args.reason.clone(),
        };
        let kind = Kind::Withdrawn {
            version: version.clone(),
        };
        let files = ledger::withdrawal_files(&withdrawal, key)?;
        Ok(NewEntry::adding(kind, files, withdrawal.id, who, time).because(&withdrawal.reason))
    })
}
