//! `git hostout release`

use crate::support::{Project, refs};
use hostout::release::Digest;
use std::{fs, os::unix::fs::PermissionsExt};

#[test]
fn the_first_is_0_1_0() {
    let project = Project::hello();
    project.hostout(&["init"]).exits(0);
    let head = project.git(&["rev-parse", "HEAD"]);
    project.hostout(&["release", "--yes"]).exits(0).matches(
        &project.sandbox,
        "release-first",
        &[
            refs(&project.sandbox, &project.directory),
            project.git(&["ls-tree", "-r", "--name-only", "hostout"]),
        ],
    );

    assert_eq!(project.git(&["rev-parse", "HEAD"]), head);
    assert_eq!(project.git(&["status", "--porcelain"]), "");
    assert_eq!(project.git(&["rev-parse", "v0.1.0^{commit}~1"]), head);
    let dates = "--format=%an %ae %at %cn %ce %ct";
    let who = |name: &str| project.git(&["log", "-1", dates, name]);
    assert_eq!(who("v0.1.0"), who(&head));

    let tag = project.git(&["cat-file", "tag", "v0.1.0"]);
    assert!(tag.contains("-----BEGIN SSH SIGNATURE"), "{tag}");
    let text = project.ledger_file("releases/0.1/0.1.0/manifest.toml");
    let digest = Digest::of(text.as_bytes());
    assert!(
        tag.contains(&format!("Hostout-Manifest: sha256:{digest}")),
        "{tag}"
    );
    let root = project.git(&["rev-list", "--max-parents=0", "hostout"]);
    assert!(tag.contains(&format!("Hostout-Project: {root}")), "{tag}");

    let signature = project.ledger_file("releases/0.1/0.1.0/manifest.toml.sig");
    assert!(
        signature.starts_with("-----BEGIN SSH SIGNATURE"),
        "{signature}"
    );
    let versions = project.ledger_file("releases/0.1/0.1.0/versions.cfg");
    let released = project.git(&["show", "v0.1.0:hostout-versions.cfg"]);
    assert_eq!(versions.trim_end(), released);
    for line in [
        "waitress = 3.0.2",
        "acme.greeting = 0.1",
        "acme.welcome = 0.1",
    ] {
        assert!(
            versions.lines().any(|found| found == line),
            "{line}: {versions}"
        );
    }
    let generated = project.git(&["show", "v0.1.0:hostout.cfg"]);
    assert!(generated.contains("prod.cfg"), "{generated}");
    let changes = project.git(&["show", "v0.1.0:src/acme.welcome/CHANGES.rst"]);
    assert!(!changes.contains("0.1 (unreleased)"), "{changes}");

    let manifest = project.manifest("0.1.0");
    assert_eq!(manifest.commit, head);
    assert_eq!(manifest.project.name, "hello");
    assert_eq!(manifest.project.id, root);
    assert!(manifest.previous.is_none());
    let mut eggs: Vec<_> = manifest.egg.iter().map(|egg| egg.name.as_str()).collect();
    eggs.sort_unstable();
    assert_eq!(eggs, ["acme.greeting", "acme.welcome"]);
    for name in ["waitress", "supervisor", "zc.buildout", "zc.recipe.egg"] {
        assert!(manifest.pin.iter().any(|pin| pin.name == name), "{name}");
    }
}

