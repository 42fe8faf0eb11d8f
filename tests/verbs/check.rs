//! `git hostout check`

use crate::support::{Project, refs};

#[test]
fn says_everything_and_changes_nothing() {
    let project = Project::hello();
    project.hostout(&["init"]).exits(0);
    let before = refs(&project.sandbox, &project.directory);
    project
        .hostout(&["check"])
        .exits(0)
        .says(&["release: 0.1.0 can be made"]);
    project.hostout(&["check", "local"]).exits(0);
    project.hostout(&["check", "moon"]).exits(10);

    project.edit("prod.cfg", "threads = 4", "threads = 8");
    project.edit("src/acme.welcome/setup.py", "says hello", "greets");
    project
        .hostout(&["check"])
        .exits(11)
        .says(&["prod.cfg", "src/acme.welcome/setup.py"]);
    assert_eq!(refs(&project.sandbox, &project.directory), before);
    assert!(!project.host.exists());
}

#[test]
fn a_commit_that_is_released_is_up_to_date() {
    Project::released_single()
        .hostout(&["check"])
        .exits(0)
        .says(&["release: 0.1.0 is up to date"]);
}
