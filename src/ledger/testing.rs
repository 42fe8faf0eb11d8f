//! A scratch repository with real git, ssh-keygen and gpg, cut off from the user's own settings.

use super::{
    Edits, Git, HOSTOUT, Key, Kind, Ledger, NewEntry, NewTag, Patience, Person, Released, Scheme,
    Trust, create_tag, ended_files, new_id, release_files, started_files, write_release_commit,
    write_tag,
};
use crate::release::{
    Digest, Ended, EntryId, FORMAT, Intent, Manifest, Outcome, ProjectRef, Started, Tarball,
};
use gix::ObjectId;
use jiff::Timestamp;
use semver::Version;
use std::{
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};
use tempfile::TempDir;

/// A repository `work/` with a key that may sign, and whatever a test puts beside it.
pub(super) struct Lab {
    dir: Arc<TempDir>,
    work: PathBuf,
    key: Key,
}

/// An ssh-agent that ends with this value.
pub(super) struct Agent(Child, PathBuf);

impl Drop for Agent {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.key.scheme == Scheme::OpenPgp {
            let home = self.path().join("gnupg");
            let mut command = Command::new("gpgconf");
            command.arg("--homedir").arg(home).args(["--kill", "all"]);
            assert!(command.status().unwrap().success());
        }
    }
}

pub(super) fn impatient() -> Patience {
    Patience {
        answer: Duration::from_secs(2),
        stall: Duration::from_secs(60),
        prompts: false,
        interruptible: false,
    }
}

impl Lab {
    pub(super) fn new() -> Self {
        Self::init(&[])
    }

    pub(super) fn with_sha256() -> Self {
        Self::init(&["--object-format=sha256"])
    }

    pub(super) fn with_openpgp() -> Self {
        let mut lab = Self::init(&[]);
        let home = lab.path().join("gnupg");
        fs::create_dir(&home).unwrap();
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
        let gpg = lab.path().join("gpg");
        let line = format!("GNUPGHOME='{}' exec gpg \"$@\"", home.display());
        Self::script(&gpg, &line);
        let made = Command::new(&gpg)
            .args([
                "--batch",
                "--pinentry-mode",
                "loopback",
                "--passphrase",
                "",
                "--quick-gen-key",
                "Ann <ann@example.org>",
                "ed25519",
                "sign",
                "never",
            ])
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        lab.git(&["config", "gpg.format", "openpgp"]);
        lab.git(&["config", "gpg.program", gpg.to_str().unwrap()]);
        lab.key = Key {
            scheme: Scheme::OpenPgp,
            id: "ann@example.org".into(),
            program: gpg.into(),
        };
        lab
    }

