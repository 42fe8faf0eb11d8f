//! `git hostout show` and `git hostout diff`

use crate::support::Project;

#[test]
fn a_manifest_and_what_differs_between_two() {
    let project = Project::released();
    project
        .hostout(&["show", "0.1.0"])
        .exits(0)
        .says(&["acme.welcome", "waitress"]);
    let json = project
        .hostout(&["show", "v0.1.0", "--json"])
        .exits(0)
        .json();
    let manifest = project.manifest("0.1.0");
    assert_eq!(json["format"], 1);
    assert_eq!(json["version"], "0.1.0");
    assert_eq!(json["commit"], manifest.commit.as_str());
    assert_eq!(json["release-commit"], manifest.release_commit.as_str());
    assert_eq!(
        json["tarball"]["tar-sha256"],
        manifest.tarball.tar_sha256.to_string()
    );
    assert_eq!(json["pin"].as_array().unwrap().len(), manifest.pin.len());
    let newest = project.hostout(&["show", "--json"]).exits(0).json();
    assert_eq!(newest, json);

    project.greet("Good day");
    project.hostout(&["release", "--yes"]).exits(0);
    let run = project
        .hostout(&["diff", "0.1.0", "0.1.1"])
        .exits(0)
        .says(&["acme.greeting"]);
    assert!(!run.stdout.contains("acme.welcome"), "{run}");
    project.edit("hostout.toml", "timeout = \"30s\"", "timeout = \"45s\"");
    project.commit("Wait longer");
    project.hostout(&["release", "--yes"]).exits(0);
    let run = project.hostout(&["diff", "0.1.1", "0.1.2"]).exits(0);
    run.says(&["setting  default.health.timeout  30            ->  45"]);
    let same = project
        .hostout(&["diff", "0.1.0", "0.1.0"])
        .exits(0)
        .says(&["0.1.0 and 0.1.0 do not differ."]);
    assert!(!same.stdout.contains("acme.greeting"), "{same}");
    project
        .hostout(&["show", "9.9.9"])
        .exits(11)
        .says(&["there is no release 9.9.9"]);
    project.hostout(&["diff", "0.1.0", "9.9.9"]).exits(11);
    project
        .hostout(&["diff", "0.1.0", "locla"])
        .exits(10)
        .says(&["locla", "local"]);
    project
        .hostout(&["diff", "0.1.0", "local"])
        .exits(11)
        .says(&["nothing was ever healthy on local"]);
}
