//! `git hostout resume --give-up`: the way out where somebody else's release or keys reached the remote first.

use super::{
    carry_out::{Mode, Question, carry_out},
    session::Session,
    unpushed,
};
use crate::{
    error::Error,
    ledger::{self, Git, Ledger, Patience},
    plan::{self, GivingUp},
};

pub(super) fn run(session: &Session, mode: Mode) -> Result<(), Error> {
    let work = session.workspace()?;
    let ledger = work.ledger(&session.ui)?;
    let nothing = || {
        session.ui.status(
            "There is nothing to give up; `git hostout resume` does what is left to be done.",
        );
        Ok(())
    };
    let Some(remote) = ledger::remote_for(&work.repo) else {
        return nothing();
    };
    let (git, branch) = (Git::of(&work.repo), ledger.branch());
    let tip = match ledger::fetch(&work.repo, &git, &remote, branch, Patience::default()) {
        Err(ledger::Error::Diverged { tip, .. }) => tip,
        Ok(_) => return nothing(),
        Err(error) => return Err(error.into()),
    };
    let given_up = Ledger::to_give_up(&work.repo, branch, tip)?;
    if given_up.entries.is_empty() {
        return nothing();
    }
    let key = work.key()?;
    let subjects = given_up.entries.iter().map(|entry| entry.subject.clone());
    let tags = given_up.tags.iter().map(|(name, _)| name.clone());
    let plan = plan::give_up(GivingUp {
        remote: &remote,
        ledger: branch,
        entries: subjects.collect(),
        tags: tags.collect(),
        kept: given_up.kept,
        onto: tip.to_string(),
    });
    let question = Question {
        text: Some("Give it up?"),
        ..Question::default()
    };
    carry_out(session, &plan, mode, &question, || {
        let ledger = Ledger::give_up(&work.repo, branch, tip, &key)?;
        session.ui.status(&format!(
            "Given up; the ledger here goes on from that of {remote}. Next: git hostout release, or what else you had done."
        ));
        match unpushed::find(&work, &ledger)? {
            Some(unpushed) => unpushed.push(session, &work, ledger),
            None => Ok(()),
        }
    })
}
