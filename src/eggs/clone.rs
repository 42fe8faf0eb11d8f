//! A temporary clone: the released commit with the egg's edits, checked out where a build may do what it likes.
//!
//! A clone, not an export: setuptools-scm and other plugins ask git which files are the egg's.

use super::{Error, Result, child};
use crate::process::Folder;
use gix::objs::tree::EntryKind;
use gix::{ObjectId, Repository};
use std::path::Path;

/// A commit checked out in a scratch folder that disappears with this value. It borrows the objects of the repository
/// it was made from; work trees of submodules stay empty.
#[derive(Debug)]
pub struct TemporaryClone {
    folder: Folder,
    commit: ObjectId,
}

impl TemporaryClone {
    /// Clones `repo` at `base`, or where there are `edits` (paths relative to the root, and their new bytes) at a child
    /// of it that has them: unsigned, with the author, committer and dates of `base`, so that its id is the same for all.
    ///
    /// Works for shallow clones, linked work trees and both object formats. `base` has to be on disk, not in memory.
    pub fn new(repo: &Repository, base: ObjectId, edits: &[(String, Vec<u8>)]) -> Result<Self> {
        let folder = Folder::new("hostout-clone-");
        let folder = folder.map_err(Error::file(&std::env::temp_dir()))?;
        let git = |arguments: &[&str]| git(folder.path(), arguments);
        let format = format!("--object-format={}", repo.object_hash());
        git(&["init", "--quiet", "--template=", &format, "."])?;
        borrow_objects(repo, &folder.path().join(".git"))?;
        let commit = if edits.is_empty() {
            base
        } else {
            edited(folder.path(), base, edits)?
        };
        git(&[
            "checkout",
            "--quiet",
            "--force",
            "--detach",
            &commit.to_string(),
        ])?;
        Ok(Self { folder, commit })
    }

    /// The root of its work tree.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What is checked out.
    pub fn commit(&self) -> ObjectId {
        self.commit
    }
}

fn git(folder: &Path, arguments: &[&str]) -> Result<String> {
    // not the work tree: it may hold a .config/git
    let home = folder.join(".git");
    let mut command = child::bare(Path::new("git"), &home);
    command.current_dir(folder).args(arguments);
    child::run(&mut command, |output| Error::Command {
        what: format!("git {}", arguments.first().unwrap_or(&"")),
        output,
    })
}

/// gitrepository-layout(5), `objects/info/alternates` and `shallow`.
fn borrow_objects(repo: &Repository, git_dir: &Path) -> Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let objects = repo.common_dir().join("objects");
    let objects = objects.canonicalize().map_err(Error::file(&objects))?;
    if objects.as_os_str().as_bytes().contains(&b'\n') {
        let newline = std::io::Error::other("a line end in its name");
        return Err(Error::file(&objects)(newline));
    }
    let info = git_dir.join("objects/info");
    std::fs::create_dir_all(&info).map_err(Error::file(&info))?;
    let alternates = info.join("alternates");
    let line = [objects.as_os_str().as_bytes(), b"\n"].concat();
    std::fs::write(&alternates, line).map_err(Error::file(&alternates))?;
    let shallow = repo.common_dir().join("shallow");
    if shallow.exists() {
        std::fs::copy(&shallow, git_dir.join("shallow")).map_err(Error::file(&shallow))?;
    }
    Ok(())
}

