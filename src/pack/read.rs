//! Entries of a tarball from git objects: what was committed, with no filter, line-end conversion or `export-subst`
//! in between, because those depend on somebody's configuration.

use super::{Entry, Error, Kind, PathFault, attributes::ExportIgnore, layout::check_path};
use gix::{ObjectId, Repository, bstr::ByteSlice, objs::tree::EntryKind};
use std::collections::{BTreeMap, BTreeSet};

/// First line of a Git LFS pointer (git-lfs docs/spec.md), which is shorter than 1024 bytes.
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";
const LFS_MAX: usize = 1024;

/// What stands in `tree` at `paths`, sorted by path.
///
/// `base` is the buildout directory from the top of the repository (`""` or `"."` for the top); `paths` and the paths of
/// the entries are relative to it. A path that is a folder stands for everything below it, except what the tree's own
/// `.gitattributes` mark `export-ignore`; `"."` is the base. A path that is named is taken even when it is marked.
///
/// # Errors
/// A path that isn't in the tree, a submodule or Git LFS pointer that would be needed, a name that isn't UTF-8.
pub fn entries(
    repo: &Repository,
    tree: ObjectId,
    base: &str,
    paths: &[String],
) -> Result<Vec<Entry>, Error> {
    let base = plain(base)?;
    let mut reader = Reader {
        repo,
        ignore: ExportIgnore::default(),
        known: BTreeSet::new(),
        base,
        found: BTreeMap::new(),
    };
    for path in paths {
        let path = join(base, plain(path)?);
        reader.named(tree, &path)?;
    }
    let found = reader.found.into_iter();
    Ok(found.map(|(path, kind)| Entry { path, kind }).collect())
}

struct Reader<'a> {
    repo: &'a Repository,
    ignore: ExportIgnore,
    /// Directories whose `.gitattributes` are in `ignore`.
    known: BTreeSet<String>,
    base: &'a str,
    found: BTreeMap<String, Kind>,
}

/// One line of a tree object.
struct Item {
    name: String,
    kind: EntryKind,
    id: ObjectId,
}

impl Reader<'_> {
    fn named(&mut self, tree: ObjectId, path: &str) -> Result<(), Error> {
        let (mut kind, mut id, mut at) = (EntryKind::Tree, tree, String::new());
        for part in path.split('/').filter(|part| !part.is_empty()) {
            let missing = || Error::Missing {
                path: path.to_owned(),
            };
            if kind != EntryKind::Tree {
                return Err(missing());
            }
            let items = self.list(id, &at)?;
            let item = items.into_iter().find(|item| item.name == part);
            (kind, id) = item.map(|item| (item.kind, item.id)).ok_or_else(missing)?;
            at = join(&at, part);
        }
        self.take(kind, id, &at)
    }

    fn take(&mut self, kind: EntryKind, id: ObjectId, path: &str) -> Result<(), Error> {
        let kind = match kind {
            EntryKind::Tree => return self.folder(id, path),
            EntryKind::Commit => {
                return Err(Error::Submodule {
                    path: path.to_owned(),
                });
            }
            EntryKind::Link => {
                let target = String::from_utf8(self.blob(id, path)?);
                Kind::Link {
                    target: target.map_err(|_| not_utf8(path))?,
                }
            }
            EntryKind::Blob | EntryKind::BlobExecutable => {
                let bytes = self.blob(id, path)?;
                if bytes.len() < LFS_MAX && bytes.starts_with(LFS) {
                    return Err(Error::LfsPointer {
                        path: path.to_owned(),
                    });
                }
                Kind::File {
                    bytes,
                    executable: kind == EntryKind::BlobExecutable,
                }
            }
        };
        let relative = path.strip_prefix(self.base).unwrap_or(path);
        let relative = relative.trim_start_matches('/').to_owned();
        self.found.insert(relative, kind);
        Ok(())
    }

    fn folder(&mut self, id: ObjectId, path: &str) -> Result<(), Error> {
        for item in self.list(id, path)? {
            let below = join(path, &item.name);
            if !self.ignore.leaves_out(&below, is_directory(item.kind)) {
                self.take(item.kind, item.id, &below)?;
            }
        }
        Ok(())
    }

    /// The tree `id`, after its `.gitattributes` has been read.
    fn list(&mut self, id: ObjectId, path: &str) -> Result<Vec<Item>, Error> {
        let tree = self.repo.find_tree(id).map_err(|e| git(path, e))?;
        let mut items = Vec::new();
        for entry in tree.iter() {
            let entry = entry.map_err(|e| git(path, e))?;
            let name = entry.filename().to_str();
            items.push(Item {
                name: name
                    .map_err(|_| not_utf8(&join(path, &entry.filename().to_str_lossy())))?
                    .to_owned(),
                kind: entry.mode().kind(),
                id: entry.object_id(),
            });
        }
        if self.known.insert(path.to_owned()) {
            let file = |item: &&Item| {
                item.name == ".gitattributes"
                    && matches!(item.kind, EntryKind::Blob | EntryKind::BlobExecutable)
            };
            if let Some(item) = items.iter().find(file) {
                let at = join(path, &item.name);
                let bytes = self.blob(item.id, &at)?;
                self.ignore.add(path, &bytes).map_err(|e| git(&at, e))?;
            }
        }
        Ok(items)
    }

    fn blob(&self, id: ObjectId, path: &str) -> Result<Vec<u8>, Error> {
        let mut blob = self.repo.find_blob(id).map_err(|e| git(path, e))?;
        Ok(blob.take_data())
    }
}