#[test]
fn only_what_changed_gets_a_new_version() {
    let project = Project::released();
    let tip = project.git(&["rev-parse", "hostout"]);
    project.hostout(&["release", "--yes"]).exits(0);
    assert_eq!(project.git(&["tag"]), "v0.1.0");
    assert_eq!(project.git(&["rev-parse", "hostout"]), tip);

    project.greet("Good day");
    let before = refs(&project.sandbox, &project.directory);
    project
        .hostout(&["release", "--dry-run"])
        .exits(0)
        .says(&["0.1.1", "acme.greeting"]);
    assert_eq!(refs(&project.sandbox, &project.directory), before);
    project
        .hostout(&["release", "--dry-run", "--json"])
        .exits(0)
        .json();

    project.hostout(&["release", "--yes"]).exits(0);
    let (first, second) = (project.manifest("0.1.0"), project.manifest("0.1.1"));
    let previous = second.previous.as_ref().unwrap();
    assert_eq!(previous.version, first.version);
    let egg = |name: &str| second.egg.iter().find(|egg| egg.name == name).unwrap();
    assert!(egg("acme.greeting").changed);
    assert_ne!(project.egg_version("0.1.1", "acme.greeting"), "0.1");
    assert!(!egg("acme.welcome").changed);
    assert_eq!(project.egg_version("0.1.1", "acme.welcome"), "0.1");
    let hello = first
        .egg
        .iter()
        .find(|egg| egg.name == "acme.welcome")
        .unwrap();
    assert_eq!(egg("acme.welcome").artifacts, hello.artifacts);
    assert_eq!(first.pin, second.pin);

    // Nothing changed, but asked for by name.
    project
        .hostout(&["release", "--bump", "minor", "--yes"])
        .exits(0);
    project.hostout(&["release", "v1.0.0", "--yes"]).exits(0);
    assert_eq!(project.git(&["tag"]), "v0.1.0\nv0.1.1\nv0.2.0\nv1.0.0");
    assert!(project.manifest("1.0.0").egg.iter().all(|egg| !egg.changed));
    project
        .hostout(&["release", "0.1.1", "--yes"])
        .exits(11)
        .says(&["0.1.1"]);
}

#[test]
fn a_hotfix_branch_goes_on_from_its_own_release() {
    let project = Project::single();
    let module = "src/acme/single/__init__.py";
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);
    project.edit(module, "One folder", "A folder");
    project.commit("Say it with less");
    project.hostout(&["release", "0.2.0", "--yes"]).exits(0);

    project.git(&["checkout", "--quiet", "-b", "hotfix", "HEAD~1"]);
    project.edit(module, "is enough", "suffices");
    project.commit("Say it shorter");
    project.hostout(&["release", "0.1.1", "--yes"]).exits(0);
    let previous = project.manifest("0.1.1").previous.unwrap();
    assert_eq!(previous.version.to_string(), "0.1.0");
    assert_ne!(
        project.egg_version("0.1.1", "acme.single"),
        project.egg_version("0.2.0", "acme.single"),
        "two codes under one version"
    );
}

#[test]
fn the_same_commit_gives_the_same_release() {
    let project = Project::single();
    let sandbox = &project.sandbox;
    let copy = sandbox.path("copy");
    project.hostout(&["init"]).exits(0);
    let here = project.directory.display().to_string();
    project.git(&["clone", "--quiet", &here, copy.to_str().unwrap()]);
    sandbox.git(&copy, &["branch", "--quiet", "hostout", "origin/hostout"]);
    sandbox.git(&copy, &["remote", "remove", "origin"]);

    project.hostout(&["release", "--yes"]).exits(0);
    // Somebody else, elsewhere, with nothing that the first one left.
    sandbox.git(&copy, &["config", "user.name", "Grace Example"]);
    sandbox.git(&copy, &["config", "user.email", "grace@example.net"]);
    let mut command = sandbox.command("sh", &copy);
    command.args(["-c", "umask 077 && exec git hostout release --yes"]);
    for (name, folder) in [("XDG_CACHE_HOME", "cache"), ("TMPDIR", "other tmp")] {
        fs::create_dir(sandbox.path(folder)).unwrap();
        command.env(name, sandbox.path(folder));
    }
    command.env("TZ", "Asia/Tokyo").env("LC_ALL", "C");
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let commit = "v0.1.0^{commit}";
    // The manifest names the tarball and the wheels by their sha256.
    for file in ["manifest.toml", "versions.cfg"] {
        let file = format!("hostout:releases/0.1/0.1.0/{file}");
        assert_eq!(
            sandbox.git(&copy, &["show", &file]),
            project.git(&["show", &file])
        );
    }
    assert_eq!(
        sandbox.git(&copy, &["rev-parse", commit]),
        project.git(&["rev-parse", commit])
    );
}

