//! Keys, roles and policy of one commit of the ledger, and how they are changed: the files, and the statement of them that
//! hosts go by.

use super::{
    Error, Files, HOSTOUT, Key, PublicKey, Result, Scheme,
    paths::{signature_path, statement_path},
    signers,
};
use crate::release::{
    Digest, FORMAT, KeyRoles, Need, Policy, Role, Roles, Statement, from_toml, to_toml,
};
use gix::ObjectId;
use std::collections::BTreeMap;

const SIGNERS: &str = "keys/allowed_signers";
const ROLES: &str = "keys/roles.toml";
const POLICY: &str = "policy.toml";
/// The head of a new `allowed_signers`.
const HEAD: &str = "# Who may sign, see ALLOWED SIGNERS in ssh-keygen(1). What each key may do stands in roles.toml.\n";

/// Keys, roles and policy as the ledger has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keyring {
    signers: String,
    openpgp: BTreeMap<String, String>,
    roles: Option<String>,
    policy: Option<String>,
    /// The newest statement, and its text's digest.
    statement: Option<(Statement, Digest)>,
}

/// A key, as people are shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    /// Whose it is.
    pub name: String,
    /// `SHA256:…`, or an `OpenPGP` fingerprint.
    pub fingerprint: String,
    /// How it signs.
    pub scheme: Scheme,
    /// Until when, as it stands in `allowed_signers`.
    pub until: Option<String>,
    /// What it may do.
    pub roles: Vec<Role>,
}

/// Files that an entry replaces and takes away, besides those that it adds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    /// Path in the ledger, bytes.
    pub replaced: Files,
    /// Paths in the ledger.
    pub removed: Vec<String>,
    /// Whether keys are added and nothing else is done: what a recovery key may.
    pub only_adds: bool,
}

/// What a statement says besides keys and policy.
#[derive(Clone, Debug, Default)]
pub(super) struct Besides {
    /// Manifests that count though the keys that signed them are gone.
    pub manifests: Vec<Digest>,
    /// What is withdrawn by now: a host may hear of it when the key that signed that is gone.
    pub withdrawn: BTreeMap<String, Digest>,
}

impl Keyring {
    /// As of `commit`.
    pub fn read(repo: &gix::Repository, commit: ObjectId) -> Result<Self> {
        let what = || Error::git(format!("read the keys of {commit}"));
        let tree = repo.find_commit(commit).map_err(what())?;
        let tree = tree.tree().map_err(what())?;
        let text = |path: &str| -> Result<Option<String>> {
            let Some(entry) = tree.lookup_entry_by_path(path).map_err(what())? else {
                return Ok(None);
            };
            let bytes = entry.object().map_err(what())?.data.clone();
            let text = String::from_utf8(bytes);
            text.map(Some)
                .map_err(|error| Error::malformed(path, error))
        };
        let names = |path: &str| -> Result<Vec<String>> {
            let Some(entry) = tree.lookup_entry_by_path(path).map_err(what())? else {
                return Ok(Vec::new());
            };
            let folder = entry.object().map_err(what())?;
            let folder = folder.try_into_tree().map_err(what())?;
            let names = folder.iter().map(|file| {
                let file = file.map_err(what())?;
                Ok(file.filename().to_string())
            });
            names.collect()
        };
        let mut openpgp = BTreeMap::new();
        for name in names("keys/openpgp")? {
            if let Some(fingerprint) = name.strip_suffix(".asc") {
                let armored = text(&format!("keys/openpgp/{name}"))?.unwrap_or_default();
                openpgp.insert(fingerprint.to_ascii_uppercase(), armored);
            }
        }
        let generations = names("trust")?;
        let generations = generations
            .iter()
            .filter_map(|name| name.strip_suffix(".toml")?.parse::<u64>().ok());
        let statement = match generations.max() {
            None => None,
            Some(newest) => {
                let path = statement_path(newest);
                let text = text(&path)?.unwrap_or_default();
                let read = from_toml(&text).map_err(|error| Error::malformed(&path, error))?;
                Some((read, Digest::of(text.as_bytes())))
            }
        };
        Ok(Self {
            signers: text(SIGNERS)?.unwrap_or_default(),
            openpgp,
            roles: text(ROLES)?,
            policy: text(POLICY)?,
            statement,
        })
    }

    /// Of a new ledger: one key, which may do all.
    pub(super) fn first(name: &str, key: &PublicKey, policy: &str) -> Result<Self> {
        let mut keyring = Self {
            policy: Some(policy.to_owned()),
            ..Self::default()
        };
        keyring.add(name, key, vec![Role::All], None)?;
        Ok(keyring)
    }

    /// What each key may do; `None` = all may do all.
    pub fn roles(&self) -> Result<Option<Roles>> {
        let text = self.roles.as_deref();
        let roles = text.map(Roles::from_toml).transpose();
        roles.map_err(|error| Error::malformed(ROLES, said(&error)))
    }