    fn init(options: &[&str]) -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let key = Key::make(&dir.path().join("key"), "test").unwrap();
        let lab = Self {
            work: dir.path().join("work"),
            dir,
            key,
        };
        let work = lab.work.to_str().unwrap();
        let init = [&["init", "-q", "-b", "main"], options, &[work]].concat();
        lab.git_in(lab.path(), &init);
        lab.configure();
        lab
    }

    fn configure(&self) {
        let public = fs::read_to_string(self.path().join("key.pub")).unwrap();
        let signers = self.path().join("signers");
        fs::write(&signers, format!("ann@example.org {public}")).unwrap();
        self.git(&["config", "gpg.format", "ssh"]);
        let signers = signers.to_str().unwrap();
        self.git(&["config", "gpg.ssh.allowedSignersFile", signers]);
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn work(&self) -> &Path {
        &self.work
    }

    pub(super) fn git(&self, arguments: &[&str]) -> String {
        self.git_in(&self.work, arguments)
    }

    pub(super) fn git_in(&self, directory: &Path, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.current_dir(directory).args(arguments);
        command.envs(self.environment());
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn environment(&self) -> [(&'static str, OsString); 8] {
        [
            ("HOME", self.path().into()),
            ("GIT_CONFIG_GLOBAL", "/dev/null".into()),
            ("GIT_CONFIG_SYSTEM", "/dev/null".into()),
            ("GIT_AUTHOR_NAME", "Ann".into()),
            ("GIT_AUTHOR_EMAIL", "ann@example.org".into()),
            ("GIT_COMMITTER_NAME", "Ann".into()),
            ("GIT_COMMITTER_EMAIL", "ann@example.org".into()),
            ("GIT_COMMITTER_DATE", "1700000000 +1300".into()),
        ]
    }

    /// The git child of the room, cut off too.
    pub(super) fn child(&self) -> Git {
        let mut git = Git::of(&self.repo());
        for (name, value) in self.environment() {
            git = git.with(name, value);
        }
        git
    }

    pub(super) fn repo(&self) -> gix::Repository {
        gix::open_opts(&self.work, gix::open::Options::isolated()).unwrap()
    }

    pub(super) fn key(&self) -> Key {
        self.key.clone()
    }

    /// Whether ssh-keygen finds a principal of `signers` and the signature good for it.
    pub(super) fn keygen_verifies(
        &self,
        signers: &str,
        namespace: &str,
        bytes: &[u8],
        signature: &str,
        at: Timestamp,
    ) -> bool {
        let (list, file) = (self.path().join("list"), self.path().join("sig"));
        fs::write(&list, signers).unwrap();
        fs::write(&file, signature).unwrap();
        let time = format!("-Overify-time={}", at.strftime("%Y%m%d%H%M%SZ"));
        let keygen = |words: &[&str]| {
            let mut command = crate::ledger::program::command("ssh-keygen".as_ref());
            command.args(words).arg("-f").arg(&list).arg(&time);
            command.arg("-s").arg(&file);
            crate::ledger::program::run(command, bytes).unwrap()
        };
        let found = keygen(&["-Y", "find-principals"]);
        let principals = String::from_utf8(found.stdout).unwrap();
        let Some(principal) = principals.lines().next() else {
            return false;
        };
        let verify = ["-Y", "verify", "-n", namespace, "-I", principal];
        found.status.success() && keygen(&verify).status.success()
    }

    pub(super) fn key_named(&self, name: &str) -> Key {
        Key::make(&self.path().join(name), name).unwrap()
    }

    pub(super) fn who() -> Person {
        Person {
            name: "Ann".into(),
            email: "ann@example.org".into(),
        }
    }

    pub(super) fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    /// Starts a ledger for the project `name`.
    pub(super) fn start(&self, name: &str) -> super::Result<Ledger> {
        let (key, who) = (self.key(), Self::who());
        Ledger::start(&self.repo(), "hostout", name, &key, &who, Self::now())
    }

    /// The ledger, started if there is none.
    pub(super) fn ledger(&self) -> Ledger {
        let repo = self.repo();
        match Ledger::open(&repo, "hostout").unwrap() {
            Some(ledger) => ledger,
            None => self.start("shop").unwrap(),
        }
    }

    pub(super) fn trust(&self) -> Trust {
        self.ledger().trust().unwrap()
    }

    pub(super) fn commit_file(&self, name: &str, text: &str) -> ObjectId {
        fs::write(self.work.join(name), text).unwrap();
        self.git(&["add", name]);
        self.git(&["commit", "-q", "-m", name]);
        self.git(&["rev-parse", "HEAD"]).trim().parse().unwrap()
    }

    /// A whole release: release commit, manifest, tag, entry.
    pub(super) fn release(&self, version: &str) -> Released {
        let (mut ledger, repo) = (self.ledger(), self.repo());
        let version: Version = version.parse().unwrap();
        let head = self.commit_file("setup.py", &version.to_string());
        let tree = repo.find_commit(head).unwrap().tree_id().unwrap().detach();
        let subject = format!("shop {version}");
        let commit = write_release_commit(&repo, tree, head, &subject).unwrap();
        let manifest = Self::manifest(&version, head, commit, &ledger);
        let text = manifest.to_toml().unwrap();
        let (files, digest) = release_files(&version, &text, "[versions]\n", &self.key()).unwrap();
        let name = format!("v{version}");
        let tag = NewTag {
            name: &name,
            target: commit,
            subject: &subject,
            body: "- a change\n\nHostout-Project: forged\n",
            project: ledger.project_id(),
            manifest: digest,
            who: &Self::who(),
            time: Self::now(),
        };
        let tag = write_tag(&repo, &tag, &self.key()).unwrap();
        create_tag(&repo, &name, tag).unwrap();
        let entry = NewEntry {
            kind: Kind::Release {
                version: version.clone(),
                tag,
                commit: head,
            },
            id: new_id().unwrap(),
            files,
            edits: Edits::default(),
            who: Self::who(),
            time: Self::now(),
            reason: "for the tests".into(),
        };
        ledger.append(&entry, &self.key()).unwrap();
        ledger.release(&version).unwrap().unwrap()
    }

    fn manifest(
        version: &Version,
        commit: ObjectId,
        release_commit: ObjectId,
        ledger: &Ledger,
    ) -> Manifest {
        Manifest {
            format: FORMAT,
            version: version.clone(),
            commit: commit.to_string(),
            release_commit: release_commit.to_string(),
            time: Self::now().to_string(),
            tool: "git-hostout 0.1.0".into(),
            targets: Vec::new(),
            project: ProjectRef {
                name: "shop".into(),
                id: ledger.project_id().to_string(),
            },
            previous: None,
            tarball: Tarball {
                name: format!("shop-{version}.tar.gz"),
                sha256: Digest::of(b""),
                size: 0,
                tar_sha256: Digest::of(b""),
            },
            buildout: Vec::new(),
            egg: Vec::new(),
            pin: Vec::new(),
            elsewhere: Vec::new(),
            extends: Vec::new(),
            build_tool: Vec::new(),
        }
    }

    /// A started entry of 1.0.0 on `stage`.
    pub(super) fn started(&self, stage: &str) -> NewEntry {
        let id = new_id().unwrap();
        let started = Started {
            format: 1,
            state: "started".into(),
            id: id.clone(),
            kind: Intent::Deploy,
            project: String::new(),
            stage: stage.into(),
            hosts: vec!["local".into()],
            only: Vec::new(),
            path: "/srv/shop".into(),
            version: Version::new(1, 0, 0),
            manifest: Digest::of(b""),
            by: Self::who().to_string(),
            time: Self::now().to_string(),
            reason: String::new(),
            health: None,
            keep: false,
            after: None,
        };
        NewEntry {
            kind: Kind::Started {
                stage: stage.into(),
                version: Version::new(1, 0, 0),
                intent: Intent::Deploy,
            },
            id,
            files: started_files(&started, Self::now(), &self.key()).unwrap(),
            edits: Edits::default(),
            who: Self::who(),
            time: Self::now(),
            reason: String::new(),
        }
    }

    /// The healthy end of a started entry.
    pub(super) fn ended(started: &NewEntry) -> NewEntry {
        let (id, of): (EntryId, EntryId) = (new_id().unwrap(), started.id.clone());
        let stage = started.kind.stage().unwrap().to_owned();
        let ended = Ended {
            format: 1,
            state: Outcome::Healthy,
            id: id.clone(),
            of: of.clone(),
            stage: stage.clone(),
            time: Self::now().to_string(),
            host: Vec::new(),
        };
        NewEntry {
            kind: Kind::Ended {
                stage,
                version: Version::new(1, 0, 0),
                of,
                outcome: Outcome::Healthy,
                intent: Intent::Deploy,
            },
            id,
            files: ended_files(&ended, Self::now()).unwrap(),
            ..started.clone()
        }
    }

    /// A bare repository as `origin`.
    pub(super) fn bare_remote(&self) -> PathBuf {
        let remote = self.path().join("remote.git");
        let path = remote.to_str().unwrap();
        self.git_in(self.path(), &["init", "-q", "-b", "main", "--bare", path]);
        self.git(&["remote", "add", "origin", path]);
        remote
    }

    /// A clone of `remote` beside the work tree, with the same key.
    pub(super) fn clone_of(&self, remote: &Path, options: &[&str]) -> Self {
        let other = Self {
            dir: Arc::clone(&self.dir),
            work: self.path().join("clone"),
            key: self.key(),
        };
        let (from, to) = (format!("file://{}", remote.display()), other.work.to_str());
        let clone = [&["clone", "-q"], options, &[&from, to.unwrap()]].concat();
        self.git_in(self.path(), &clone);
        other.configure();
        other
    }

    pub(super) fn script(path: &Path, line: &str) {
        fs::write(path, format!("#!/bin/sh\n{line}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// An agent that holds the key, whose private file is gone.
    pub(super) fn agent(&self) -> Agent {
        let socket = self.path().join("agent");
        let mut command = Command::new("ssh-agent");
        let child = command
            .arg("-D")
            .arg("-a")
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let agent = Agent(child, socket);
        for _ in 0..200 {
            if agent.1.exists() {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let key = self.path().join("key");
        let mut add = Command::new("ssh-add");
        add.arg("-q").arg(&key).env("SSH_AUTH_SOCK", &agent.1);
        assert!(add.status().unwrap().success());
        agent
    }

    /// ssh-keygen that asks `agent`.
    pub(super) fn keygen_with(&self, agent: &Agent) -> OsString {
        let path = self.path().join("keygen");
        let socket = agent.1.display();
        Self::script(
            &path,
            &format!("SSH_AUTH_SOCK='{socket}' exec ssh-keygen \"$@\""),
        );
        path.into()
    }
}

#[test]
fn a_lab_signs_with_its_own_key() {
    let lab = Lab::new();
    let signature = lab.key().sign(HOSTOUT, b"text").unwrap();
    assert!(signature.starts_with("-----BEGIN SSH SIGNATURE-----"));
}
