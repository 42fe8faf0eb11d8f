//! The ledger's branch: finding it, and what its history says.

use super::{Entry, Error, Kind, Result, Trust, entry};
use crate::release::{self, Ended, EntryId, Started};
use gix::ObjectId;
use semver::Version;

/// A ledger, as of one tip of its branch: its whole history, read once. 2,000 entries are 2,000 commits and no tree.
#[derive(Clone, Debug)]
pub struct Ledger {
    pub(super) repo: gix::Repository,
    pub(super) branch: String,
    pub(super) root: ObjectId,
    pub(super) tip: ObjectId,
    /// Oldest first, from `root` to `tip`.
    pub(super) history: Vec<Entry>,
}

impl Ledger {
    /// The ledger on the local branch `refs/heads/<branch>`; `None` where there is no such branch.
    ///
    /// It has its own handle on the repository, which writes to the disk even where `repo` writes to memory.
    pub fn open(repo: &gix::Repository, branch: &str) -> Result<Option<Self>> {
        match tip_of(repo, &reference_name(branch))? {
            Some(tip) => Self::at(repo, branch, tip).map(Some),
            None => Ok(None),
        }
    }

    /// Reads the history anew where the branch has moved.
    pub fn refresh(&mut self) -> Result<()> {
        match tip_of(&self.repo, &reference_name(&self.branch))? {
            Some(tip) if tip != self.tip => *self = Self::at(&self.repo, &self.branch, tip)?,
            _ => {}
        }
        Ok(())
    }

    /// The ledger of `branch` as of `tip`.
    pub(super) fn at(repo: &gix::Repository, branch: &str, tip: ObjectId) -> Result<Self> {
        let mut repo = repo.clone();
        repo.objects.take_object_memory();
        let (mut root, mut history) = (tip, Vec::new());
        let mut next = Some(tip);
        while let Some(id) = next {
            let (entry, parent) = entry::read(&repo, id)?;
            history.push(entry);
            (root, next) = (id, parent);
        }
        history.reverse();
        Ok(Self {
            repo,
            branch: branch.to_owned(),
            root,
            tip,
            history,
        })
    }

    /// The branch, without `refs/heads/`.
    pub fn branch(&self) -> &str {
        &self.branch
    }

    /// The project's id: the object id of the first commit.
    pub fn project_id(&self) -> ObjectId {
        self.root
    }

    /// The newest entry's commit.
    pub fn tip(&self) -> ObjectId {
        self.tip
    }

    /// The commit before the newest entry's; nothing where the ledger has one entry.
    pub fn before(&self) -> Option<ObjectId> {
        self.entries().nth(1).map(|entry| entry.commit)
    }

    /// All entries, newest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.history.iter().rev()
    }

    /// Who may sign the next entry.
    pub fn trust(&self) -> Result<Trust> {
        Trust::read(&self.repo, self.tip)
    }

    /// The versions of all releases, newest entry first.
    pub fn releases(&self) -> Vec<&Version> {
        self.entries()
            .filter_map(|entry| match &entry.kind {
                Kind::Release { version, .. } => Some(version),
                _ => None,
            })
            .collect()
    }

    /// The started entry with this id: the entry and its file.
    pub fn started(&self, id: &EntryId) -> Result<Option<(Entry, Started)>> {
        let is_it = |entry: &Entry| &entry.id == id && matches!(entry.kind, Kind::Started { .. });
        self.deployment(is_it)
    }

    /// How the deployment whose started entry has this id ended; `None` while it runs, or where its client died.
    pub fn ended_for(&self, id: &EntryId) -> Result<Option<(Entry, Ended)>> {
        self.deployment(|entry| matches!(&entry.kind, Kind::Ended { of, .. } if of == id))
    }

    /// The file of `entry`, which is an ended one.
    pub fn ended(&self, entry: &Entry) -> Result<Ended> {
        self.deployment_file(entry)
    }

    /// The newest entry that concerns `stage`. A [`Kind::Started`] holds the stage.
    pub fn newest_of(&self, stage: &str) -> Option<&Entry> {
        self.find(|entry| entry.kind.stage() == Some(stage))
    }

    /// The started entry of `stage` that has no end: somebody deploys, or their client went away.
    pub fn open_deployment(&self, stage: &str) -> Result<Option<Started>> {
        let Some(newest) = self.newest_of(stage) else {
            return Ok(None);
        };
        if !matches!(newest.kind, Kind::Started { .. }) {
            return Ok(None);
        }
        let id = newest.id.clone();
        Ok(self.started(&id)?.map(|(_, started)| started))
    }

    pub(super) fn find(&self, wanted: impl Fn(&Entry) -> bool) -> Option<&Entry> {
        self.entries().find(|entry| wanted(entry))
    }

    fn deployment<T: serde::de::DeserializeOwned>(
        &self,
        wanted: impl Fn(&Entry) -> bool,
    ) -> Result<Option<(Entry, T)>> {
        let Some(entry) = self.find(wanted) else {
            return Ok(None);
        };
        Ok(Some((entry.clone(), self.deployment_file(entry)?)))
    }

    fn deployment_file<T: serde::de::DeserializeOwned>(&self, entry: &Entry) -> Result<T> {
        let stage = entry.kind.stage().unwrap_or_default();
        let path = super::deployment_path(stage, entry.time, &entry.id);
        let text = self
            .text(&path)?
            .ok_or_else(|| Error::malformed(&path, "it is missing"))?;
        release::from_toml(&text).map_err(|error| Error::malformed(&path, error))
    }

    /// A file of the tip's tree as text.
    pub(super) fn text(&self, path: &str) -> Result<Option<String>> {
        let what = || Error::git(format!("read {path} of the ledger"));
        let tree = self.repo.find_commit(self.tip).map_err(what())?;
        let tree = tree.tree().map_err(what())?;
        let Some(entry) = tree.lookup_entry_by_path(path).map_err(what())? else {
            return Ok(None);
        };
        let object = entry.object().map_err(what())?;
        let text = String::from_utf8(object.data.clone());
        text.map(Some)
            .map_err(|error| Error::malformed(path, error))
    }
}

pub(super) fn reference_name(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

/// The commit that a reference points to, read anew from the disk.
pub(super) fn tip_of(repo: &gix::Repository, name: &str) -> Result<Option<ObjectId>> {
    let found = repo
        .try_find_reference(name)
        .map_err(Error::git(format!("read {name}")))?;
    Ok(found.and_then(|reference| reference.try_id().map(gix::Id::detach)))
}
