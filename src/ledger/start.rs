//! The first commit of a ledger.

use super::{
    Edits, Entry, Error, Files, Key, Keyring, Kind, Ledger, Person, Result, branch, durable, entry,
    keyring::Besides, message, new_id, object,
};
use gix::{
    ObjectId,
    objs::tree::EntryKind,
    refs::{
        FullName, Target,
        transaction::{PreviousValue, RefEdit},
    },
};
use jiff::Timestamp;

impl Ledger {
    /// Starts the ledger of project `name` on a new branch without history, with `key` as the only one that may sign.
    /// Work tree and index stay as they are.
    ///
    /// # Errors
    /// [`Error::BranchExists`] where there is such a branch.
    pub fn start(
        repo: &gix::Repository,
        branch: &str,
        name: &str,
        key: &Key,
        who: &Person,
        time: Timestamp,
    ) -> Result<Self> {
        let files = first_files(name, key, who)?;
        Self::start_with(repo, branch, name, &files, Some(key), who, time)
    }

    pub(super) fn start_with(
        repo: &gix::Repository,
        branch: &str,
        name: &str,
        files: &[(String, Vec<u8>)],
        key: Option<&Key>,
        who: &Person,
        time: Timestamp,
    ) -> Result<Self> {
        let mut repo = repo.clone();
        repo.objects.take_object_memory();
        let mut repo = repo.with_object_memory();
        if branch::tip_of(&repo, &branch::reference_name(branch))?.is_some() {
            return Err(Error::BranchExists(branch.to_owned()));
        }
        let kind = Kind::Start { name: name.into() };
        let trailers = [
            ("Hostout-Serial", "0".to_owned()),
            ("Hostout-Id", new_id()?.to_string()),
        ];
        let text = message::write(&message::subject(&kind)?, "", &trailers);
        let tree = tree_with(&repo, ObjectId::empty_tree(repo.object_hash()), files)?;
        let root = object::write_signed_commit(&repo, tree, None, who, time, &text, key)?;
        object::persist(&mut repo)?;
        let (first, _) = entry::read(&repo, root)?;
        move_branch(&repo, branch, None, &first, who).map_err(|source| {
            match branch::tip_of(&repo, &branch::reference_name(branch)) {
                Ok(Some(_)) => Error::BranchExists(branch.to_owned()),
                _ => Error::git(format!("make branch {branch}"))(source),
            }
        })?;
        durable::reference(&repo, &branch::reference_name(branch))?;
        Ok(Self {
            repo,
            branch: branch.to_owned(),
            root,
            tip: root,
            history: vec![first],
        })
    }
}

/// The tree `base` with these edits.
pub(super) fn edited(repo: &gix::Repository, base: ObjectId, edits: &Edits) -> Result<ObjectId> {
    let what = || Error::git("write a tree of the ledger");
    let mut editor = repo.edit_tree(base).map_err(what())?;
    for (path, bytes) in &edits.replaced {
        let blob = repo.write_blob(bytes).map_err(what())?;
        editor
            .upsert(path.as_str(), EntryKind::Blob, blob)
            .map_err(what())?;
    }
    for path in &edits.removed {
        editor.remove(path.as_str()).map_err(what())?;
    }
    Ok(editor.write().map_err(what())?.detach())
}

/// The tree `base` with `files` added.
///
/// # Errors
/// [`Error::Exists`] where one of them is there already: entries are only ever added.
pub(super) fn tree_with(
    repo: &gix::Repository,
    base: ObjectId,
    files: &[(String, Vec<u8>)],
) -> Result<ObjectId> {
    let what = || Error::git("write a tree of the ledger");
    let old = repo.find_tree(base).map_err(what())?;
    let mut editor = repo.edit_tree(base).map_err(what())?;
    for (path, bytes) in files {
        if old.lookup_entry_by_path(path).map_err(what())?.is_some() {
            return Err(Error::Exists(path.clone()));
        }
        let blob = repo.write_blob(bytes).map_err(what())?;
        editor
            .upsert(path.as_str(), EntryKind::Blob, blob)
            .map_err(what())?;
    }
    Ok(editor.write().map_err(what())?.detach())
}

