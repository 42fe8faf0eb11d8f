//! `git hostout deploy`: takes a release to a stage's hosts.

use super::{
    bare, consent, deployment,
    hosts::{Choice, Scene},
    releasing,
    session::{Session, Workspace},
    wait,
};
use crate::{
    config,
    error::Error,
    plan::{self, DeployRequest, HealthOverride},
    release::Intent,
    ui::Answer,
};
use std::time::Duration;

/// Take a release to a stage's hosts: upload, build, back up, stop, switch, start, check; put back what was there when it
/// is not healthy.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  git hostout deploy                     the release of HEAD to the default stage
  git hostout deploy staging 1.4.2
  git hostout deploy production --from staging
  git hostout deploy production -m 'Spring sale' --dry-run")]
pub struct Args {
    /// The stage; left out = `default-stage`, else the only one
    #[arg(value_name = "STAGE", add = super::complete::stages_and_versions())]
    pub(super) stage: Option<String>,
    /// The release; left out = that of HEAD or of its nearest released ancestor
    #[arg(value_name = "VERSION", add = super::complete::versions())]
    version: Option<String>,
    /// The release that STAGE runs healthy, for as long as the policy asks
    #[arg(long, value_name = "STAGE", conflicts_with = "version", add = super::complete::stages())]
    from: Option<String>,
    #[command(flatten)]
    pub(super) options: Options,
}

/// What deploy and rollback share.
#[derive(clap::Args, Clone, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags of a command line are independent of each other"
)]
pub struct Options {
    /// Show the plan; change nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// Only hosts whose names match GLOB
    #[arg(long, value_name = "GLOB", add = super::complete::hosts())]
    pub hosts: Option<String>,
    /// Hosts that cannot be reached stay behind
    #[arg(long)]
    pub skip_unreachable: bool,
    /// Ask URL instead of the release's own health check, this once; none = look at processes only. Needs -m
    #[arg(long, value_name = "URL|none")]
    pub health: Option<String>,
    /// Keep the new release when it is not healthy; exit with 25. Needs -m
    #[arg(long)]
    pub keep: bool,
    /// The stage's hosts or path may differ from its last deployment
    #[arg(long)]
    pub moved: bool,
    /// Wait for whoever holds a lock, DURATION at most; then plan anew
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, default_missing_value = "30m",
        value_parser = duration)]
    pub wait: Option<Duration>,
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
    #[arg(long, value_name = "STAGE", add = super::complete::stages())]
    pub confirm: Option<String>,
}

/// `90s`, `10m`, `2h`.
fn duration(text: &str) -> Result<Duration, String> {
    let seconds = config::seconds(text);
    let duration = seconds.map(Duration::from_secs);
    duration.ok_or_else(|| "it is a whole number followed by s, m or h".to_owned())
}

impl Options {
    /// Which hosts are meant.
    pub fn choice(&self) -> Choice<'_> {
        Choice {
            glob: self.hosts.as_deref(),
            skip_unreachable: self.skip_unreachable,
            counted: self.wait.is_some(),
        }
    }

    /// What a check may be passed over with is written down together with why.
    pub(super) fn check(&self) -> Result<(), Error> {
        if let Some(url) = self.health.as_deref().filter(|health| *health != "none") {
            config::health_url(url)
                .map_err(|complaint| Error::Usage(format!("--health: {complaint}")))?;
        }
        let flag = match (&self.health, self.keep) {
            (Some(_), _) => "--health",
            (None, true) => "--keep",
            (None, false) => return Ok(()),
        };
        if self.reason.trim().is_empty() {
            return Err(Error::Usage(format!(
                "{flag} passes over the release's own check and needs a reason: add -m TEXT"
            )));
        }
        Ok(())
    }

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
    args.options.check()?;
    let mut settled = false;
    match deploy(session, args, &mut settled) {
        Err(error) => {
            if bare::bootstrapped(session, args, &error)? {
                deploy(session, args, &mut settled)
            } else {
                Err(error.unfit())
            }
        }
        done => done,
    }
}

/// `settled` once it was asked whether HEAD is released first.
fn deploy(session: &Session, args: &Args, settled: &mut bool) -> Result<(), Error> {
    let work = session.workspace()?;
    let (stage, version) = words(&work, args)?;
    let stage = work.project.select_stage(stage)?;
    let ledger = consent::heard(session, &work, work.ledger(&session.ui)?, stage)?;
    let proven = match &args.from {
        Some(from) => {
            let from = work.project.select_stage(Some(from))?;
            Some(consent::proven(session, &ledger, from, stage)?.to_string())
        }
        None => None,
    };
    let version = version.or(proven.as_deref());
    if version.is_none() && !*settled {
        release_first(session, &work, &ledger, &args.options)?;
        *settled = true;
    }
    wait::through(session, args.options.wait, || {
        let ledger = work.ledger(&session.ui)?;
        let released = releasing::released(&work, &ledger, version)?;
        let scene = Scene::enter(session, &ledger, stage, args.options.choice())?;
        deployment::run(
            session,
            &work,
            ledger,
            scene,
            &deployment::Asked {
                released: &released,
                intent: Intent::Deploy,
                options: &args.options,
            },
        )
    })
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
    args: &Options,
) -> Result<(), Error> {
    let releasing_as = super::release::Args {
        dry_run: args.dry_run,
        ..super::release::Args::default()
    };
    let Some(ahead) = releasing::ahead(work, ledger)? else {
        return if releasing::has_release(work, ledger)? {
            Ok(())
        } else {
            first_release(session, &releasing_as)
        };
    };
    let question = format!(
        "HEAD is {} after {}: release it first?",
        commits(ahead.commits),
        ahead.tag
    );
    if session.ui.ask_in_person(&question, true) == Answer::Yes {
        super::release::run(session, &releasing_as)
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

/// Nothing is released yet: asks whether to. Without a terminal the command to type is told by who looks for the release.
fn first_release(session: &Session, args: &super::release::Args) -> Result<(), Error> {
    let question = "Neither HEAD nor any commit before it is released: release it first?";
    match session.ui.ask_in_person(question, true) {
        Answer::Yes => super::release::run(session, args),
        Answer::No | Answer::NotATerminal => Ok(()),
    }
}

fn commits(count: usize) -> String {
    if count == 1 {
        "1 commit".to_owned()
    } else {
        format!("{count} commits")
    }
}
