//! Approvals and withdrawals: files with a signature beside them, so that hosts without git can check them.

use super::{
    Entry, Error, Files, Key, Kind, Ledger, Result, Scheme, Trust,
    paths::{self, signature_path},
};
use crate::release::{Approval, Digest, Need, Withdrawal, from_toml};
use semver::Version;
use std::collections::BTreeMap;

/// A file with the signature beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedFile {
    /// Its text.
    pub text: String,
    /// The signature over it, in its armor.
    pub signature: String,
}

/// Somebody who agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approver {
    /// Their name by the ledger's keys; two keys of one name are one person.
    pub name: String,
    /// What they signed.
    pub file: SignedFile,
}

/// `approvals/<stage>/<version>/<id>.toml`.
fn approval_path(stage: &str, version: &Version, id: &crate::release::EntryId) -> String {
    format!("approvals/{stage}/{version}/{id}.toml")
}

/// `withdrawn/<version>.toml`.
fn withdrawal_path(version: &Version) -> String {
    format!("withdrawn/{version}.toml")
}

/// The files of an approval.
pub fn approval_files(approval: &Approval, key: &Key) -> Result<Files> {
    let path = approval_path(&approval.stage, &approval.version, &approval.id);
    paths::signed_value(path, approval, key)
}

/// The files of a withdrawal.
pub fn withdrawal_files(withdrawal: &Withdrawal, key: &Key) -> Result<Files> {
    paths::signed_value(withdrawal_path(&withdrawal.version), withdrawal, key)
}

impl Ledger {
    /// Who agreed that `stage` gets `version`, whose manifest has this sha256. One whose key may deploy there no more does
    /// not count.
    pub fn approvers(
        &self,
        stage: &str,
        version: &Version,
        manifest: Digest,
    ) -> Result<Vec<Approver>> {
        let trust = self.trust()?;
        let is_it = |entry: &&Entry| matches!(&entry.kind, Kind::Approved { stage: s, version: v } if s == stage && v == version);
        let mut found = Vec::new();
        for entry in self.entries().filter(is_it) {
            let path = approval_path(stage, version, &entry.id);
            let Some(file) = self.signed_file(&path)? else {
                continue;
            };
            let fits = from_toml::<Approval>(&file.text)
                .is_ok_and(|said| said.manifest == manifest && said.stage == stage);
            let signer = self.signer(entry)?;
            if fits && trust.may(&signer, &Need::Deploy(stage.to_owned())) {
                found.push(Approver {
                    name: name_of(&trust, &signer),
                    file,
                });
            }
        }
        Ok(found)
    }

    /// Whose `key` is, by the ledger's keys.
    pub fn name_of(&self, key: &Key) -> Result<String> {
        let fingerprint = super::keyring::fingerprint(&key.public()?)?;
        let listed = self.keyring()?.list()?;
        let mut listed = listed.into_iter().flatten();
        let found = listed.find(|key| key.fingerprint == fingerprint);
        Ok(found.map_or(fingerprint, |key| key.name))
    }

    /// The entry that withdrew `version`, where there is one.
    pub fn withdrawal(&self, version: &Version) -> Option<&Entry> {
        self.find(|entry| matches!(&entry.kind, Kind::Withdrawn { version: v } if v == version))
    }

    /// Everything that was withdrawn, as it was signed.
    pub fn withdrawals(&self) -> Result<Vec<SignedFile>> {
        let mut files = Vec::new();
        for entry in &self.history {
            if let Kind::Withdrawn { version } = &entry.kind {
                files.extend(self.signed_file(&withdrawal_path(version))?);
            }
        }
        Ok(files)
    }

    /// The version and the manifest of everything that was withdrawn.
    pub(super) fn withdrawn(&self) -> Result<BTreeMap<String, Digest>> {
        let files = self.withdrawals()?.into_iter();
        let read = files.map(|file| {
            let said: Withdrawal =
                from_toml(&file.text).map_err(|error| Error::malformed("a withdrawal", error))?;
            Ok((said.version.to_string(), said.manifest))
        });
        read.collect()
    }

    /// What hosts are told of keys and policy, from `generation` on.
    pub fn statements(&self, generation: u64) -> Result<Vec<SignedFile>> {
        let Some(newest) = self.keyring()?.generation() else {
            return Ok(Vec::new());
        };
        let mut files = Vec::new();
        for generation in generation..=newest {
            files.extend(self.signed_file(&paths::statement_path(generation))?);
        }
        Ok(files)
    }

    /// A file of the tip with the signature beside it.
    fn signed_file(&self, path: &str) -> Result<Option<SignedFile>> {
        let Some(text) = self.text(path)? else {
            return Ok(None);
        };
        let mut signature = self.text(&signature_path(path, Scheme::Ssh))?;
        if signature.is_none() {
            signature = self.text(&signature_path(path, Scheme::OpenPgp))?;
        }
        Ok(Some(SignedFile {
            text,
            signature: signature.unwrap_or_default(),
        }))
    }
}

/// Whose the key of a signature is: the name in the roles, else the principal.
fn name_of(trust: &Trust, signer: &super::Signer) -> String {
    trust
        .name(&signer.fingerprint)
        .unwrap_or(&signer.principal)
        .to_owned()
}
