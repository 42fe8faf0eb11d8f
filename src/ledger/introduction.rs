//! The introduction: which ledger this clone met first. It is kept in the repository's git configuration, as
//! `[hostout "<branch>"]`, and another ledger under the same name is refused from then on.

use super::{Error, Ledger, Result, history, key};
use gix::{ObjectId, config};

/// The ledger that this clone met first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introduction {
    /// Its first commit: the project's id.
    pub root: ObjectId,
    /// The fingerprint of the key that signed it.
    pub key: String,
}

/// The introduction of `branch`, read from the configuration file itself, so that one just made is seen.
pub fn introduction(repo: &gix::Repository, branch: &str) -> Result<Option<Introduction>> {
    let path = repo.common_dir().join("config");
    let file = config::File::from_path_no_includes(path, config::Source::Local)
        .map_err(Error::git("read the repository's git configuration"))?;
    let value = |name: &str| {
        let value = file.raw_value_by("hostout", Some(branch.into()), name);
        value.ok().map(|value| value.to_string())
    };
    let (Some(root), Some(key)) = (value("root"), value("key")) else {
        return Ok(None);
    };
    let root = root.parse().map_err(|_| Error::Config {
        key: format!("hostout.{branch}.root"),
        message: format!("`{root}` is no object id"),
    })?;
    Ok(Some(Introduction { root, key }))
}

/// Keeps the ledger's first commit and the key that signed it, unless that was done before.
///
/// # Errors
/// [`Error::Introduction`] where another ledger was introduced before.
pub fn introduce(repo: &gix::Repository, ledger: &Ledger) -> Result<Introduction> {
    if let Some(known) = check_introduction(repo, ledger)? {
        return Ok(known);
    }
    let signer = history::check_root(&ledger.repo, ledger.root)?;
    let (root, key) = (ledger.root.to_string(), signer.fingerprint);
    key::set(
        repo,
        Some(&ledger.branch),
        &[("root", &root), ("key", &key)],
    )?;
    Ok(Introduction {
        root: ledger.root,
        key,
    })
}

/// Compares the ledger with the introduction; `None` where there was none yet.
///
/// # Errors
/// [`Error::Introduction`] where another ledger was introduced.
pub fn check_introduction(repo: &gix::Repository, ledger: &Ledger) -> Result<Option<Introduction>> {
    let Some(known) = introduction(repo, &ledger.branch)? else {
        return Ok(None);
    };
    let differs = |what, expected: String, found: String| Error::Introduction {
        branch: ledger.branch.clone(),
        what,
        expected,
        found,
    };
    if known.root != ledger.root {
        let (expected, found) = (known.root.to_string(), ledger.root.to_string());
        return Err(differs("first commit", expected, found));
    }
    let signer = history::check_root(&ledger.repo, ledger.root)?;
    if known.key != signer.fingerprint {
        return Err(differs("first key", known.key, signer.fingerprint));
    }
    Ok(Some(known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testing::Lab;

    #[test]
    fn the_first_ledger_is_remembered_and_another_refused() {
        let lab = Lab::new();
        let (repo, ledger) = (lab.repo(), lab.ledger());
        assert_eq!(check_introduction(&repo, &ledger).unwrap(), None);
        let made = introduce(&repo, &ledger).unwrap();
        assert_eq!(made.key, lab.key().fingerprint().unwrap());
        assert_eq!(introduce(&repo, &ledger).unwrap(), made);
        let root = lab.git(&["config", "hostout.hostout.root"]);
        assert_eq!(root.trim(), ledger.project_id().to_string());

        lab.git(&["update-ref", "-d", "refs/heads/hostout"]);
        let other = lab.start("other").unwrap();
        let error = check_introduction(&repo, &other).unwrap_err();
        assert!(matches!(error, Error::Introduction { .. }), "{error}");
        assert!(error.hint().is_some());
    }
}