    /// The policy.
    pub fn policy(&self) -> Result<Policy> {
        let text = self.policy.as_deref().map(Policy::from_toml);
        let policy = text
            .transpose()
            .map_err(|error| Error::malformed(POLICY, said(&error)))?;
        Ok(policy.unwrap_or_default())
    }

    /// The text of the policy.
    pub fn policy_text(&self) -> &str {
        self.policy.as_deref().unwrap_or_default()
    }

    /// The number of the newest statement for hosts.
    pub fn generation(&self) -> Option<u64> {
        self.statement
            .as_ref()
            .map(|(statement, _)| statement.generation)
    }

    /// Every key, ssh first; or what is wrong with its line.
    pub fn list(&self) -> Result<Vec<Result<ListedKey, String>>> {
        let roles = self.roles()?;
        let of = |fingerprint: &str| match &roles {
            None => vec![Role::All],
            Some(roles) => roles
                .get(fingerprint)
                .map(|key| key.roles.clone())
                .unwrap_or_default(),
        };
        let ssh = signers::lines(&self.signers).into_iter().map(|line| {
            line.map(|line| ListedKey {
                roles: of(&line.fingerprint),
                name: line.name,
                until: line.until,
                fingerprint: line.fingerprint,
                scheme: Scheme::Ssh,
            })
        });
        let openpgp = self.openpgp.keys().map(|fingerprint| {
            let named = roles.as_ref().and_then(|roles| roles.get(fingerprint));
            Ok(ListedKey {
                name: named.map_or_else(|| fingerprint.clone(), |key| key.name.clone()),
                fingerprint: fingerprint.clone(),
                scheme: Scheme::OpenPgp,
                until: None,
                roles: of(fingerprint),
            })
        });
        Ok(ssh.chain(openpgp).collect())
    }

    /// Whether such keys can be meant.
    ///
    /// # Errors
    /// [`Error::Keys`] where a line cannot be read, or everybody would be locked out.
    pub fn check(&self) -> Result<()> {
        self.complaint().map_or(Ok(()), |why| Err(Error::Keys(why)))
    }

    /// What is wrong with the files, if anything: a ledger with such keys is not believed.
    pub(super) fn complaint(&self) -> Option<String> {
        let listed = match self.list() {
            Ok(listed) => listed,
            Err(error) => return Some(error.to_string()),
        };
        if let Some(wrong) = listed.iter().find_map(|line| line.as_ref().err()) {
            return Some(wrong.clone());
        }
        if let Err(error) = self.policy() {
            return Some(error.to_string());
        }
        let keeper = |key: &ListedKey| key.roles.iter().any(|role| role.grants(&Need::Keys));
        if !listed.iter().flatten().any(keeper) {
            return Some("no key may change keys any more".to_owned());
        }
        None
    }

    /// Adds a key, or gives one that is there other roles.
    pub fn add(
        &mut self,
        name: &str,
        key: &PublicKey,
        roles: Vec<Role>,
        until: Option<&str>,
    ) -> Result<()> {
        let mut all = self.roles_written()?;
        let fingerprint = fingerprint(key)?;
        match key {
            PublicKey::Ssh(key) => {
                let mut text = signers::without(&self.signers, &fingerprint);
                if text.is_empty() {
                    HEAD.clone_into(&mut text);
                }
                let until =
                    until.map_or_else(String::new, |until| format!(",valid-before=\"{until}\""));
                let options = format!("namespaces=\"git,git-hostout\"{until}");
                self.signers = format!("{text}{name} {options} {key}\n");
            }
            PublicKey::OpenPgp { armored, .. } => {
                self.openpgp.insert(fingerprint.clone(), armored.clone());
            }
        }
        let new = KeyRoles {
            name: name.to_owned(),
            fingerprint,
            roles,
        };
        match all
            .key
            .iter_mut()
            .find(|old| old.fingerprint == new.fingerprint)
        {
            Some(old) => *old = new,
            None => all.key.push(new),
        }
        self.write(&all)
    }

    /// Takes a key away.
    pub fn remove(&mut self, fingerprint: &str) -> Result<()> {
        let mut all = self.roles_written()?;
        all.key.retain(|key| key.fingerprint != fingerprint);
        self.signers = signers::without(&self.signers, fingerprint);
        self.openpgp.remove(fingerprint);
        self.write(&all)
    }

    /// Replaces the policy.
    pub fn set_policy(&mut self, text: &str) -> Result<()> {
        self.policy = Some(text.to_owned());
        let all = self.roles_written()?;
        self.policy()?;
        self.write(&all)
    }

    /// The roles as they are to be written: in a ledger without roles every key so far may do all.
    fn roles_written(&self) -> Result<Roles> {
        if let Some(roles) = self.roles()? {
            return Ok(roles);
        }
        let listed = self.list()?.into_iter().flatten();
        Ok(Roles::of(
            listed
                .map(|key| KeyRoles {
                    name: key.name,
                    fingerprint: key.fingerprint,
                    roles: vec![Role::All],
                })
                .collect(),
        ))
    }

