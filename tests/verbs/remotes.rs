//! Remotes that came later than the ledger, say no, or have only part of what there is.

use crate::support::{Project, Sandbox};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

const MODULE: &str = "src/acme/single/__init__.py";

/// Adds an empty remote, with the branch in it.
fn add_remote(project: &Project, name: &str) -> PathBuf {
    let remote = project.sandbox.path(&format!("{name}.git"));
    let path = remote.display().to_string();
    project.git(&["init", "--bare", "--quiet", &path]);
    project.git(&["remote", "add", name, &path]);
    project.git(&["push", "--quiet", name, "HEAD:refs/heads/main"]);
    project
        .sandbox
        .git(&remote, &["symbolic-ref", "HEAD", "refs/heads/main"]);
    remote
}

fn clone(project: &Project, options: &[&str]) -> PathBuf {
    let clone = project.sandbox.path("clone");
    let address = format!("file://{}", project.sandbox.path("origin.git").display());
    let to = clone.display().to_string();
    project.git(&[&["clone", "--quiet"], options, &[&address, &to]].concat());
    clone
}

fn tags(sandbox: &Sandbox, remote: &Path) -> String {
    sandbox.git(remote, &["tag"])
}

fn change(project: &Project, from: &str, to: &str) {
    project.edit(MODULE, from, to);
    project.commit(&format!("Say {to}"));
}

#[test]
fn a_remote_that_came_later_gets_the_tags_of_all_releases() {
    let project = Project::released_single();
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    let origin = add_remote(&project, "origin");
    change(&project, "enough", "plenty");
    project
        .hostout(&["release", "--yes"])
        .exits(0)
        .says(&["tags v0.1.0, v0.1.1 and branch hostout to origin, all or nothing"]);
    assert_eq!(tags(&project.sandbox, &origin), "v0.1.0\nv0.1.1");
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    let colleague = clone(&project, &["--no-tags"]);
    project
        .sandbox
        .hostout(&colleague, &["rollback", "local", "--yes"])
        .exits(0);
    assert_eq!(project.live().as_deref(), Some("0.1.0"));

    // Another remote, to which a deployment is the first that pushes.
    project.hostout(&["resume"]).exits(0);
    let mirror = add_remote(&project, "mirror");
    project.git(&["config", "remote.pushDefault", "mirror"]);
    project
        .hostout(&["deploy", "local", "--yes"])
        .exits(0)
        .says(&["mirror gets tags v0.1.0, v0.1.1 with the ledger"]);
    assert_eq!(tags(&project.sandbox, &mirror), "v0.1.0\nv0.1.1");
}

#[test]
fn resume_pushes_tags_that_a_remote_lacks_and_clones_get_them() {
    let project = Project::released_single();
    let origin = add_remote(&project, "origin");
    // What an earlier version, or a person, left: the ledger without its tags.
    project.git(&["push", "--quiet", "origin", "hostout"]);
    let colleague = clone(&project, &[]);
    let there = |arguments: &[&str]| project.sandbox.hostout(&colleague, arguments);
    there(&["verify", "0.1.0"]).exits(11);
    project
        .hostout(&["resume"])
        .exits(0)
        .says(&["tag v0.1.0 and branch hostout to origin, all or nothing"]);
    assert_eq!(tags(&project.sandbox, &origin), "v0.1.0");
    project
        .hostout(&["resume"])
        .exits(0)
        .says(&["There is nothing to resume."]);
    there(&["resume"]).exits(0);
    there(&["verify", "0.1.0"]).exits(0);
}

#[test]
fn a_remote_that_declines_is_told_from_one_that_is_away() {
    let project = Project::released_single();
    let origin = add_remote(&project, "origin");
    let hook = origin.join("hooks/pre-receive");
    let words = "printf 'not on a \\033[31mFriday\\nask https://ann:pw@example.org/rules\\n' >&2";
    fs::write(&hook, format!("#!/bin/sh\n{words}\nexit 1\n")).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let run = project.hostout(&["resume"]).exits(11).says(&[
        "origin did not take it: ",
        "(pre-receive hook declined): not on a ",
        "Friday; ask https://example.org/rules",
        "a rule of it is in the way",
    ]);
    assert!(!run.stderr.contains(['\u{1b}', '@']), "{run}");
    assert!(!run.stderr.contains("cannot be reached"), "{run}");
    fs::remove_file(&hook).unwrap();
    project.hostout(&["resume"]).exits(0);
    assert_eq!(tags(&project.sandbox, &origin), "v0.1.0");
}

#[test]
fn a_partial_clone_says_how_to_become_a_whole_one() {
    for filter in ["--filter=blob:none", "--filter=tree:0"] {
        let project = Project::released_single();
        let origin = add_remote(&project, "origin");
        project.hostout(&["resume"]).exits(0);
        let git = |arguments: &[&str]| project.sandbox.git(&origin, arguments);
        git(&["config", "uploadpack.allowFilter", "true"]);
        let partial = clone(&project, &[filter]);
        let hostout = |arguments: &[&str]| project.sandbox.hostout(&partial, arguments);
        hostout(&["verify"]).exits(11).says(&[
            "could not be found",
            "this is a partial clone: `git fetch --refetch --no-filter --tags origin`",
            "`git config --unset remote.origin.partialclonefilter`",
        ]);
        let json = hostout(&["verify", "--json"]).exits(11).json();
        let hint = json["error"]["hint"].as_str().unwrap();
        assert!(hint.contains("--refetch"), "{json}");
        let git = |arguments: &[&str]| project.sandbox.git(&partial, arguments);
        git(&[
            "fetch",
            "--quiet",
            "--refetch",
            "--no-filter",
            "--tags",
            "origin",
        ]);
        git(&["config", "--unset", "remote.origin.partialclonefilter"]);
        hostout(&["verify"]).exits(0);
    }
}
