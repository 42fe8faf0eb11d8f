//! A git repository made from a sample project.

use super::{Run, Sandbox, free_port, released};
use hostout::release::Manifest;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A sample project in a repository of its own, with a stage `local` on this machine.
pub struct Project {
    /// Where it lives.
    pub sandbox: Sandbox,
    /// Its repository.
    pub directory: PathBuf,
    /// Where the stage `local` lies.
    pub host: PathBuf,
    /// Where its page answers, for `hello`.
    pub port: u16,
}

impl Project {
    /// `fixtures/hello`: a page made by two eggs, one of which needs the other.
    pub fn hello() -> Self {
        Self::hello_in(Sandbox::new(), free_port())
    }

    /// The same in a sandbox, with its page at a port.
    pub fn hello_in(sandbox: Sandbox, port: u16) -> Self {
        let project = Self::from_fixture_in(sandbox, port, "hello");
        let port = project.port.to_string();
        project.edit("base.cfg", "8080", &port);
        project.edit("hostout.toml", "8080", &port);
        project.add_stage_and_commit()
    }

    /// `fixtures/single`: package and buildout in one folder; nothing is started.
    pub fn single() -> Self {
        Self::single_in(Sandbox::new(), free_port())
    }

    fn single_in(sandbox: Sandbox, port: u16) -> Self {
        Self::from_fixture_in(sandbox, port, "single").add_stage_and_commit()
    }

    /// `fixtures/taken`: an egg whose name the package index knows too.
    pub fn taken() -> Self {
        Self::from_fixture("taken").add_stage_and_commit()
    }

    /// `fixtures/single` with other files over it.
    pub fn single_with(files: &[(&str, &str)]) -> Self {
        let project = Self::from_fixture("single");
        for (path, text) in files {
            project.write(path, text);
        }
        project.add_stage_and_commit()
    }

    /// A sample project as it is, in no repository yet.
    pub fn from_fixture(name: &str) -> Self {
        Self::from_fixture_in(Sandbox::new(), free_port(), name)
    }

    fn from_fixture_in(sandbox: Sandbox, port: u16, name: &str) -> Self {
        let directory = sandbox.path(name);
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        copy(&fixtures.join(name), &directory);
        Self {
            host: sandbox.path("srv"),
            port,
            directory,
            sandbox,
        }
    }

    /// A copy of one that was saved with its sandbox.
    pub fn copied(sandbox: Sandbox, port: u16, fixture: &str) -> Self {
        Self {
            host: sandbox.path("srv"),
            port,
            directory: sandbox.path(fixture),
            sandbox,
        }
    }

    /// Adds the stage `local` and makes the repository.
    pub fn add_stage_and_commit(self) -> Self {
        let path = self.host.display().to_string();
        self.add_stage("local", &path, "");
        self.git(&["init", "--quiet"]);
        self.commit("Start the project");
        self
    }

    /// Appends a stage on this machine to `hostout.toml`; `more` are further lines of TOML.
    pub fn add_stage(&self, name: &str, path: &str, more: &str) {
        self.add_stage_on(&["local"], name, path, more);
    }

    /// Appends a stage on hosts to `hostout.toml`; `more` are further lines of TOML.
    pub fn add_stage_on(&self, hosts: &[&str], name: &str, path: &str, more: &str) {
        let stage = format!("\n[stage.{name}]\nhosts = {hosts:?}\npath = \"{path}\"\n{more}");
        let text = self.read("hostout.toml") + &stage;
        self.write("hostout.toml", &text);
    }

    /// Runs `git hostout ARGUMENTS`.
    #[must_use = "assert its exit code"]
    pub fn hostout(&self, arguments: &[&str]) -> Run {
        self.sandbox.hostout(&self.directory, arguments)
    }

    /// Runs git, which must succeed, and gives what it prints.
    #[track_caller]
    pub fn git(&self, arguments: &[&str]) -> String {
        self.sandbox.git(&self.directory, arguments)
    }

    /// Makes an ssh key of somebody, who signs from now on; the path of its public half.
    pub fn sign_as(&self, name: &str) -> String {
        let key = self.sandbox.path(&format!("home/.ssh/{name}"));
        if !key.exists() {
            super::sshd::keygen(&key, "");
        }
        let public = format!("{}.pub", key.display());
        self.git(&["config", "user.signingKey", &public]);
        public
    }

