//! An egg's tree: what decides whether it changed.

use super::{Error, Result};
use gix::{ObjectId, Repository};

/// The tree of the egg in the folder `path` of `tree`, without the files and folders `leave_out` (all relative to the
/// root of `tree`). Folders that become empty vanish.
///
/// Trees that weren't there before are written to `repo`; give one with object memory to leave the real one alone.
pub fn egg_tree(
    repo: &Repository,
    tree: ObjectId,
    path: &str,
    leave_out: &[String],
) -> Result<ObjectId> {
    let path = trim(path);
    let root = repo
        .find_tree(tree)
        .map_err(Error::git(format!("tree {tree}")))?;
    let folder = if path.is_empty() {
        tree
    } else {
        let entry = root.lookup_entry_by_path(path).map_err(Error::git(path))?;
        let entry = entry.filter(|entry| entry.mode().is_tree());
        let missing = || Error::NoFolder {
            path: path.into(),
            tree: tree.to_string(),
        };
        entry.ok_or_else(missing)?.object_id()
    };
    let mut editor = repo.edit_tree(folder).map_err(Error::git(path))?;
    for left_out in leave_out
        .iter()
        .filter_map(|other| below(path, trim(other)))
    {
        editor.remove(left_out).map_err(Error::git(left_out))?;
    }
    let written = editor
        .write()
        .map_err(Error::git(format!("the tree of {path}")))?;
    Ok(written.detach())
}

/// The first path, in git's order, that two trees don't share, and how: `setup.py changed`.
pub fn first_difference(repo: &Repository, old: ObjectId, new: ObjectId) -> Result<Option<String>> {
    difference(repo, Some(old), Some(new), "")
}

type Entry = gix::objs::tree::Entry;

fn difference(
    repo: &Repository,
    old: Option<ObjectId>,
    new: Option<ObjectId>,
    folder: &str,
) -> Result<Option<String>> {
    if old == new {
        return Ok(None);
    }
    let (old, new) = (entries(repo, old)?, entries(repo, new)?);
    let mut names: Vec<_> = old
        .iter()
        .chain(&new)
        .map(|entry| &entry.filename)
        .collect();
    names.sort();
    names.dedup();
    for name in names {
        let find = |entries: &[Entry]| {
            entries
                .iter()
                .find(|entry| entry.filename == *name)
                .cloned()
        };
        let path = format!("{folder}{name}");
        match (find(&old), find(&new)) {
            (Some(old), Some(new)) if old.oid == new.oid && old.mode == new.mode => {}
            (old, new)
                if [&old, &new]
                    .into_iter()
                    .flatten()
                    .all(|entry| entry.mode.is_tree()) =>
            {
                let (old, new) = (old.map(|entry| entry.oid), new.map(|entry| entry.oid));
                let found = difference(repo, old, new, &format!("{path}/"))?;
                if found.is_some() {
                    return Ok(found);
                }
            }
            (Some(_), Some(_)) => return Ok(Some(format!("{path} changed"))),
            (None, _) => return Ok(Some(format!("{path} added"))),
            (_, None) => return Ok(Some(format!("{path} removed"))),
        }
    }
    Ok(None)
}

fn entries(repo: &Repository, tree: Option<ObjectId>) -> Result<Vec<Entry>> {
    let Some(tree) = tree else {
        return Ok(Vec::new());
    };
    let found = repo
        .find_tree(tree)
        .map_err(Error::git(format!("tree {tree}")))?;
    let decoded = found.decode().map_err(Error::git(format!("tree {tree}")))?;
    Ok(decoded.entries.into_iter().map(Into::into).collect())
}

fn trim(path: &str) -> &str {
    let path = path.trim_matches('/');
    let path = path.strip_prefix("./").unwrap_or(path);
    if path == "." { "" } else { path }
}

/// `other` relative to `folder`, if it lies below.
fn below<'a>(folder: &str, other: &'a str) -> Option<&'a str> {
    let inside = if folder.is_empty() {
        other
    } else {
        other.strip_prefix(folder)?.strip_prefix('/')?
    };
    (!inside.is_empty()).then_some(inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gix::objs::tree::EntryKind;

    fn repository() -> (tempfile::TempDir, Repository) {
        let folder = tempfile::tempdir().unwrap();
        let repo = gix::init_bare(folder.path()).unwrap().with_object_memory();
        (folder, repo)
    }

    fn tree(repo: &Repository, files: &[(&str, &str)]) -> ObjectId {
        let mut editor = repo
            .edit_tree(ObjectId::empty_tree(repo.object_hash()))
            .unwrap();
        for (path, text) in files {
            let blob = repo.write_blob(text).unwrap();
            editor.upsert(*path, EntryKind::Blob, blob).unwrap();
        }
        editor.write().unwrap().detach()
    }

    fn out(paths: &[&str]) -> Vec<String> {
        paths.iter().map(|&path| path.to_owned()).collect()
    }

    #[test]
    fn an_egg_at_the_root_leaves_the_others_out() {
        let (_folder, repo) = repository();
        let whole = tree(
            &repo,
            &[
                ("setup.py", "a"),
                ("src/other/setup.py", "b"),
                ("etc/x/y.cfg", "c"),
                ("hostout.toml", "d"),
            ],
        );
        let alone = tree(&repo, &[("setup.py", "a")]);
        let left_out = out(&["src/other", "./etc/x/y.cfg", "hostout.toml", "not/there"]);
        assert_eq!(egg_tree(&repo, whole, ".", &left_out).unwrap(), alone);
    }

    #[test]
    fn an_egg_in_a_folder() {
        let (_folder, repo) = repository();
        let whole = tree(
            &repo,
            &[
                ("src/shop/setup.py", "a"),
                ("src/shop/test/x", "b"),
                ("src/shopping/x", "c"),
                ("y", "d"),
            ],
        );
        let inside = tree(&repo, &[("setup.py", "a"), ("test/x", "b")]);
        assert_eq!(egg_tree(&repo, whole, "src/shop/", &[]).unwrap(), inside);
        assert_eq!(
            egg_tree(
                &repo,
                whole,
                "src/shop",
                &out(&["src/shopping", "y", "src/shop", "src"])
            )
            .unwrap(),
            inside
        );
        assert_eq!(
            egg_tree(&repo, whole, "src/shop", &out(&["src/shop/test"])).unwrap(),
            tree(&repo, &[("setup.py", "a")])
        );
        for missing in ["src/none", "y"] {
            let error = egg_tree(&repo, whole, missing, &[]).unwrap_err();
            assert!(matches!(error, Error::NoFolder { .. }), "{error}");
        }
    }

    #[test]
    fn the_first_difference_says_how() {
        let (_folder, repo) = repository();
        let old = tree(&repo, &[("a/b", "1"), ("c", "1"), ("d", "1")]);
        for (new, wanted) in [
            (vec![("a/b", "1"), ("c", "1"), ("d", "1")], None),
            (
                vec![("a/b", "1"), ("c", "2"), ("d", "2")],
                Some("c changed"),
            ),
            (vec![("a/b", "1"), ("d", "1")], Some("c removed")),
            (
                vec![("a/b", "1"), ("a/n/m", "1"), ("c", "1"), ("d", "1")],
                Some("a/n/m added"),
            ),
            (vec![("c", "1"), ("d", "1")], Some("a/b removed")),
            (vec![("a", "1"), ("c", "1"), ("d", "1")], Some("a changed")),
        ] {
            let new = tree(&repo, &new);
            assert_eq!(
                first_difference(&repo, old, new).unwrap().as_deref(),
                wanted
            );
        }
    }
}
