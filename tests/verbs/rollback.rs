//! `git hostout rollback`

use crate::support::{Project, remove_tree, tree};
use std::fs;

/// A project with 0.1.0, 0.1.1 and 0.1.2 deployed one after another, in that order.
fn three_times() -> Project {
    let project = Project::released();
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    for word in ["Good day", "Good evening"] {
        project.greet(word);
        project.hostout(&["release", "--yes"]).exits(0);
        project.hostout(&["deploy", "local", "--yes"]).exits(0);
    }
    project
}

#[test]
fn goes_back_step_by_step_and_never_forward() {
    let project = three_times();
    project
        .hostout(&["rollback", "local", "--dry-run"])
        .exits(0)
        .says(&["0.1.2", "0.1.1"]);
    assert_eq!(project.live().as_deref(), Some("0.1.2"));

    project
        .hostout(&["rollback", "local", "--yes", "-m", "wrong words"])
        .exits(0)
        .matches(&project.sandbox, "rollback", &[tree(&project.host, 1)]);
    assert_eq!(project.live().as_deref(), Some("0.1.1"));
    assert!(project.page().contains("Good day, world!"));
    project.hostout(&["rollback", "local", "--yes"]).exits(0);
    assert_eq!(project.live().as_deref(), Some("0.1.0"));
    assert!(project.page().contains("Hello, world!"));
    project
        .hostout(&["rollback", "local", "--yes"])
        .exits(11)
        .says(&["--to"]);
    assert_eq!(project.live().as_deref(), Some("0.1.0"));

    project
        .hostout(&["rollback", "local", "--to", "0.1.2", "--yes"])
        .exits(0);
    assert!(project.page().contains("Good evening, world!"));

    let run = project.hostout(&["log", "local", "--json"]).exits(0);
    let json = run.json();
    let entries = json["entries"].as_array().unwrap();
    let rollbacks = entries.iter().filter(|entry| entry["kind"] == "rollback");
    assert_eq!(rollbacks.count(), 3, "{json}");
    assert!(
        entries.iter().any(|entry| entry["reason"] == "wrong words"),
        "{json}"
    );

    // What it was last healthy is not when it was first.
    let last = entries.iter().find(|entry| entry["version"] == "0.1.1");
    let time = last.unwrap()["time"].as_str().unwrap();
    let told = format!(
        "0.1.1 was last healthy there {} UTC",
        time[..16].replace('T', " ")
    );
    project
        .hostout(&["rollback", "local", "--dry-run"])
        .exits(0)
        .says(&[&told]);
}

#[test]
fn ships_again_what_the_host_lost() {
    let project = Project::released();
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    project.greet("Good day");
    project.hostout(&["release", "--yes"]).exits(0);
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    project.sandbox.stop_all();
    remove_tree(&project.host);

    project
        .hostout(&["rollback", "local", "--to", "0.1.0", "--yes"])
        .exits(0);
    assert_eq!(project.live().as_deref(), Some("0.1.0"));
    assert!(project.page().contains("Hello, world!"));
}

#[test]
fn sends_again_what_a_complete_release_lost() {
    let project = Project::released();
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    project.greet("Good day");
    project.hostout(&["release", "--yes"]).exits(0);
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    let wheels = |sha256: &str| {
        project
            .host
            .join("store")
            .join(&sha256[..2])
            .join(&sha256[2..])
    };
    let shown = project
        .hostout(&["show", "0.1.0", "--json"])
        .exits(0)
        .json();
    let eggs = shown["egg"].as_array().unwrap();
    let of = |name: &str| {
        let egg = eggs.iter().find(|egg| egg["name"] == name).unwrap();
        wheels(egg["artifacts"][0]["sha256"].as_str().unwrap())
    };
    let (gone, damaged) = (of("acme.greeting"), of("acme.welcome"));
    fs::remove_file(&gone).unwrap();
    project
        .hostout(&["rollback", "local", "--dry-run"])
        .exits(0)
        .says(&["upload", "1 artifact", "which is there and complete"]);
    fs::remove_file(&damaged).unwrap();
    fs::write(&damaged, "damaged").unwrap();
    project
        .hostout(&["rollback", "local", "--yes"])
        .exits(21)
        .says(&["was damaged in the store; removed", "it will be sent anew"]);
    project.hostout(&["rollback", "local", "--yes"]).exits(0);
    assert!(project.page().contains("Hello, world!"));

    // Eggs are shared by releases, and made again from the store.
    remove_tree(&project.host.join("eggs"));
    project
        .hostout(&["status", "local"])
        .exits(0)
        .says(&["releases/0.1.0 is not complete"]);
    project
        .hostout(&["deploy", "local", "0.1.0", "--yes"])
        .exits(0);
    let status = project.hostout(&["status", "local", "--exit-code"]);
    status.exits(0).says(&["healthy"]);
    assert!(project.page().contains("Hello, world!"));
}

#[test]
fn stops_what_runs_though_current_was_taken_away() {
    let project = Project::released();
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    fs::remove_file(project.host.join("current")).unwrap();
    assert!(project.page().contains("Hello, world!"));
    project
        .hostout(&["status", "local"])
        .exits(0)
        .says(&["runs nothing, the ledger says 0.1.0"]);
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    assert_eq!(project.live().as_deref(), Some("0.1.0"));
    assert!(project.page().contains("Hello, world!"));
}

#[test]
fn unknown_names_have_their_own_codes() {
    let project = Project::released();
    project
        .hostout(&["rollback", "moon", "--yes"])
        .exits(10)
        .says(&["moon"]);
    project
        .hostout(&["rollback", "local", "--to", "9.9.9", "--yes"])
        .exits(11)
        .says(&["9.9.9"]);
    project
        .hostout(&["rollback", "local", "--yes"])
        .exits(11)
        .says(&["there is no earlier healthy release on local to go back to"]);
}
