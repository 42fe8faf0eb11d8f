//! `git hostout put`: a shared file to the hosts of a stage.

use super::{
    carry_out::{Mode, Question, carry_out},
    complete,
    hosts::{Choice, Fleet},
    session::{Session, Workspace},
};
use crate::{config::Stage, error::Error, execute, plan};
use std::{
    fs,
    io::{self, Read as _},
};

/// Put a shared file to a stage's hosts: one that `[shared] files` of hostout.toml names, such as secret.cfg or .env.
///
/// It lies there for its owner only, or for the stage's runtime user too, and never in the ledger or a log.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  git hostout put production secret.cfg
  pass show shop/production | git hostout put production secret.cfg -")]
pub struct Args {
    /// The stage
    #[arg(value_name = "STAGE", add = complete::stages())]
    stage: String,
    /// The shared file, as hostout.toml names it
    #[arg(value_name = "FILE", add = complete::shared_files())]
    file: String,
    /// Where to read it; left out = FILE in the buildout directory, - = standard input
    #[arg(value_name = "FROM", value_hint = clap::ValueHint::FilePath)]
    from: Option<String>,
    /// Only hosts whose names match GLOB
    #[arg(long, value_name = "GLOB", add = complete::hosts())]
    hosts: Option<String>,
    /// Take it though there is nothing in it
    #[arg(long)]
    allow_empty: bool,
    /// Show where it would go
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// The name of a protected stage
    #[arg(long, value_name = "STAGE", add = complete::stages())]
    confirm: Option<String>,
}

pub(super) fn run(session: &Session, args: &Args) -> Result<(), Error> {
    let work = session.workspace()?;
    let stage = work.project.select_stage(Some(&args.stage))?;
    let file = args.file.trim_start_matches("./");
    let wanting = wanting(&work, stage, args.hosts.as_deref())?;
    let wanting: Vec<plan::Wanting<'_>> = wanting
        .iter()
        .map(|(host, files)| (host.as_str(), files.as_slice()))
        .collect();
    // Before anything is read: what no host wants is nobody's business.
    let reader = stage.runtime_user.as_deref();
    plan::put(&stage.name, reader, file, 0, &wanting)?;
    let content = read(&work, file, args.from.as_deref())?;
    if content.is_empty() && !args.allow_empty {
        // As of a password store that failed in front of a pipe.
        return Err(Error::Usage(format!(
            "nothing was read for {file}; --allow-empty puts an empty file there"
        )));
    }
    let bytes = u64::try_from(content.len()).unwrap_or(u64::MAX);
    let plan = plan::put(&stage.name, reader, file, bytes, &wanting)?;
    let question = Question {
        text: None,
        protected: stage.protected.then_some(stage.name.as_str()),
        confirmed: args.confirm.as_deref(),
        why: None,
    };
    carry_out(session, &plan, Mode::of(args.dry_run), &question, || {
        let choice = Choice {
            glob: args.hosts.as_deref(),
            ..Choice::default()
        };
        let (mut fleet, _) = Fleet::connect_some(session, stage, choice)?;
        let show = session.watch();
        let changed = execute::put(&plan, stage, &content, &mut fleet.members, &|event| {
            show.on(event);
        })?;
        session.ui.status(&match changed.as_slice() {
            [] => format!("{file} was there already, byte for byte."),
            some => format!(
                "{file} is on {}; what runs reads it at its next start.",
                some.join(", ")
            ),
        });
        Ok(())
    })
}

/// The hosts that are meant, and which shared files each of them wants.
fn wanting(
    work: &Workspace,
    stage: &Stage,
    glob: Option<&str>,
) -> Result<Vec<(String, Vec<String>)>, Error> {
    let hosts = super::hosts::selected(stage, glob)?.into_iter();
    Ok(hosts
        .map(|host| {
            let settings = work.project.combination_for(&stage.name, &host.roles);
            let files = settings.map(|settings| settings.shared.files.clone());
            (host.destination.clone(), files.unwrap_or_default())
        })
        .collect())
}

fn read(work: &Workspace, file: &str, from: Option<&str>) -> Result<Vec<u8>, Error> {
    let (place, content) = match from {
        Some("-") => {
            let mut content = Vec::new();
            let read = io::stdin().lock().read_to_end(&mut content);
            ("standard input".to_owned(), read.map(|_| content))
        }
        Some(path) => (path.to_owned(), fs::read(path)),
        None => {
            let root = work.repo.workdir().unwrap_or(work.repo.path());
            let path = root.join(work.buildout()).join(file);
            (path.display().to_string(), fs::read(&path))
        }
    };
    content.map_err(|error| {
        Error::Usage(format!(
            "cannot read {place}: {error}; name another file, or - for standard input"
        ))
    })
}
