//! Repositories of every shape.

use crate::support::{Project, Run, Sandbox};
use std::{fs, path::Path};

/// The tags of a repository.
fn tags(sandbox: &Sandbox, repository: &Path) -> String {
    sandbox.git(repository, &["tag"])
}

#[track_caller]
fn released(project: &Project, repository: &Path) {
    let run = |arguments: &[&str]| project.sandbox.hostout(repository, arguments);
    run(&["init"]).exits(0);
    run(&["release", "--yes"]).exits(0);
    assert_eq!(tags(&project.sandbox, repository), "v0.1.0");
    run(&["deploy", "local", "--yes"]).exits(0);
    assert_eq!(project.live().as_deref(), Some("0.1.0"));
}

/// `fixtures/single` in a repository made by `git init` with more words.
fn made_with(words: &[&str]) -> Project {
    let project = Project::from_fixture("single");
    project.add_stage("local", project.host.to_str().unwrap(), "");
    project.git(&[&["init", "--quiet"], words].concat());
    project.commit("Start the project");
    project
}

#[test]
fn two_projects_in_one_have_their_own_ledgers_and_tags() {
    let sandboxed = Project::from_fixture("single");
    let root = sandboxed.sandbox.path("both");
    fs::create_dir(&root).unwrap();
    let run =
        |name: &str, arguments: &[&str]| sandboxed.sandbox.hostout(&root.join(name), arguments);
    for name in ["one", "two"] {
        let mut command = sandboxed.sandbox.command("cp", &root);
        command
            .args(["-R"])
            .arg(&sandboxed.directory)
            .arg(root.join(name));
        assert!(command.status().unwrap().success());
        let stage = sandboxed.sandbox.path(name);
        let text = format!(
            "[project]\nname = \"{name}\"\n[release]\ntag = \"{name}-{{version}}\"\nledger = \"hostout-{name}\"\n\
             [services]\nkind = \"none\"\n[stage.local]\nhosts = [\"local\"]\npath = \"{}\"\n",
            stage.display()
        );
        fs::write(root.join(name).join("hostout.toml"), text).unwrap();
    }
    let git = |arguments: &[&str]| sandboxed.sandbox.git(&root, arguments);
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "Two projects"]);
    for name in ["one", "two"] {
        run(name, &["init"]).exits(0);
        run(name, &["release", "--yes"]).exits(0);
    }
    assert_eq!(git(&["tag"]), "one-0.1.0\ntwo-0.1.0");
    assert_ne!(
        git(&["rev-parse", "hostout-one~1"]),
        git(&["rev-parse", "hostout-two~1"])
    );

    let module = root.join("one/src/acme/single/__init__.py");
    let text = fs::read_to_string(&module).unwrap();
    fs::write(&module, text.replace("enough", "plenty")).unwrap();
    git(&["commit", "--quiet", "-am", "Change one"]);
    run("two", &["release", "--yes"])
        .exits(0)
        .says(&["Nothing changed"]);
    run("one", &["release", "--yes"]).exits(0);
    run("two", &["release", "--yes"])
        .exits(0)
        .says(&["Nothing changed"]);
    assert_eq!(git(&["tag"]), "one-0.1.0\none-0.1.1\ntwo-0.1.0");
    run("two", &["deploy", "local", "--yes"]).exits(0);
    assert!(sandboxed.sandbox.path("two/current/bin/single").exists());
}

#[test]
fn a_path_with_spaces_and_letters_of_all_kinds() {
    let project = made_with(&[]);
    let folder = project.sandbox.path("Ünsere Projekte/the shop");
    fs::create_dir_all(folder.parent().unwrap()).unwrap();
    fs::rename(&project.directory, &folder).unwrap();
    released(&project, &folder);
}

#[test]
fn a_host_path_with_spaces_is_refused() {
    let project = Project::from_fixture("single");
    project.add_stage("local", "/srv/my shop", "");
    project.git(&["init", "--quiet"]);
    project.commit("Start the project");
    project
        .hostout(&["init"])
        .exits(10)
        .says(&["/srv/my shop", "space"]);
}

#[test]
fn a_bare_one_has_nothing_to_look_at() {
    let project = made_with(&[]);
    let bare = project.sandbox.path("bare.git");
    project.git(&["clone", "--quiet", "--bare", ".", bare.to_str().unwrap()]);
    project
        .sandbox
        .hostout(&bare, &["release", "--yes"])
        .exits(11)
        .says(&["bare repository"]);
}

#[test]
fn a_shallow_clone_releases() {
    let project = made_with(&[]);
    project.edit("src/acme/single/__init__.py", "enough", "plenty");
    project.commit("Say plenty");
    let clone = project.sandbox.path("clone");
    let address = format!("file://{}", project.directory.display());
    project.git(&[
        "clone",
        "--quiet",
        "--depth=1",
        &address,
        clone.to_str().unwrap(),
    ]);
    project.sandbox.git(&clone, &["remote", "remove", "origin"]);
    released(&project, &clone);
}

#[test]
fn a_linked_work_tree_releases() {
    let project = made_with(&[]);
    let linked = project.sandbox.path("linked");
    project.git(&[
        "worktree",
        "add",
        "--quiet",
        "-b",
        "line",
        linked.to_str().unwrap(),
    ]);
    released(&project, &linked);
}