    /// The first person signs again.
    pub fn sign_as_ada(&self) {
        self.git(&["config", "--unset", "user.signingKey"]);
    }

    /// Commits everything.
    #[track_caller]
    pub fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
    }

    /// Commits nothing.
    #[track_caller]
    pub fn commit_empty(&self, message: &str) {
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
    }

    /// The text of a file.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.directory.join(path)).unwrap()
    }

    /// Writes a file, with the folders above it.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Replaces `from`, which must be there, by `to` in a file.
    #[track_caller]
    pub fn edit(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{path} has no `{from}`");
        self.write(path, &text.replace(from, to));
    }

    /// Changes the words of the greeting of `hello`, and with them the egg `acme.greeting`.
    pub fn greet(&self, word: &str) {
        let path = "src/acme.greeting/src/acme/greeting/__init__.py";
        self.write(
            path,
            &format!(
                "\"\"\"The words of a greeting.\"\"\"\n\n\n\
                 def greeting(name):\n    \"\"\"Greet somebody.\"\"\"\n    return f\"{word}, {{name}}!\"\n"
            ),
        );
        self.commit(&format!("Say {word}"));
    }

    /// `fixtures/hello` with its first release.
    pub fn released() -> Self {
        released("hello", "hello", Self::hello_in)
    }

    /// `fixtures/single` with its first release.
    pub fn released_single() -> Self {
        released("single", "single", Self::single_in)
    }

    /// `fixtures/hello` with the only stage `far` on `web1`, and its first release.
    pub fn released_far() -> Self {
        released("hello-far", "hello", |sandbox, port| {
            Self::hello_in(sandbox, port).only_far()
        })
    }

    /// `fixtures/single` with the only stage `far` on `web1`, and its first release.
    pub fn released_single_far() -> Self {
        released("single-far", "single", |sandbox, port| {
            Self::single_in(sandbox, port).only_far()
        })
    }

    fn only_far(self) -> Self {
        let path = self.sandbox.path("far").display().to_string();
        self.add_stage_on(&["web1"], "far", &path, "");
        self.remove_stage("local");
        self.commit("Deploy to a host");
        self
    }

    /// Takes a stage out of `hostout.toml`.
    pub fn remove_stage(&self, name: &str) {
        let text = self.read("hostout.toml");
        let (before, rest) = text.split_once(&format!("\n[stage.{name}]")).unwrap();
        let after = rest.find("\n[").map_or("", |start| &rest[start..]);
        self.write("hostout.toml", &format!("{before}{after}"));
    }

    /// The manifest of a release, from the ledger.
    #[track_caller]
    pub fn manifest(&self, version: &str) -> Manifest {
        let text = self.ledger_file(&format!("{}/manifest.toml", release_folder(version)));
        Manifest::from_toml(&text).unwrap()
    }

    /// A file of the ledger.
    #[track_caller]
    pub fn ledger_file(&self, path: &str) -> String {
        let name = format!("hostout:{path}");
        let bytes = self.sandbox.git_bytes(&self.directory, &["show", &name]);
        String::from_utf8(bytes).unwrap()
    }

    /// The version of an egg in a release.
    #[track_caller]
    pub fn egg_version(&self, release: &str, egg: &str) -> String {
        let manifest = self.manifest(release);
        let found = manifest.egg.iter().find(|found| found.name == egg);
        found.unwrap().version.to_string()
    }

    /// The release that is live on the stage `local`, by its link.
    pub fn live(&self) -> Option<String> {
        let link = fs::read_link(self.host.join("current")).ok()?;
        Some(link.strip_prefix("releases").ok()?.display().to_string())
    }

    /// The page, which must answer.
    #[track_caller]
    pub fn page(&self) -> String {
        match super::page(self.port) {
            Ok(page) => page,
            Err(error) => panic!("port {}: {error}", self.port),
        }
    }
}

/// The folder of a release in the ledger.
fn release_folder(version: &str) -> String {
    let minor = version.rsplit_once('.').unwrap().0;
    format!("releases/{minor}/{version}")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}
