//! `git hostout resume`

use crate::support::{Project, refs};
use std::fs;

#[test]
fn with_nothing_open_it_does_nothing() {
    let project = Project::single();
    project.hostout(&["init"]).exits(0);
    let before = refs(&project.sandbox, &project.directory);
    assert!(before.contains("refs/heads/hostout commit"), "{before}");
    project
        .hostout(&["resume"])
        .exits(0)
        .says(&["There is nothing to resume."]);
    assert_eq!(refs(&project.sandbox, &project.directory), before);
}

#[test]
fn a_release_that_stopped_before_its_entry_is_finished() {
    let project = Project::single();
    project.hostout(&["init"]).exits(0);
    let lock = project.directory.join(".git/refs/heads/hostout.lock");
    fs::write(&lock, "").unwrap();
    let run = project.hostout(&["release", "--yes"]);
    let finished = project.git(&["ls-tree", "-r", "--name-only", "hostout"]);
    assert!(!finished.contains("releases/"), "{run}");
    fs::remove_file(&lock).unwrap();

    project.hostout(&["resume"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);
    assert_eq!(project.git(&["tag"]), "v0.1.0");
    assert_eq!(project.manifest("0.1.0").version.to_string(), "0.1.0");
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
}
