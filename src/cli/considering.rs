//! What `release` and `check` share before anything is resolved: everything that speaks against a release, at once.

use super::{
    releasing::{self, Seen},
    session::{Session, Workspace},
};
use crate::{
    assemble::{self, Looked},
    buildout,
    error::{Class, Error},
    facts::{Dirt, Repository},
    ledger::Ledger,
    plan::{self, Considered, Reason, ReleaseRequest},
};

/// Whether there is a release to make.
///
/// # Errors
/// Everything that speaks against it, from the repository and from HEAD's configurations.
pub(super) fn consider(
    session: &Session,
    work: &mut Workspace,
    ledger: &Ledger,
    seen: &Seen,
    request: &ReleaseRequest,
) -> Result<Considered, Error> {
    let mut refusal = match plan::consider(request, &seen.facts(work)) {
        Ok(considered) => return Ok(considered),
        Err(refusal) => refusal,
    };
    if seen.is_released(request) {
        // HEAD passed when it was released.
        more(session);
        return Err(refusal.into());
    }
    let looked = releasing::job(session, work, ledger, seen, None, |job| look(session, job));
    match looked {
        Ok(_) => more(session),
        Err(error) if error.class() == Class::Interrupted => return Err(error),
        Err(error) if is_told(&error, seen.repository(), &work.buildout()) => {}
        Err(error) => refusal.reasons.extend(reasons(&error)),
    }
    Err(refusal.into())
}

/// Looks at what the release is made from.
pub(super) fn look(session: &Session, job: &assemble::Job<'_>) -> assemble::Result<Looked> {
    assemble::look(job).inspect_err(|_| more(session))
}

/// A list of reasons is not complete: what is resolved and built shows only then.
fn more(session: &Session) {
    session
        .ui
        .note("More may be found when this is mended: pins and builds are looked at last.");
}

/// Whether a configuration is missing that was named already, because nobody added it to git.
fn is_told(error: &Error, repository: &Repository, directory: &str) -> bool {
    let Error::Assemble(assemble::Error::Buildout(buildout::Error::Missing { file, .. })) = error
    else {
        return false;
    };
    let path = crate::config::join(directory, file);
    let mut dirty = repository.dirty.iter();
    dirty.any(|(name, dirt)| *dirt == Dirt::Untracked && Some(name) == path.as_ref())
}

/// An error as reasons beside others.
pub(super) fn reasons(error: &Error) -> Vec<Reason> {
    if let Error::Refused(refusal) | Error::Assemble(assemble::Error::Refused(refusal)) = error {
        return refusal.reasons.clone();
    }
    let mut what = vec![error.to_string()];
    what.extend(error.causes());
    vec![Reason {
        what: what.join(": ").replace('\n', "\n    "),
        remedy: error.hints().join("; "),
    }]
}
