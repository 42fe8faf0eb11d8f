//! What people and the policy say about a deployment, looked up; and the release that another stage proved.

use super::{
    deploy::Options,
    remote,
    session::{Session, Workspace},
    verify,
};
use crate::{
    config::Stage,
    error::{Error, Unverified},
    execute::{self, Telling},
    facts::{self, Consent, Deployment, Heard, Trusted},
    ledger::{self, Ledger, Released, Scheme},
    observe,
    plan::{self, Refusal},
    release::{Intent, Outcome},
    ui,
};
use semver::Version;

/// The ledger with what the remote has more, where the policy of `stage` limits how old that may be.
pub(super) fn heard(
    session: &Session,
    work: &Workspace,
    ledger: Ledger,
    stage: &Stage,
) -> Result<Ledger, Error> {
    match ledger.keyring()?.policy()?.of(&stage.name).max_age {
        Some(_) => remote::caught_up(session, work, ledger),
        None => Ok(ledger),
    }
}

/// Looks up what is said about `released` on `stage`; `log` is the stage's, newest first.
pub(super) fn look(
    session: &Session,
    work: &Workspace,
    ledger: &Ledger,
    released: &Released,
    stage: &Stage,
    log: &[Deployment],
    (intent, options): (Intent, &Options),
) -> Result<Consent, Error> {
    let manifest = &released.manifest;
    let version = &manifest.version;
    let policy = ledger.keyring()?.policy()?.of(&stage.name);
    let approvers = if policy.signers > 1 {
        ledger.approvers(&stage.name, version, released.digest)?
    } else {
        Vec::new()
    };
    Ok(Consent {
        stage: stage.name.clone(),
        version: version.clone(),
        made: manifest.time.parse().ok(),
        withdrawn: ledger.withdrawal(version).map(|entry| {
            let day = entry.time.strftime("%Y-%m-%d");
            let by = entry.by.split(" <").next().unwrap_or_default();
            format!("{by}, {day}: {}", ui::clean_line(&entry.reason))
        }),
        me: ledger.name_of(&work.key()?)?,
        approvers: approvers
            .into_iter()
            .map(|approver| approver.name)
            .collect(),
        signers: policy.signers,
        proven: log.iter().any(|deployment| {
            deployment.version == *version && deployment.outcome == Some(Outcome::Healthy)
        }),
        reason_needed: policy.reason,
        reason: options.reason.clone(),
        retention: policy.retention,
        heard: match (policy.max_age, intent) {
            (Some(limit), Intent::Deploy) => Some(what_was_heard(work, ledger, limit)?),
            // To go back must be possible without anybody else.
            (None, _) | (_, Intent::Rollback) => None,
        },
        now: session.now(),
    })
}

/// Looks at a ledger that came in the middle of a deployment as at the one that it was decided by.
pub(super) fn still(
    session: &Session,
    work: &Workspace,
    newer: &Ledger,
    released: &Released,
    stage: &Stage,
    log: &[Deployment],
    with: (Intent, &Options),
) -> execute::Result<()> {
    let look = || -> Result<(), Error> {
        verify::before_deploying(work, newer, released)?;
        let said = look(session, work, newer, released, stage, log, with)?;
        Ok(plan::consent(&said).into_result()?)
    };
    look().map_err(against)
}

/// What is said against a deployment by a ledger that came in the middle of it.
fn against(error: Error) -> execute::Error {
    let mut refusal = Refusal::default();
    let remedy = error.hints().join("; ");
    match error {
        Error::Refused(refusal) => return refusal.into(),
        Error::Ledger(error) => return error.into(),
        Error::Unverified(Unverified(verdict)) => {
            for check in verdict.failed() {
                refusal.add(format!("{}: {}", check.name, check.detail), &remedy);
            }
        }
        other => refusal.add(other.to_string(), remedy),
    }
    refusal.into()
}

fn what_was_heard(work: &Workspace, ledger: &Ledger, limit: u64) -> Result<Heard, Error> {
    let remote = ledger::remote_for(&work.repo);
    let newest = ledger.newest_at(remote.as_deref())?;
    Ok(Heard {
        newest: newest.map(|entry| (entry.commit.to_string(), entry.time)),
        remote,
        limit,
    })
}

/// What the hosts of `stage` are told of keys and policy, and of who agreed. Nothing where the ledger says nothing to hosts.
pub(super) fn telling(
    work: &Workspace,
    ledger: &Ledger,
    released: &Released,
    stage: &Stage,
    hosts: &[facts::Host],
) -> Result<(Option<Trusted>, Telling), Error> {
    let keyring = ledger.keyring()?;
    let Some(generation) = keyring.generation() else {
        return Ok((None, Telling::default()));
    };
    let version = &released.manifest.version;
    let approvers = ledger.approvers(&stage.name, version, released.digest)?;
    let openpgp = |signature: &str| signature.starts_with("-----BEGIN PGP");
    let ours = work.key()?.scheme == Scheme::OpenPgp;
    let seen = hosts.iter().filter_map(|host| host.trust.as_ref()?.serial);
    let telling = Telling {
        approvals: approvers
            .into_iter()
            .map(|approver| execute::text(approver.file))
            .collect(),
        after: seen.max().and_then(|serial| u64::try_from(serial).ok()),
        ..Telling::of(ledger)?
    };
    let trusted = Trusted {
        project: ledger.project_id().to_string(),
        generation,
        withdrawn: telling.withdrawals.len(),
        ssh: !ours || !openpgp(&released.signature),
        openpgp: ours || openpgp(&released.signature),
        unchecked: keyring.policy()?.unchecked,
    };
    Ok((Some(trusted), telling))
}

/// The release that `from` runs healthy, and has for the time that the policy of `to` asks.
pub(super) fn proven(
    session: &Session,
    ledger: &Ledger,
    from: &Stage,
    to: &Stage,
) -> Result<Version, Error> {
    let log = observe::order_of(ledger, &observe::history(ledger), &from.name)?;
    let needed = ledger.keyring()?.policy()?.of(&to.name).healthy;
    let mut refusal = Refusal::default();
    let next = format!("git hostout status {}", from.name);
    match plan::proven(&log) {
        None => refusal.add(
            format!("{} runs nothing that was found healthy", from.name),
            next,
        ),
        Some(deployment) => {
            let ended = ledger.ended_for(&deployment.id)?;
            let since = ended.map_or(session.now(), |(entry, _)| entry.time);
            let age = session.now().as_second() - since.as_second();
            let age = u64::try_from(age).unwrap_or_default();
            if age >= needed {
                return Ok(deployment.version.clone());
            }
            let (stage, version) = (&from.name, &deployment.version);
            refusal.add(
                format!(
                    "{stage} runs {version} for {age} s; {} asks for {needed} s of health there",
                    to.name
                ),
                "deploy it when that time is over",
            );
        }
    }
    Err(refusal.into())
}