fn edited(clone: &Path, base: ObjectId, edits: &[(String, Vec<u8>)]) -> Result<ObjectId> {
    let options = gix::open::Options::isolated();
    let repo = gix::open_opts(clone, options).map_err(Error::git("the temporary clone"))?;
    let released = repo
        .find_commit(base)
        .map_err(Error::git(format!("commit {base}")))?;
    let tree = released
        .tree()
        .map_err(Error::git(format!("the tree of {base}")))?;
    let mut editor = tree
        .edit()
        .map_err(Error::git(format!("the tree of {base}")))?;
    for (path, bytes) in edits {
        let entry = tree.lookup_entry_by_path(path).map_err(Error::git(path))?;
        let kind = match entry.map(|entry| entry.mode().kind()) {
            Some(EntryKind::BlobExecutable) => EntryKind::BlobExecutable,
            _ => EntryKind::Blob,
        };
        let blob = repo.write_blob(bytes).map_err(Error::git(path))?;
        editor.upsert(path, kind, blob).map_err(Error::git(path))?;
    }
    let tree = editor
        .write()
        .map_err(Error::git("the edited tree"))?
        .detach();
    let decoded = released
        .decode()
        .map_err(Error::git(format!("commit {base}")))?;
    let mut commit = decoded
        .into_owned()
        .map_err(Error::git(format!("commit {base}")))?;
    commit.tree = tree;
    commit.parents = [base].into_iter().collect();
    commit.message = "Set versions for the release\n".into();
    commit.encoding = None;
    commit.extra_headers.clear();
    Ok(repo
        .write_object(&commit)
        .map_err(Error::git("the edited commit"))?
        .detach())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    /// Runs real git in `folder`, as a user with settings that must not matter.
    fn user(folder: &Path, arguments: &[&str]) -> String {
        let mut command = child::bare(Path::new("git"), folder);
        command.args([
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@example.org",
            "-c",
            "protocol.file.allow=always",
        ]);
        command.current_dir(folder).args(arguments);
        let failed = |output| Error::Command {
            what: format!("{arguments:?}"),
            output,
        };
        child::run(&mut command, failed).unwrap().trim().to_owned()
    }

    fn project(format: &str) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        user(at, &["init", "-q", &format!("--object-format={format}")]);
        for (file, text) in [
            ("a b/VERSION", "1.0\r\n"),
            ("run.sh", "#!/bin/sh\n"),
            ("untouched", "x"),
        ] {
            std::fs::create_dir_all(at.join(file).parent().unwrap()).unwrap();
            std::fs::write(at.join(file), text).unwrap();
        }
        user(at, &["add", "."]);
        user(at, &["update-index", "--chmod=+x", "run.sh"]);
        user(at, &["commit", "-qm", "first"]);
        user(at, &["commit", "-qm", "second", "--allow-empty"]);
        folder
    }

    fn head(folder: &Path) -> (Repository, ObjectId) {
        let repo = gix::open(folder).unwrap();
        let head = repo.head_id().unwrap().detach();
        (repo, head)
    }

    #[test]
    fn a_bumped_commit_is_checked_out_for_both_object_formats() {
        for format in ["sha1", "sha256"] {
            let project = project(format);
            let (repo, base) = head(project.path());
            let edits = [
                ("a b/VERSION".to_owned(), b"1.1\r\n".to_vec()),
                ("run.sh".to_owned(), b"#!/bin/true\n".to_vec()),
            ];
            let clone = TemporaryClone::new(&repo, base, &edits).unwrap();
            let again = TemporaryClone::new(&repo, base, &edits).unwrap();
            assert_eq!(clone.commit(), again.commit());
            let at = clone.path();
            assert_eq!(std::fs::read(at.join("a b/VERSION")).unwrap(), b"1.1\r\n");
            assert_eq!(user(at, &["status", "--porcelain"]), "");
            assert_eq!(user(at, &["rev-parse", "HEAD"]), clone.commit().to_string());
            assert_eq!(user(at, &["rev-parse", "HEAD^"]), base.to_string());
            assert_eq!(
                user(at, &["diff", "--name-status", "HEAD^"]),
                "M\ta b/VERSION\nM\trun.sh"
            );
            assert_eq!(
                user(at, &["log", "-1", "--format=%an %at %ct"]),
                user(project.path(), &["log", "-1", "--format=%an %at %ct"])
            );
            assert!(
                !repo.has_object(clone.commit()),
                "the user's repository got objects"
            );
            user(at, &["fsck", "--strict"]);
        }
    }

    #[test]
    fn shallow_clones_and_linked_work_trees() {
        let project = project("sha1");
        let folder = tempfile::tempdir().unwrap();
        let address = format!("file://{}", project.path().display());
        user(
            folder.path(),
            &["clone", "-q", "--depth=1", &address, "shallow"],
        );
        user(
            project.path(),
            &[
                "worktree",
                "add",
                "-q",
                "--detach",
                &folder.path().join("linked").display().to_string(),
            ],
        );
        for name in ["shallow", "linked"] {
            let (repo, base) = head(&folder.path().join(name));
            let clone = TemporaryClone::new(&repo, base, &[]).unwrap();
            assert_eq!(clone.commit(), base);
            assert_eq!(
                user(clone.path(), &["ls-files"]),
                "a b/VERSION\nrun.sh\nuntouched"
            );
            user(clone.path(), &["fsck", "--strict"]);
        }
    }
}
