//! Show → fork → confirm → execute: the only place in the program that knows of a dry run.

use super::session::Session;
use crate::{error::Error, plan::Plan, process, ui::Answer};

/// What happens to a plan once it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is carried out after a yes.
    Execute,
    /// It is only shown.
    DryRun,
}

/// What a person has to say yes to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Question<'a> {
    /// The question about the plan; nothing = it was answered when what is resumed began.
    pub text: Option<&'a str>,
    /// A protected stage: its name has to be typed, or given with `--confirm`.
    pub protected: Option<&'a str>,
    /// What `--confirm` gave.
    pub confirmed: Option<&'a str>,
    /// Why its name has to be typed; nothing = because it is protected.
    pub why: Option<&'a str>,
}

impl Mode {
    /// From the flag.
    pub fn of(dry_run: bool) -> Self {
        if dry_run { Self::DryRun } else { Self::Execute }
    }
}

/// Shows `plan`, and carries it out with `carry_out` unless this is a dry run or the person says no.
pub fn carry_out(
    session: &Session,
    plan: &Plan,
    mode: Mode,
    question: &Question<'_>,
    carry_out: impl FnOnce() -> Result<(), Error>,
) -> Result<(), Error> {
    show(session, plan, mode);
    if mode == Mode::DryRun {
        return Ok(());
    }
    confirm(session, question)?;
    process::begin();
    carry_out()
}

/// Says why there is nothing to do, and as JSON that the plan has no steps.
pub fn nothing(session: &Session, mode: Mode, why: &str) {
    session.ui.status(why);
    no_steps(session, mode, why);
}

/// The plan of a dry run as JSON, unless there was one.
pub fn no_steps(session: &Session, mode: Mode, why: &str) {
    if mode == Mode::DryRun && session.global.json {
        session
            .ui
            .json(&Plan::new(why.to_owned(), Vec::new(), Vec::new()));
    }
}

fn show(session: &Session, plan: &Plan, mode: Mode) {
    match (mode, session.global.json) {
        (Mode::DryRun, true) => session.ui.json(plan),
        (Mode::DryRun, false) => session.ui.data(&plan.to_string()),
        (Mode::Execute, _) => session.ui.status(&plan.to_string()),
    }
}

fn confirm(session: &Session, question: &Question<'_>) -> Result<(), Error> {
    let answer = match question.protected {
        Some(stage) if question.confirmed == Some(stage) => Answer::Yes,
        Some(stage) => {
            let protected = format!("Stage {stage} is protected.");
            session
                .ui
                .ask_name(question.why.unwrap_or(&protected), stage)
        }
        None => match question.text {
            Some(text) => session.ui.ask(text, true),
            None => Answer::Yes,
        },
    };
    match answer {
        Answer::Yes => Ok(()),
        Answer::No => Err(Error::Declined),
        Answer::NotATerminal => Err(Error::NotATerminal {
            flag: question
                .protected
                .map_or("--yes".to_owned(), |stage| format!("--confirm {stage}")),
        }),
    }
}
