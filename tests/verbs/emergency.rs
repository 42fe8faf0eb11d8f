//! A rollback needs only the host: neither the remote, nor a clone that has heard of everything.

use crate::support::{Host, Project, Two};
use std::{fs, path::PathBuf};

/// Two releases after the first, deployed, and then the remote moved away: where it was, and where it is.
fn without_remote(host: &Host) -> [PathBuf; 2] {
    for version in ["0.1.1", "0.1.2"] {
        host.project.commit_empty("Again");
        host.hostout(&["release", version, "--yes"]).exits(0);
        host.hostout(&["deploy", "far", "--yes"]).exits(0);
    }
    let remote = host.project.sandbox.path("remote.git");
    let away = remote.with_extension("away");
    fs::rename(&remote, &away).unwrap();
    [remote, away]
}

#[test]
fn a_clone_that_heard_of_nothing_rolls_back_without_the_remote_and_tells_it_later() {
    let two = Two::of(Host::of(Project::single(), "").only());
    let host = &two.host;
    let [remote, away] = without_remote(host);

    let known = two.there(&["log", "far", "--json"]).exits(0).json();
    assert_eq!(
        known["entries"],
        serde_json::json!([]),
        "it heard of no deployment"
    );
    let run = two
        .there(&["rollback", "far", "--yes", "-m", "3 a.m."])
        .exits(0)
        .says(&[
            "origin does not answer",
            "web1 tells of deployments that the ledger here does not know",
            "runs 0.1.2 by deployment",
            "0.1.1 (tag v0.1.1) is live on far",
        ]);
    let silent = run.stderr.matches("origin does not answer").count();
    assert_eq!(silent, 1, "it is said once: {run}");
    assert_eq!(host.live().as_deref(), Some("0.1.1"));

    // A manifest that nobody of the ledger signed is not believed, wherever it lies.
    let held = host.path.join("releases/0.1.2/.hostout/manifest.toml");
    let text = fs::read_to_string(&held).unwrap();
    fs::write(&held, text.clone() + "\n").unwrap();
    two.there(&["rollback", "far", "--to", "0.1.2", "--yes"])
        .exits(11)
        .says(&["release 0.1.2 does not verify", "manifest"]);
    fs::write(&held, text).unwrap();
    assert_eq!(host.live().as_deref(), Some("0.1.1"));

    fs::rename(&away, &remote).unwrap();
    two.there(&["resume"]).exits(0).says(&["Pushed to origin"]);
    let [_, theirs, there] = two.tips();
    assert_eq!(theirs, there);
    let json = two.there(&["log", "far", "--json"]).exits(0).json();
    let newest = &json["entries"][0];
    assert_eq!(newest["kind"], "rollback", "{json}");
    assert_eq!(
        (&newest["reason"], &newest["result"]),
        (&"3 a.m.".into(), &"healthy".into())
    );
    assert_eq!(json["entries"].as_array().unwrap().len(), 3, "{json}");

    // The first clone hears of it when it sees the host.
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    assert_eq!(host.live().as_deref(), Some("0.1.2"));

    // A command that has nothing to do pushes what waits, once the remote answers.
    fs::rename(&remote, &away).unwrap();
    let again = ["deploy", "far", "0.1.1", "--yes"];
    let live = "single 0.1.1 is live and healthy on far already";
    host.hostout(&again).exits(0);
    let waits = [live, "origin cannot be reached", "pushes the ledger later"];
    host.hostout(&again).exits(0).says(&waits);
    fs::rename(&away, &remote).unwrap();
    host.hostout(&again)
        .exits(0)
        .says(&[live, "Pushed to origin"]);
    let [ours, _, theirs] = two.tips();
    assert_eq!(ours, theirs);
}

#[test]
fn one_that_is_told_late_says_nothing_of_what_is_live_since() {
    let two = Two::of(Host::of(Project::single(), "").only());
    let host = &two.host;
    let [remote, away] = without_remote(host);
    let back = ["rollback", "far", "--yes"];
    two.there(&back)
        .exits(0)
        .says(&["0.1.1 (tag v0.1.1) is live on far"]);
    fs::rename(&away, &remote).unwrap();
    host.hostout(&["rollback", "far", "--to", "0.1.2", "--yes"])
        .exits(0);
    // In the ledger it stands behind what came after it.
    two.there(&["resume"]).exits(0).says(&["Pushed to origin"]);
    let log = two.there(&["log", "far", "--json"]).exits(0).json();
    assert_eq!(log["entries"][0]["version"], "0.1.1", "{log}");
    let status = two.there(&["status", "far", "--json", "--exit-code"]);
    let json = status.exits(0).json();
    let stage = &json["stages"][0];
    assert_eq!(stage["release"], "0.1.2", "{json}");
    assert_eq!(stage["hosts"][0]["drift"], serde_json::json!([]));
    assert_eq!(stage["serial"], log["entries"][1]["serial"], "{log}");
    let diff = two.there(&["diff", "far", "0.1.2", "--json"]).exits(0);
    assert_eq!(diff.json()["from"], "0.1.2", "no host was asked");
    let words = ["fetch", "--quiet", "--tags", "origin"];
    host.project.sandbox.git(&two.other, &words);
    two.there(&["deploy", "far", "0.1.2", "--yes"])
        .exits(0)
        .says(&["is live and healthy on far already"]);
    two.there(&back)
        .exits(0)
        .says(&["0.1.1 (tag v0.1.1) is live on far"]);
}
