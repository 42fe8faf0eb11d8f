//! `git hostout log`

use crate::support::Project;

#[test]
fn tells_what_happened_newest_first() {
    let project = Project::released();
    project
        .hostout(&["deploy", "local", "--yes", "-m", "first try"])
        .exits(0);
    project
        .hostout(&["log"])
        .exits(0)
        .says(&["0.1.0", "Ada Example"]);
    let run = project.hostout(&["log", "local", "--json"]).exits(0);
    let json = run.json();
    let entries = json["entries"].as_array().unwrap();
    let entry = &entries[0];
    for field in [
        "serial", "id", "kind", "version", "stage", "by", "time", "reason", "result",
    ] {
        assert!(entry.get(field).is_some(), "{field}: {json}");
    }
    assert_eq!(entry["kind"], "deploy", "{json}");
    assert_eq!(entry["version"], "0.1.0", "{json}");
    assert_eq!(entry["stage"], "local", "{json}");
    assert_eq!(entry["reason"], "first try", "{json}");
    assert_eq!(entry["result"], "healthy", "{json}");
    assert!(
        entry["by"].as_str().unwrap().contains("Ada Example"),
        "{json}"
    );
    let pairs = entries.iter().filter(|entry| entry["kind"] == "deploy");
    assert_eq!(
        pairs.count(),
        1,
        "a started and an ended entry are shown as one: {json}"
    );

    let run = project.hostout(&["log", "-n", "1", "--json"]).exits(0);
    assert_eq!(run.json()["entries"].as_array().unwrap().len(), 1);
    project.hostout(&["log", "moon"]).exits(10);
}
