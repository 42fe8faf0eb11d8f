//! Errors as the program's user meets them, and the one table from error to exit code.
//!
//! The code answers one question: what is live now?

use crate::{
    assemble, buildout, config,
    execute::{self, Live},
    ledger, observe, pack,
    plan::{self, Refusal},
    release, transport,
};
use std::{error::Error as _, io};

mod class;
mod conversation;
mod document;
mod live;
#[cfg(test)]
mod tests;
mod unverified;

pub use class::Class;
pub use document::Document;
pub use live::Stopped;
pub use unverified::Unverified;

/// Everything that ends a command early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The words on the command line make no sense together.
    #[error("{0}")]
    Usage(String),
    /// A version that is none.
    #[error(transparent)]
    Version(#[from] plan::VersionError),
    /// `hostout.toml` is wrong.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// Something cannot be looked at.
    #[error(transparent)]
    Observe(#[from] observe::Error),
    /// A check says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The ledger, a signature or a remote.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// A release could not be put together.
    #[error(transparent)]
    Assemble(#[from] assemble::Error),
    /// Artifacts.
    #[error(transparent)]
    Pack(#[from] pack::Error),
    /// A manifest.
    #[error(transparent)]
    Format(#[from] release::FormatError),
    /// A release or its ledger that does not hold what is claimed.
    #[error("{0}")]
    Unverified(Unverified),
    /// A plan was not carried out as it stands.
    #[error(transparent)]
    Execute(execute::Error),
    /// Somebody else is at work on a host.
    #[error("{host} is locked by {holder}")]
    Locked {
        /// The host.
        host: String,
        /// Who, in words.
        holder: String,
        /// The stage, for the next command to type.
        stage: String,
    },
    /// A host cannot be reached, or does not let us in.
    #[error(transparent)]
    Unreachable(transport::Error),
    /// A server that may be bare cannot be looked at as root.
    #[error("{why}")]
    Bare {
        /// Why.
        why: observe::BareError,
        /// The command that goes on, without `git hostout` and whoever logs in.
        again: String,
    },
    /// The person said no.
    #[error("not confirmed")]
    Declined,
    /// There is nobody to ask.
    #[error("this needs a yes, and there is nobody to ask")]
    NotATerminal {
        /// The flag that says it.
        flag: String,
    },
    /// `status --exit-code` found something.
    #[error("{0}")]
    Unhealthy(String),
    /// `status --exit-code` could not see everything.
    #[error("{0}")]
    Unseen(String),
    /// Ctrl-C before anything was begun.
    #[error("interrupted")]
    Stopped(Stopped),
    /// The operating system lets us not listen to signals.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    /// Output could not be written.
    #[error("cannot write output")]
    Output(#[source] io::Error),
}

impl From<execute::Error> for Error {
    fn from(error: execute::Error) -> Self {
        match error {
            // A check says no, whenever it does.
            execute::Error::Refused(refusal) => Self::Refused(refusal),
            error => Self::Execute(error),
        }
    }
}

impl Error {
    /// As a check before a deployment tells it: a host that has no answer is not fit for one.
    #[must_use]
    pub fn unfit(self) -> Self {
        match self {
            Self::Observe(observe::Error::Silent { .. }) => {
                let mut refusal = Refusal::default();
                refusal.add(self.to_string(), self.hints().join("; "));
                Self::Refused(refusal)
            }
            other => other,
        }
    }

    /// Somebody else, `holder`, is at work on `host` of `stage`.
    pub fn locked(host: String, holder: String, stage: &str) -> Self {
        let stage = stage.to_owned();
        Self::Locked {
            host,
            holder,
            stage,
        }
    }

    /// What is live now: the one table.
    pub fn class(&self) -> Class {
        match self {
            Self::Usage(_) | Self::Version(_) => Class::Usage,
            Self::Config(error) => config_class(error),
            Self::Observe(error) => observe_class(error),
            Self::Refused(_) | Self::Unverified(_) | Self::Pack(_) | Self::Format(_) => {
                Class::Refused
            }
            Self::Ledger(error) => ledger_class(error),
            Self::Assemble(error) => assemble_class(error),
            Self::Execute(error) => execute_class(error),
            Self::Locked { .. } => Class::Locked,
            Self::Unreachable(_) | Self::Bare { .. } | Self::Unseen(_) => Class::Unreachable,
            Self::Declined | Self::NotATerminal { .. } => Class::Declined,
            Self::Unhealthy(_) => Class::Unhealthy,
            Self::Stopped(_) => Class::Interrupted,
            Self::Output(_) | Self::Signals(_) => Class::Bug,
        }
    }

    /// Everything a person should do, best first.
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Config(error) => error.hint(),
            Self::Observe(error) => error.hint(),
            Self::Ledger(error) => error.hint(),
            Self::Assemble(error) => error.hint(),
            Self::Pack(error) => error.hint(),
            Self::Execute(error) => error.hint(),
            Self::Unreachable(error) => error.hint(),
            Self::Bare { why, again } => why.hint(again),
            Self::Version(error) => error
                .nearest
                .as_ref()
                .map(|nearest| format!("did you mean {nearest}?")),
            Self::Refused(refusal) => match refusal.reasons.as_slice() {
                [only] => Some(only.remedy.clone()),
                _ => None,
            },
            Self::Locked { stage, .. } => Some(execute::locked(stage)),
            Self::NotATerminal { flag } => Some(format!("add {flag}")),
            Self::Format(error) => error.hint(),
            Self::Unverified(_) => Some(
                "ask who changed it before anything else; `git hostout verify -v` shows every check"
                    .to_owned(),
            ),
            Self::Usage(_)
            | Self::Declined
            | Self::Unhealthy(_)
            | Self::Unseen(_)
            | Self::Stopped(_)
            | Self::Output(_)
            | Self::Signals(_) => None,
        };
        hint.into_iter().filter(|hint| !hint.is_empty()).collect()
    }

    /// What stands below the message: several reasons with their remedies, the end of a failing command's output.
    pub fn lines(&self) -> Vec<String> {
        match self.refusal() {
            Some(refusal) if refusal.reasons.len() > 1 => refusal
                .reasons
                .iter()
                .flat_map(|reason| {
                    [
                        format!("  - {}", reason.what),
                        format!("    {}", reason.remedy),
                    ]
                })
                .filter(|line| !line.trim().is_empty())
                .collect(),
            _ => match self {
                Self::Unverified(Unverified(verdict)) => verdict
                    .failed()
                    .map(|check| format!("  - {}: {}", check.name, check.detail))
                    .collect(),
                Self::Execute(execute::Error::Deployed(deployed)) => deployed
                    .output
                    .iter()
                    .map(|line| format!("  | {line}"))
                    .collect(),
                Self::Config(config::Error::Invalid(problems)) => problems
                    .iter()
                    .filter_map(config::Problem::excerpt)
                    .collect(),
                _ => Vec::new(),
            },
        }
    }

    fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) | Self::Assemble(assemble::Error::Refused(refusal)) => {
                Some(refusal)
            }
            _ => None,
        }
    }

    /// The message, for a sentence that names `host` already.
    pub fn without(&self, host: &str) -> String {
        let (text, own) = (self.to_string(), format!("{host}: "));
        text.strip_prefix(&own).unwrap_or(&text).to_owned()
    }

    /// The chain of causes below the message.
    pub fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut source = self.source();
        while let Some(error) = source {
            let text = error.to_string();
            // Some libraries repeat their cause's words.
            if causes.last() != Some(&text) {
                causes.push(text);
            }
            source = error.source();
        }
        causes
    }
}