    fn write(&mut self, roles: &Roles) -> Result<()> {
        let text = roles.to_toml();
        self.roles = Some(text.map_err(|error| Error::malformed(ROLES, said(&error)))?);
        Ok(())
    }

    /// Whether `self` has everything that `before` has, unchanged, and only more keys.
    pub fn only_adds(&self, before: &Self) -> Result<bool> {
        let (old, new) = (before.roles_written()?, self.roles_written()?);
        let lines = |keyring: &Self| -> Vec<String> {
            keyring.signers.lines().map(str::to_owned).collect()
        };
        let now = lines(self);
        Ok(self.policy == before.policy
            && lines(before).iter().all(|line| now.contains(line))
            && before
                .openpgp
                .iter()
                .all(|(name, key)| self.openpgp.get(name) == Some(key))
            && old.key.iter().all(|key| new.key.contains(key)))
    }

    /// The statement of these files after `before`, with what else it says.
    pub(super) fn statement(
        &self,
        before: Option<&Self>,
        project: Option<ObjectId>,
        more: Besides,
    ) -> Statement {
        let last = before.and_then(|before| before.statement.as_ref());
        let mut kept = last.map(|(old, _)| old.manifests.clone());
        let kept = kept.get_or_insert_default();
        kept.extend(more.manifests);
        kept.sort_unstable();
        kept.dedup();
        let mut withdrawn = last.map_or_else(BTreeMap::new, |(old, _)| old.withdrawn.clone());
        withdrawn.extend(more.withdrawn);
        Statement {
            format: FORMAT,
            generation: last.map_or(0, |(old, _)| old.generation + 1),
            project: project.map(|id| id.to_string()),
            previous: last.map(|(_, digest)| *digest),
            allowed_signers: self.signers.clone(),
            roles: self.roles.clone().unwrap_or_default(),
            policy: self.policy.clone().unwrap_or_default(),
            manifests: std::mem::take(kept),
            withdrawn,
            openpgp: self.openpgp.clone(),
        }
    }

    /// Whether the newest statement says what the files say, after `before`'s.
    pub(super) fn is_stated(&self, before: Option<&Self>, project: ObjectId) -> bool {
        let Some((stated, _)) = &self.statement else {
            return before.is_none_or(|before| before.statement.is_none());
        };
        let wanted = self.statement(
            before,
            stated.project.as_ref().map(|_| project),
            Besides {
                manifests: stated.manifests.clone(),
                withdrawn: stated.withdrawn.clone(),
            },
        );
        let named = stated.project.is_some() || stated.generation == 0;
        named && *stated == wanted
    }

    /// The files that make of `before` what this is: those that are new, and the others. `key` signs the statement.
    pub(super) fn files(
        &self,
        before: &Self,
        project: Option<ObjectId>,
        more: Besides,
        key: &Key,
    ) -> Result<(Files, Edits)> {
        let mut edits = Edits {
            only_adds: self.only_adds(before)?,
            ..Edits::default()
        };
        let mut put = |path: &str, old: Option<&str>, new: Option<&str>| match new {
            Some(new) if old != Some(new) => edits.replaced.push((path.to_owned(), new.into())),
            None if old.is_some() => edits.removed.push(path.to_owned()),
            _ => {}
        };
        let some = |text: &'_ String| (!text.is_empty()).then(|| text.clone());
        put(
            SIGNERS,
            some(&before.signers).as_deref(),
            some(&self.signers).as_deref(),
        );
        put(ROLES, before.roles.as_deref(), self.roles.as_deref());
        put(POLICY, before.policy.as_deref(), self.policy.as_deref());
        let certificates = before.openpgp.keys().chain(self.openpgp.keys());
        for fingerprint in certificates.collect::<std::collections::BTreeSet<_>>() {
            put(
                &format!("keys/openpgp/{fingerprint}.asc"),
                before.openpgp.get(fingerprint).map(String::as_str),
                self.openpgp.get(fingerprint).map(String::as_str),
            );
        }
        let statement = self.statement(Some(before), project, more);
        let path = statement_path(statement.generation);
        let text = to_toml(&statement).map_err(|error| Error::malformed(&path, said(&error)))?;
        let signature = key.sign(HOSTOUT, text.as_bytes())?;
        let beside = signature_path(&path, key.scheme);
        Ok((vec![(path, text.into()), (beside, signature.into())], edits))
    }
}

/// How people name the key.
pub(super) fn fingerprint(key: &PublicKey) -> Result<String> {
    match key {
        PublicKey::OpenPgp { fingerprint, .. } => Ok(fingerprint.clone()),
        PublicKey::Ssh(line) => signers::fingerprint(line).ok_or_else(|| Error::Sign {
            key: line.clone(),
            message: "this is no public ssh key".to_owned(),
        }),
    }
}

/// An error with its causes, on one line.
fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {}", cause.to_string().trim_end());
        source = cause.source();
    }
    text
}
