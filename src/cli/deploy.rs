//! `git hostout deploy`: takes a release to a stage's hosts.

use super::{
    deployment,
    hosts::Scene,
    releasing,
    session::{Session, Workspace},
};
use crate::{
    error::Error,
    plan::{self, DeployRequest, HealthOverride},
    release::Intent,
    ui::Answer,
};

/// Take a release to a stage's hosts: upload, build, back up, stop, switch, start, check; put back what was there when it
/// is not healthy.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  git hostout deploy                     the release of HEAD to the default stage
  git hostout deploy staging 1.4.2
  git hostout deploy production -m 'Spring sale' --dry-run")]
pub struct Args {
    /// The stage; left out = `default-stage`, else the only one
    #[arg(value_name = "STAGE")]
    stage: Option<String>,
    /// The release; left out = that of HEAD or of its nearest released ancestor
    #[arg(value_name = "VERSION")]
    version: Option<String>,
    #[command(flatten)]
    options: Options,
}

/// What deploy and rollback share.
#[derive(clap::Args, Clone, Debug)]
pub struct Options {
    /// Show the plan; change nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// Only hosts whose names match GLOB
    #[arg(long, value_name = "GLOB")]
    pub hosts: Option<String>,
    /// Ask URL instead of the release's own health check, this once; none = look at processes only
    #[arg(long, value_name = "URL|none")]
    pub health: Option<String>,
    /// Keep the new release when it is not healthy; exit with 25
    #[arg(long)]
    pub keep: bool,
    /// The stage's hosts or path may differ from its last deployment
    #[arg(long)]
    pub moved: bool,
    /// Why, for the ledger
    #[arg(
        long,
        short = 'm',
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub reason: String,
    /// The name of a protected stage
    #[arg(long, value_name = "STAGE")]
    pub confirm: Option<String>,
}

impl Options {
    /// What is asked for.
    pub fn request(&self, intent: Intent) -> DeployRequest {
        DeployRequest {
            intent,
            health: self.health.as_deref().map(|health| match health {
                "none" => HealthOverride::None,
                url => HealthOverride::Url(url.to_owned()),
            }),
            keep_unhealthy: self.keep,
            moved: self.moved,
        }
    }
}

pub(super) fn run(session: &Session, args: &Args) -> Result<(), Error> {
    let work = session.workspace()?;
    let (stage, version) = words(&work, args)?;
    let stage = work.project.select_stage(stage)?;
    let ledger = work.ledger(&session.ui)?;
    if version.is_none() {
        release_first(session, &work, &ledger)?;
    }
    let ledger = work.ledger(&session.ui)?;
    let released = releasing::released(&work, &ledger, version)?;
    let scene = Scene::enter(session, &ledger, stage, args.options.hosts.as_deref())?;
    deployment::run(
        session,
        &work,
        ledger,
        scene,
        &released,
        Intent::Deploy,
        &args.options,
    )
}

/// A lone word that is no stage but a version, or nearly one, is the version; stage names never parse as versions.
fn words<'a>(
    work: &Workspace,
    args: &'a Args,
) -> Result<(Option<&'a str>, Option<&'a str>), Error> {
    match (args.stage.as_deref(), args.version.as_deref()) {
        (Some(word), None) if work.project.stages.iter().all(|stage| stage.name != word) => {
            match plan::parse_version(word) {
                Ok(_) => Ok((None, Some(word))),
                Err(error) if error.nearest.is_some() => Err(error.into()),
                Err(_) => Ok((Some(word), None)),
            }
        }
        words => Ok(words),
    }
}

/// HEAD ahead of its nearest release: asks whether to release first. Without a terminal the release that is there goes.
fn release_first(
    session: &Session,
    work: &Workspace,
    ledger: &crate::ledger::Ledger,
) -> Result<(), Error> {
    let Some(ahead) = releasing::ahead(work, ledger)? else {
        return Ok(());
    };
    let question = format!(
        "HEAD is {} after {}: release it first?",
        commits(ahead.commits),
        ahead.tag
    );
    if session.ui.ask_in_person(&question, true) == Answer::Yes {
        super::release::run(session, &super::release::Args::default())
    } else {
        session.ui.note(&format!(
            "HEAD is {} after {}; {} is deployed.",
            commits(ahead.commits),
            ahead.tag,
            ahead.tag
        ));
        Ok(())
    }
}

fn commits(count: usize) -> String {
    if count == 1 {
        "1 commit".to_owned()
    } else {
        format!("{count} commits")
    }
}
