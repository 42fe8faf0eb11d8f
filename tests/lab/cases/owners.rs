//! Files of other users: only root can give some away.

use super::{Need, cases};
use crate::support::Project;
use std::{fs, os::unix::fs::chown};

cases![Need::Root; a_repository_of_another_user_is_refused_as_git_does_unless_it_is_named_safe];

fn a_repository_of_another_user_is_refused_as_git_does_unless_it_is_named_safe() {
    let project = Project::released_single();
    let nobody = Some(65534);
    let git = project.directory.join(".git");
    for place in [&project.directory, &git] {
        chown(place, nobody, nobody).unwrap();
    }
    let path = fs::canonicalize(&project.directory).unwrap();
    let remedy = format!(
        "git refuses it too; if you trust it: git config --global --add safe.directory '{}'",
        path.display()
    );
    for arguments in [
        &["release", "0.2.0", "--yes"] as &[&str],
        &["init"],
        &["status"],
    ] {
        project
            .hostout(arguments)
            .exits(11)
            .says(&["belongs to another user: its ownership is dubious", &remedy]);
    }
    let mut named = project.sandbox.command("git", project.sandbox.root());
    let safe = ["config", "--global", "--add", "safe.directory"];
    assert!(named.args(safe).arg(&path).status().unwrap().success());
    project.hostout(&["release", "0.2.0", "--yes"]).exits(0);
}
