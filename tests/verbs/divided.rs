//! Two people, two clones, one remote.

use crate::support::{Host, Project, Run, remove_tree};
use std::path::PathBuf;

/// Two clones of one project with the stages `far` and `local`, both with the release 0.1.0.
struct Two {
    host: Host,
    other: PathBuf,
}

impl Two {
    fn new() -> Self {
        let host = Host::of(Project::single(), "");
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

    fn there(&self, arguments: &[&str]) -> Run {
        let config = self.host.sshd.config().display().to_string();
        let variables = [("HOSTOUT_SSH_CONFIG", &*config)];
        let sandbox = &self.host.project.sandbox;
        sandbox.hostout_with(&self.other, arguments, &variables)
    }

    fn tips(&self) -> [String; 3] {
        let sandbox = &self.host.project.sandbox;
        let remote = sandbox.path("remote.git");
        [&self.host.project.directory, &self.other, &remote]
            .map(|repo| sandbox.git(repo, &["rev-parse", "hostout"]))
    }
}

#[test]
fn two_stages_at_once_are_both_in_the_ledger() {
    let two = Two::new();
    two.host.hostout(&["deploy", "far", "--yes"]).exits(0);
    // The other clone has not seen that: its entries are made again on top.
    two.there(&["deploy", "local", "--yes"]).exits(0);
    let [_, theirs, remote] = two.tips();
    assert_eq!(theirs, remote);
    let json = two.there(&["log", "--json"]).exits(0).json();
    let entries = json["entries"].as_array().unwrap();
    for stage in ["far", "local"] {
        let entry = entries
            .iter()
            .find(|entry| entry["stage"] == stage)
            .unwrap();
        assert_eq!(entry["result"], "healthy", "{json}");
    }
}

#[test]
fn the_later_one_on_a_stage_gives_way() {
    let two = Two::new();
    two.host.hostout(&["deploy", "far", "--yes"]).exits(0);
    // As if the host had not been there yet: only the ledger of the remote knows.
    remove_tree(&two.host.path);
    two.there(&["deploy", "far", "--yes"])
        .exits(12)
        .says(&["far", "Ada Example"]);
    assert!(two.host.live().is_none(), "nothing was switched");
    let [here, theirs, remote] = two.tips();
    assert_eq!((&theirs, &here), (&remote, &remote));
    assert!(two.host.status()["hosts"][0]["lock"].is_null());
    two.there(&["deploy", "far", "--yes"]).exits(0);
    assert_eq!(two.host.live().as_deref(), Some("0.1.0"));
}
