//! `git hostout verify --rebuild`: a release is made again, from git.

use crate::support::{Elsewhere, Project, write_wheel};
use serde_json::Value;
use std::fs;

fn check<'a>(json: &'a Value, name: &str) -> &'a Value {
    let checks = json["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("no check {name} in {json:#}"))
}

#[test]
fn somebody_else_elsewhere_makes_the_same_bytes_again() {
    let project = Project::released();
    let json = Elsewhere::of(&project)
        .hostout(&["verify", "0.1.0", "--rebuild", "--json"])
        .exits(0)
        .json();
    let manifest = project.manifest("0.1.0");
    for name in ["release commit", "versions.cfg", "tarball"] {
        check(&json, &format!("rebuilt {name}"));
    }
    for egg in &manifest.egg {
        let detail = &check(&json, &format!("rebuilt egg {}", egg.name))["detail"];
        assert!(
            detail.as_str().unwrap().ends_with("is the same"),
            "{detail}"
        );
    }
    for pin in &manifest.pin {
        check(&json, &format!("rebuilt pin {}", pin.name));
    }
}

#[test]
fn a_release_with_unchanged_eggs_is_made_again_whatever_the_configuration_says_today() {
    let project = Project::released();
    project.greet("Good day");
    project.hostout(&["release", "--yes"]).exits(0);
    project.edit("hostout.toml", "prod.cfg", "other.cfg");
    project.git(&["mv", "prod.cfg", "other.cfg"]);
    project.commit("Call it otherwise");
    let run = project.hostout(&["verify", "0.1.1", "--rebuild", "--json"]);
    let json = run.exits(0).json();
    let manifest = project.manifest("0.1.1");
    assert!(manifest.egg.iter().any(|egg| !egg.changed));
    for egg in &manifest.egg {
        let detail = &check(&json, &format!("rebuilt egg {}", egg.name))["detail"];
        assert!(
            detail.as_str().unwrap().ends_with("is the same"),
            "{detail}"
        );
    }
}

#[test]
fn compiled_code_is_said_and_not_claimed() {
    let project = Project::from_fixture("single");
    fs::remove_file(project.directory.join("pyproject.toml")).unwrap();
    project.write(
        "setup.py",
        "from setuptools import Extension, setup\n\nsetup(\n    name=\"acme.single\",\n    version=\"1.0\",\n    \
         packages=[\"acme.single\"],\n    package_dir={\"\": \"src\"},\n    \
         ext_modules=[Extension(\"spam_speed\", [\"speed.c\"])],\n)\n",
    );
    // The time of the build is in it: no two builds are the same.
    project.write(
        "speed.c",
        "#include <Python.h>\nconst char *made = BUILT;\nstatic struct PyModuleDef module = {PyModuleDef_HEAD_INIT, \"spam_speed\"};\n\
         PyMODINIT_FUNC PyInit_spam_speed(void) { return PyModule_Create(&module); }\n"
            .replace("BUILT", "__TIMESTAMP__ __FILE__").as_str(),
    );
    let project = project.add_stage_and_commit();
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);
    let artifact = &project.manifest("0.1.0").egg[0].artifacts[0];
    assert!(!artifact.reproducible);
    let run = project.hostout(&["verify", "--rebuild", "--json"]).exits(0);
    let json = run.json();
    let detail = &check(&json, "rebuilt egg acme.single")["detail"];
    assert!(detail.as_str().unwrap().contains("compiled code"), "{run}");
    check(&json, "rebuilt tarball");
}

#[test]
fn a_build_tool_that_is_gone_is_named_with_what_it_was_for() {
    let project = Project::single();
    let links = project.sandbox.path("links");
    write_wheel(&project.sandbox, &links, "acme.tool", "", &[]);
    let (cache, links_name) = (
        project.sandbox.path("cache").display().to_string(),
        links.display().to_string(),
    );
    let hostout = |arguments: &[&str], more: &[(&str, &str)]| {
        let variables = [&[("PIP_FIND_LINKS", &*links_name)], more].concat();
        let sandbox = &project.sandbox;
        sandbox.hostout_with(&project.directory, arguments, &variables)
    };
    let requires = "requires = [\"hatchling\", \"acme.tool\"]";
    project.edit("pyproject.toml", "requires = [\"hatchling\"]", requires);
    project.commit("Build with a tool of ours");
    hostout(&["init"], &[]).exits(0);
    hostout(&["release", "--yes"], &[]).exits(0);
    let tools = project.manifest("0.1.0").build_tool;
    assert!(
        tools.iter().any(|tool| tool.name == "acme.tool"),
        "{tools:?}"
    );

    fs::remove_dir_all(&links).unwrap();
    let again = ["verify", "--rebuild", "--json"];
    let run = hostout(&again, &[("XDG_CACHE_HOME", &cache)]).exits(11);
    let json = run.json();
    let egg = check(&json, "rebuilt egg acme.single");
    assert_eq!(egg["ok"], false, "{run}");
    let detail = egg["detail"].as_str().unwrap();
    assert!(detail.contains("cannot be made again: "), "{detail}");
    assert!(detail.contains("acme.tool"), "{detail}");
}
