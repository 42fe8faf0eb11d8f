//! A project with a stage on a host that is reached over ssh.

use super::{Project, Run, sshd::Sshd};
use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// A private sshd, and a project that knows it as the stage `far` on `web1`.
pub struct Host {
    /// First, so that what it started ends before its sshd does.
    pub project: Project,
    /// The server.
    pub sshd: Sshd,
    /// Where the stage lies.
    pub path: PathBuf,
}

impl Host {
    /// A project with the stage `far` besides `local`; `more` are further lines of its table.
    pub fn of(project: Project, more: &str) -> Self {
        let host = Self {
            path: project.sandbox.path("far"),
            sshd: Sshd::start(),
            project,
        };
        host.add_stage("far", "web1", &host.path, more);
        host
    }

    /// `fixtures/hello` with the only stage `far`, and its first release.
    pub fn released() -> Self {
        Self::of(Project::hello(), "").only().release()
    }

    /// `fixtures/single`, in which nothing is started, with the only stage `far`, and its first release.
    pub fn quiet(more: &str) -> Self {
        Self::of(Project::single(), more).only().release()
    }

    /// `init` and a first release.
    pub fn release(self) -> Self {
        self.project.commit("Deploy to a host");
        self.hostout(&["init"]).exits(0);
        self.hostout(&["release", "--yes"]).exits(0);
        self
    }

    /// Takes the stage `local` away.
    pub fn only(self) -> Self {
        let text = self.project.read("hostout.toml");
        let (before, rest) = text.split_once("\n[stage.local]").unwrap();
        let after = rest.find("\n[").map_or("", |start| &rest[start..]);
        self.project
            .write("hostout.toml", &format!("{before}{after}"));
        self
    }

    /// Appends a stage to `hostout.toml`.
    pub fn add_stage(&self, name: &str, destination: &str, path: &Path, more: &str) {
        let stage = format!(
            "\n[stage.{name}]\nhosts = [\"{destination}\"]\npath = \"{}\"\n{more}",
            path.display()
        );
        let text = self.project.read("hostout.toml") + &stage;
        self.project.write("hostout.toml", &text);
    }

    /// Runs `git hostout ARGUMENTS` with the private ssh configuration.
    #[must_use = "assert its exit code"]
    pub fn hostout(&self, arguments: &[&str]) -> Run {
        let config = self.sshd.config().display().to_string();
        self.project.sandbox.hostout_with(
            &self.project.directory,
            arguments,
            &[("HOSTOUT_SSH_CONFIG", &config)],
        )
    }

    /// Starts `git-hostout ARGUMENTS` itself, without git in between.
    pub fn start(&self, arguments: &[&str]) -> Running {
        self.start_in(&self.project.directory, "first", arguments)
    }

    /// The same in another clone; `name` tells its output from other ones'.
    pub fn start_in(&self, directory: &Path, name: &str, arguments: &[&str]) -> Running {
        let output = |stream: &str| {
            let path = self.project.sandbox.path(&format!("{name}-{stream}"));
            (fs::File::create(&path).unwrap(), path)
        };
        let ((stdout, stdout_path), (stderr, stderr_path)) = (output("stdout"), output("stderr"));
        let mut command = self.project.sandbox.command("git-hostout", directory);
        let child = command
            .args(arguments)
            .env("HOSTOUT_SSH_CONFIG", self.sshd.config())
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .unwrap();
        Running {
            arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
            child,
            stdout: stdout_path,
            stderr: stderr_path,
        }
    }

    /// The release that is live, by its link.
    pub fn live(&self) -> Option<String> {
        let link = fs::read_link(self.path.join("current")).ok()?;
        Some(link.strip_prefix("releases").ok()?.display().to_string())
    }

    /// The stage of `status --json`.
    #[track_caller]
    pub fn status(&self) -> serde_json::Value {
        let json = self.hostout(&["status", "far", "--json"]).exits(0).json();
        json["stages"][0].clone()
    }

    /// The newest deployment of `log --json`.
    #[track_caller]
    pub fn newest(&self) -> serde_json::Value {
        let json = self.hostout(&["log", "far", "--json"]).exits(0).json();
        json["entries"][0].clone()
    }
}

/// A `git-hostout` that works.
pub struct Running {
    arguments: Vec<String>,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Running {
    /// Waits until standard error names `word`.
    #[track_caller]
    pub fn until_it_says(&mut self, word: &str) -> &mut Self {
        let stderr = self.stderr.clone();
        self.until(word, || fs::read_to_string(&stderr).unwrap().contains(word))
    }

    /// Waits until `holds`, while it runs.
    #[track_caller]
    pub fn until(&mut self, what: &str, holds: impl Fn() -> bool) -> &mut Self {
        let start = Instant::now();
        while !holds() {
            let said = || fs::read_to_string(&self.stderr).unwrap();
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "ended before {what}: {}", said());
            assert!(
                start.elapsed() < Duration::from_secs(120),
                "never {what}: {}",
                said()
            );
            thread::sleep(Duration::from_millis(20));
        }
        self
    }

    /// Sends it a signal, and nobody else.
    pub fn signal(&mut self, name: &str) -> &mut Self {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
        self
    }

    /// Waits for its end.
    pub fn end(mut self) -> Run {
        let status = self.child.wait().unwrap();
        let read = |path: &Path| -> io::Result<Vec<u8>> { fs::read(path) };
        let output = std::process::Output {
            status,
            stdout: read(&self.stdout).unwrap(),
            stderr: read(&self.stderr).unwrap(),
        };
        let words: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        Run::new(&words, &output)
    }
}
