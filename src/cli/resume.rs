//! `git hostout resume`: finishes what was interrupted, pushes what stayed local.

use super::{
    carry_out::{Question, carry_out, nothing},
    deploy::Options,
    deployment, give_up,
    hosts::{self, Choice, Scene},
    publishing::{self, Outlets},
    recover::{self, Recovered},
    releasing,
    session::{Session, Workspace},
    unpushed::{self, Unpushed},
    writing::Common,
};
use crate::{
    config::Stage,
    error::{Class, Error},
    execute::{self, Deployed, Unfinished},
    facts::{self, Deployment, Open},
    ledger::{self, Ledger},
    observe,
    plan::{self, Interrupted, Plan},
    release::Manifest,
};

/// Finish what was interrupted: a release; a deployment whose host was left alone. Push what stayed local.
///
/// With STAGE also: where its last deployment reached some hosts only, take the release to the others. That is a deployment
/// of its own, and asks as `deploy` does.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Only this stage's deployment
    #[arg(value_name = "STAGE", add = super::complete::stages())]
    stage: Option<String>,
    /// Where somebody else's release or keys reached the remote first: give ours up, with what was done with them
    #[arg(long, conflicts_with = "stage")]
    give_up: bool,
    /// The name of a protected stage
    #[arg(long, value_name = "STAGE", requires = "stage", add = super::complete::stages())]
    confirm: Option<String>,
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(session: &Session, args: &Args) -> Result<(), Error> {
    if args.give_up {
        return give_up::run(session, args.common.mode());
    }
    let mut work = session.workspace()?;
    let mut ledger = work.ledger(&session.ui)?;
    let stages = match &args.stage {
        Some(name) => vec![work.project.select_stage(Some(name))?.clone()],
        None => work.project.stages.clone(),
    };
    let Some(Found {
        left,
        recovered,
        failed,
        mut missed,
    }) = find(session, &ledger, &stages, args)?
    else {
        return Ok(());
    };
    let rest = match args.stage {
        Some(_) => Rest::Nothing,
        None => missed
            .unless(rest(&work, &ledger))?
            .unwrap_or(Rest::Nothing),
    };
    let plans = left.iter().map(|left| &left.plan).chain(rest.plan());
    let Some(plan) = Plan::joined("Finish what was left open.", plans.cloned()) else {
        if let Some(failed) = failed {
            return Err(execute::Error::Deployed(failed).into());
        }
        missed.end(session)?;
        if !go_on(session, &work, ledger, &stages, args)? && !recovered {
            let mode = args.common.mode();
            nothing(session, mode, "There is nothing to resume.");
        }
        return Ok(());
    };
    let question = Question {
        text: None,
        protected: None,
        confirmed: None,
        why: None,
    };
    carry_out(session, &plan, args.common.mode(), &question, || {
        let settled = !left.is_empty();
        for stage in left {
            stage.settle(session, &work, &mut ledger, &args.common.reason)?;
        }
        if let Some(failed) = failed {
            return Err(execute::Error::Deployed(failed).into());
        }
        match rest {
            Rest::Nothing => go_on(session, &work, ledger, &stages, args).map(|_| ()),
            Rest::Release(release) => release.finish(session, &mut work, &mut ledger),
            // The ends that were written are pushed already, with everything before them.
            Rest::Push(_) if settled => match unpushed::find(&work, &ledger)? {
                Some(unpushed) => unpushed.push(session, &work, ledger),
                None => Ok(()),
            },
            Rest::Push(unpushed) => unpushed.push(session, &work, ledger),
        }
    })?;
    missed.end(session)
}

/// What could not be looked at. It keeps nothing else from being finished, and is told at the end.
#[derive(Default)]
struct Missed(Vec<Error>);