#[test]
fn a_detached_head_releases() {
    let project = made_with(&[]);
    project.git(&["checkout", "--quiet", "--detach"]);
    released(&project, &project.directory);
}

#[test]
fn sha256_object_names_release() {
    let project = made_with(&["--object-format=sha256"]);
    released(&project, &project.directory);
    assert_eq!(project.manifest("0.1.0").commit.len(), 64);
}

#[test]
fn a_reftable_is_named_with_the_way_out() {
    let project = made_with(&[]);
    // Written by hand, and asked without git in between: it is the same whether this git knows reftables or not.
    let config = project.read(".git/config");
    let reftable = config.replace("repositoryformatversion = 0", "repositoryformatversion = 1");
    let reftable = reftable + "[extensions]\n\trefStorage = reftable\n";
    project.write(".git/config", &reftable);
    let mut init = project.sandbox.command("git-hostout", &project.directory);
    Run::new(&["init"], &init.arg("init").output().unwrap())
        .exits(11)
        .says(&["reftable", "git clone --ref-format=files"]);
    assert_eq!(project.read(".git/config"), reftable);
    project.write(".git/config", &config);
    released(&project, &project.directory);
}

#[test]
fn no_repository_and_no_commits() {
    let project = Project::from_fixture("single");
    project.add_stage("local", project.host.to_str().unwrap(), "");
    project
        .hostout(&["release", "--yes"])
        .exits(11)
        .says(&["git"]);
    project.git(&["init", "--quiet"]);
    project.hostout(&["release", "--yes"]).exits(11);
    project.hostout(&["init"]).exits(0);
    project
        .hostout(&["release", "--yes"])
        .exits(11)
        .says(&["no commits"]);
}

#[test]
fn a_hotfix_skips_what_is_taken() {
    let project = made_with(&[]);
    let module = "src/acme/single/__init__.py";
    let change = |from: &str, to: &str| {
        project.edit(module, from, to);
        project.commit(&format!("Say {to}"));
        project.hostout(&["release", "--yes"]).exits(0);
    };
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);
    change("enough", "plenty");
    change("plenty", "all");
    project.git(&["checkout", "--quiet", "-b", "hotfix", "v0.1.0^"]);
    change("enough", "safe");
    assert_eq!(project.git(&["tag"]), "v0.1.0\nv0.1.1\nv0.1.2\nv0.1.3");
    let previous = project.manifest("0.1.3").previous.unwrap();
    assert_eq!(previous.version.to_string(), "0.1.0");
    assert_eq!(project.egg_version("0.1.2", "acme.single"), "0.1.2");
    assert_eq!(project.egg_version("0.1.3", "acme.single"), "0.1.post1");
    project
        .hostout(&["deploy", "local", "--yes"])
        .exits(0)
        .says(&["0.1.3"]);
}

#[test]
fn a_newer_format_is_read_by_nobody_and_written_over_by_nobody() {
    let project = made_with(&[]);
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);
    // What a newer program would leave: the same entry, in another format.
    project.git(&["worktree", "add", "--quiet", "../ledger", "hostout"]);
    let ledger = project.sandbox.path("ledger");
    let file = ledger.join("releases/0.1/0.1.0/manifest.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("format = 1", "format = 2", 1)).unwrap();
    let git = |arguments: &[&str]| project.sandbox.git(&ledger, arguments);
    git(&[
        "-c",
        "commit.gpgsign=true",
        "commit",
        "--quiet",
        "-a",
        "--amend",
        "--no-edit",
    ]);
    let tip = project.git(&["rev-parse", "hostout"]);
    for arguments in [
        &["show", "0.1.0"] as &[&str],
        &["deploy", "local", "--yes"],
        &["release", "--bump", "minor", "--yes"],
    ] {
        project
            .hostout(arguments)
            .exits(11)
            .says(&["written in format 2 by a newer git-hostout"]);
    }
    assert_eq!(project.git(&["rev-parse", "hostout"]), tip);
    assert!(!project.host.exists());
}

#[test]
fn a_release_of_what_is_released_runs_no_python() {
    let project = made_with(&[]);
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);
    project.edit(
        "hostout.toml",
        "[project]",
        "# a python that is none\n[project]",
    );
    project.edit(
        "hostout.toml",
        "[services]",
        "[buildout]\npython = \"/nowhere/python3\"\n\n[services]",
    );
    project.commit("Use a python that is not there");
    project
        .hostout(&["release", "--yes"])
        .exits(11)
        .says(&["/nowhere/python3"]);
    project.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    // No python anywhere.
    let tools = project.sandbox.path("tools");
    fs::create_dir(&tools).unwrap();
    for name in ["git", "ssh-keygen", "sh"] {
        let mut command = project.sandbox.command("sh", &tools);
        let output = command
            .args(["-c", &format!("command -v {name}")])
            .output()
            .unwrap();
        let path = String::from_utf8(output.stdout).unwrap();
        std::os::unix::fs::symlink(path.trim(), tools.join(name)).unwrap();
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_git-hostout"));
    std::os::unix::fs::symlink(binary, tools.join("git-hostout")).unwrap();
    let path = tools.display().to_string();
    project
        .sandbox
        .hostout_with(
            &project.directory,
            &["release", "--yes"],
            &[("PATH", &path)],
        )
        .exits(0)
        .says(&["Nothing changed"]);
}