fn config_class(error: &config::Error) -> Class {
    match error {
        config::Error::Invalid(_)
        | config::Error::UnknownStage { .. }
        | config::Error::NoStages => Class::Config,
        config::Error::WhichStage { .. } => Class::Usage,
        config::Error::Conflict { .. } => Class::Refused,
    }
}

fn observe_class(error: &observe::Error) -> Class {
    use observe::Error;
    match error {
        Error::File { .. } | Error::NotText { .. } | Error::Encoding(_) | Error::Outside { .. } => {
            Class::Config
        }
        Error::Bare(_)
        | Error::NoProject { .. }
        | Error::NoBuildout(_)
        | Error::NoCommits
        | Error::NoLedger(_)
        | Error::Write { .. }
        | Error::Kept { .. }
        | Error::Git { .. } => Class::Refused,
        Error::Conversation(why) if conversation::refused(why) => Class::Refused,
        Error::Unreachable(_) | Error::Silent { .. } | Error::Conversation(_) => Class::Unreachable,
    }
}

fn assemble_class(error: &assemble::Error) -> Class {
    use assemble::Error;
    match error {
        Error::Buildout(error) => buildout_class(error),
        Error::Ledger(error) => ledger_class(error),
        Error::Egg(_)
        | Error::Pack(_)
        | Error::Format(_)
        | Error::Refused(_)
        | Error::Lost { .. }
        | Error::File { .. }
        | Error::Git { .. } => Class::Refused,
    }
}

