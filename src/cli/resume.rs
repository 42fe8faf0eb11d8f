//! `git hostout resume`: finishes what was interrupted, pushes what stayed local.

use super::{
    carry_out::{Mode, Question, carry_out},
    deployment, releasing,
    session::{Session, Workspace},
};
use crate::{
    config::Stage,
    error::Error,
    execute::{self, Published, Publisher},
    ledger::{self, Fetched, Git, Ledger, Patience},
    plan::{self, Diverged, Interrupted, Refusal},
    release::Manifest,
};
use gix::ObjectId;

/// Finish what was interrupted: a release; a deployment whose host was left alone. Push what stayed local.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Only this stage's deployment
    #[arg(value_name = "STAGE")]
    stage: Option<String>,
    /// Show what would be done
    #[arg(long, short = 'n')]
    dry_run: bool,
}

pub(super) fn run(session: &Session, args: &Args) -> Result<(), Error> {
    let mut work = session.workspace()?;
    let mut ledger = work.ledger(&session.ui)?;
    let settled = settle(session, &work, &mut ledger, args)?;
    if args.stage.is_some() {
        if !settled {
            session.ui.status("There is nothing to resume.");
        }
        return Ok(());
    }
    let remote = ledger::remote_for(&work.repo);
    let Some(note) = execute::unfinished(&work.repo, ledger.branch())? else {
        return push(session, &work, ledger, remote, Mode::of(args.dry_run));
    };
    let manifest = Manifest::from_toml(&note.manifest)?;
    let interrupted = Interrupted {
        project: &work.project.name.clone(),
        manifest: &manifest,
        tag: &note.tag,
        ledger: ledger.branch(),
        tip: &ledger.tip().to_string(),
        push_to: remote.as_deref(),
    };
    let plan = plan::resume(&interrupted);
    let question = Question {
        text: None,
        protected: None,
        confirmed: None,
    };
    let push_to = remote.clone();
    carry_out(session, &plan, Mode::of(args.dry_run), &question, || {
        releasing::finish(
            session,
            &mut work,
            &mut ledger,
            &plan,
            &manifest,
            &note,
            push_to,
        )
    })
}

/// Follows deployments whose clients died to their ends; whether there was one.
fn settle(
    session: &Session,
    work: &Workspace,
    ledger: &mut Ledger,
    args: &Args,
) -> Result<bool, Error> {
    let stages: Vec<&Stage> = match &args.stage {
        Some(name) => vec![work.project.select_stage(Some(name))?],
        None => work.project.stages.iter().collect(),
    };
    let mut any = false;
    for stage in stages {
        let Some(open) = execute::open_deployment(ledger, &stage.name)? else {
            continue;
        };
        any = true;
        if args.dry_run {
            session.ui.note(&format!(
                "the hosts of {} would be asked how deployment {} ended",
                stage.name, open.id
            ));
        } else {
            deployment::settle_open(session, work, ledger, stage)?;
        }
    }
    Ok(any)
}

/// Pushes every release and entry that the remote has not, made again on top of what came there in between.
fn push(
    session: &Session,
    work: &Workspace,
    ledger: Ledger,
    remote: Option<String>,
    mode: Mode,
) -> Result<(), Error> {
    let Some(name) = remote else {
        session.ui.status("There is nothing to resume.");
        return Ok(());
    };
    let git = Git::of(&work.repo);
    let branch = ledger.branch().to_owned();
    let mut theirs = None;
    let fetched = ledger::fetch(&work.repo, &git, &name, &branch, Patience::default());
    let local = match fetched {
        Ok(Fetched::Ahead { entries }) => entries,
        Ok(Fetched::Absent) => usize::MAX,
        Ok(Fetched::Same | Fetched::Adopted { .. } | Fetched::Forwarded { .. }) => {
            session.ui.status("There is nothing to resume.");
            return Ok(());
        }
        Err(ledger::Error::Diverged { ours, tip, .. }) => {
            theirs = Some(tip);
            ours
        }
        Err(error) => return Err(error.into()),
    };
    let tags = releasing::tags(work, &ledger, local);
    let diverged = theirs.map(|tip| Diverged {
        entries: local,
        onto: tip.to_string(),
    });
    let plan = plan::publish(&name, &branch, &tags, diverged);
    let question = Question {
        text: None,
        protected: None,
        confirmed: None,
    };
    carry_out(session, &plan, mode, &question, || {
        let ledger = match theirs {
            Some(tip) => reapply(work, &ledger, &name, tip, local)?,
            None => ledger,
        };
        let publisher = Publisher {
            git,
            remote: Some(name.clone()),
            patience: Patience::default(),
            silent: work.silent.clone(),
        };
        match publisher.push_all(&tags, &ledger)? {
            Published::Pushed(remote) => {
                session.ui.status(&format!("Pushed to {remote}."));
                Ok(())
            }
            Published::Kept => Ok(()),
            Published::Refused { remote, message } | Published::Unreachable { remote, message } => {
                Err(ledger::Error::Unreachable { remote, message }.into())
            }
        }
    })
}

/// Our entries on top of theirs. A release cannot go on top of another one: it has to be made again.
fn reapply(
    work: &Workspace,
    ledger: &Ledger,
    remote: &str,
    tip: ObjectId,
    ours: usize,
) -> Result<Ledger, Error> {
    let branch = ledger.branch();
    match Ledger::reapply(&work.repo, branch, tip, &work.key()?) {
        Ok(ledger) => Ok(ledger),
        Err(ledger::Error::ReleaseTaken { by }) => {
            let tags = releasing::tags(work, ledger, ours).join(" ");
            let mut refusal = Refusal::default();
            refusal.add(
                format!("{remote} got another release in between: {by}"),
                format!(
                    "give yours up, and release again: git tag -d {tags} && \
                     git branch -f {branch} refs/hostout/fetched/{branch} && git hostout release"
                ),
            );
            Err(refusal.into())
        }
        Err(error) => Err(error.into()),
    }
}
