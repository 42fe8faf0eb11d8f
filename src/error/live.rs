//! The last words of a failure: what is live, and what to type next.

use super::{Class, Error};
use crate::{
    execute::{self, Deployed, Live},
    ledger,
};

/// A command that was stopped before it began anything.
#[derive(Clone, Debug)]
pub struct Stopped {
    /// What therefore did not happen, e.g. `Nothing was released`.
    pub nothing: &'static str,
    /// What to type next after `git hostout`.
    pub next: String,
}

impl Error {
    /// One sentence: what is live, and what to type next.
    pub fn live(&self) -> String {
        if let Self::Execute(execute::Error::Deployed(deployed)) = self {
            let next = next(self.class(), deployed);
            return format!("On {}. Next: {next}", each(deployed.lives()));
        }
        match self {
            Self::Execute(execute::Error::Stopped { stage, again, live }) => {
                let live = if live.is_empty() {
                    "what was live is live".to_owned()
                } else {
                    let lives = live.iter().map(|(host, live)| (host.as_str(), live));
                    format!("on {}", each(lives))
                };
                return format!(
                    "No host of {stage} was switched after that; {live}. Next: git hostout {again}"
                );
            }
            Self::Execute(execute::Error::Unpushed { remote }) => {
                return format!(
                    "The release is whole here; {remote} may have it or not. Next: git hostout resume"
                );
            }
            Self::Stopped(Stopped { nothing, next }) => {
                return format!("{nothing}; what was live is live. Next: git hostout {next}");
            }
            Self::Execute(
                execute::Error::Bootstrap { again, .. }
                | execute::Error::BootstrapStopped { again }
                | execute::Error::Unproved { again, .. },
            ) => {
                return format!(
                    "What was made stays; what was live is live. Next: git hostout {again}, which goes on"
                );
            }
            Self::Execute(execute::Error::BootstrapLeft { again, .. }) => {
                return format!(
                    "What was made stays; what was live is live. Next: git hostout {again}, which waits for it and goes on"
                );
            }
            Self::Execute(execute::Error::Conversation { host, stage, .. })
                if self.class() == Class::Unknown =>
            {
                return format!(
                    "What was asked of {host} may be done there or not. Next: git hostout status {stage}"
                );
            }
            Self::Execute(execute::Error::Left { stage, .. }) => {
                return format!(
                    "What is live on {stage} is told by its job. Next: git hostout resume {stage}"
                );
            }
            _ => {}
        }
        match self.class() {
            Class::Unhealthy | Class::Unknown => {
                "Looking changed nothing. Next: git hostout log".to_owned()
            }
            Class::Bug | Class::FailedBeforeSwitch | Class::Reverted | Class::FailedAfterSwitch => {
                "What was done before this stays done. Next: git hostout status".to_owned()
            }
            Class::Interrupted => "Stopped between two steps. Next: git hostout resume".to_owned(),
            Class::Usage
            | Class::Config
            | Class::Refused
            | Class::Locked
            | Class::Declined
            | Class::Unreachable => self.live_before().to_owned(),
        }
    }

    /// The same where no host was switched.
    fn live_before(&self) -> &'static str {
        use ledger::Error;
        match self {
            // An entry may have been written when another one, or its push, could not be. A start that came too late, or may
            // not be, is given up.
            Self::Execute(execute::Error::Ledger(error))
                if !matches!(error, Error::StageTaken { .. } | Error::MayNot { .. }) =>
            {
                "What was live is live; what is written down already stays. Next: git hostout resume"
            }
            _ => "Nothing was changed; what was live is live.",
        }
    }
}

/// What to type after a deployment that did not end as planned.
fn next(class: Class, deployed: &Deployed) -> String {
    let stage = &deployed.stage;
    match class {
        Class::FailedBeforeSwitch | Class::Reverted => format!("git hostout log {stage}"),
        Class::Unhealthy => format!("git hostout rollback {stage}"),
        _ if deployed.others.is_empty() => format!("git hostout status {stage}"),
        _ => match down_again(deployed) {
            Some(old) => format!(
                "git hostout deploy {stage} {old}, which starts it anew there once what it says is mended"
            ),
            None => format!(
                "git hostout resume {stage}, which goes on with the others, or git hostout rollback {stage}"
            ),
        },
    }
}

/// The release that all hosts are to run again, where one of them went back to it and is down.
fn down_again(deployed: &Deployed) -> Option<&str> {
    let Live::Switched(Some(old)) = &deployed.live else {
        return None;
    };
    let same = |(_, live): &(String, Live)| match live {
        Live::Untouched(Some(version)) | Live::Reverted(version) => version == old,
        Live::Switched(version) => version.as_ref() == Some(old),
        Live::Untouched(None) | Live::Unknown | Live::Kept(_) | Live::New(_) => false,
    };
    deployed.others.iter().all(same).then_some(old)
}

/// `web1, 1.4.2 is live; on web2, 1.4.1 is live again`.
fn each<'l>(lives: impl Iterator<Item = (&'l str, &'l Live)>) -> String {
    let words: Vec<String> = lives
        .map(|(host, live)| format!("{host}, {live}"))
        .collect();
    words.join("; on ")
}
