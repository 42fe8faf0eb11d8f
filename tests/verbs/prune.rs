//! `git hostout prune`

use crate::support::{Project, tree};

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