/// git matches a submodule as the directory it is in a work tree.
fn is_directory(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Tree | EntryKind::Commit)
}

/// `path` without what people add to the path of a folder: `./` before it, `/` after it. Empty for the folder itself.
fn plain(path: &str) -> Result<&str, Error> {
    let plain = path.strip_prefix("./").unwrap_or(path);
    let plain = plain.strip_suffix('/').unwrap_or(plain);
    if matches!(path, "" | "." | "./") {
        return Ok("");
    }
    check_path(plain)?;
    Ok(plain)
}

fn join(directory: &str, name: &str) -> String {
    match (directory, name) {
        ("", name) => name.to_owned(),
        (directory, "") => directory.to_owned(),
        (directory, name) => format!("{directory}/{name}"),
    }
}

fn git(path: &str, source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Git {
        path: if path.is_empty() { "." } else { path }.to_owned(),
        source: Box::new(source),
    }
}

fn not_utf8(path: &str) -> Error {
    Error::Path {
        path: path.to_owned(),
        fault: PathFault::Encoding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

    fn git(folder: &Path, args: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@example.org"])
            .args(["-c", "protocol.file.allow=always"])
            .args(args)
            .current_dir(folder)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A repository with these files; `(path, "-> x")` is a link, a path ending in `.sh` is executable.
    fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "-q"]);
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            if let Some(target) = text.strip_prefix("-> ") {
                std::os::unix::fs::symlink(target, path).unwrap();
                continue;
            }
            fs::write(&path, text).unwrap();
            if path.extension().is_some_and(|end| end == "sh") {
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
        commit(folder.path());
        folder
    }

    fn commit(folder: &Path) {
        git(folder, &["add", "-A", "-f"]);
        git(folder, &["commit", "-q", "-m", "x"]);
    }

    fn read(folder: &Path, base: &str, paths: &[&str]) -> Result<Vec<Entry>, Error> {
        let repo = gix::open(folder).unwrap();
        let tree = repo.head_tree_id().unwrap().detach();
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        entries(&repo, tree, base, &paths)
    }

    fn names(folder: &Path, base: &str, paths: &[&str]) -> Vec<String> {
        let entries = read(folder, base, paths).unwrap();
        entries.into_iter().map(|entry| entry.path).collect()
    }

    #[test]
    fn reads_files_links_and_folders_below_the_base() {
        let repo = repository(&[
            ("README", "no"),
            ("site/prod.cfg", "[buildout]\r\n"),
            ("site/etc/a/x.conf", "$Id$"),
            ("site/etc/go.sh", "#!/bin/sh"),
            ("site/etc/link", "-> a/x.conf"),
            ("site/other", "no"),
        ]);
        let found = read(repo.path(), "site/", &["etc/", "./prod.cfg", "etc/go.sh"]).unwrap();
        let file = |path: &str, text: &str, executable| Entry {
            path: path.to_owned(),
            kind: Kind::File {
                bytes: text.as_bytes().to_vec(),
                executable,
            },
        };
        let link = Entry {
            path: "etc/link".to_owned(),
            kind: Kind::Link {
                target: "a/x.conf".to_owned(),
            },
        };
        assert_eq!(
            found,
            [
                file("etc/a/x.conf", "$Id$", false),
                file("etc/go.sh", "#!/bin/sh", true),
                link,
                file("prod.cfg", "[buildout]\r\n", false),
            ]
        );
        assert_eq!(names(repo.path(), ".", &["README"]), ["README"]);
        assert_eq!(names(repo.path(), "site/etc/a", &["."]), ["x.conf"]);
    }

    #[test]
    fn leaves_out_what_git_archive_leaves_out() {
        let repo = repository(&[
            (
                ".gitattributes",
                "[attr]private export-ignore\n*.bak export-ignore\nsecret/ export-ignore\n/etc/only-top export-ignore\nmine private\n.gitattributes export-ignore\n",
            ),
            (
                "etc/.gitattributes",
                "keep.bak -export-ignore\ndraft* export-ignore\n",
            ),
            ("etc/keep.bak", ""),
            ("etc/gone.bak", ""),
            ("etc/draft/x", ""),
            ("etc/only-top", ""),
            ("etc/secret/x", ""),
            ("etc/sub/only-top", ""),
            ("etc/sub/mine", ""),
            ("draft", ""),
        ]);
        fs::write(
            repo.path().join(".git/info/attributes"),
            "draft export-ignore\n",
        )
        .unwrap();
        let ours = names(repo.path(), "", &["."]);
        assert_eq!(ours, ["draft", "etc/keep.bak", "etc/sub/only-top"]);

        fs::remove_file(repo.path().join(".git/info/attributes")).unwrap();
        let tar = repo.path().join("git.tar");
        git(
            repo.path(),
            &["archive", "-o", tar.to_str().unwrap(), "HEAD"],
        );
        let listed = Command::new("tar").arg("-tf").arg(&tar).output().unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        let theirs: Vec<&str> = listed.lines().filter(|line| !line.ends_with('/')).collect();
        assert_eq!(ours, theirs);
    }

    #[test]
    fn takes_what_is_named_even_if_marked() {
        let repo = repository(&[
            (".gitattributes", "*.cfg export-ignore"),
            ("prod.cfg", ""),
            ("etc/x.cfg", ""),
            ("etc/y", ""),
        ]);
        assert_eq!(
            names(repo.path(), "", &["prod.cfg", "etc"]),
            ["etc/y", "prod.cfg"]
        );
    }

    #[test]
    fn names_what_is_missing_or_elsewhere() {
        let repo = repository(&[
            ("etc/x", ""),
            ("l", "-> etc"),
            (
                "big",
                "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            ),
        ]);
        for path in ["nope", "etc/nope", "etc/x/y", "l/x"] {
            let error = read(repo.path(), "", &[path]).unwrap_err();
            assert!(
                matches!(&error, Error::Missing { path: p } if p == path),
                "{error}"
            );
        }
        let error = read(repo.path(), "etc", &["../big"]).unwrap_err();
        assert!(matches!(error, Error::Path { .. }), "{error}");
        let error = read(repo.path(), "", &["."]).unwrap_err();
        assert!(
            matches!(&error, Error::LfsPointer { path } if path == "big"),
            "{error}"
        );

        let other = repository(&[("x", "")]);
        let url = other.path().to_str().unwrap();
        git(
            repo.path(),
            &["submodule", "--quiet", "add", url, "etc/module"],
        );
        commit(repo.path());
        let error = read(repo.path(), "", &["etc"]).unwrap_err();
        assert!(
            matches!(&error, Error::Submodule { path } if path == "etc/module"),
            "{error}"
        );
        fs::write(
            repo.path().join("etc/.gitattributes"),
            "module export-ignore\n.gitattributes export-ignore",
        )
        .unwrap();
        commit(repo.path());
        assert_eq!(names(repo.path(), "", &["etc"]), ["etc/x"]);
    }
}
