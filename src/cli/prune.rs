//! `git hostout prune`: removes old releases from a stage's hosts.

use super::{
    carry_out::{Mode, Question, carry_out, nothing},
    hosts,
    session::Session,
};
use crate::{
    error::Error,
    execute, observe,
    plan::{self, Refusal},
};

/// Remove old releases from a stage's hosts. What is live, and what a rollback would go back to, stays.
///
/// A rollback to a removed release still works: it is shipped again.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The stage; with several it must be named
    #[arg(value_name = "STAGE", add = super::complete::stages())]
    stage: Option<String>,
    /// How many releases stay; left out = `keep` of the stage
    #[arg(long, value_name = "N")]
    keep: Option<u32>,
    /// Show what would be removed
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// The name of a protected stage
    #[arg(long, value_name = "STAGE", add = super::complete::stages())]
    confirm: Option<String>,
}

pub(super) fn run(session: &Session, args: &Args) -> Result<(), Error> {
    let mode = Mode::of(args.dry_run);
    let work = session.workspace()?;
    let stage = hosts::named_stage(session, &work, args.stage.as_deref())?;
    let ledger = work.ledger(&session.ui)?;
    let mut fleet = hosts::Fleet::connect(session, stage)?;
    let mut hosts = fleet.look(stage, None)?;
    let mut refusal = Refusal::default();
    for host in &hosts {
        plan::refuse_newer(host, &stage.path, &mut refusal);
    }
    refusal.into_result()?;
    for (member, host) in fleet.members.iter_mut().zip(&mut hosts) {
        host.homes = observe::homes(member.transport.as_mut(), stage, host)?;
    }
    let deployments = observe::history_of(&observe::history(&ledger), &stage.name);
    let deployments = plan::in_order(deployments, &hosts);
    let live = hosts.iter().find_map(|host| host.current.release());
    let previous = plan::rollback_target(&deployments, live)
        .ok()
        .map(|target| &target.version);
    let keep = args.keep.unwrap_or(stage.keep);
    let keep = usize::try_from(keep).unwrap_or(usize::MAX).max(1);
    let Some(plan) = plan::prune(&stage.name, keep, &hosts, previous) else {
        nothing(session, mode, "There is nothing to remove.");
        return Ok(());
    };
    let question = Question {
        text: Some("Remove them?"),
        protected: stage.protected.then_some(stage.name.as_str()),
        confirmed: args.confirm.as_deref(),
        why: None,
    };
    carry_out(session, &plan, mode, &question, || {
        let show = session.watch();
        execute::prune(&plan, stage, &work.who()?, &mut fleet.members, &|event| {
            show.on(event);
        })?;
        Ok(())
    })
}
