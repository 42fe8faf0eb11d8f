//! Two people, two clones, one remote.

use crate::support::{Host, Project, Two, remove_tree};
use std::fs;

#[test]
fn two_stages_at_once_are_both_in_the_ledger() {
    let two = Two::of(Host::of(Project::single(), ""));
    two.host
        .hostout(&["-v", "deploy", "far", "--yes"])
        .exits(0)
        .says(&["ledger pushed to origin"]);
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
    let two = Two::of(Host::of(Project::single(), ""));
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

#[test]
fn a_ledger_that_went_two_ways_is_joined_unless_both_released() {
    let two = Two::of(Host::of(Project::single(), ""));
    let host = &two.host;
    let remote = host.project.sandbox.path("remote.git");
    let without_remote = |work: &dyn Fn()| {
        fs::rename(&remote, remote.with_extension("away")).unwrap();
        work();
        fs::rename(remote.with_extension("away"), &remote).unwrap();
    };
    let deploy = ["deploy", "far", "--yes"];
    without_remote(&|| drop(host.hostout(&deploy).exits(0)));
    two.there(&["deploy", "local", "--yes"]).exits(0);
    host.hostout(&["unlock", "far", "-m", "look"])
        .exits(0)
        .says(&["; `git hostout resume` joins them"]);
    host.hostout(&["resume"]).exits(0);
    two.there(&["resume"]).exits(0);
    let [here, theirs, there] = two.tips();
    assert_eq!((&here, &theirs), (&there, &there));

    without_remote(&|| {
        host.project.commit_empty("Mine");
        host.hostout(&["release", "0.1.1", "--yes"]).exits(0);
        let commit = ["commit", "--quiet", "--allow-empty", "-m", "Theirs"];
        host.project.sandbox.git(&two.other, &commit);
        two.there(&["release", "0.2.0", "--yes"]).exits(0);
    });
    host.hostout(&["resume"]).exits(0);
    two.there(&["resume"]).exits(11).says(&[
        "origin got another release in between: ",
        "git tag -d v0.2.0",
    ]);
}
