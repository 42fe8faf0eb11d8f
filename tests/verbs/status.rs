//! `git hostout status`

use crate::support::Project;

#[test]
fn says_what_is_live_and_whether_it_answers() {
    let project = Project::released();
    let run = project.hostout(&["status", "--json"]).exits(0);
    let stage = &run.json()["stages"][0];
    assert_eq!(stage["stage"], "local", "{stage}");
    assert!(stage["release"].is_null(), "{stage}");

    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    project
        .hostout(&["status"])
        .exits(0)
        .says(&["local", "0.1.0"])
        .matches(&project.sandbox, "status", &[]);
    let run = project
        .hostout(&["status", "local", "--json", "--exit-code"])
        .exits(0);
    let json = run.json();
    let stage = &json["stages"][0];
    assert_eq!(stage["release"], "0.1.0", "{json}");
    assert!(stage["serial"].is_u64(), "{json}");
    let host = &stage["hosts"][0];
    assert_eq!(host["host"], "local", "{json}");
    assert_eq!(host["release"], "0.1.0", "{json}");
    assert!(host["id"].is_string(), "{json}");
    assert_eq!(host["healthy"], true, "{json}");
    assert_eq!(host["reachable"], true, "{json}");
    assert!(host["lock"].is_null(), "{json}");
    assert_eq!(host["drift"], serde_json::json!([]), "{json}");

    project.sandbox.stop_all();
    let run = project
        .hostout(&["status", "local", "--json", "--exit-code"])
        .exits(25);
    assert_eq!(run.json()["stages"][0]["hosts"][0]["healthy"], false);
    project.hostout(&["status", "local"]).exits(0);
    project.hostout(&["status", "moon"]).exits(10);
}
