//! Which entries make a tree, and in which order they are written.

use super::{Entry, Error, Kind, PathFault};
use std::collections::{BTreeMap, HashMap, btree_map};

/// What stands at a path. Paths sort bytewise, so a directory comes before what is in it.
pub(super) type Tree = BTreeMap<String, Node>;

/// A directory, or what the caller gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Node {
    Dir,
    Leaf(Kind),
}

/// Puts `entries` below the directory `top` and refuses what wouldn't be the same tree on every host.
pub(super) fn arrange(top: &str, entries: Vec<Entry>) -> Result<Tree, Error> {
    check_path(top)?;
    if top.contains('/') {
        return Err(fault(top, PathFault::Part));
    }
    let mut tree = Tree::from([(top.to_owned(), Node::Dir)]);
    for Entry { path, kind } in entries {
        check_path(&path)?;
        if let Kind::Link { target } = &kind {
            check_link(&path, target)?;
        }
        let full = format!("{top}/{path}");
        for (slash, _) in full.match_indices('/') {
            let parent = tree.entry(full[..slash].to_owned()).or_insert(Node::Dir);
            if *parent != Node::Dir {
                return Err(fault(&path, PathFault::Below));
            }
        }
        match tree.entry(full) {
            btree_map::Entry::Vacant(place) => place.insert(Node::Leaf(kind)),
            btree_map::Entry::Occupied(taken) if *taken.get() == Node::Dir => {
                return Err(fault(&path, PathFault::Below));
            }
            btree_map::Entry::Occupied(_) => {
                return Err(Error::Collision {
                    first: path.clone(),
                    second: path,
                });
            }
        };
    }
    check_case(&tree)?;
    Ok(tree)
}

/// Refuses what isn't a plain relative path.
pub(super) fn check_path(path: &str) -> Result<(), Error> {
    let wrong = if path.is_empty() {
        PathFault::Empty
    } else if path.starts_with('/') {
        PathFault::Absolute
    } else if path.contains('\0') {
        PathFault::Nul
    } else if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        PathFault::Part
    } else {
        return Ok(());
    };
    Err(fault(path, wrong))
}

/// Refuses a target that isn't in the tree for sure. `..` may only lead it: after a name, which may itself be a link to
/// a directory, nobody knows where it goes. Then every link stays inside if all others do.
fn check_link(path: &str, target: &str) -> Result<(), Error> {
    let depth = path.matches('/').count();
    let parts: Vec<&str> = target
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    let up = parts.iter().take_while(|part| **part == "..").count();
    let leaves = up > depth || parts[up..].contains(&"..");
    if target.is_empty() || target.starts_with('/') || target.contains('\0') || leaves {
        return Err(Error::LinkLeaves {
            path: path.to_owned(),
            target: target.to_owned(),
        });
    }
    Ok(())
}

fn check_case(tree: &Tree) -> Result<(), Error> {
    let mut seen = HashMap::new();
    for path in tree.keys() {
        if let Some(first) = seen.insert(path.to_lowercase(), path) {
            return Err(Error::Collision {
                first: first.clone(),
                second: path.clone(),
            });
        }
    }
    Ok(())
}

fn fault(path: &str, fault: PathFault) -> Error {
    Error::Path {
        path: path.to_owned(),
        fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> Entry {
        Entry {
            path: path.to_owned(),
            kind: Kind::File {
                bytes: Vec::new(),
                executable: false,
            },
        }
    }

    fn link(path: &str, target: &str) -> Entry {
        Entry {
            path: path.to_owned(),
            kind: Kind::Link {
                target: target.to_owned(),
            },
        }
    }

    #[test]
    fn parents_come_first_and_only_once() {
        let tree = arrange("t-1", vec![file("a/b/c"), file("a-b"), file("a/b/D")]).unwrap();
        let order: Vec<_> = tree.keys().collect();
        assert_eq!(
            order,
            [
                "t-1",
                "t-1/a",
                "t-1/a-b",
                "t-1/a/b",
                "t-1/a/b/D",
                "t-1/a/b/c"
            ]
        );
    }

    #[test]
    fn refuses_paths_that_are_not_plain() {
        for (path, expected) in [
            ("", PathFault::Empty),
            ("/etc/passwd", PathFault::Absolute),
            ("../x", PathFault::Part),
            ("a/../x", PathFault::Part),
            ("a//x", PathFault::Part),
            ("./x", PathFault::Part),
            ("x/", PathFault::Part),
            ("a\0b", PathFault::Nul),
        ] {
            let error = arrange("t", vec![file(path)]).unwrap_err();
            assert!(
                matches!(&error, Error::Path { fault, .. } if *fault == expected),
                "{path:?}: {error}"
            );
        }
        for top in ["", "..", "a/b", "/"] {
            assert!(arrange(top, vec![]).is_err(), "{top:?}");
        }
    }

    #[test]
    fn refuses_names_that_meet() {
        for pair in [
            ["a", "a"],
            ["Doc/x", "doc/y"],
            ["README", "readme"],
            ["É", "é"],
        ] {
            let error = arrange("t", pair.map(file).into()).unwrap_err();
            assert!(
                matches!(error, Error::Collision { .. }),
                "{pair:?}: {error}"
            );
        }
        for pair in [["a", "a/b"], ["a/b", "a"]] {
            let error = arrange("t", pair.map(file).into()).unwrap_err();
            assert!(matches!(error, Error::Path { .. }), "{pair:?}: {error}");
        }
        assert!(arrange("t", vec![link("a", "b"), file("a/x")]).is_err());
    }

    #[test]
    fn links_stay_inside() {
        for (path, target) in [
            ("a", "b"),
            ("x/y/a", "../../b"),
            ("x/a", "./.."),
            ("a", "."),
        ] {
            assert!(arrange("t", vec![link(path, target)]).is_ok(), "{target}");
        }
        for (path, target) in [
            ("a", ".."),
            ("a", "/etc"),
            ("x/a", "../../b"),
            ("x/a", "l/../../b"),
            ("a", ""),
            ("a", "b\0"),
        ] {
            let error = arrange("t", vec![link(path, target)]).unwrap_err();
            assert!(matches!(error, Error::LinkLeaves { .. }), "{target}");
        }
    }
}