#[test]
fn an_egg_is_ours_even_where_the_index_has_its_name() {
    let project = Project::taken();
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);
    let manifest = project.manifest("0.1.0");
    let egg = manifest.egg.iter().find(|egg| egg.name == "greetings");
    assert_eq!(egg.unwrap().version.to_string(), "0.0.1");
    assert!(manifest.pin.iter().all(|pin| pin.name != "greetings"));
}

#[test]
fn says_every_reason_at_once() {
    let project = Project::hello();
    project.hostout(&["init"]).exits(0);
    project.edit("prod.cfg", "threads = 4", "threads = 8");
    project.edit("src/acme.welcome/setup.py", "says hello", "greets");
    let before = refs(&project.sandbox, &project.directory);
    project
        .hostout(&["release", "--yes"])
        .exits(11)
        .says(&["prod.cfg", "src/acme.welcome/setup.py"])
        .matches(&project.sandbox, "release-dirty", &[]);
    assert_eq!(refs(&project.sandbox, &project.directory), before);
}

#[test]
fn a_version_that_is_none_is_a_wrong_word() {
    let project = Project::single();
    project.hostout(&["release", "one"]).exits(2).says(&["one"]);
    project.hostout(&["release", "--bump", "huge"]).exits(2);
    project
        .hostout(&["release", "1.0.0", "--bump", "minor"])
        .exits(2);
}

#[test]
fn pushes_tag_and_ledger_together() {
    let project = Project::single();
    let remote = project.sandbox.path("remote.git");
    let address = remote.display().to_string();
    project.git(&["clone", "--quiet", "--bare", ".", &address]);
    project.git(&["remote", "add", "origin", &address]);
    project.hostout(&["init"]).exits(0);
    project
        .hostout(&["release", "--yes"])
        .exits(0)
        .says(&[", pushed to origin."]);
    project
        .hostout(&["release", "--yes"])
        .exits(0)
        .says(&["Nothing changed since 0.1.0: there is nothing to release."]);
    let at = |name: &str| project.sandbox.git(&remote, &["rev-parse", name]);
    assert_eq!(at("v0.1.0"), project.git(&["rev-parse", "v0.1.0"]));
    assert_eq!(at("hostout"), project.git(&["rev-parse", "hostout"]));

    project
        .hostout(&["release", "--bump", "minor", "--no-push", "--yes"])
        .exits(0)
        .says(&["(tag v0.2.0)."]);
    assert_eq!(project.sandbox.git(&remote, &["tag"]), "v0.1.0");

    let hook = remote.join("hooks/pre-receive");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, "#!/bin/sh\necho nothing today >&2\nexit 1\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    project
        .hostout(&["release", "--bump", "minor", "--yes"])
        .exits(0)
        .says(&[
            "origin did not take it: ",
            "(tag v0.3.0), here only. Next: git hostout resume pushes it.",
        ]);
    project
        .hostout(&["deploy", "local", "--yes"])
        .exits(0)
        .says(&[
            "origin did not take the ledger: ",
            "; `git hostout resume` pushes the ledger later",
        ]);
}

#[test]
fn an_egg_that_does_not_build_is_not_taken_from_the_index_instead() {
    let project = Project::taken();
    let path = "src/greetings/pyproject.toml";
    let text = project.read(path) + "\n[tool.hatch.build.hooks.custom]\n";
    project.write(path, &text);
    project.write("src/greetings/hatch_build.py", "raise ValueError('no')\n");
    project.commit("Break the build");
    project.hostout(&["init"]).exits(0);
    project
        .hostout(&["release", "--yes"])
        .exits(11)
        .says(&["greetings cannot be built"]);
    assert_eq!(project.git(&["tag"]), "");
}
