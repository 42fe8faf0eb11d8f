//! The remote's side of the ledger, before something is decided with it.

use super::session::{Session, Workspace};
use crate::{
    error::Error,
    ledger::{self, Fetched, Git, Ledger, Patience},
};

/// `ledger` with what the remote has more. A remote that does not answer within five seconds is said in one line, and not
/// waited for again in this run.
///
/// # Errors
/// Where the remote's ledger is not to be believed.
pub(super) fn caught_up(
    session: &Session,
    work: &Workspace,
    ledger: Ledger,
) -> Result<Ledger, Error> {
    let Some(remote) = ledger::remote_for(&work.repo) else {
        return Ok(ledger);
    };
    if work.silent.get() {
        return Ok(ledger);
    }
    let (git, branch) = (Git::of(&work.repo), ledger.branch());
    match ledger::fetch(&work.repo, &git, &remote, branch, Patience::default()) {
        Ok(Fetched::Adopted { .. } | Fetched::Forwarded { .. }) => work.ledger(&session.ui),
        Ok(Fetched::Absent | Fetched::Same | Fetched::Ahead { .. }) => Ok(ledger),
        Err(error @ ledger::Error::Diverged { .. }) => {
            let hint = error.hint().unwrap_or_default();
            session.ui.warn(&format!("{error}; {hint}"));
            Ok(ledger)
        }
        Err(ledger::Error::Unreachable { remote, message }) => {
            work.silent.set(true);
            let why = message.lines().next().unwrap_or_default();
            session.ui.warn(&format!(
                "{remote} does not answer ({why}): this clone's ledger and the hosts have to do, and the next command \
                 that can pushes what is written"
            ));
            Ok(ledger)
        }
        Err(error) => Err(error.into()),
    }
}
