//! `git hostout ssh`: a shell on a host, in the release that is live.

use super::{complete, hosts, session::Session};
use crate::{
    config::{Host, Stage},
    error::Error,
    execute,
    host::Command,
};
use std::io::{self, IsTerminal as _};

/// Open a shell on a host, in the directory of the release that is live there, by the system's ssh.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The stage
    #[arg(value_name = "STAGE", add = complete::stages())]
    stage: String,
    /// The host, as hostout.toml names it; left out = the only one
    #[arg(value_name = "HOST", add = complete::hosts())]
    host: Option<String>,
}

pub(super) fn run(session: &Session, args: &Args) -> Result<(), Error> {
    let work = session.workspace()?;
    let stage = work.project.select_stage(Some(&args.stage))?;
    let host = one(stage, args.host.as_deref())?;
    let command = Command::shell_in(&stage.path);
    let target = hosts::target_of(host);
    Err(execute::become_attached(&target, &command, io::stdin().is_terminal()).into())
}

/// The host that is meant: by its whole destination, or by its name alone.
fn one<'s>(stage: &'s Stage, name: Option<&str>) -> Result<&'s Host, Error> {
    let hosts = &stage.hosts;
    let found = match name {
        Some(name) => hosts.iter().find(|host| {
            let (_, place) = host
                .destination
                .rsplit_once('@')
                .unwrap_or(("", &host.destination));
            host.destination == name || place == name
        }),
        None => hosts.first().filter(|_| hosts.len() == 1),
    };
    let names: Vec<&str> = hosts.iter().map(|host| host.destination.as_str()).collect();
    found.ok_or_else(|| {
        Error::Usage(format!(
            "name one of the hosts of {}: {}",
            stage.name,
            names.join(", ")
        ))
    })
}