/// Moves the branch to `entry` if it is still at `from` (`None` = if there is none).
pub(super) fn move_branch(
    repo: &gix::Repository,
    branch: &str,
    from: Option<ObjectId>,
    entry: &Entry,
    who: &Person,
) -> std::result::Result<(), gix::Error> {
    let name =
        FullName::try_from(branch::reference_name(branch)).map_err(gix::Error::from_error)?;
    let expected = from.map_or(PreviousValue::MustNotExist, |tip| {
        PreviousValue::MustExistAndMatch(Target::Object(tip))
    });
    let log = format!("hostout: {}", entry.subject);
    let edit = RefEdit::update(name, entry.commit, expected, log);
    let mut buffer = gix::date::parse::TimeBuf::default();
    let committer = who.at(entry.time);
    repo.edit_references_as([edit], Some(committer.to_ref(&mut buffer)))?;
    Ok(())
}

fn first_files(name: &str, key: &Key, who: &Person) -> Result<Files> {
    let readme = format!(
        "# The ledger of {name}\n\n\
         This branch is written by `git hostout` (git-hostout). It has nothing in common with the other branches and is\n\
         never merged. Every commit is signed and adds one entry; nothing is ever changed or removed, so please don't\n\
         edit it by hand, and let your server refuse forced pushes to it.\n\n\
         - `releases/`: what each release consists of, and what its hosts get\n\
         - `deployments/`: what was deployed where, when, by whom, and how it ended\n\
         - `approvals/`, `withdrawn/`: who agreed to what, and what is not deployed any more\n\
         - `keys/`: who may sign what; a commit is checked against the keys of the commit before it\n\
         - `policy.toml`: what may be deployed\n\
         - `trust/`: keys and policy as hosts are told them\n\n\
         `git hostout log` shows the entries, `git hostout verify` checks a release.\n"
    );
    let keyring = Keyring::first(&principal(&who.email), &key.public()?, POLICY)?;
    let (mut files, edits) = keyring.files(&Keyring::default(), None, Besides::default(), key)?;
    files.push(("README.md".to_owned(), readme.into()));
    files.extend(edits.replaced);
    Ok(files)
}

const POLICY: &str = "\
# What may be deployed, and by how many people. Nothing is limited yet. `git hostout policy --set FILE` changes it:
# reason = true                # every deployment and rollback needs -m
# unchecked = \"refuse\"        # of hosts that cannot check signatures; \"warn\" lets them go on
# [stage.production]
# signers = 2                  # people: who deploys, and those who approve
# healthy = \"30m\"            # how long it ran on staging, for `deploy production --from staging`
# retention = \"90d\"          # older releases are not deployed
format = 1
";

/// A mail address as a principal: without what a pattern list gives a meaning to (PATTERNS in `ssh_config(5)`).
pub(super) fn principal(email: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@._+-".contains(c);
    let name: String = email
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    if name.is_empty() {
        "unknown".into()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testing::Lab;

    #[test]
    fn starting_touches_neither_work_tree_nor_index() {
        let lab = Lab::new();
        lab.commit_file("setup.py", "1");
        std::fs::write(lab.work().join("setup.py"), "changed").unwrap();
        let before = (
            lab.git(&["status", "--porcelain"]),
            lab.git(&["ls-files", "-s"]),
            lab.git(&["rev-parse", "HEAD"]),
        );
        let ledger = lab.ledger();
        let after = (
            lab.git(&["status", "--porcelain"]),
            lab.git(&["ls-files", "-s"]),
            lab.git(&["rev-parse", "HEAD"]),
        );
        assert_eq!(before, after);
        assert_eq!(ledger.project_id(), ledger.tip());
        lab.git(&["verify-commit", "hostout"]);
        lab.git(&["fsck", "--strict"]);
        let listed = lab.git(&["ls-tree", "-r", "--name-only", "hostout"]);
        let files = [
            "README.md",
            "keys/allowed_signers",
            "keys/roles.toml",
            "policy.toml",
            "trust/0.toml",
            "trust/0.toml.sig",
        ];
        assert_eq!(listed.lines().collect::<Vec<_>>(), files);

        let again = lab.start("shop");
        assert!(matches!(again, Err(Error::BranchExists(_))));
    }

    #[test]
    fn a_principal_is_no_pattern() {
        assert_eq!(principal("ann+x@example.org"), "ann+x@example.org");
        assert_eq!(principal("*,!a b\"@x"), "___a_b_@x");
    }
}
