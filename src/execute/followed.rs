//! A host's job is followed to its end, whatever becomes of the connection.

use super::{Member, on_host::OnHost, reconnect::reconnect};
use crate::{
    event::Event,
    host::{Activated, FailureKind},
    transport::{self, ConversationError},
};

impl OnHost<'_> {
    /// Asks a host. A connection that died while nobody spoke is made again first: nothing was begun there, so that it can
    /// be asked once more.
    pub(super) fn over_a_living_way<T>(
        &self,
        member: &mut Member,
        leave: &dyn Fn() -> bool,
        ask: impl Fn(&mut Member) -> Result<T, ConversationError>,
    ) -> Result<T, ConversationError> {
        match ask(member) {
            Err(ConversationError::Transport(transport::Error::NotStarted { .. }))
                if reconnect(member, leave, self.watch) =>
            {
                ask(member)
            }
            answer => answer,
        }
    }

    /// Where the connection was lost, what was asked is asked anew, which only follows what was begun. Where no question comes
    /// through either, it stays lost.
    pub(super) fn followed_again(
        &self,
        member: &mut Member,
        leave: &dyn Fn() -> bool,
        mut answer: Result<Activated, ConversationError>,
        ask: impl Fn(&mut Member) -> Result<Activated, ConversationError>,
    ) -> Result<Activated, ConversationError> {
        while is_lost(&answer) && !leave() && reconnect(member, leave, self.watch) {
            match ask(member) {
                Err(ConversationError::Transport(
                    transport::Error::NotStarted { .. } | transport::Error::Unreachable { .. },
                )) => break,
                next => answer = next,
            }
        }
        answer
    }

    /// Where the agent ended without saying how the job did, or the connection was lost and is there again: the job's own
    /// journal tells, and what died is put right. Where that tells nothing either, what was lost stays lost: nobody knows
    /// what is live. Any other `error` stays.
    pub(super) fn seen_to_its_end(
        &self,
        member: &mut Member,
        leave: &dyn Fn() -> bool,
        error: ConversationError,
    ) -> Result<Activated, ConversationError> {
        let mut told = match error {
            ConversationError::NoAnswer { .. } => match self.journal(member, leave) {
                answer if tells(&answer) || is_lost(&answer) => answer,
                // Whoever would have begun it has ended.
                Err(none) if kind(&none) == Some(FailureKind::UnknownJob) => Err(none),
                _ => Err(error),
            },
            error => Err(error),
        };
        while is_lost(&told) {
            if !reconnect(member, leave, self.watch) {
                break;
            }
            match self.journal(member, leave) {
                answer if tells(&answer) || is_lost(&answer) => told = answer,
                // What asked for it may be on its way still; and where no question comes through, it may be at work.
                _ => break,
            }
        }
        match told {
            Err(error) if kind(&error) == Some(FailureKind::Died) => {
                self.put_right(member, leave, error)
            }
            told => told,
        }
    }

    /// Puts right what `died` on a host; where that fails, nobody knows what is live there.
    fn put_right(
        &self,
        member: &mut Member,
        leave: &dyn Fn() -> bool,
        died: ConversationError,
    ) -> Result<Activated, ConversationError> {
        let host = member.host.destination.clone();
        let text = format!("{host}: {}; it is put right", died.words());
        (self.watch)(Event::Warning(text));
        match self.agent(member).until(leave).recover(self.watch) {
            Ok(ended) => ended.ok_or(died),
            Err(error) => {
                let text = format!("{host}: it is not put right: {}", error.words());
                (self.watch)(Event::Warning(text));
                Err(died)
            }
        }
    }

    fn journal(
        &self,
        member: &mut Member,
        leave: &dyn Fn() -> bool,
    ) -> Result<Activated, ConversationError> {
        let mut agent = self.agent(member).until(leave);
        agent.journal(self.id, self.watch)
    }
}

/// Asks a host what it may be asked twice, over a new way where the old one is gone.
pub(super) fn over_another_way<T>(
    member: &mut Member,
    ask: impl Fn(&mut Member) -> Result<T, ConversationError>,
) -> Result<T, ConversationError> {
    match ask(member) {
        Err(ConversationError::Transport(error)) => {
            match member.transport.another().and_then(|open| open()) {
                Some(way) => member.transport = way,
                None => return Err(error.into()),
            }
            ask(member)
        }
        answer => answer,
    }
}

/// Which no it is, where it is a host's.
fn kind(error: &ConversationError) -> Option<FailureKind> {
    match error {
        ConversationError::Failed(failure) => Some(failure.kind),
        ConversationError::Transport(_) | ConversationError::NoAnswer { .. } => None,
    }
}

/// Whether a journal's `answer` tells how the job is: it ended, runs still, or died.
fn tells(answer: &Result<Activated, ConversationError>) -> bool {
    match answer {
        Ok(_) => true,
        Err(error) => matches!(kind(error), Some(FailureKind::Running | FailureKind::Died)),
    }
}

fn is_lost(answer: &Result<Activated, ConversationError>) -> bool {
    let lost = |error: &ConversationError| {
        matches!(
            error,
            ConversationError::Transport(transport::Error::Lost { .. })
        )
    };
    answer.as_ref().is_err_and(lost)
}
