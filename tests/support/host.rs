//! A project with a stage on a host that is reached over ssh.

use super::{Project, Run, Running, sshd::Sshd};
use std::{
    fs,
    path::{Path, PathBuf},
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
        let host = Self::around(project);
        host.add_stage("far", "web1", &host.path, more);
        host
    }

    /// `fixtures/hello` with the only stage `far`, and its first release.
    pub fn released() -> Self {
        Self::around(Project::released_far())
    }

    /// `fixtures/single`, in which nothing is started, with the only stage `far`, and its first release.
    pub fn quiet() -> Self {
        Self::around(Project::released_single_far())
    }

    fn around(project: Project) -> Self {
        Self {
            path: project.sandbox.path("far"),
            sshd: Sshd::start(),
            project,
        }
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
        self.project.remove_stage("local");
        self
    }

    /// Appends a stage to `hostout.toml`.
    pub fn add_stage(&self, name: &str, destination: &str, path: &Path, more: &str) {
        let path = path.display().to_string();
        self.project.add_stage_on(&[destination], name, &path, more);
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
        self.start_in(&self.project.directory, arguments)
    }

    /// The same in another clone.
    pub fn start_in(&self, directory: &Path, arguments: &[&str]) -> Running {
        let sandbox = &self.project.sandbox;
        Running::with_hosts(sandbox, directory, &self.sshd.config(), arguments)
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
