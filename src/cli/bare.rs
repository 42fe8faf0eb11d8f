//! A first deployment that nobody can log in for: the server may be bare, and a bootstrap is offered.

use super::{bootstrap, deploy::Args, session::Session};
use crate::{error::Error, observe, transport, ui::Answer};

/// Whether the server was made ready after `error`, so that a deployment may be tried again. Only a person on a terminal
/// is asked, and only before the stage's first deployment; others are told what to type by the error. A dry run shows what
/// would be made, and goes on to that error.
pub(super) fn bootstrapped(session: &Session, args: &Args, error: &Error) -> Result<bool, Error> {
    let Error::Unreachable(transport::Error::Unreachable {
        host,
        message,
        refused: Some(user),
        ..
    }) = error
    else {
        return Ok(false);
    };
    let work = session.workspace()?;
    // A lone word that is no stage is a version; then the stage is the default one.
    let stage = work
        .project
        .select_stage(args.stage.as_deref())
        .or_else(|_| work.project.select_stage(None))?;
    let ledger = work.ledger(&session.ui)?;
    if !observe::history_of(&observe::history(&ledger), &stage.name).is_empty() {
        return Ok(false);
    }
    if session.global.yes || !session.ui.can_ask() {
        return Ok(false);
    }
    session.ui.plain(message);
    let question =
        format!("User '{user}' not found or unable to connect to {host}. Make it ready, as root?");
    if session.ui.ask_in_person(&question, true) != Answer::Yes {
        return Ok(false);
    }
    bootstrap::made_ready(
        session,
        &bootstrap::Args::offered(&stage.name, &args.options),
    )
}
