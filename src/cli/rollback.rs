//! `git hostout rollback`: goes back to an earlier release.

use super::{
    carry_out::Mode,
    deploy::Options,
    deployment,
    hosts::{self, Scene},
    recover::{self, Recovered},
    releasing, resume,
    session::{Session, Workspace},
    wait,
};
use crate::{
    config::Stage,
    error::Error,
    facts, observe,
    plan::{self, Refusal},
    release::Intent,
    ui,
};
use jiff::tz::TimeZone;
use semver::Version;

/// Go back to an earlier release: a deployment of its manifest.
///
/// Without --to: the newest healthy deployment older than the first one of the release that runs now, of another version
/// (1.5, then 1.4, then 1.3). It also works when the host lost the files: they are shipped again.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  git hostout rollback                   the release before, on the only stage
  git hostout rollback production --to 1.4.2 -m 'Checkout broken'")]
pub struct Args {
    /// The stage; with several it must be named
    #[arg(value_name = "STAGE", add = super::complete::stages())]
    stage: Option<String>,
    /// This release
    #[arg(long, value_name = "VERSION", add = super::complete::versions())]
    to: Option<String>,
    #[command(flatten)]
    options: Options,
}

pub(super) fn run(session: &Session, args: &Args) -> Result<(), Error> {
    args.options.check()?;
    let work = session.workspace()?;
    let stage = hosts::named_stage(session, &work, args.stage.as_deref())?;
    wait::through(session, args.options.wait, || {
        roll_back(session, &work, stage, args)
    })
}

fn roll_back(session: &Session, work: &Workspace, stage: &Stage, args: &Args) -> Result<(), Error> {
    let options = &args.options;
    let choice = options.choice();
    let ledger = work.ledger(&session.ui)?;
    let mut scene = Scene::enter(session, &ledger, stage, choice)?;
    let seen = scene.fleet.look(stage, None)?;
    let mode = Mode::of(options.dry_run);
    match recover::first(session, stage, &mut scene.fleet, &seen, mode)? {
        Recovered::Nothing => {}
        Recovered::Shown => return Ok(()),
        // To undo what was cut off is what was asked for; the release before that one is another rollback's.
        Recovered::Done {
            failed: None,
            back: Some(version),
        } if args.to.is_none() && all_run(&seen, &version) => {
            resume::settle(session, work, ledger, stage)?;
            session.ui.status(&format!(
                "{} runs {version} again, as before the deployment that was cut off.",
                stage.name
            ));
            return Ok(());
        }
        Recovered::Done { failed, .. } => {
            recover::warn_of(session, failed.as_deref());
            return roll_back(session, work, stage, args);
        }
    }
    let (ledger, mut scene) = scene.caught_up(session, work, ledger, &seen, choice)?;
    let mut log = observe::history_of(&observe::history(&ledger), &stage.name);
    if let (Some(last), Some(open)) = (log.first_mut(), &scene.open) {
        last.outcome = Some(open.outcome);
    }
    log = plan::in_order(log, &seen);
    // The host is right about what was live there, whatever this clone has not heard of.
    if let Some(host) = hosts::ahead(&ledger, &seen) {
        session.ui.warn(&format!(
            "{} tells of deployments that the ledger here does not know: going by its own record",
            host.name
        ));
        log.clone_from(&host.history);
    }
    let runs = plan::runs(&log, &seen).cloned();
    log.retain(|past| {
        ledger.withdrawal(&past.version).is_none() || Some(&past.version) == runs.as_ref()
    });
    let version = if let Some(word) = &args.to {
        plan::parse_version(word)?
    } else {
        // A host that lost its files cannot say what ran there: the ledger's newest healthy deployment did.
        let live = runs.or_else(|| {
            log.iter()
                .find(|deployment| deployment.outcome == Some(crate::release::Outcome::Healthy))
                .map(|deployment| deployment.version.clone())
        });
        match plan::rollback_target(&log, live.as_ref()) {
            Ok(target) => {
                let last = log
                    .iter()
                    .find(|past| past.version == target.version && past.outcome == target.outcome);
                session.ui.status(&format!(
                    "{} runs {}.\n{} was last healthy there {}.",
                    stage.name,
                    live.map_or("nothing".to_owned(), |live| live.to_string()),
                    target.version,
                    when(session, &last.unwrap_or(target).time)
                ));
                target.version.clone()
            }
            Err(none) => return Err(no_target(&stage.name, &none).into()),
        }
    };
    let told = match ledger.release(&version)? {
        Some(_) => None,
        None => scene.fleet.told(session, stage, &version)?,
    };
    let released = match told {
        Some(told) => told,
        None => releasing::released(work, &ledger, Some(&version.to_string()))?,
    };
    deployment::run(
        session,
        work,
        ledger,
        scene,
        &deployment::Asked {
            released: &released,
            intent: Intent::Rollback,
            options: &args.options,
        },
    )
}

/// Whether every host runs `version` once those that were cut off are back: of a fleet others may have been switched before.
fn all_run(seen: &[facts::Host], version: &Version) -> bool {
    seen.iter()
        .all(|host| host.cut_off.is_some() || host.current.release() == Some(version))
}

/// A time of the ledger, for people.
fn when(session: &Session, time: &str) -> String {
    time.parse().map_or_else(
        |_| time.to_owned(),
        |then| ui::time::both(then, session.now(), &TimeZone::UTC),
    )
}

fn no_target(stage: &str, none: &plan::NoTarget) -> Refusal {
    let versions: Vec<String> = none.others.iter().map(ToString::to_string).collect();
    let remedy = if versions.is_empty() {
        format!("git hostout log {stage} shows what ran there; name a release with --to")
    } else {
        format!("name one with --to: {}", versions.join(", "))
    };
    let mut refusal = Refusal::default();
    refusal.add(
        format!("there is no earlier healthy release on {stage} to go back to"),
        remedy,
    );
    refusal
}
