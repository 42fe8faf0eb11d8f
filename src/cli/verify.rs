//! `git hostout verify`: whether a release and its ledger are what they claim to be.

use super::{
    rebuild, releasing,
    session::{Session, Workspace},
    shared,
};
use crate::{
    error::{Error, Unverified},
    facts::{Check, Verdict},
    ledger::{self, Ledger, Released},
    observe,
};

/// Check a release and its ledger: signatures, what binds them, and the hashes of all files at hand.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Which; left out = the release of HEAD or of its nearest released ancestor
    #[arg(value_name = "VERSION", add = super::complete::versions())]
    version: Option<String>,
    /// Make every artifact again from git, and compare
    #[arg(long)]
    rebuild: bool,
}

pub(super) fn run(session: &Session, args: &Args) -> Result<(), Error> {
    let work = session.workspace()?;
    let known = ledger::introduction(&work.repo, &work.project.release.ledger)?;
    let ledger = match work.ledger(&session.ui) {
        Ok(ledger) => ledger,
        Err(Error::Ledger(error)) if is_about_the_ledger(&error) => {
            let checks = vec![Check::failed("ledger", error.to_string())];
            return tell(session, "", Verdict::of(None, checks));
        }
        Err(error) => return Err(error),
    };
    let remote = ledger::remote_for(&work.repo).unwrap_or_else(|| "this clone".to_owned());
    let met = known.is_none().then_some(remote.as_str());
    let mut checks = check_ledger(&work, &ledger, met)?;
    let released = match releasing::released(&work, &ledger, args.version.as_deref()) {
        Ok(released) => released,
        Err(Error::Ledger(error)) => {
            checks.push(Check::failed("release", error.to_string()));
            return tell(session, "", Verdict::of(None, checks));
        }
        Err(Error::Refused(refusal)) if checks.iter().any(|check| !check.ok) => {
            checks.push(Check::failed("release", refusal.to_string()));
            return tell(session, "", Verdict::of(None, checks));
        }
        Err(error) => return Err(error),
    };
    let manifest = &released.manifest;
    checks.extend(check_release(&work, &ledger, &released)?);
    checks.push(observe::verify_commit(&work.repo, &released));
    let store = session.store()?;
    let wanted = shared::lacking(&store, manifest.artifacts().into_keys());
    shared::from_store(session, &work, &shared::sized(manifest, &wanted))?;
    checks.extend(observe::verify_artifacts(manifest, &store));
    if args.rebuild {
        checks.extend(rebuild::run(session, &work, &ledger, &released)?);
    }
    let verdict = Verdict::of(Some(manifest.version.clone()), checks);
    tell(session, &manifest.project.name, verdict)
}

/// The checks of every deployment and rollback. Files are left out: each is hashed when it is sent, and a damaged one here
/// must not stop a rollback to a release that the hosts still have.
pub(super) fn before_deploying(
    work: &Workspace,
    ledger: &Ledger,
    released: &Released,
) -> Result<(), Error> {
    let mut checks = check_ledger(work, ledger, None)?;
    checks.extend(check_release(work, ledger, released)?);
    let verdict = Verdict::of(Some(released.manifest.version.clone()), checks);
    if verdict.ok {
        Ok(())
    } else {
        Err(Error::Unverified(Unverified(verdict)))
    }
}

/// The checks before an entry that others rely on. Nothing is kept of them: the entry itself will be.
pub(super) fn before_writing(work: &Workspace, ledger: &Ledger) -> Result<(), Error> {
    let verdict = Verdict::of(None, look_at_ledger(work, ledger, None)?);
    if verdict.ok {
        Ok(())
    } else {
        Err(Error::Unverified(Unverified(verdict)))
    }
}

/// Checks the ledger and keeps how far it is checked: the only thing that looking leaves behind.
fn check_ledger(work: &Workspace, ledger: &Ledger, met: Option<&str>) -> Result<Vec<Check>, Error> {
    let checks = look_at_ledger(work, ledger, met)?;
    if checks.iter().all(|check| check.ok) {
        ledger.remember()?;
    }
    Ok(checks)
}

fn look_at_ledger(
    work: &Workspace,
    ledger: &Ledger,
    met: Option<&str>,
) -> Result<Vec<Check>, Error> {
    let introduction = ledger::introduce(&work.repo, ledger)?;
    Ok(observe::verify_ledger(ledger, &introduction, met)?)
}

fn check_release(
    work: &Workspace,
    ledger: &Ledger,
    released: &Released,
) -> Result<Vec<Check>, Error> {
    let version = released.manifest.version.to_string();
    let tag = work.project.release.tag.replace("{version}", &version);
    Ok(observe::verify_release(&work.repo, ledger, released, &tag)?)
}

/// Whether an error says what is wrong with the ledger, not with this machine.
fn is_about_the_ledger(error: &ledger::Error) -> bool {
    use ledger::Error;
    matches!(
        error,
        Error::Malformed { .. }
            | Error::Untrusted { .. }
            | Error::Introduction { .. }
            | Error::Rewritten { .. }
            | Error::Tag { .. }
            | Error::RemoteTag { .. }
            | Error::Rewound { .. }
    )
}

fn tell(session: &Session, project: &str, verdict: Verdict) -> Result<(), Error> {
    for check in &verdict.checks {
        let mark = if check.ok { "ok" } else { "FAILED" };
        session
            .ui
            .detail(&format!("{mark}  {}: {}", check.name, check.detail));
    }
    if session.global.json {
        session.ui.json(&verdict);
    }
    if !verdict.ok {
        return Err(Error::Unverified(Unverified(verdict)));
    }
    let version = verdict.version.map(|version| version.to_string());
    session.ui.data(&format!(
        "{project} {} holds: all {} checks passed",
        version.unwrap_or_default(),
        verdict.checks.len()
    ));
    Ok(())
}
