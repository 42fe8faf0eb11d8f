//! `git hostout policy`: what may be deployed.

use super::{
    session::Session,
    writing::{self, Common, Writing},
};
use crate::{
    error::Error,
    ledger::NewKeys,
    observe, plan,
    release::{Need, Policy},
};
use std::{fs, path::PathBuf};

/// Show the policy, or replace it: how many people a stage needs, how old a release may be, whether a reason is given.
///
/// It stands in the ledger, not in the work tree; a change is an entry, signed by a key that has the role keys.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  git hostout policy > policy.toml
  git hostout policy --set policy.toml -m 'Two people for production'")]
pub struct Args {
    /// Replace it by this file
    #[arg(long, value_name = "FILE")]
    set: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(session: &Session, args: &Args) -> Result<(), Error> {
    let work = session.workspace()?;
    let Some(path) = &args.set else {
        let keyring = work.ledger(&session.ui)?.keyring()?;
        if session.global.json {
            session.ui.json(&keyring.policy()?);
        } else {
            session.ui.data(keyring.policy_text());
        }
        return Ok(());
    };
    let text = fs::read_to_string(path).map_err(|source| observe::Error::File {
        path: path.clone(),
        source,
    })?;
    let policy = Policy::from_toml(&text)?;
    let mut ledger = writing::ledger(session, &work)?;
    let mut keyring = ledger.keyring()?;
    if keyring.policy_text() == text {
        session.ui.status("The policy is the same already.");
        return Ok(());
    }
    keyring.set_policy(&text)?;
    let writing = Writing {
        summary: "Replace the policy.".to_owned(),
        notes: Vec::new(),
        entry: "keys policy".to_owned(),
        details: details(&policy),
        need: Need::Keys,
        question: "Replace it?",
        tells: true,
        mode: args.common.mode(),
        done: "The policy holds from now on.".to_owned(),
    };
    writing::write(
        session,
        &work,
        &mut ledger,
        writing,
        |ledger, key, who, time| {
            let new = NewKeys {
                keyring: &keyring,
                what: "policy",
                who,
                time,
                reason: &args.common.reason,
            };
            ledger.change_keys(&new, key)
        },
    )
}

/// What the policy limits, a line each.
fn details(policy: &Policy) -> Vec<String> {
    let mut lines = Vec::new();
    if policy.reason {
        lines.push("every deployment and rollback needs a reason".to_owned());
    }
    for (stage, limits) in &policy.stage {
        let mut words = vec![match limits.signers {
            0 | 1 => "one person is enough".to_owned(),
            more => format!("{more} people"),
        }];
        words.extend(limits.reason.then(|| "a reason".to_owned()));
        if limits.healthy > 0 {
            words.push(format!("--from needs {} s of health", limits.healthy));
        }
        let age = |seconds: u64| format!("releases of the last {} days", seconds / 86_400);
        words.extend(limits.retention.map(age));
        let heard = |seconds: u64| format!("a ledger heard of in the last {}", plan::span(seconds));
        words.extend(limits.max_age.map(heard));
        lines.push(format!("{stage}: {}", words.join(", ")));
    }
    lines
}
