//! A project whose stage is on a host of a lab.

use crate::{
    lab::{Host, Lab},
    support::{Project, Run, Running, released},
};
use hostout::release::Digest;
use std::path::Path;

/// Where the stage lies on the host.
pub const PATH: &str = "/srv/hello";

/// `fixtures/hello`, released, with the stage `far` on `web1`.
pub struct Site {
    pub project: Project,
    pub lab: Lab,
}

impl Site {
    /// Its first release; `more` are further lines of the stage's table.
    pub fn released(lab: Lab, more: &str) -> Self {
        Self::released_to(lab, &["web1"], more)
    }

    /// The same with the stage on several hosts, the first ones of the lab.
    pub fn released_to(lab: Lab, hosts: &[&str], more: &str) -> Self {
        Self::released_with(lab, hosts, |_| more.to_owned())
    }

    /// The same with lines that name the page's port.
    pub fn released_with(lab: Lab, hosts: &[&str], more: impl Fn(u16) -> String) -> Self {
        let about = format!("{hosts:?} {}", more(0));
        let about = format!("hello-{}", Digest::of(about.as_bytes()).short());
        let project = released(&about, "hello", |sandbox, port| {
            let project = Project::hello_in(sandbox, port);
            project.add_stage_on(hosts, "far", PATH, &more(port));
            project.commit("Deploy to hosts");
            project
        });
        for (index, _) in hosts.iter().enumerate() {
            make_place(lab.host(index));
        }
        Self { project, lab }
    }

    /// The same with a remote, to which it was pushed.
    pub fn shared(lab: Lab, hosts: &[&str], more: impl Fn(u16) -> String) -> Self {
        let site = Self::released_with(lab, hosts, more);
        let sandbox = &site.project.sandbox;
        let remote = sandbox.path("remote.git").display().to_string();
        sandbox.git(sandbox.root(), &["init", "--bare", "--quiet", &remote]);
        site.project.git(&["remote", "add", "origin", &remote]);
        site.project
            .git(&["push", "--quiet", "origin", "main", "hostout", "v0.1.0"]);
        site
    }

    /// `fixtures/plone` with its first release, after `edit`; `more` are further lines of the stage's table.
    pub fn plone(lab: Lab, more: &str, edit: impl Fn(&Project)) -> Self {
        let project = Project::from_fixture("plone");
        edit(&project);
        project.edit("hostout.toml", "timeout = \"2m\"", "timeout = \"5m\"");
        project.add_stage_on(&["web1"], "far", PATH, more);
        project.git(&["init", "--quiet"]);
        project.commit("Start the project");
        make_place(lab.host(0));
        let site = Self { project, lab };
        site.hostout(&["init"]).exits(0);
        site.hostout(&["release", "--yes"]).exits(0);
        site
    }

    /// The host.
    pub fn host(&self) -> &Host {
        self.lab.host(0)
    }

    /// Runs `git hostout ARGUMENTS`.
    #[must_use = "assert its exit code"]
    pub fn hostout(&self, arguments: &[&str]) -> Run {
        let config = self.lab.config().display().to_string();
        let variables = [("HOSTOUT_SSH_CONFIG", &*config)];
        let project = &self.project;
        let sandbox = &project.sandbox;
        sandbox.hostout_with(&project.directory, arguments, &variables)
    }

    /// Starts `git-hostout ARGUMENTS` itself.
    pub fn start(&self, arguments: &[&str]) -> Running {
        self.start_in(&self.project.directory, arguments)
    }

    /// The same in another clone.
    pub fn start_in(&self, clone: &Path, arguments: &[&str]) -> Running {
        Running::with_hosts(&self.project.sandbox, clone, &self.lab.config(), arguments)
    }

    /// What the page answers on the host's loopback.
    pub fn page(&self) -> Option<String> {
        self.host().page(self.project.port)
    }

    /// The release that `current` names, which must be complete.
    #[track_caller]
    pub fn live(&self) -> String {
        self.live_on(0)
    }

    /// The same on another host of the lab.
    #[track_caller]
    pub fn live_on(&self, index: usize) -> String {
        let host = self.lab.host(index);
        let current = format!("{PATH}/current");
        let target = host.run(&["readlink", &current]);
        host.run(&["test", "-e", &format!("{current}/.hostout/complete")]);
        let version = target.trim().strip_prefix("releases/");
        version.unwrap().to_owned()
    }

    /// `version` is live, healthy and complete, its page says `words`, the ledger knows so, and nobody holds a lock.
    #[track_caller]
    pub fn is_whole(&self, version: &str, words: &str) {
        assert_eq!(self.live(), version);
        assert!(self.page().unwrap().contains(words));
        let status = self.hostout(&["status", "far", "--exit-code", "--json"]);
        let host = status.exits(0).json()["stages"][0]["hosts"][0].clone();
        assert!(host["lock"].is_null(), "{host}");
    }
}

fn make_place(host: &Host) {
    host.run(&["install", "--directory", "--owner=deploy", PATH]);
}
