//! Writing down how a deployment went, and getting that to the remote, whoever else writes there.

use super::{Error, Published, Publisher, Result};
use crate::{
    event::{Event, Watch},
    ledger::{self, Key, Kind, Ledger, NewEntry, Person},
    release::{Ended, HostResult, Intent, Outcome, Started},
};
use jiff::Timestamp;

/// Who writes entries, and where they go.
#[derive(Clone, Copy)]
pub struct Recorder<'a> {
    /// The repository with the ledger.
    pub repo: &'a gix::Repository,
    /// Who signs the entries.
    pub key: &'a Key,
    /// Who makes them.
    pub who: &'a Person,
    /// The clock.
    pub now: &'a dyn Fn() -> Timestamp,
    /// How the entries get to the remote.
    pub publisher: &'a Publisher,
    /// Whoever looks on.
    pub watch: Watch<'a>,
}

/// How often a push is tried again on top of what came in between.
const TRIES: usize = 5;

/// Whether what was decided by an older ledger still holds by a newer one.
pub type Still<'a> = &'a dyn Fn(&Ledger) -> Result<()>;

/// What an entry tells.
#[derive(Clone, Copy)]
enum Entering<'a> {
    /// What is about to begin: where others were first it is judged again, and given up when it may not be any more.
    Begins(Still<'a>),
    /// What has happened, whatever others say.
    Happened,
}

/// A started entry as hosts check it.
pub(super) struct Signed {
    pub(super) serial: Option<u64>,
    pub(super) text: String,
    pub(super) signature: String,
}

impl Recorder<'_> {
    /// Takes the stage: adds `started` and pushes it. What others wrote in between, here or on the remote, is asked by
    /// `still` whether this may still be done.
    ///
    /// # Errors
    /// [`ledger::Error::StageTaken`] where somebody else was first on the stage, what `still` says, and whatever is wrong with
    /// what came from the remote: `started` is given up. A way back only waits where others of our entries cannot go to the
    /// remote.
    pub(super) fn started(
        &self,
        ledger: &mut Ledger,
        started: &Started,
        still: Still<'_>,
    ) -> Result<Signed> {
        let time = (self.now)();
        let files = ledger::started_files(started, time, self.key)?;
        let text = |at: usize| {
            files
                .get(at)
                .map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned())
                .unwrap_or_default()
        };
        let (text, signature) = (text(0), text(1));
        let kind = Kind::Started {
            stage: started.stage.clone(),
            version: started.version.clone(),
            intent: started.kind,
        };
        let entry = NewEntry::adding(kind, files, started.id.clone(), self.who, time)
            .because(&started.reason);
        let decided_by = ledger.tip();
        ledger.append(&entry, self.key)?;
        let taken = if ledger.before() == Some(decided_by) {
            Ok(())
        } else {
            still(ledger)
        };
        let taken = taken.and_then(|()| self.publish(ledger, Entering::Begins(still)));
        match taken {
            Ok(()) => {}
            // What of ours is in the way is for a calmer hour: to go back must be possible without anybody else.
            Err(Error::Ledger(divided @ ledger::Error::Diverged { .. }))
                if started.kind == Intent::Rollback =>
            {
                self.later(&divided.to_string());
            }
            Err(error) => {
                ledger.take_back(&started.id)?;
                return Err(error);
            }
        }
        let made = ledger.started(&started.id)?;
        Ok(Signed {
            serial: made.map(|(entry, _)| entry.serial),
            text,
            signature,
        })
    }

    /// Adds how `started` ended and pushes it. `reason` is that of a person who writes the end of somebody else's.
    pub(super) fn ended(
        &self,
        ledger: &mut Ledger,
        started: &Started,
        state: Outcome,
        results: &[HostResult],
        reason: &str,
    ) -> Result<()> {
        let time = (self.now)();
        let ended = Ended {
            format: 1,
            state,
            id: ledger::new_id()?,
            of: started.id.clone(),
            stage: started.stage.clone(),
            time: time.to_string(),
            host: results.to_vec(),
        };
        let kind = Kind::Ended {
            stage: started.stage.clone(),
            version: started.version.clone(),
            of: started.id.clone(),
            outcome: state,
            intent: started.kind,
        };
        let files = ledger::ended_files(&ended, time)?;
        let entry = NewEntry::adding(kind, files, ended.id.clone(), self.who, time).because(reason);
        ledger.append(&entry, self.key)?;
        self.publish(ledger, Entering::Happened)
    }

    /// Adds an entry that concerns no host and pushes it.
    pub fn enter(&self, ledger: &mut Ledger, entry: &NewEntry) -> Result<()> {
        ledger.append(entry, self.key)?;
        self.publish(ledger, Entering::Happened)
    }

    /// Pushes the ledger where the remote answers; where it does not, the entry waits for the next command that can.
    fn publish(&self, ledger: &mut Ledger, entering: Entering<'_>) -> Result<()> {
        for _ in 0..TRIES {
            let (remote, message) = match self.publisher.push(ledger)? {
                Published::Kept => return Ok(()),
                Published::Pushed(remote) => {
                    (self.watch)(Event::Detail(format!("ledger pushed to {remote}")));
                    return Ok(());
                }
                Published::Unreachable { remote, message } => {
                    self.later(&format!("{remote} does not answer: {message}"));
                    return Ok(());
                }
                Published::Refused { remote, message } => (remote, message),
            };
            if !self.catch_up(ledger, &remote, entering)? {
                self.later(&format!("{remote} did not take the ledger: {message}"));
                return Ok(());
            }
        }
        self.later("the remote's ledger moves too fast");
        Ok(())
    }

    /// Makes our entries again on top of the remote's; whether there is anything new to push.
    fn catch_up(&self, ledger: &mut Ledger, remote: &str, entering: Entering<'_>) -> Result<bool> {
        let branch = ledger.branch().to_owned();
        let Publisher { git, patience, .. } = self.publisher;
        let (tip, divided) = match ledger::fetch(self.repo, git, remote, &branch, *patience) {
            Err(divided @ ledger::Error::Diverged { tip, .. }) => (tip, divided),
            // It moved in between, and ours is on top already, or it says no for another reason.
            Ok(_) | Err(ledger::Error::Unreachable { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let (repo, key) = (self.repo, self.key);
        match entering {
            Entering::Begins(still) => {
                use ledger::Error::{KeysTaken, ReleaseTaken};
                match Ledger::reapply_or_yield(repo, &branch, tip, key) {
                    Ok(newer) => *ledger = newer,
                    // It is not this entry that cannot go there, but one of ours before it.
                    Err(ReleaseTaken { .. } | KeysTaken { .. }) => return Err(divided.into()),
                    Err(error) => return Err(error.into()),
                }
                still(ledger)?;
                Ok(true)
            }
            Entering::Happened => match Ledger::reapply(repo, &branch, tip, key) {
                Ok(newer) => {
                    *ledger = newer;
                    Ok(true)
                }
                Err(error) => {
                    (self.watch)(Event::Warning(error.to_string()));
                    Ok(false)
                }
            },
        }
    }

    fn later(&self, what: &str) {
        (self.watch)(Event::Warning(format!(
            "{what}; `git hostout resume` pushes the ledger later"
        )));
    }
}
