//! Carrying a plan out: the only room with effects on the repository's refs and on hosts.
//!
//! **Invariant:** a step is done as the plan says it or not at all; after any stop `resume` or the next command can go on.
//! **Not here:** what is done (`plan`), asking for a yes (`cli::carry_out`).
//! **To add** an action: its arm in `release.rs`, `deployment.rs`, `settle.rs` or `prune.rs`.

mod attached;
mod bootstrap;
mod deployment;
mod error;
mod followed;
mod group;
mod keeping;
mod lives;
mod on_host;
mod owner;
mod prune;
mod publish;
mod put;
mod reconnect;
mod record;
mod recover;
mod release;
mod settle;
mod share;
mod stream;
mod telling;
mod together;
mod unfinished;
mod upload;
mod verdict;

pub use attached::{Stream, become_attached, run_attached, run_by_line};
pub use bootstrap::{Root, bootstrap};
pub use deployment::Deployment;
pub use error::{Deployed, Error, Live, Result, locked};
pub use prune::prune;
pub use publish::{Published, Publisher};
pub use put::put;
pub use record::{Recorder, Still};
pub use recover::{Recovered, recover};
pub use release::{Release, carry_out_release};
pub use settle::Settling;
pub use share::Elsewhere;
pub use telling::{Telling, text};
pub use unfinished::{Unfinished, unfinished};
pub use upload::{MUCH, Upload};

use crate::{
    config::Host,
    host::FailureKind,
    observe::holder,
    plan::Step,
    transport::{self, ConversationError, Transport},
};

/// A host of a stage that we are logged in to.
pub struct Member {
    /// As `hostout.toml` describes it.
    pub host: Host,
    /// The way to it.
    pub transport: Box<dyn Transport>,
}

/// The member that `step` is about; `what` names the plan.
fn member<'m>(
    members: &'m mut [Member],
    step: &Step,
    what: &'static str,
) -> Result<&'m mut Member> {
    let name = step.host.as_deref();
    let mut members = members.iter_mut();
    members
        .find(|member| Some(member.host.destination.as_str()) == name)
        .ok_or(Error::Strange(what))
}

/// What `host` of `stage` said instead of doing what it was asked to, or that nobody heard what it said.
fn refused(host: &str, stage: &str, error: ConversationError) -> Error {
    let host = host.to_owned();
    match error {
        ConversationError::Transport(
            error @ (transport::Error::Unreachable { .. } | transport::Error::NotStarted { .. }),
        ) => Error::Unreachable(error),
        ConversationError::Failed(failure) if failure.lock.is_some() => {
            let holder = failure.lock.as_ref().map(holder).unwrap_or_default();
            let stage = stage.to_owned();
            Error::Locked {
                host,
                holder,
                stage,
            }
        }
        ConversationError::Failed(failure) if failure.kind == FailureKind::Stale => {
            Error::Changed {
                host,
                what: failure.message,
            }
        }
        error => Error::Conversation {
            host,
            stage: stage.to_owned(),
            why: Box::new(error),
        },
    }
}
