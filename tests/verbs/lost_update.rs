//! A host that somebody else changed: nothing of theirs is lost unasked.

use crate::support::{Host, Project, Two};
use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
};

/// 0.1.0 and 0.1.1 are prepared, 0.1.1 is live.
fn twice() -> Host {
    let host = Host::quiet();
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    host.project.commit_empty("Again");
    host.hostout(&["release", "0.1.1", "--yes"]).exits(0);
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    host
}

fn put_by_hand(host: &Host, version: &str) {
    fs::remove_file(host.path.join("current")).unwrap();
    symlink(format!("releases/{version}"), host.path.join("current")).unwrap();
}

#[test]
fn a_link_that_was_replaced_by_hand_is_refused_and_a_rollback_asks() {
    let host = twice();
    put_by_hand(&host, "0.1.0");
    let tip = host.project.git(&["rev-parse", "hostout"]);
    for version in ["0.1.0", "0.1.1"] {
        host.hostout(&["deploy", "far", version, "--yes"])
            .exits(11)
            .says(&[
                "runs 0.1.0",
                "by hand",
                "its record says 0.1.1",
                "rollback far --to",
            ]);
    }
    host.hostout(&["check", "far"]).exits(11).says(&["by hand"]);
    host.hostout(&["rollback", "far", "--to", "0.1.1"])
        .exits(13)
        .says(&["by hand", "--yes"]);
    assert_eq!(host.project.git(&["rev-parse", "hostout"]), tip);
    assert_eq!(host.live().as_deref(), Some("0.1.0"));
    host.hostout(&["rollback", "far", "--to", "0.1.1", "--yes"])
        .exits(0);
    assert_eq!(host.status()["hosts"][0]["drift"], serde_json::json!([]));
}

#[test]
fn a_host_whose_records_were_removed_says_so_and_gets_them_again() {
    let host = twice();
    fs::remove_dir_all(host.path.join(".hostout")).unwrap();
    let lost =
        "has lost its records, .hostout: git hostout rollback far --to 0.1.1 writes them anew";
    host.hostout(&["status", "far", "--exit-code"])
        .exits(25)
        .says(&["differs from the ledger", &format!("  web1: {lost}\n")]);
    assert_eq!(
        host.status()["hosts"][0]["drift"],
        serde_json::json!([lost])
    );
    let run = host.hostout(&["deploy", "far", "--yes"]).exits(11);
    let run = run.says(&[
        "web1: runs 0.1.1, and has no record of how that came there",
        "git hostout rollback far --to 0.1.1 asks, and goes on from there",
    ]);
    assert!(!run.to_string().contains("another path"), "{run}");
    host.hostout(&["rollback", "far", "--to", "0.1.1", "--yes"])
        .exits(0);
    assert_eq!(host.live().as_deref(), Some("0.1.1"));
    assert_eq!(host.status()["hosts"][0]["drift"], serde_json::json!([]));
    host.hostout(&["deploy", "far", "0.1.0", "--yes"]).exits(0);
}

#[test]
fn what_a_clone_has_not_heard_of_is_fetched_first() {
    let two = Two::of(Host::of(Project::single(), "").only());
    let host = &two.host;
    host.project.commit_empty("Again");
    host.hostout(&["release", "0.1.1", "--yes"]).exits(0);
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    two.there(&["deploy", "far", "0.1.0", "--dry-run"])
        .exits(0)
        .says(&["0.1.0 is older than 0.1.1"]);

    // Without the remote the other clone cannot know who that was.
    host.hostout(&["deploy", "far", "0.1.0", "--yes"]).exits(0);
    let remote = host.project.sandbox.path("remote.git");
    fs::rename(&remote, remote.with_extension("away")).unwrap();
    two.there(&["deploy", "far", "0.1.1", "--yes"])
        .exits(11)
        .says(&[
            "does not answer",
            "runs 0.1.0 by deployment",
            "does not know",
        ]);
    assert_eq!(host.live().as_deref(), Some("0.1.0"));
    // It is no other release than the ledger says, but whose it is nobody there knows.
    host.hostout(&["deploy", "far", "0.1.1", "--yes"]).exits(0);
    two.there(&["status", "far", "--exit-code"])
        .exits(25)
        .says(&["web1: runs 0.1.1 by deployment", "does not know"]);
}

#[test]
fn a_link_that_is_replaced_while_we_run_stops_it_before_the_switch() {
    let host = twice();
    let current = host.path.join("current").display().to_string();
    let script = format!("ln -sfn releases/0.1.0 {current}");
    let hook = format!("\n[hooks]\nbefore-stop = [\"sh\", \"-c\", \"{script}\"]\n");
    let text = host.project.read("hostout.toml") + &hook;
    host.project.write("hostout.toml", &text);
    host.project.commit("Meddle");
    host.hostout(&["release", "0.1.2", "--yes"]).exits(0);
    host.hostout(&["deploy", "far", "--yes"]).exits(21).says(&[
        "0.1.0 is live, not 0.1.1 as planned",
        "On web1, 0.1.0 is live",
    ]);
    assert_eq!(host.live().as_deref(), Some("0.1.0"));
    assert!(host.status()["hosts"][0]["lock"].is_null());
}

/// The agent says no before it has a job that could give the lock back.
#[test]
fn a_link_that_is_replaced_before_the_switch_leaves_no_lock() {
    let host = twice();
    let project = &host.project;
    let sandbox = &project.sandbox;
    let remote = sandbox.path("remote.git");
    let address = remote.display().to_string();
    sandbox.git(sandbox.root(), &["init", "--bare", "--quiet", &address]);
    project.git(&["remote", "add", "origin", &address]);
    host.hostout(&["resume"]).exits(0);
    project.commit_empty("Once more");
    host.hostout(&["release", "0.1.2", "--yes"]).exits(0);
    // When the start of the deployment is pushed everything is prepared, and nothing switched.
    let current = host.path.join("current").display().to_string();
    let script = format!("#!/bin/sh\nln -sfn releases/0.1.0 {current}\n");
    let hook = remote.join("hooks/pre-receive");
    fs::write(&hook, script).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    host.hostout(&["deploy", "far", "--yes"]).exits(21).says(&[
        "0.1.0 is live, not 0.1.1 as planned",
        "On web1, 0.1.0 is live, untouched",
    ]);
    assert_eq!(host.live().as_deref(), Some("0.1.0"));
    let stage = host.status();
    assert!(stage["hosts"][0]["lock"].is_null(), "{stage}");
}
