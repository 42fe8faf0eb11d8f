//! Opening a repository, with errors that say what is wrong with it.

use super::{Error, Result};
use gix::discover::upwards;
use std::{
    fs,
    path::{self, Path},
};

/// Opens the repository that `directory` is in: also from below, in linked work trees and bare.
pub fn discover(directory: &Path) -> Result<gix::Repository> {
    let repo = gix::discover(directory).map_err(|source| unopened(directory, source))?;
    // The library opens it and leaves its configuration out: it would be a repository without remote and signing key.
    if repo.git_dir_trust() != gix::sec::Trust::Full {
        let path = repo.workdir().unwrap_or_else(|| repo.git_dir());
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        return Err(Error::Foreign { path });
    }
    // The library opens it and then finds no reference at all.
    let storage = repo.config_snapshot().string("extensions.refStorage");
    if storage.is_some_and(|name| name.eq_ignore_ascii_case(b"reftable")) {
        return Err(Error::Reftable {
            path: directory.to_owned(),
        });
    }
    Ok(repo)
}

/// Tells a folder without a repository from one whose repository is broken or somebody else's.
fn unopened(directory: &Path, source: gix::Error) -> Error {
    // "." says nothing to somebody who is in the wrong folder.
    let path = path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    match source.downcast_any_ref::<upwards::Error>() {
        Some(
            upwards::Error::NoGitRepository { .. }
            | upwards::Error::NoGitRepositoryWithinCeiling { .. }
            | upwards::Error::NoGitRepositoryWithinFs { .. },
        ) => Error::NoRepository { path },
        _ => Error::Open {
            path,
            source: Box::new(source),
        },
    }
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
    }

    #[test]
    fn none_and_a_broken_one_are_told_apart() {
        let lab = Lab::new();
        let error = discover(Path::new("/")).unwrap_err();
        assert_eq!(error.to_string(), "/ is in no git repository");
        assert!(error.hint().is_some_and(|hint| hint.contains("git init")));
        std::fs::write(lab.work().join(".git/config"), "[core\n").unwrap();
        let error = discover(lab.work()).unwrap_err();
        assert!(matches!(error, Error::Open { .. }), "{error}");
    }

    #[test]
    fn reftables_are_named() {
        let lab = Lab::new();
        // What `git init --ref-format=reftable` writes; git older than 2.45 doesn't know it.
        let file = lab.work().join(".git/config");
        let config = std::fs::read_to_string(&file).unwrap();
        let format = config.replace("repositoryformatversion = 0", "repositoryformatversion = 1");
        assert_ne!(format, config);
        std::fs::write(&file, format + "[extensions]\n\trefStorage = reftable\n").unwrap();
        let error = discover(lab.work()).unwrap_err();
        assert!(matches!(error, Error::Reftable { .. }), "{error}");
        assert!(error.hint().is_some());
    }
}
