//! Two people, two clones, one remote.

use super::{Host, Run};
use std::path::PathBuf;

/// Two clones of one project with the stage `far`, both with the release 0.1.0, and the remote between them.
pub struct Two {
    /// The first person's clone, and the host.
    pub host: Host,
    /// The second person's clone.
    pub other: PathBuf,
}

impl Two {
    /// Of a host with a project that is not released yet.
    pub fn of(host: Host) -> Self {
        let sandbox = &host.project.sandbox;
        let remote = sandbox.path("remote.git").display().to_string();
        sandbox.git(sandbox.root(), &["init", "--bare", "--quiet", &remote]);
        host.project.git(&["remote", "add", "origin", &remote]);
        let host = host.release();
        host.project.git(&["push", "--quiet", "origin", "main"]);
        let sandbox = &host.project.sandbox;
        let other = sandbox.path("other");
        sandbox.git(
            sandbox.root(),
            &["clone", "--quiet", &remote, &other.display().to_string()],
        );
        let two = Self { host, other };
        two.there(&["log"]).exits(0);
        two
    }

    /// Runs `git hostout ARGUMENTS` in the second clone.
    #[must_use = "assert its exit code"]
    pub fn there(&self, arguments: &[&str]) -> Run {
        let config = self.host.sshd.config().display().to_string();
        let variables = [("HOSTOUT_SSH_CONFIG", &*config)];
        let sandbox = &self.host.project.sandbox;
        sandbox.hostout_with(&self.other, arguments, &variables)
    }

    /// The ledger's tips: of both clones, and of the remote.
    pub fn tips(&self) -> [String; 3] {
        let sandbox = &self.host.project.sandbox;
        let remote = sandbox.path("remote.git");
        [&self.host.project.directory, &self.other, &remote]
            .map(|repo| sandbox.git(repo, &["rev-parse", "hostout"]))
    }
}
