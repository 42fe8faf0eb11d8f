//! What stops a release, and that nothing is left behind.

use crate::support::{Project, Run, refs};

/// `init`, then a release that ends with `code`, says all `words` and moves no ref.
#[track_caller]
fn refused(project: &Project, code: i32, words: &[&str]) -> Run {
    project.hostout(&["init"]).exits(0);
    let before = refs(&project.sandbox, &project.directory);
    let run = project
        .hostout(&["release", "--yes"])
        .exits(code)
        .says(words);
    assert_eq!(refs(&project.sandbox, &project.directory), before);
    run
}

#[test]
fn names_that_installers_take_for_one() {
    let setup = "from setuptools import setup\nsetup(name='Acme_Single', version='1.0')\n";
    let project = Project::single_with(&[("other/setup.py", setup)]);
    project.edit("buildout.cfg", "develop = .", "develop = . other");
    project.commit("Develop both");
    refused(&project, 11, &["Acme_Single", "acme.single", "one name"]);
}

#[test]
fn an_egg_that_does_not_build() {
    let project = Project::single();
    project.edit(
        "pyproject.toml",
        "packages = [\"src/acme\"]",
        "packages = [\"src/nothing-here\"]",
    );
    project.edit(
        "pyproject.toml",
        "[tool.hatch",
        "[tool.hatch.build.hooks.custom]\npath = \"no-such-hook.py\"\n\n[tool.hatch",
    );
    project.commit("Break the build");
    refused(&project, 11, &["acme.single", "no-such-hook.py"]);
}

#[test]
fn a_file_in_an_egg_that_is_not_in_git() {
    let project = Project::hello();
    project.write("src/acme.welcome/src/acme/welcome/late.py", "");
    project.write("src/acme.welcome/build/lib/late.py", "");
    project.write("notes.txt", "");
    let run = refused(
        &project,
        11,
        &["src/acme.welcome/src/acme/welcome/late.py", "git add"],
    );
    assert!(
        !run.stderr.contains("notes.txt") && !run.stderr.contains("build/lib"),
        "{run}"
    );
}

#[test]
fn a_merge_or_rebase_under_way() {
    let project = Project::single();
    let module = "src/acme/single/__init__.py";
    project.git(&["checkout", "--quiet", "-b", "other"]);
    project.edit(module, "enough", "plenty");
    project.commit("Say plenty");
    project.git(&["checkout", "--quiet", "main"]);
    project.edit(module, "enough", "all");
    project.commit("Say all");
    let stopped = |arguments: &[&str]| {
        let mut command = project.sandbox.command("git", &project.directory);
        assert!(!command.args(arguments).output().unwrap().status.success());
    };
    stopped(&["merge", "other"]);
    project.hostout(&["init"]).exits(0);
    project
        .hostout(&["release", "--yes"])
        .exits(11)
        .says(&["merge", "--abort", module]);
    project.git(&["merge", "--abort"]);
    stopped(&["rebase", "other"]);
    project
        .hostout(&["release", "--yes"])
        .exits(11)
        .says(&["rebase", "--abort"]);
    assert_eq!(project.git(&["tag"]), "");
}

#[test]
fn a_tag_that_is_taken() {
    let project = Project::single();
    project.git(&["tag", "v2.0.0"]);
    project.hostout(&["init"]).exits(0);
    project
        .hostout(&["release", "2.0.0", "--yes"])
        .exits(11)
        .says(&["2.0.0", "v2.0.0"]);
    // The first release is one above the highest fitting tag.
    project.hostout(&["release", "--yes"]).exits(0);
    assert_eq!(project.git(&["tag"]), "v2.0.0\nv2.0.1");
}

#[test]
fn a_configuration_that_is_missing_or_no_configuration() {
    let project = Project::single();
    project.edit(
        "buildout.cfg",
        "[buildout]\n",
        "[buildout]\nextends = nowhere.cfg\n",
    );
    project.commit("Extend nothing");
    refused(&project, 10, &["buildout.cfg", "nowhere.cfg"]);
    project.write(
        "nowhere.cfg",
        "[versions]\nsix = 1.16.0\nthis is no option\n",
    );
    project.commit("Write nonsense");
    project
        .hostout(&["release", "--yes"])
        .exits(10)
        .says(&["nowhere.cfg", "line 3"]);
}

#[test]
fn a_password_in_git_is_named_and_never_shown() {
    let project = Project::single();
    project.edit(
        "buildout.cfg",
        "parts = app\n",
        "parts = app\nfind-links = https://ada:hunter2@packages.example.org/simple\n",
    );
    project.commit("Tell everyone");
    let run = refused(&project, 11, &["buildout.cfg:5", "password"]);
    assert!(
        !run.stdout.contains("hunter2") && !run.stderr.contains("hunter2"),
        "{run}"
    );
    let run = project
        .hostout(&["-v", "release", "--yes", "--json"])
        .exits(11);
    assert!(
        !run.stdout.contains("hunter2") && !run.stderr.contains("hunter2"),
        "{run}"
    );
}
