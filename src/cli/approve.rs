//! `git hostout approve`: a second person agrees to a deployment.

use super::{
    complete, releasing,
    session::Session,
    writing::{self, Common, Writing},
};
use crate::{
    error::Error,
    ledger::{self, Kind, NewEntry},
    plan::Refusal,
    release::{Approval, FORMAT, Need},
    ui,
};

/// Agree that a stage gets a release, as its policy asks of a second person.
///
/// It is an entry signed by you; whoever deploys then is another. A release that ran healthy on the stage needs none.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  git hostout approve 1.4.2 --for production")]
pub struct Args {
    /// The release
    #[arg(value_name = "VERSION", add = complete::versions())]
    version: String,
    /// The stage
    #[arg(long = "for", value_name = "STAGE", add = complete::stages())]
    stage: String,
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(session: &Session, args: &Args) -> Result<(), Error> {
    let work = session.workspace()?;
    let stage = &work.project.select_stage(Some(&args.stage))?.name;
    let mut ledger = writing::ledger(session, &work)?;
    let released = releasing::released(&work, &ledger, Some(&args.version))?;
    let version = &released.manifest.version;
    if let Some(entry) = ledger.withdrawal(version) {
        let mut refusal = Refusal::default();
        refusal.add(
            format!(
                "release {version} was withdrawn: {}",
                ui::clean_line(&entry.reason)
            ),
            "release another version; git hostout log shows those that are there",
        );
        return Err(refusal.into());
    }
    let me = ledger.name_of(&work.key()?)?;
    let approvers = ledger.approvers(stage, version, released.digest)?;
    if approvers.iter().any(|approver| approver.name == me) {
        session
            .ui
            .status(&format!("You approved {version} for {stage} already."));
        return Ok(());
    }
    let project = ledger.project_id().to_string();
    let writing = Writing {
        summary: format!(
            "Agree that {stage} gets {} {version}.",
            released.manifest.project.name
        ),
        notes: Vec::new(),
        entry: format!("approve {stage} {version}"),
        details: vec![
            format!("manifest sha256:{}", released.digest.short()),
            format!("as {me}"),
        ],
        need: Need::Deploy(stage.clone()),
        question: "Agree?",
        tells: false,
        mode: args.common.mode(),
        done: format!(
            "{me} agrees that {stage} gets {version}. Next, by somebody else: git hostout deploy {stage} {version}"
        ),
    };
    writing::write(session, &work, &mut ledger, writing, |_, key, who, time| {
        let approval = Approval {
            format: FORMAT,
            state: "approved".to_owned(),
            id: ledger::new_id()?,
            project,
            stage: stage.clone(),
            version: version.clone(),
            manifest: released.digest,
            by: who.to_string(),
            time: time.to_string(),
            reason: args.common.reason.clone(),
        };
        let kind = Kind::Approved {
            stage: stage.clone(),
            version: version.clone(),
        };
        let files = ledger::approval_files(&approval, key)?;
        Ok(NewEntry::adding(kind, files, approval.id, who, time).because(&approval.reason))
    })
}
