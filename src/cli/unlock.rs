//! `git hostout unlock`: ends the lock of somebody who is gone.

use super::{
    carry_out::{Mode, Question, carry_out, nothing},
    deployment,
    hosts::{self, Choice, Fleet, Scene},
    remote,
    session::Session,
};
use crate::{error::Error, execute, plan};

/// End the lock of somebody who is gone, and write down how their deployment ended.
///
/// Seldom needed: a lock's lease is over two minutes after the last sign of life, and then the next deployment takes it
/// over. It is refused (12) while the lease lasts, or a switch of theirs goes on. What a client of this machine that is gone
/// left preparing is ended: nobody outside notices that.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The stage; with several it must be named
    #[arg(value_name = "STAGE", add = super::complete::stages())]
    stage: Option<String>,
    /// Why, for the ledger and the host
    #[arg(long, short = 'm', value_name = "TEXT")]
    reason: String,
    /// Show what would be done
    #[arg(long, short = 'n')]
    dry_run: bool,
}

pub(super) fn run(session: &Session, args: &Args) -> Result<(), Error> {
    let work = session.workspace()?;
    let stage = hosts::named_stage(session, &work, args.stage.as_deref())?;
    let mut ledger = remote::caught_up(session, &work, work.ledger(&session.ui)?)?;
    let seen = Fleet::connect(session, stage)?.look(stage, None)?;
    if let Some((host, holder)) = plan::held(&seen) {
        return Err(Error::locked(host, holder, &stage.name));
    }
    let cut_off = plan::cut_off(&stage.name, &seen);
    let mut scene = Scene::enter(session, &ledger, stage, Choice::default())?;
    let Some(plan) = plan::unlock(&stage.name, scene.open.as_ref(), &seen) else {
        let why = format!("Nobody holds a lock on {}.", stage.name);
        nothing(session, Mode::of(args.dry_run), &why);
        warn(session, &cut_off);
        return Ok(());
    };
    let nothing = Question::default();
    carry_out(session, &plan, Mode::of(args.dry_run), &nothing, || {
        deployment::recording(session, &work, |recorder| {
            let settling = execute::Settling {
                recorder: *recorder,
                stage,
                open: scene.open.as_ref(),
                reason: &args.reason,
            };
            Ok(settling.carry_out(&plan, &mut ledger, &mut scene.fleet.members)?)
        })?;
        session.ui.status(&format!("{} is unlocked.", stage.name));
        warn(session, &cut_off);
        Ok(())
    })
}

fn warn(session: &Session, cut_off: &[String]) {
    for words in cut_off {
        session.ui.warn(words);
    }
}