impl Missed {
    /// What was looked at; nothing where nobody answers there, or others are at work.
    fn unless<T>(&mut self, seen: Result<T, Error>) -> Result<Option<T>, Error> {
        match seen {
            Ok(seen) => Ok(Some(seen)),
            Err(error) if matches!(error.class(), Class::Unreachable | Class::Locked) => {
                self.0.push(error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The worst of it as what the command ends with.
    fn end(mut self, session: &Session) -> Result<(), Error> {
        self.0.sort_by_key(|error| error.class().code());
        let Some(worst) = self.0.pop() else {
            return Ok(());
        };
        for other in self.0 {
            session.ui.warn(&other.to_string());
        }
        Err(worst)
    }
}

/// Takes the release of a deployment that ended on some hosts only to the others, on a stage that was named. Whether
/// there was one.
fn go_on(
    session: &Session,
    work: &Workspace,
    ledger: Ledger,
    stages: &[Stage],
    args: &Args,
) -> Result<bool, Error> {
    let (Some(_), [stage]) = (&args.stage, stages) else {
        return Ok(false);
    };
    let mut scene = Scene::enter(session, &ledger, stage, Choice::default())?;
    let hosts = scene.fleet.look(stage, None)?;
    let Some(Halfway { last, only, .. }) = halfway(&ledger, stage, None, hosts)? else {
        return Ok(false);
    };
    if let Some(only) = &only {
        scene.keep(only);
    }
    let released = releasing::released(work, &ledger, Some(&last.version.to_string()))?;
    let options = Options {
        dry_run: args.common.dry_run,
        reason: args.common.reason.clone(),
        confirm: args.confirm.clone(),
        hosts: only.map(|only| hosts::glob_of(&only)),
        ..Options::default()
    };
    deployment::run(
        session,
        work,
        ledger,
        scene,
        &deployment::Asked {
            released: &released,
            intent: last.intent,
            options: &options,
        },
    )?;
    Ok(true)
}

/// A deployment that reached some hosts only.
struct Halfway {
    last: Deployment,
    /// The hosts that it was asked for, where those are not all of the stage.
    only: Option<Vec<String>>,
    /// Those as they are seen.
    hosts: Vec<facts::Host>,
}

/// The last deployment to `stage`, where some of `hosts` have its release and others that it was asked for are to get it;
/// `open` is how it ended, where that is not in the ledger yet.
fn halfway(
    ledger: &Ledger,
    stage: &Stage,
    open: Option<&Open>,
    mut hosts: Vec<facts::Host>,
) -> Result<Option<Halfway>, Error> {
    let mut log = observe::history_of(&observe::history(ledger), &stage.name);
    if let (Some(last), Some(open)) = (log.first_mut(), open) {
        last.outcome = Some(open.outcome);
    }
    log = plan::in_order(log, &hosts);
    let Some(last) = log.first() else {
        return Ok(None);
    };
    let started = ledger.started(&last.id)?.map(|(_, started)| started.only);
    let only = started.filter(|only| !only.is_empty());
    if let Some(only) = &only {
        hosts.retain(|host| only.contains(&host.name));
    }
    let behind = observe::behind(ledger, &last.id)?;
    let last = plan::go_on(&log, &behind, &hosts).cloned();
    Ok(last.map(|last| Halfway { last, only, hosts }))
}

/// A stage on which a client that went away left something.
struct Left<'s> {
    scene: Scene<'s>,
    plan: Plan,
}

/// What was found on stages.
#[derive(Default)]
struct Found<'s> {
    left: Vec<Left<'s>>,
    /// Whether a host was cut off, and is put right.
    recovered: bool,
    /// One on which the old release could not be put back.
    failed: Option<Box<Deployed>>,
    /// Stages of which nothing is known.
    missed: Missed,
}

/// Looks at `stages`: where the ledger has an open deployment and, on one that was named, whether a lock is held by
/// nobody. Hosts that were cut off are put right first; nothing where that was only shown. A stage that cannot be looked
/// at holds up no other.
fn find<'s>(
    session: &Session,
    ledger: &Ledger,
    stages: &'s [Stage],
    args: &Args,
) -> Result<Option<Found<'s>>, Error> {
    let mut found = Found::default();
    for stage in stages {
        if args.stage.is_some() {
            if !find_on(session, ledger, stage, args, &mut found)? {
                return Ok(None);
            }
        } else if ledger.open_deployment(&stage.name)?.is_some() {
            let seen = find_on(session, ledger, stage, args, &mut found);
            if found.missed.unless(seen)? == Some(false) {
                return Ok(None);
            }
        }
    }
    Ok(Some(found))
}

