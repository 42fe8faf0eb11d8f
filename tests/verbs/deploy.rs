//! `git hostout deploy`

use crate::support::{Project, tree};
use std::fs;

#[test]
fn a_release_answers_and_a_second_one_replaces_it() {
    let project = Project::released();
    project
        .hostout(&["deploy", "local", "--dry-run"])
        .exits(0)
        .says(&["0.1.0", "local"]);
    assert!(!project.host.exists(), "a dry run leaves nothing");

    project
        .hostout(&["deploy", "local", "--yes"])
        .exits(0)
        .says(&["0.1.0"])
        .matches(&project.sandbox, "deploy-first", &[tree(&project.host, 2)]);
    assert_eq!(project.live().as_deref(), Some("0.1.0"));
    let page = project.page();
    assert!(page.contains("Hello, world!"), "{page}");
    assert!(page.contains("acme.welcome 0.1\n"), "{page}");
    for path in [
        ".hostout/agent",
        "releases/0.1.0/.hostout/complete",
        "releases/0.1.0/bin/supervisord",
        "shared/var",
        "store",
        "venvs",
    ] {
        assert!(project.host.join(path).exists(), "{path}");
    }
    assert_eq!(
        fs::canonicalize(project.host.join("current/var")).unwrap(),
        fs::canonicalize(project.host.join("shared/var")).unwrap()
    );

    let tip = project.git(&["rev-parse", "hostout"]);
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    assert_eq!(project.git(&["rev-parse", "hostout"]), tip, "already live");

    project.greet("Good day");
    project.hostout(&["release", "--yes"]).exits(0);
    project.hostout(&["deploy", "--yes"]).exits(0);
    assert_eq!(project.live().as_deref(), Some("0.1.1"));
    let page = project.page();
    assert!(page.contains("Good day, world!"), "{page}");
    assert!(page.contains("acme.welcome 0.1\n"), "{page}");

    // The whole project once more, with nothing but its own release.
    project
        .hostout(&["deploy", "local", "0.1.0", "--yes"])
        .exits(0);
    assert_eq!(project.live().as_deref(), Some("0.1.0"));
}

#[test]
fn a_release_that_does_not_start_is_put_back() {
    let project = Project::released();
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    let module = "src/acme.welcome/src/acme/welcome/__init__.py";
    project.edit(
        module,
        "from acme.greeting",
        "raise SystemExit(3)\nfrom acme.greeting",
    );
    project.commit("Break it");
    project.hostout(&["release", "--yes"]).exits(0);

    let run = project
        .hostout(&["deploy", "local", "--yes", "--json"])
        .exits(22);
    let error = &run.json()["error"];
    assert_eq!(error["code"], 22, "{error}");
    for field in ["kind", "message", "causes", "hint", "live"] {
        assert!(error.get(field).is_some(), "{field}: {error}");
    }
    assert!(error["live"].as_str().unwrap().contains("0.1.0"), "{error}");
    assert_eq!(project.live().as_deref(), Some("0.1.0"));
    assert!(project.page().contains("Hello, world!"));

    let run = project.hostout(&["log", "local", "--json"]).exits(0);
    let newest = &run.json()["entries"][0];
    assert_eq!(newest["version"], "0.1.1", "{newest}");
    assert_eq!(newest["result"], "reverted", "{newest}");
}

#[test]
fn a_release_that_cannot_be_built_there_changes_nothing() {
    let project = Project::released();
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    let before = fs::read_link(project.host.join("current")).unwrap();
    project.greet("Good day");
    project.hostout(&["release", "--yes"]).exits(0);
    // Where artifacts go stands a file: that stops root too.
    let store = project.host.join("store");
    fs::rename(&store, project.host.join("store-away")).unwrap();
    fs::write(&store, "in the way").unwrap();
    project.hostout(&["deploy", "local", "--yes"]).exits(21);
    assert_eq!(fs::read_link(project.host.join("current")).unwrap(), before);
    assert!(project.page().contains("Hello, world!"));
}

#[test]
fn nothing_running_and_a_package_in_the_buildout_folder() {
    let project = Project::released_single();
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    let program = project.host.join("current/bin/single");
    let mut command = project
        .sandbox
        .command(program.to_str().unwrap(), &project.host);
    let output = command.output().unwrap();
    assert_eq!(output.stdout, b"One folder is enough.\n");
}

#[test]
fn our_egg_runs_even_where_the_index_has_its_name() {
    let project = Project::taken();
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    let program = project.host.join("current/bin/greet");
    let mut command = project
        .sandbox
        .command(program.to_str().unwrap(), &project.host);
    assert_eq!(command.output().unwrap().stdout, b"Ours.\n");
}

#[test]
fn a_machine_without_the_artifacts_makes_them_again() {
    let project = Project::released();
    let cache = project.sandbox.path("empty cache").display().to_string();
    let deploy = |arguments: &[&str]| {
        let variables = [("XDG_CACHE_HOME", cache.as_str())];
        project
            .sandbox
            .hostout_with(&project.directory, arguments, &variables)
    };
    deploy(&["deploy", "local", "--yes"])
        .exits(0)
        .says(&["not on this machine", "is live on local"]);
    assert!(project.page().contains("Hello, world!"));
}

#[test]
fn unknown_names_have_their_own_codes() {
    let project = Project::released();
    project
        .hostout(&["deploy", "moon", "--yes"])
        .exits(10)
        .says(&["moon", "local"]);
    project
        .hostout(&["deploy", "local", "0.1.0", "--hosts", "web*", "--yes"])
        .exits(2)
        .says(&["--hosts web* matches none of the hosts of local"]);
    project
        .hostout(&["deploy", "local", "9.9.9", "--yes"])
        .exits(11)
        .says(&["9.9.9", "0.1.0"]);
    // A lone word that parses as a version is one.
    project.hostout(&["deploy", "9.9.9", "--yes"]).exits(11);
    assert!(!project.host.exists());
}

#[test]
fn words_that_name_nothing_and_a_head_that_is_ahead() {
    let project = Project::released_single();
    project
        .hostout(&["deploy", "local", "--health", "nowhere"])
        .exits(2)
        .says(&["--health: "]);
    project
        .hostout(&["deploy", "local", "--hosts", "["])
        .exits(2)
        .says(&["--hosts: "]);
    project.write("src/acme/single/more.py", "");
    project.commit("Add more");
    project
        .hostout(&["deploy", "local", "--dry-run"])
        .exits(0)
        .says(&["HEAD is 1 commit after v0.1.0; v0.1.0 is deployed."]);
    project.git(&["checkout", "--quiet", "--orphan", "other"]);
    project.commit_empty("Begin anew");
    project.hostout(&["deploy", "local"]).exits(11).says(&[
        "neither HEAD nor any commit before it is released",
        "git hostout release",
    ]);
}
