//! Develop eggs whose code is not the project's.

use crate::support::{Project, refs};
use std::{fs, os::unix::fs::symlink};

const SETUP: &str =
    "from setuptools import setup\nsetup(name='acme.theme', version='1.0', py_modules=['theme'])\n";

/// A project that develops `src/acme.theme`, which is not there yet.
fn project(develop: &str) -> Project {
    let project = Project::single();
    project.edit(
        "buildout.cfg",
        "develop = .\n",
        &format!("develop = .\n    {develop}\n"),
    );
    project.edit(
        "buildout.cfg",
        "eggs = acme.single",
        "eggs = acme.single\n    acme.theme",
    );
    project
}

/// Makes a repository with the egg, and gives its abbreviated commit.
fn theme(project: &Project, path: &str) -> String {
    let folder = project.directory.join(path);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("setup.py"), SETUP).unwrap();
    fs::write(folder.join("theme.py"), "").unwrap();
    let git = |arguments: &[&str]| project.sandbox.git(&folder, arguments);
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "Start the theme"]);
    git(&["rev-parse", "--short=7", "HEAD"])
}

#[track_caller]
fn refused(project: &Project, words: &[&str]) {
    project.hostout(&["init"]).exits(0);
    let before = refs(&project.sandbox, &project.directory);
    project.hostout(&["release", "--yes"]).exits(11).says(words);
    assert_eq!(refs(&project.sandbox, &project.directory), before);
}

#[test]
fn an_ignored_clone() {
    let project = project("src/acme.theme");
    project.write(".gitignore", "/src/acme.theme/\n");
    project.commit("Develop the theme");
    let commit = theme(&project, "src/acme.theme");
    project.write("src/acme.theme/theme.py", "x = 1\n");
    let words =
        format!("src/acme.theme is its own git repository (main @ {commit}, 1 uncommitted file)");
    refused(&project, &[&words, "published"]);
}

#[test]
fn an_ignored_clone_that_a_glob_matches() {
    let project = project("src/*");
    project.write(".gitignore", "/src/acme.theme/\n");
    project.commit("Develop everything");
    let commit = theme(&project, "src/acme.theme");
    let words = format!("src/acme.theme is its own git repository (main @ {commit})");
    // `src/acme` is the package's folder, and no egg.
    refused(&project, &[&words]);
}

#[test]
fn a_submodule() {
    let project = project("src/acme.theme");
    let commit = theme(&project, "../theme");
    let allow = "protocol.file.allow=always";
    project.git(&[
        "-c",
        allow,
        "submodule",
        "--quiet",
        "add",
        "../theme",
        "src/acme.theme",
    ]);
    project.commit("Add the theme");
    let words = format!("src/acme.theme is its own git repository (main @ {commit}), a submodule");
    refused(&project, &[&words]);
}

#[test]
fn a_link_and_a_path_outside() {
    let project = project("src/acme.theme src/acme.again ../elsewhere/acme.other");
    theme(&project, "../theme");
    theme(&project, "../elsewhere/acme.other");
    symlink("../../theme", project.directory.join("src/acme.theme")).unwrap();
    symlink("acme", project.directory.join("src/acme.again")).unwrap();
    project.commit("Link the theme");
    refused(
        &project,
        &[
            "src/acme.theme is a symbolic link to ../../theme",
            "src/acme.again is a symbolic link to acme",
            "name what it leads to in `develop`: src/acme\n",
            "../elsewhere/acme.other lies outside of the repository",
        ],
    );
}

#[test]
fn a_source_of_mr_developer() {
    let project = Project::single();
    project.edit(
        "buildout.cfg",
        "parts = app\n",
        "parts = app\nextensions = mr.developer\nauto-checkout = acme.theme acme.other\nsources-dir = out\n",
    );
    let sources = "\n[sources]\nacme.theme = git https://git.example.org/acme.theme.git\n\
                   acme.other = git https://git.example.org/acme.other.git\n";
    project.write("buildout.cfg", &(project.read("buildout.cfg") + sources));
    project.write(".gitignore", "/out/\n");
    project.commit("Take the theme from its own repository");
    let commit = theme(&project, "out/acme.theme");
    refused(
        &project,
        &[
            &format!("out/acme.theme is its own git repository (main @ {commit})"),
            "out/acme.other is neither in git nor in the work tree",
        ],
    );
}

#[test]
fn a_published_egg_comes_from_the_index() {
    let project = Project::taken();
    project.write(".gitignore", "/src/\n");
    project.git(&["rm", "-r", "--quiet", "--cached", "src"]);
    project.edit(
        "buildout.cfg",
        "zc.recipe.egg = 6.0.0",
        "zc.recipe.egg = 6.0.0\ngreetings = 0.1.0",
    );
    project.edit(
        "hostout.toml",
        "[services]",
        "[eggs]\npublished = [\"greetings\"]\n\n[services]",
    );
    project.commit("Take greetings from the index");
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);
    let manifest = project.manifest("0.1.0");
    assert!(manifest.egg.is_empty());
    let pin = manifest.pin.iter().find(|pin| pin.name == "greetings");
    assert_eq!(pin.unwrap().version.to_string(), "0.1.0");
}
