//! Pushing the ledger and a tag: at best now, else later by `resume`.

use super::Result;
use crate::ledger::{self, Git, Ledger, Patience, Pushed};
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
    /// Pushes each of `tags` with the ledger, the newest last.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn push_all(&self, tags: &[String], ledger: &Ledger) -> Result<Published> {
        let mut published = self.push(tags.first().map(String::as_str), ledger)?;
        for tag in tags.iter().skip(1) {
            if let Published::Pushed(_) = published {
                published = self.push(Some(tag), ledger)?;
            }
        }
        Ok(published)
    }

    /// Pushes the ledger's branch, and `tag` with it, all or nothing.
    ///
    /// # Errors
    /// Only what is wrong here; a remote that says no or nothing is an outcome.
    pub fn push(&self, tag: Option<&str>, ledger: &Ledger) -> Result<Published> {
        let Some(remote) = &self.remote else {
            return Ok(Published::Kept);
        };
        if self.silent.get() {
            return Ok(Published::Kept);
        }
        let remote = remote.clone();
        match ledger::push(&self.git, &remote, tag, ledger.branch(), self.patience) {
            Ok(Pushed::Done) => {
                ledger.note_pushed(&remote)?;
                Ok(Published::Pushed(remote))
            }
            Ok(Pushed::Refused {
                references,
                message,
            }) => {
                let message = references.first().map_or(message, |first| {
                    format!("{}: {}", first.reference, first.reason)
                });
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
