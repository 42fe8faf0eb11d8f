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
    // What git itself fetches is heard of, too.
    let newest = || two.host.hostout(&["log", "--json"]).exits(0).json()["entries"][0].clone();
    assert_eq!(newest()["stage"], "far");
    two.host.project.git(&["fetch", "--quiet", "origin"]);
    assert_eq!(newest()["stage"], "local");
    assert_eq!(two.tips()[0], remote);
    let message = "tidy up\n\nHostout-Serial: 7\nHostout-Id: 0123456789abcdef\n";
    let git = |arguments: &[&str]| two.host.project.git(arguments);
    let stranger = [
        "commit-tree",
        "hostout^{tree}",
        "-p",
        "hostout",
        "-m",
        message,
    ];
    let stranger = git(&stranger);
    git(&["update-ref", "refs/remotes/origin/hostout", &stranger]);
    two.host
        .hostout(&["log"])
        .exits(0)
        .says(&["origin/hostout, as git fetched it, is not taken over: "]);
    assert_eq!(two.tips()[0], remote);
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
fn what_others_decided_in_between_holds_for_a_deployment_that_has_not_switched() {
    let two = Two::of(Host::of(Project::single(), ""));
    let project = &two.host.project;
    let refused = |words: &[&str]| {
        // This clone has not heard of it, nor has the host: the remote has.
        let run = project.hostout(&["deploy", "local", "0.1.0", "--yes"]);
        run.exits(11).says(words).says(&["Nothing was changed"]);
        assert_eq!(project.live(), None);
        let [here, theirs, remote] = two.tips();
        assert_eq!((&here, &theirs), (&remote, &remote));
    };
    let ben = project.sign_as("ben");
    project.sign_as_ada();
    let add = ["keys", "add", &ben, "--name", "ben@example.org"];
    let role = ["--role", "deploy:local", "--yes"];
    project.hostout(&[&add[..], &role].concat()).exits(0);
    two.there(&["keys", "remove", "ben@example.org", "--yes"])
        .exits(0);
    project.sign_as("ben");
    refused(&["may not do this: it needs the role deploy:local"]);
    project.sign_as_ada();
    two.there(&["withdraw", "0.1.0", "--yes", "-m", "leaks"])
        .exits(0);
    refused(&["release 0.1.0 was withdrawn: Ada Example", "leaks"]);
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
    let refused = two.there(&["resume"]).exits(11);
    refused.says(&[
        "origin got another release in between: ",
        "give yours up, and release again: git hostout resume --give-up && git hostout release",
    ]);
    // Until then nothing is deployed that nobody else would hear of, but for the way back.
    let deploy = ["deploy", "local", "0.2.0", "--yes"];
    two.there(&deploy).exits(11).says(&[
        "went different ways",
        "`git hostout resume --give-up` shows what of ours cannot go on top of theirs",
    ]);
    without_remote(&|| drop(two.there(&deploy).exits(0)));
    two.there(&["rollback", "local", "--yes"])
        .exits(0)
        .says(&["went different ways", "0.1.0 (tag v0.1.0) is live on local"]);
}

#[test]
fn a_release_that_came_too_late_is_given_up_and_made_again() {
    let two = Two::of(Host::of(Project::single(), ""));
    let (host, sandbox) = (&two.host, &two.host.project.sandbox);
    let git = |arguments: &[&str]| sandbox.git(&two.other, arguments);
    two.there(&["resume", "--give-up"])
        .exits(0)
        .says(&["There is nothing to give up; `git hostout resume` does what is left to be done."]);
    git(&["commit", "--quiet", "--allow-empty", "-m", "Mine"]);
    two.there(&["release", "0.2.0", "--yes", "--no-push"])
        .exits(0);
    two.there(&["verify"]).exits(0);
    host.project.commit_empty("Theirs");
    host.hostout(&["release", "0.2.0", "--yes"]).exits(0);

    two.there(&["release", "0.3.0", "--yes"]).exits(11).says(&[
        "git hostout resume --give-up gives ours up, to be released again on top of theirs",
    ]);
    two.there(&["unlock", "far", "-m", "look"])
        .says(&["`git hostout resume --give-up` shows what of ours cannot go on top of theirs"]);
    two.there(&["resume"])
        .exits(11)
        .says(&["git hostout resume --give-up && git hostout release"]);
    let before = git(&[
        "rev-parse",
        "hostout",
        "v0.2.0",
        "refs/hostout/seen/hostout",
    ]);
    two.there(&["resume", "--give-up", "--dry-run"])
        .exits(0)
        .says(&["give up", "`release 0.2.0` of ledger hostout, tag v0.2.0"]);
    let after = git(&[
        "rev-parse",
        "hostout",
        "v0.2.0",
        "refs/hostout/seen/hostout",
    ]);
    assert_eq!(before, after);
    two.there(&["resume", "--give-up", "--yes"])
        .exits(0)
        .says(&[
            "Given up; the ledger here goes on from that of origin. Next: git hostout release",
        ]);

    let [here, theirs, remote] = two.tips();
    assert_eq!((&here, &theirs), (&remote, &remote));
    // What the remote was seen to have is not forgotten, nor what both have.
    assert_eq!(
        git(&["rev-parse", "refs/hostout/remotes/origin/hostout"]),
        remote
    );
    git(&[
        "merge-base",
        "--is-ancestor",
        "refs/hostout/seen/hostout",
        "hostout",
    ]);
    let tag = host.project.git(&["rev-parse", "v0.2.0"]);
    assert_eq!(git(&["rev-parse", "v0.2.0"]), tag);
    two.there(&["verify"]).exits(0);
    two.there(&["release", "0.3.0", "--yes"]).exits(0);
    two.there(&["deploy", "local", "--yes"]).exits(0);
}

#[test]
fn what_was_done_with_a_release_is_given_up_with_it_and_the_rest_is_kept() {
    let two = Two::of(Host::of(Project::single(), ""));
    let (host, sandbox) = (&two.host, &two.host.project.sandbox);
    let remote = sandbox.path("remote.git");
    let away = remote.with_extension("away");
    fs::rename(&remote, &away).unwrap();
    two.there(&["deploy", "local", "0.1.0", "--yes"]).exits(0);
    sandbox.git(
        &two.other,
        &["commit", "--quiet", "--allow-empty", "-m", "Mine"],
    );
    two.there(&["release", "0.2.0", "--yes"]).exits(0);
    two.there(&["deploy", "local", "0.2.0", "--yes"]).exits(0);
    fs::rename(&away, &remote).unwrap();
    host.project.commit_empty("Theirs");
    host.hostout(&["release", "0.2.0", "--yes"]).exits(0);
    two.there(&["resume", "--give-up", "--yes"])
        .exits(0)
        .says(&[
            "what was deployed of it runs on, until `git hostout rollback STAGE --to VERSION` goes on from there",
            "2 entries of ledger hostout, onto",
            "Pushed to origin.",
        ]);
    let [_, theirs, there] = two.tips();
    assert_eq!(theirs, there);
    two.there(&["verify"]).exits(0);
    let log = two.there(&["log", "local", "--json"]).exits(0).json();
    let versions = log["entries"].as_array().unwrap().iter();
    let versions: Vec<&str> = versions
        .filter_map(|entry| entry["version"].as_str())
        .collect();
    assert_eq!(versions, ["0.1.0"], "{log}");
    two.there(&["release", "0.3.0", "--yes"]).exits(0);
    two.there(&["deploy", "local", "0.3.0", "--yes"])
        .exits(11)
        .says(&["git hostout rollback local --to 0.3.0 asks, and goes on from there"]);
}
