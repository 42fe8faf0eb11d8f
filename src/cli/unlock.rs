//! `git hostout unlock`: ends the lock of somebody who is gone.

use super::{
    carry_out::{Mode, Question, carry_out},
    deployment, hosts, remote,
    session::Session,
};
use crate::{
    error::Error,
    execute,
    plan::{self, Unlocking},
};

/// End the lock of somebody who is gone, and write down how their deployment ended.
///
/// Seldom needed: a lock's lease is over two minutes after the last sign of life, and then the next deployment takes it
/// over. It is refused (12) while the lease lasts, or work of theirs goes on.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The stage; with several it must be named
    #[arg(value_name = "STAGE")]
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
    let mut ledger = work.ledger(&session.ui)?;
    if !args.dry_run {
        ledger = remote::caught_up(session, &work, ledger)?;
    }
    let mut fleet = hosts::Fleet::connect(session, stage)?;
    let hosts = fleet.look(stage, None)?;
    let open = execute::open_deployment(&ledger, &stage.name)?;
    let open = open.as_ref().map(|started| &started.id);
    let plan = match plan::unlock(&stage.name, &hosts, open) {
        Unlocking::Plan(plan) => plan,
        Unlocking::Held { host, holder } => return Err(Error::Locked { host, holder }),
        Unlocking::Nothing => {
            session
                .ui
                .status(&format!("Nobody holds a lock on {}.", stage.name));
            return Ok(());
        }
    };
    let question = Question {
        text: None,
        protected: None,
        confirmed: None,
    };
    carry_out(session, &plan, Mode::of(args.dry_run), &question, || {
        let ended = deployment::recording(session, &work, |recorder| {
            Ok(execute::unlock(
                &plan,
                stage,
                &args.reason,
                recorder,
                &mut ledger,
                &mut fleet.members,
            )?)
        })?;
        deployment::tell_settled(session, stage, ended);
        session.ui.status(&format!("{} is unlocked.", stage.name));
        Ok(())
    })
}