fn buildout_class(error: &buildout::Error) -> Class {
    use buildout::Error;
    match error {
        Error::Syntax { .. }
        | Error::Encoding { .. }
        | Error::Missing { .. }
        | Error::Outside { .. }
        | Error::Recursive { .. }
        | Error::Include { .. }
        | Error::Condition { .. }
        | Error::Unsupported { .. } => Class::Config,
        Error::Fetch { .. }
        | Error::Python { .. }
        | Error::Pip { .. }
        | Error::Buildout { .. }
        | Error::NotFound { .. }
        | Error::Conflict { .. }
        | Error::TwoVersions { .. }
        | Error::Confused { .. }
        | Error::CustomBuild { .. }
        | Error::NoWheel { .. }
        | Error::Io { .. }
        | Error::Answer { .. } => Class::Refused,
    }
}

fn execute_class(error: &execute::Error) -> Class {
    use execute::Error;
    match error {
        Error::Ledger(error) => ledger_class(error),
        Error::Refused(_)
        | Error::Pack(_)
        | Error::File { .. }
        | Error::Changed { .. }
        | Error::Untrusted { .. }
        | Error::Store { .. } => Class::Refused,
        Error::Unreachable(_) => Class::Unreachable,
        Error::Conversation { why, .. } => conversation::class(why),
        Error::Locked { .. } | Error::Overtaken { .. } => Class::Locked,
        Error::Strange(_) => Class::Bug,
        Error::Bootstrap { .. } | Error::Unproved { .. } => Class::FailedBeforeSwitch,
        Error::Interrupted
        | Error::Unpushed { .. }
        | Error::BootstrapStopped { .. }
        | Error::BootstrapLeft { .. }
        | Error::Stopped { .. }
        | Error::Left { .. } => Class::Interrupted,
        Error::Deployed(deployed) => {
            let kept = |(_, live): (_, &Live)| matches!(live, Live::Kept(_) | Live::New(_));
            if deployed.lives().all(kept) {
                // The fleet is whole, and as `--keep` asked.
                return Class::Unhealthy;
            }
            let lives = deployed.lives().map(|(_, live)| live_class(live));
            lives
                .max_by_key(|class| weight(*class))
                .unwrap_or(Class::Bug)
        }
    }
}

/// What is live on one host of a deployment that failed.
fn live_class(live: &Live) -> Class {
    match live {
        Live::Untouched(_) => Class::FailedBeforeSwitch,
        Live::Reverted(_) => Class::Reverted,
        // Beside a host that failed the fleet is not whole.
        Live::Switched(_) | Live::New(_) => Class::FailedAfterSwitch,
        Live::Unknown => Class::Unknown,
        Live::Kept(_) => Class::Unhealthy,
    }
}

/// Which of several hosts decides: the one that is furthest from where it began, or about which least is known.
fn weight(class: Class) -> u8 {
    match class {
        Class::Unknown => 4,
        Class::FailedAfterSwitch => 3,
        Class::Unhealthy => 2,
        Class::Reverted => 1,
        Class::Bug
        | Class::Usage
        | Class::Config
        | Class::Refused
        | Class::Locked
        | Class::Declined
        | Class::Unreachable
        | Class::FailedBeforeSwitch
        | Class::Interrupted => 0,
    }
}

fn ledger_class(error: &ledger::Error) -> Class {
    use ledger::Error;
    match error {
        Error::StageTaken { .. } => Class::Locked,
        Error::Interrupted => Class::Interrupted,
        Error::Unreachable { .. } => Class::Unreachable,
        Error::Git { .. }
        | Error::NoRepository { .. }
        | Error::Open { .. }
        | Error::Reftable { .. }
        | Error::Foreign { .. }
        | Error::Rejected { .. }
        | Error::File { .. }
        | Error::Program { .. }
        | Error::Failed { .. }
        | Error::Config { .. }
        | Error::Sign { .. }
        | Error::NoKey
        | Error::NoPublicKey { .. }
        | Error::KeyExists(_)
        | Error::NoIdentity
        | Error::Untrusted { .. }
        | Error::Kept { .. }
        | Error::Malformed { .. }
        | Error::Manifest { .. }
        | Error::Unwritable { .. }
        | Error::Exists(_)
        | Error::BranchExists(_)
        | Error::ReleaseTaken { .. }
        | Error::KeysTaken { .. }
        | Error::Keys(_)
        | Error::MayNot { .. }
        | Error::Rewritten { .. }
        | Error::Locked { .. }
        | Error::TagExists { .. }
        | Error::Tag { .. }
        | Error::Diverged { .. }
        | Error::RemoteTag { .. }
        | Error::Rewound { .. }
        | Error::Introduction { .. } => Class::Refused,
    }
}
