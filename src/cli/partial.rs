//! What to do in a partial clone (`git clone --filter=…`), which lacks objects until git itself needs them.

use super::session::Session;
use crate::{error::Error, ledger};

/// The way out where `error` is about an object that is not here, and the clone is a partial one.
pub(super) fn remedy(session: &Session, error: &Error) -> Option<String> {
    let mut said = error.causes().into_iter().chain(error.lines());
    let lacks = said
        .any(|text| text.contains("An object with id ") && text.contains(" could not be found"));
    if !lacks {
        return None;
    }
    let repo = ledger::discover(&session.directory()).ok()?;
    let remote = ledger::promisor(&repo)?;
    Some(format!(
        "this is a partial clone: `git fetch --refetch --no-filter --tags {remote}` gets what is missing;\n  \
         `git config --unset remote.{remote}.partialclonefilter` lets later fetches leave nothing out"
    ))
}
