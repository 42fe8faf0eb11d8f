//! What differs between two trees of the ledger.

use super::{Error, Result};
use gix::ObjectId;
use std::collections::HashMap;

/// A file that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// Its path.
    pub path: String,
    /// How.
    pub how: How,
    /// The bytes that it has now, by their object; those that it had where it is gone.
    pub blob: ObjectId,
}

/// How a file differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// It is new.
    Added,
    /// It has other bytes, or another mode.
    Changed,
    /// It is gone.
    Removed,
}

impl Change {
    /// Whether it lies in this folder.
    pub fn is_below(&self, folder: &str) -> bool {
        let rest = self.path.strip_prefix(folder);
        rest.is_some_and(|rest| rest.starts_with('/'))
    }
}

/// Every file that differs between the trees `before` and `after`. Folders that are the same are not opened.
pub(super) fn changes(
    repo: &gix::Repository,
    before: ObjectId,
    after: ObjectId,
) -> Result<Vec<Change>> {
    let mut found = Vec::new();
    compare(repo, Some(before), Some(after), "", &mut found)?;
    Ok(found)
}

/// An entry of a tree: whether it is a folder, its mode, its object.
type Node = (bool, u16, ObjectId);

fn nodes(repo: &gix::Repository, tree: Option<ObjectId>) -> Result<Vec<(String, Node)>> {
    let what = || Error::git("compare trees of the ledger");
    let Some(tree) = tree else {
        return Ok(Vec::new());
    };
    let tree = repo.find_tree(tree).map_err(what())?;
    tree.iter()
        .map(|entry| {
            let entry = entry.map_err(what())?;
            let mode = entry.mode();
            let node = (mode.is_tree(), mode.value(), entry.object_id());
            Ok((entry.filename().to_string(), node))
        })
        .collect()
}

fn compare(
    repo: &gix::Repository,
    before: Option<ObjectId>,
    after: Option<ObjectId>,
    below: &str,
    found: &mut Vec<Change>,
) -> Result<()> {
    if before == after {
        return Ok(());
    }
    let mut old: HashMap<String, Node> = nodes(repo, before)?.into_iter().collect();
    for (name, new) in nodes(repo, after)? {
        let was = old.remove(&name);
        if was == Some(new) {
            continue;
        }
        let path = format!("{below}{name}");
        let (is_folder, _, id) = new;
        let folder = |node: Option<Node>| node.filter(|node| node.0).map(|node| node.2);
        let (was_folder, file) = (folder(was), was.filter(|node| !node.0));
        if let (true, Some(file)) = (is_folder, file) {
            found.push(Change {
                path: path.clone(),
                how: How::Removed,
                blob: file.2,
            });
        }
        if is_folder || was_folder.is_some() {
            let now = is_folder.then_some(id);
            compare(repo, was_folder, now, &format!("{path}/"), found)?;
        }
        if !is_folder {
            let how = if file.is_some() {
                How::Changed
            } else {
                How::Added
            };
            found.push(Change {
                path,
                how,
                blob: id,
            });
        }
    }
    for (name, (is_folder, _, id)) in old {
        let path = format!("{below}{name}");
        if is_folder {
            compare(repo, Some(id), None, &format!("{path}/"), found)?;
        } else {
            let how = How::Removed;
            found.push(Change {
                path,
                how,
                blob: id,
            });
        }
    }
    Ok(())
}
