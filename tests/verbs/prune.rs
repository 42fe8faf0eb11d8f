//! `git hostout prune`

use crate::support::{Project, tree};
use std::fs;

#[test]
fn keeps_what_is_live_and_the_newest() {
    let project = Project::single();
    project.edit("hostout.toml", "[stage.local]", "[stage.local]\nkeep = 2");
    project.commit("Keep two");
    project.hostout(&["init"]).exits(0);
    for version in ["0.1.0", "0.2.0", "0.3.0", "0.4.0"] {
        project.hostout(&["release", version, "--yes"]).exits(0);
        project.hostout(&["deploy", "local", "--yes"]).exits(0);
    }
    project.hostout(&["prune", "local", "--dry-run"]).exits(0);
    project.hostout(&["prune", "local", "--yes"]).exits(0);
    assert_eq!(tree(&project.host.join("releases"), 1), "0.3.0/\n0.4.0/");
    assert_eq!(project.live().as_deref(), Some("0.4.0"));
    project
        .hostout(&["prune", "local", "--yes"])
        .exits(0)
        .says(&["There is nothing to remove."]);

    // What was removed is shipped again.
    project
        .hostout(&["rollback", "local", "--to", "0.2.0", "--yes"])
        .exits(0);
    assert_eq!(project.live().as_deref(), Some("0.2.0"));
}

#[test]
fn what_the_plan_names_goes_and_no_other() {
    let project = Project::released_single();
    for version in ["0.1.0", "0.2.0", "0.3.0", "0.4.0"] {
        if version != "0.1.0" {
            project.commit_empty(version);
            project.hostout(&["release", version, "--yes"]).exits(0);
        }
        project.hostout(&["deploy", "local", "--yes"]).exits(0);
    }
    let back = ["deploy", "local", "0.2.0", "--yes"];
    project.hostout(&back).exits(0);
    let all = "0.1.0/\n0.2.0/\n0.3.0/\n0.4.0/";
    let there = || tree(&project.host.join("releases"), 1);
    assert_eq!(there(), all);

    let prune = ["prune", "local", "--keep", "3", "--yes"];
    let lock = project.host.join(".hostout/lock");
    fs::create_dir_all(&lock).unwrap();
    let owner = serde_json::json!({
        "token": "t", "by": "Ben Example <ben@example.org>", "from": "elsewhere", "machine": "m", "pid": 7,
        "plan": "Deploy single", "since": "2026-01-01T00:00:00Z", "lease": 1e9, "step": "prepare",
        "boot": fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap().trim(), "until": 1e12,
    });
    fs::write(lock.join("owner"), owner.to_string()).unwrap();
    project
        .hostout(&prune)
        .exits(12)
        .says(&["local is locked by Ben Example"]);
    assert_eq!(there(), all);
    fs::remove_dir_all(&lock).unwrap();

    project
        .hostout(&prune)
        .exits(0)
        .says(&["releases 0.3.0, keeping 3"]);
    assert_eq!(there(), "0.1.0/\n0.2.0/\n0.4.0/");
    project.hostout(&["rollback", "local", "--yes"]).exits(0);
    assert_eq!(project.live().as_deref(), Some("0.1.0"));
}
