//! What stops a release, and that nothing is left behind.

use crate::support::{Project, Run, refs, write_wheel};

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
    refused(
        &project,
        11,
        &[
            "Acme_Single",
            "acme.single",
            ") are one name to every installer",
            "rename one of them",
        ],
    );
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
    refused(
        &project,
        11,
        &["acme.single", "no-such-hook.py", "make `pip wheel ./"],
    );
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
fn a_wheel_with_a_member_that_leaves_its_folder() {
    let project = Project::single();
    let links = project.sandbox.path("links");
    write_wheel(
        &project.sandbox,
        &links,
        "acme.third",
        "",
        &["../../evil.py"],
    );
    let more = format!("parts = app\nfind-links = {}\n", links.display());
    project.edit("buildout.cfg", "parts = app\n", &more);
    project.edit("buildout.cfg", "acme.single", "acme.single\n    acme.third");
    project.commit("Use a wheel of a stranger");
    refused(
        &project,
        11,
        &["acme_third-1.0-py3-none-any.whl", "evil.py"],
    );
    assert!(!project.sandbox.path("evil.py").exists());
}

#[test]
fn a_link_in_the_tarball_that_leaves_the_project() {
    let project = Project::single();
    project.write("etc/site.conf", "");
    std::os::unix::fs::symlink("../../../etc/passwd", project.directory.join("etc/users")).unwrap();
    project.edit(
        "hostout.toml",
        "[services]",
        "[buildout]\ninclude = [\"etc/\"]\n\n[services]",
    );
    project.commit("Include a link to the outside");
    refused(&project, 11, &["etc/users", "../../../etc/passwd"]);
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

#[test]
fn generated_names_are_refused_and_what_only_development_needs_is_left_out() {
    let project = Project::single_with(&[
        ("hostout.cfg", ""),
        (
            "dev.cfg",
            "[buildout]\nextends = buildout.cfg\ndevelop += broken\n",
        ),
        ("broken/README", "No egg."),
    ]);
    project.edit(
        "hostout.toml",
        "[services]\nkind = \"none\"",
        "[buildout]\nproduction = \"buildout.cfg\"\ndevelopment = \"dev.cfg\"\n\n[services]\nkind = \"none\"",
    );
    project.commit("Develop more");
    refused(
        &project,
        11,
        &[
            "a develop egg is left out: broken",
            "hostout.cfg is in git; the release writes a file of that name",
            "git rm hostout.cfg, or rename it",
        ],
    );
    project.git(&["rm", "--quiet", "hostout.cfg"]);
    project.write("dev.cfg", "[buildout\n");
    project.edit("hostout.toml", "kind = \"none\"", "kind = \"zope\"");
    project.commit("Run Zope");
    refused(
        &project,
        11,
        &[
            "dev.cfg is left out: ",
            "buildout.cfg has no part of plone.recipe.zope2instance or plone.recipe.zeoserver",
            "set kind = \"auto\" in [services], or another kind",
        ],
    );
}
