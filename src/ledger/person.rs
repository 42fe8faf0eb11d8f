//! Who makes an entry.

use super::{Error, Result};
use gix::actor::Signature;
use std::fmt;

/// A name and mail address, as git knows them. Not authenticated: the signature says who really was it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Their name.
    pub name: String,
    /// Their mail address.
    pub email: String,
}

impl Person {
    /// The committer of the git configuration and environment.
    ///
    /// # Errors
    /// [`Error::NoIdentity`] where git knows none; we make none up, since entries are kept for ever.
    pub fn configured(repo: &gix::Repository) -> Result<Self> {
        let committer = repo
            .committer()
            .ok_or(Error::NoIdentity)?
            .map_err(Error::git("read the committer's identity"))?
            .trim();
        let person = Self {
            name: committer.name.to_string(),
            email: committer.email.to_string(),
        };
        if person.name.is_empty() || person.email.is_empty() {
            return Err(Error::NoIdentity);
        }
        Ok(person)
    }

    /// As author, committer or tagger of an object made at `time`.
    pub(super) fn at(&self, time: jiff::Timestamp) -> Signature {
        let clean = |text: &str| -> String {
            let kept = |c: &char| !c.is_control() && !"<>".contains(*c);
            text.chars().filter(kept).collect::<String>().trim().into()
        };
        Signature {
            name: clean(&self.name).into(),
            email: clean(&self.email).into(),
            time: gix::date::Time::new(time.as_second(), 0),
        }
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} <{}>", self.name, self.email)
    }
}
