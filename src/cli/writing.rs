//! What keys, policy, approve and withdraw share: one entry, shown, agreed to, appended, pushed.

use super::{
    carry_out::{Mode, Question, carry_out},
    deployment, remote,
    session::{Session, Workspace},
    tell, verify,
};
use crate::{
    error::Error,
    ledger::{self, Key, Ledger, NewEntry, Person},
    plan::{self, Appending},
    release::Need,
};
use jiff::Timestamp;

/// What the words of each such verb, and of `resume`, have in common.
#[derive(clap::Args, Debug)]
pub(super) struct Common {
    /// Show what would be done
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// Why, for the ledger
    #[arg(
        long,
        short = 'm',
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub reason: String,
}

impl Common {
    /// Whether it is only shown.
    pub fn mode(&self) -> Mode {
        Mode::of(self.dry_run)
    }
}

/// An entry that concerns no host, before it is made.
pub(super) struct Writing<'a> {
    /// What this is about, one sentence.
    pub summary: String,
    /// What a person should know before.
    pub notes: Vec<String>,
    /// What the entry does, as its subject says it.
    pub entry: String,
    /// What that means, line by line.
    pub details: Vec<String>,
    /// What its signer has to be allowed to do.
    pub need: Need,
    /// The question.
    pub question: &'a str,
    /// Whether it is only shown.
    pub mode: Mode,
    /// Whether it takes something away, so that hosts are told at once.
    pub tells: bool,
    /// What is true afterwards.
    pub done: String,
}

/// The ledger with what the remote has more, all of it checked: what an entry that others rely on is written on.
pub(super) fn ledger(session: &Session, work: &Workspace) -> Result<Ledger, Error> {
    let ledger = remote::caught_up(session, work, work.ledger(&session.ui)?)?;
    verify::before_writing(work, &ledger)?;
    Ok(ledger)
}

/// Shows `writing`, and appends what `make` makes of it.
pub(super) fn write(
    session: &Session,
    work: &Workspace,
    ledger: &mut Ledger,
    writing: Writing<'_>,
    make: impl FnOnce(&Ledger, &Key, &Person, Timestamp) -> ledger::Result<NewEntry>,
) -> Result<(), Error> {
    let key = work.key()?;
    ledger.allows(&key, &writing.need)?;
    let who = work.who()?;
    let remote = ledger::remote_for(&work.repo).filter(|_| !work.silent.get());
    let stages = if writing.tells {
        tell::stages(work, ledger)
    } else {
        Vec::new()
    };
    let plan = plan::append(Appending {
        summary: writing.summary,
        notes: writing.notes,
        ledger: &work.project.release.ledger,
        tip: ledger.tip().to_string(),
        entry: writing.entry,
        details: writing.details,
        push_to: remote.as_deref(),
        lacking: match &remote {
            Some(remote) => ledger.tags_lacking_at(remote)?,
            None => Vec::new(),
        },
        tell: stages.iter().map(|stage| stage.name.clone()).collect(),
    });
    let question = Question {
        text: Some(writing.question),
        ..Question::default()
    };
    carry_out(session, &plan, writing.mode, &question, || {
        let entry = make(ledger, &key, &who, session.now())?;
        deployment::recording(
            session,
            work,
            |recorder| Ok(recorder.enter(ledger, &entry)?),
        )?;
        session.ui.status(&writing.done);
        tell::tell(session, ledger, &stages)
    })
}