/// The same on one stage; `false` where something was only shown.
fn find_on<'s>(
    session: &Session,
    ledger: &Ledger,
    stage: &'s Stage,
    args: &Args,
    found: &mut Found<'s>,
) -> Result<bool, Error> {
    let mut scene = Scene::enter(session, ledger, stage, Choice::default())?;
    let mut hosts = scene.fleet.look(stage, None)?;
    let mode = args.common.mode();
    let look_again = match recover::first(session, stage, &mut scene.fleet, &hosts, mode)? {
        // Between two looks the host itself may have put right what was cut off.
        Recovered::Nothing => {
            scene.open.is_none() && ledger.open_deployment(&stage.name)?.is_some()
        }
        Recovered::Shown => return Ok(false),
        Recovered::Done { failed, .. } => {
            found.recovered = true;
            found.failed = found.failed.take().or(failed);
            true
        }
    };
    if look_again {
        scene = Scene::enter(session, ledger, stage, Choice::default())?;
        hosts = scene.fleet.look(stage, None)?;
    }
    if let Some(mut plan) = plan::settle(&stage.name, scene.open.as_ref(), &hosts) {
        if args.stage.is_some()
            && let Some(then) = halfway(ledger, stage, scene.open.as_ref(), hosts)?
        {
            let note = plan::afterwards(&then.last, &then.hosts);
            plan.notes.push(note);
        }
        found.left.push(Left { scene, plan });
    }
    Ok(true)
}

/// Writes down how the deployment ended that `stage` has open, where it has one.
pub(super) fn settle(
    session: &Session,
    work: &Workspace,
    mut ledger: Ledger,
    stage: &Stage,
) -> Result<(), Error> {
    let mut scene = Scene::enter(session, &ledger, stage, Choice::default())?;
    let hosts = scene.fleet.look(stage, None)?;
    match plan::settle(&stage.name, scene.open.as_ref(), &hosts) {
        Some(plan) => Left { scene, plan }.settle(session, work, &mut ledger, ""),
        None => Ok(()),
    }
}

impl Left<'_> {
    fn settle(
        mut self,
        session: &Session,
        work: &Workspace,
        ledger: &mut Ledger,
        reason: &str,
    ) -> Result<(), Error> {
        let Scene {
            stage, fleet, open, ..
        } = &mut self.scene;
        deployment::recording(session, work, |recorder| {
            let settling = execute::Settling {
                recorder: *recorder,
                stage,
                open: open.as_ref(),
                reason,
            };
            Ok(settling.carry_out(&self.plan, ledger, &mut fleet.members)?)
        })
    }
}

/// What is left to be done beside hosts.
enum Rest {
    Nothing,
    Release(Box<Begun>),
    Push(Unpushed),
}

/// A release that was begun and is not in the ledger.
struct Begun {
    note: Unfinished,
    manifest: Manifest,
    remote: Option<String>,
    plan: Plan,
}

fn rest(work: &Workspace, ledger: &Ledger) -> Result<Rest, Error> {
    let Some(note) = execute::unfinished(&work.repo, ledger.branch())? else {
        return Ok(unpushed::find(work, ledger)?.map_or(Rest::Nothing, Rest::Push));
    };
    let manifest = Manifest::from_toml(&note.manifest)?;
    let remote = ledger::remote_for(&work.repo);
    let lacking = match &remote {
        Some(remote) => ledger.tags_lacking_at(remote)?,
        None => Vec::new(),
    };
    let plan = plan::resume(&Interrupted {
        project: &work.project.name,
        manifest: &manifest,
        tag: &note.tag,
        ledger: ledger.branch(),
        tip: &ledger.tip().to_string(),
        push_to: remote.as_deref(),
        lacking: &lacking,
    });
    Ok(Rest::Release(Box::new(Begun {
        note,
        manifest,
        remote,
        plan,
    })))
}

impl Rest {
    fn plan(&self) -> Option<&Plan> {
        match self {
            Self::Nothing => None,
            Self::Release(release) => Some(&release.plan),
            Self::Push(unpushed) => Some(&unpushed.plan),
        }
    }
}

impl Begun {
    fn finish(
        self,
        session: &Session,
        work: &mut Workspace,
        ledger: &mut Ledger,
    ) -> Result<(), Error> {
        let (plan, manifest) = (&self.plan, &self.manifest);
        publishing::finish(
            session,
            work,
            ledger,
            plan,
            manifest,
            &self.note,
            Outlets {
                push_to: self.remote,
                shared: None,
            },
        )
    }
}
