//! `git hostout resume`: finishes what was interrupted, pushes what stayed local.

use super::{
    carry_out::{Mode, Question, carry_out},
    releasing,
    session::Session,
};
use crate::{
    error::Error,
    execute::{self, Published, Publisher},
    ledger::{self, Git, Ledger, Patience},
    plan::{self, Interrupted},
    release::Manifest,
};

/// Finish a release that was interrupted, and push releases and entries that stayed local.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Show what would be done
    #[arg(long, short = 'n')]
    dry_run: bool,
}

pub(super) fn run(session: &Session, args: &Args) -> Result<(), Error> {
    let mut work = session.workspace()?;
    let mut ledger = work.ledger(&session.ui)?;
    let remote = ledger::remote_for(&work.repo);
    let Some(note) = execute::unfinished(&work.repo, ledger.branch())? else {
        return push(session, &work, &ledger, remote, Mode::of(args.dry_run));
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
        text: "Finish it?",
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

/// Pushes every release and entry that the remote has not.
fn push(
    session: &Session,
    work: &super::session::Workspace,
    ledger: &Ledger,
    remote: Option<String>,
    mode: Mode,
) -> Result<(), Error> {
    let Some(name) = remote else {
        session.ui.status("There is nothing to resume.");
        return Ok(());
    };
    let git = Git::of(&work.repo);
    let fetched = ledger::fetch(
        &work.repo,
        &git,
        &name,
        ledger.branch(),
        Patience::default(),
    )?;
    let local = match fetched {
        ledger::Fetched::Ahead { entries } => entries,
        ledger::Fetched::Absent => usize::MAX,
        ledger::Fetched::Same
        | ledger::Fetched::Adopted { .. }
        | ledger::Fetched::Forwarded { .. } => {
            session.ui.status("There is nothing to resume.");
            return Ok(());
        }
    };
    let tags = releasing::tags(work, ledger, local);
    let plan = plan::publish(&name, ledger.branch(), &tags);
    let question = Question {
        text: "Push it?",
        protected: None,
        confirmed: None,
    };
    carry_out(session, &plan, mode, &question, || {
        let publisher = Publisher {
            git,
            remote: Some(name.clone()),
            patience: Patience::default(),
        };
        match publisher.push_all(&tags, ledger)? {
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
