//! What `--json` prints: fields may be added, never renamed.

use super::{document, same_shape};
use crate::support::Project;

#[test]
fn every_document_has_the_fields_it_had() {
    let project = Project::released();
    let check = |name: &str, arguments: &[&str], code: i32| {
        let run = project.hostout(arguments).exits(code);
        same_shape(&document(name), &run.json(), name);
    };
    check("plan.json", &["deploy", "local", "--dry-run", "--json"], 0);
    let plan = project
        .hostout(&["deploy", "local", "--dry-run", "--json"])
        .json();
    let steps = document("plan.json");
    // Kinds of steps may be added too.
    let new = plan["steps"].as_array().unwrap();
    for old in steps["steps"].as_array().unwrap() {
        let same = |new: &&serde_json::Value| new["action"] == old["action"];
        same_shape(old, new.iter().find(same).unwrap(), "step");
    }
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    check("status.json", &["status", "--json"], 0);
    check("log.json", &["log", "--json"], 0);
    check("show.json", &["show", "--json"], 0);
    check("diff.json", &["diff", "0.1.0", "local", "--json"], 0);
    project.edit("base.cfg", "[buildout]", "[buildout]\n# changed");
    project.write("prod.cfg", &format!("{}\n", project.read("prod.cfg")));
    check("error.json", &["release", "--json"], 11);
    project.git(&["checkout", "--quiet", "."]);
    project.sandbox.stop_all();
}
