//! `git hostout run`: a command in the release that is live.

use super::{complete, hosts, session::Session};
use crate::{
    assemble::together,
    config::{Host, Stage},
    error::Error,
    execute::{self, Stream},
    host::Command,
};
use std::io::{self, IsTerminal as _};

/// Run a command on a stage's hosts, in the directory of the release that is live.
///
/// Its words are passed on exactly; no shell reads them. On one host it has this terminal, and its exit code is that of
/// this command. On several hosts it has nothing to read, each line of output begins with the host's name, and the first
/// code that is not 0 is the exit code.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  git hostout run staging -- bin/instance run scripts/reindex.py
  git hostout run production --hosts 'web*' -- sh -c 'df -h . | tail -1'")]
pub struct Args {
    /// The stage
    #[arg(value_name = "STAGE", add = complete::stages())]
    stage: String,
    /// As whom: who deploys (build), or whom services run as (runtime)
    #[arg(long = "as", value_name = "USER", value_enum, default_value_t = Who::Runtime)]
    who: Who,
    /// Only hosts whose names match GLOB
    #[arg(long, value_name = "GLOB", add = complete::hosts())]
    hosts: Option<String>,
    /// The command and its arguments
    #[arg(value_name = "CMD", required = true, last = true)]
    command: Vec<String>,
}

impl Args {
    /// The stage.
    pub(super) fn stage(&self) -> &str {
        &self.stage
    }
}

/// How what a command prints is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// On one host with our terminal, as it comes: it is the person's own command.
    Attached,
    /// Line by line, without what would command a terminal: anybody may have written it.
    Clean,
}

/// Of a stage without a runtime user both are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Who {
    Build,
    Runtime,
}

pub(super) fn run(session: &Session, args: &Args) -> Result<u8, Error> {
    let work = session.workspace()?;
    let stage = work.project.select_stage(Some(&args.stage))?;
    let chosen = hosts::selected(stage, args.hosts.as_deref())?;
    let own = Command::new(args.command.clone());
    let own = match args.who {
        Who::Runtime => own.as_runtime(&stage.path, stage.runtime_user.as_deref()),
        Who::Build => own,
    };
    on_each(session, stage, &chosen, Shown::Attached, |host| {
        // Here we become the command, and every signal is for it.
        let command = if host.is_local() {
            own.clone()
        } else {
            own.clone().telling_signals()
        };
        Ok(Some(Command::in_current(&stage.path, &command)))
    })
}

/// Runs what `command` gives for each of `chosen`; on several hosts each line begins with the host's name.
pub(super) fn on_each(
    session: &Session,
    stage: &Stage,
    chosen: &[&Host],
    shown: Shown,
    command: impl Fn(&Host) -> Result<Option<Command>, Error> + Sync,
) -> Result<u8, Error> {
    if let (Shown::Attached, [host]) = (shown, chosen) {
        let target = hosts::target_of(host);
        let Some(command) = command(host)? else {
            return Ok(0);
        };
        let terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
        if host.is_local() {
            // A Ctrl-C is then for the command alone, which may live on.
            return Err(execute::become_attached(&target, &command, terminal).into());
        }
        return Ok(exit_code(execute::run_attached(
            &target, &command, terminal,
        )?));
    }
    let only = chosen.len() == 1;
    let codes = together(chosen, |host| {
        let Some(command) = command(host)? else {
            return Ok(0);
        };
        let line = |stream, text: &str| {
            let text = if only {
                text.to_owned()
            } else {
                format!("{}: {text}", host.destination)
            };
            match stream {
                Stream::Out => session.ui.data(&text),
                Stream::Err => session.ui.plain(&text),
            }
        };
        let code = execute::run_by_line(&hosts::target_of(host), &command, only, &line)?;
        if code != 0 && !only {
            session.ui.warn(&format!(
                "{} of {}: status {code}",
                host.destination, stage.name
            ));
        }
        Ok::<_, Error>(code)
    });
    let mut worst = 0;
    for code in codes {
        let code = code?;
        if worst == 0 {
            worst = code;
        }
    }
    Ok(exit_code(worst))
}

/// What a shell sees of a status.
fn exit_code(status: i32) -> u8 {
    u8::try_from(status).unwrap_or(u8::MAX)
}
