//! `git hostout logs`: what the services of the live release wrote.

use super::{
    complete, hosts,
    run::{Shown, on_each},
    session::Session,
};
use crate::{error::Error, host::Command, observe, plan::Refusal};

/// Show the logs of what runs on a stage's hosts, as the buildout names them: of supervisor and its programs, of Zope
/// and ZEO, or the `log` of `[services]`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  git hostout logs staging
  git hostout logs production -f --hosts 'web*'")]
pub struct Args {
    /// The stage
    #[arg(value_name = "STAGE", add = complete::stages())]
    stage: String,
    /// Go on with what is written from now on, over deployments too
    #[arg(long, short)]
    follow: bool,
    /// How many lines of each file
    #[arg(short = 'n', value_name = "N", default_value_t = 20)]
    lines: u32,
    /// Only hosts whose names match GLOB
    #[arg(long, value_name = "GLOB", add = complete::hosts())]
    hosts: Option<String>,
}

impl Args {
    /// Whether it goes on until somebody ends it.
    pub(super) fn follows(&self) -> bool {
        self.follow
    }
}

pub(super) fn run(session: &Session, args: &Args) -> Result<u8, Error> {
    let work = session.workspace()?;
    let stage = work.project.select_stage(Some(&args.stage))?;
    let chosen = hosts::selected(stage, args.hosts.as_deref())?;
    on_each(session, stage, &chosen, Shown::Clean, |host| {
        let mut transport = hosts::log_in(session, stage, host)?;
        let Some(logs) = observe::logs(transport.as_mut(), stage)? else {
            let mut refusal = Refusal::default();
            refusal.add(
                format!("{}: nothing is live", host.destination),
                format!("git hostout deploy {}", stage.name),
            );
            return Err(refusal.into());
        };
        if logs.is_empty() {
            session.ui.note(&format!(
                "{}: what runs names no log file, or has written none yet",
                host.destination
            ));
            return Ok(None);
        }
        let tail = Command::tail(&logs, args.lines, args.follow);
        Ok(Some(
            tail.as_runtime(&stage.path, stage.runtime_user.as_deref()),
        ))
    })
}
