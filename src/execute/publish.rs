//! Pushing the ledger and tags: at best now, else later by `resume`.

use super::Result;
use crate::ledger::{self, Git, Ledger, Patience, Pushed, Refused};
use std::{cell::Cell, rc::Rc};

/// How refs get to the remote.
#[derive(Clone, Debug)]
pub struct Publisher {
    /// git in this repository.
    pub git: Git,
    /// The remote; nothing = everything stays local.
    pub remote: Option<String>,
    /// How long the remote may take to answer.
    pub patience: Patience,
    /// Whether the remote was silent in this run: it is not waited for again.
    pub silent: Rc<Cell<bool>>,
}

/// What became of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// There was nothing to push to.
    Kept,
    /// The remote has it.
    Pushed(String),
    /// The remote, or a hook, said no.
    Refused {
        /// The remote.
        remote: String,
        /// What it said.
        message: String,
    },
    /// The remote did not answer.
    Unreachable {
        /// The remote.
        remote: String,
        /// Why.
        message: String,
    },
}

impl Publisher {
    /// Pushes the ledger's branch, and every tag of a release with it that the remote was not seen to have, all or nothing.
    ///
    /// # Errors
    /// Only what is wrong here; a remote that says no or nothing is an outcome.
    pub fn push(&self, ledger: &Ledger) -> Result<Published> {
        let Some(remote) = &self.remote else {
            return Ok(Published::Kept);
        };
        if self.silent.get() {
            return Ok(Published::Kept);
        }
        let remote = remote.clone();
        let tags = ledger.tags_lacking_at(&remote)?;
        let names = tags.iter().map(String::as_str);
        match ledger::push(&self.git, &remote, names, ledger.branch(), self.patience) {
            Ok(Pushed::Done) => {
                ledger.note_pushed(&remote, &tags)?;
                Ok(Published::Pushed(remote))
            }
            Ok(Pushed::Refused {
                references,
                message,
                said,
            }) => {
                let message = match references.first() {
                    Some(Refused { reference, reason }) if said.is_empty() => {
                        format!("{reference}: {reason}")
                    }
                    Some(Refused { reference, reason }) => {
                        format!("{reference}: {reason}: {said}")
                    }
                    None => message,
                };
                Ok(Published::Refused { remote, message })
            }
            Err(ledger::Error::Unreachable { remote, message }) => {
                self.silent.set(true);
                Ok(Published::Unreachable { remote, message })
            }
            Err(error) => Err(error.into()),
        }
    }
}
