//! Opening a repository, with errors that say what is wrong with it.

use super::{Error, Result};
use std::path::Path;

/// Opens the repository that `directory` is in: also from below, in linked work trees and bare.
pub fn discover(directory: &Path) -> Result<gix::Repository> {
    let repo = gix::discover(directory).map_err(|source| Error::Open {
        path: directory.to_owned(),
        source: Box::new(source),
    })?;
    // The library opens it and then finds no reference at all.
    let storage = repo.config_snapshot().string("extensions.refStorage");
    if storage.is_some_and(|name| name.eq_ignore_ascii_case(b"reftable")) {
        return Err(Error::Reftable {
            path: directory.to_owned(),
        });
    }
    Ok(repo)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Ledger, testing::Lab};

    #[test]
    fn it_opens_from_below_and_from_linked_work_trees() {
        let lab = Lab::new();
        lab.commit_file("setup.py", "1");
        let ledger = lab.ledger();
        let below = lab.work().join("src/deep");
        std::fs::create_dir_all(&below).unwrap();
        let linked = lab.path().join("linked");
        lab.git(&[
            "worktree",
            "add",
            "-q",
            "--detach",
            linked.to_str().unwrap(),
        ]);
        for place in [&below, &linked] {
            let repo = discover(place).unwrap();
            let mut found = Ledger::open(&repo, "hostout").unwrap().unwrap();
            assert_eq!(found.project_id(), ledger.project_id());
            let stage = format!("s{}", place.as_os_str().len());
            found.append(&lab.started(&stage), &lab.key()).unwrap();
            assert_eq!(lab.ledger().tip(), found.tip());
        }
        assert!(matches!(discover(Path::new("/")), Err(Error::Open { .. })));
    }

    #[test]
    fn reftables_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let mut git = std::process::Command::new("git");
        git.args(["init", "-q", "--ref-format=reftable"]);
        if !git.arg(dir.path()).status().unwrap().success() {
            return; // git older than 2.45 cannot make one
        }
        let error = discover(dir.path()).unwrap_err();
        assert!(matches!(error, Error::Reftable { .. }), "{error}");
        assert!(error.hint().is_some());
    }
}
