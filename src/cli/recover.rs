//! What deploy, rollback and resume do first where a host was cut off in the middle of its job.

use super::{
    carry_out::{Mode, Question, carry_out},
    hosts::Fleet,
    session::Session,
};
use crate::{
    config::Stage,
    error::Error,
    execute::{self, Deployed},
    facts, plan,
};
use semver::Version;

/// What came of it.
pub(super) enum Recovered {
    /// No host was cut off: what was seen holds.
    Nothing,
    /// The plan for that was shown, and the rest cannot be planned before it is carried out.
    Shown,
    /// All has to be looked at again.
    Done {
        /// A host on which the old release could not be put back.
        failed: Option<Box<Deployed>>,
        /// The release that runs again as what was cut off was undone.
        back: Option<Version>,
    },
}

/// Puts right what `seen` tells of jobs that were cut off on hosts of `stage`. Nobody is asked: it was begun with a yes.
pub(super) fn first(
    session: &Session,
    stage: &Stage,
    fleet: &mut Fleet,
    seen: &[facts::Host],
    mode: Mode,
) -> Result<Recovered, Error> {
    let Some(plan) = plan::recover(&stage.name, seen) else {
        return Ok(Recovered::Nothing);
    };
    let question = Question {
        text: None,
        protected: None,
        confirmed: None,
        why: None,
    };
    let mut recovered = Recovered::Shown;
    carry_out(session, &plan, mode, &question, || {
        let show = session.watch();
        let watch = |event| show.on(event);
        let done = execute::recover(&plan, stage, &mut fleet.members, &watch)?;
        recovered = Recovered::Done {
            failed: done.failed.map(Box::new),
            back: done.back,
        };
        Ok(())
    })?;
    Ok(recovered)
}

/// Says where the old release could not be put back; a deployment goes on from there.
pub(super) fn warn_of(session: &Session, failed: Option<&Deployed>) {
    if let Some(failed) = failed {
        session.ui.warn(&failed.to_string());
    }
}
