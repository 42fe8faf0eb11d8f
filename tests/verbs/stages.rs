//! Several stages of one release.

use crate::support::{Project, free_port, page};

#[test]
fn two_on_one_host_from_one_manifest() {
    let project = Project::hello();
    let second = free_port();
    project.edit("staging.cfg", "8081", &second.to_string());
    let path = project.sandbox.path("srv-staging");
    let more = format!(
        "buildout = \"staging.cfg\"\n\n[stage.staging.health]\nhttp = \"http://127.0.0.1:{second}/\"\n"
    );
    project.add_stage("staging", path.to_str().unwrap(), &more);
    project.commit("Add a second site");
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);
    project.hostout(&["deploy", "staging", "--yes"]).exits(0);
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    for port in [project.port, second] {
        assert!(page(port).unwrap().contains("Hello, world!"), "{port}");
    }
    assert_eq!(project.git(&["tag"]), "v0.1.0");
    let manifest = project.manifest("0.1.0");
    let mut names: Vec<_> = manifest
        .buildout
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["default", "staging"]);

    // Verbs that can lose something want the stage named; the others want it where there is no default.
    project
        .hostout(&["rollback", "--yes"])
        .exits(2)
        .says(&["local", "staging"]);
    project
        .hostout(&["deploy", "--yes"])
        .exits(2)
        .says(&["local", "staging"]);
    let run = project.hostout(&["status", "--json"]).exits(0);
    assert_eq!(run.json()["stages"].as_array().unwrap().len(), 2);
}
