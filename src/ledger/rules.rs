//! What an entry may hold, and who may make it: judged by the files that it touches, not by what it says of itself.

use super::{
    Entry, Error, Keyring, Kind, Result, Signer, Trust,
    history::Rule,
    tree::{Change, How},
};
use crate::release::Need;
use gix::ObjectId;
use std::collections::BTreeSet;

/// Folders in which nothing is ever changed or removed.
pub(super) const APPEND_ONLY: [&str; 5] =
    ["releases", "deployments", "approvals", "withdrawn", "trust"];

/// An entry that is judged.
pub(super) struct Case<'a> {
    pub repo: &'a gix::Repository,
    pub entry: &'a Entry,
    /// What is before it.
    pub parent: ObjectId,
    /// The ledger's first commit.
    pub root: ObjectId,
    pub changes: &'a [Change],
    /// The keys before it.
    pub trust: &'a Trust,
    pub signer: &'a Signer,
}

impl Case<'_> {
    /// What is wrong with the entry, if anything.
    pub fn judge(&self) -> Result<Option<(Rule, Error)>> {
        let what = format!("ledger entry {}", self.entry.commit);
        let needs = match self.needs() {
            Ok(needs) => needs,
            Err(message) => return Ok(Some((Rule::Role, Error::malformed(what, message)))),
        };
        let mut recovers = false;
        if needs.contains(&Need::Keys) {
            let before = Keyring::read(self.repo, self.parent)?;
            let after = Keyring::read(self.repo, self.entry.commit)?;
            if let Some(message) = after.complaint() {
                return Ok(Some((Rule::Keys, Error::malformed(what, message))));
            }
            if !after.is_stated(Some(&before), self.root) {
                let message = "it changes keys or policy, and trust/ does not say so to hosts";
                return Ok(Some((Rule::Keys, Error::malformed(what, message))));
            }
            recovers = after.only_adds(&before)?;
        }
        for need in needs {
            let need = if need == Need::Keys && recovers {
                Need::AddKeys
            } else {
                need
            };
            if let Err(error) = self.trust.require(&what, self.signer, &need) {
                return Ok(Some((Rule::Role, error)));
            }
        }
        Ok(None)
    }

    /// What its signer has to be allowed to do, by what it says it is and by every file that it touches.
    fn needs(&self) -> Result<BTreeSet<Need>, String> {
        let kind = &self.entry.kind;
        let mut needs: BTreeSet<Need> = kind.need().into_iter().collect();
        for change in self.changes {
            if let Some(need) = of_file(kind, change, &self.entry.subject)? {
                needs.insert(need);
            }
        }
        Ok(needs)
    }
}

fn of_file(kind: &Kind, change: &Change, subject: &str) -> Result<Option<Need>, String> {
    let path = change.path.as_str();
    let parts: Vec<&str> = path.split('/').collect();
    // What is not added there breaks another rule.
    if APPEND_ONLY.contains(&parts[0]) && change.how != How::Added {
        return Ok(None);
    }
    let misplaced = || Err(format!("it adds {path}, which is no part of `{subject}`"));
    Ok(Some(match (parts.as_slice(), kind) {
        (["releases", _, version, _], Kind::Release { version: own, .. }) => {
            if *version != own.to_string() {
                return misplaced();
            }
            Need::Release
        }
        (["withdrawn", file], Kind::Withdrawn { version }) => {
            if !file.starts_with(&format!("{version}.toml")) {
                return misplaced();
            }
            Need::Release
        }
        (
            ["approvals", stage, version, _],
            Kind::Approved {
                stage: own,
                version: of,
            },
        ) => {
            if stage != own || *version != of.to_string() {
                return misplaced();
            }
            Need::Deploy(own.clone())
        }
        (
            ["deployments", stage, ..],
            Kind::Started { stage: own, .. } | Kind::Ended { stage: own, .. },
        ) if stage == own => {
            return Ok(None);
        }
        (["releases" | "withdrawn" | "approvals" | "deployments", ..], _) => return misplaced(),
        (["keys" | "trust", ..] | ["policy.toml" | "README.md"], _) => Need::Keys,
        _ => {
            return Err(format!(
                "{path} has no place in a ledger that this program knows; a newer git-hostout may know it"
            ));
        }
    }))
}
