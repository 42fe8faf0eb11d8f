//! References below `refs/hostout/`: what this clone remembers of ledgers. The program moves them, nobody by name.

use super::{Error, Person, Result, branch, durable};
use gix::{
    ObjectId,
    refs::{
        FullName, Target,
        transaction::{PreviousValue, RefEdit},
    },
};
use jiff::Timestamp;

/// Who is written into reference logs.
pub(super) fn nobody() -> Person {
    Person {
        name: "git-hostout".into(),
        email: "git-hostout@localhost".into(),
    }
}

/// Lets `name` point to `tip`; nothing = there is no such reference. `why` goes into its log.
pub(super) fn set(
    repo: &gix::Repository,
    name: &str,
    tip: Option<ObjectId>,
    why: &str,
) -> Result<()> {
    if branch::tip_of(repo, name)? == tip {
        return Ok(());
    }
    let what = || Error::git(format!("write {name}"));
    let full = FullName::try_from(name.to_owned())
        .map_err(|error| what()(gix::Error::from_error(error)))?;
    let edit = match tip {
        Some(tip) => RefEdit::update(full, Target::Object(tip), PreviousValue::Any, why),
        None => RefEdit::delete(full, PreviousValue::Any),
    };
    let nobody = nobody().at(Timestamp::UNIX_EPOCH);
    let mut buffer = gix::date::parse::TimeBuf::default();
    repo.edit_references_as([edit], Some(nobody.to_ref(&mut buffer)))
        .map_err(what())?;
    durable::reference(repo, name)
}
