//! `git hostout check`

use crate::support::{Project, Run, refs, sign_by_gpg};
use std::process::Command;

#[test]
fn says_everything_and_changes_nothing() {
    let project = Project::hello();
    project.hostout(&["init"]).exits(0);
    let before = refs(&project.sandbox, &project.directory);
    project
        .hostout(&["check"])
        .exits(0)
        .says(&[
            "release: 0.1.0 is the next one",
            "Nothing that was looked at stands in the way. Not looked at: whether every pin can be had and every egg builds; git hostout release --dry-run does.",
        ]);
    project.hostout(&["check", "local"]).exits(0);
    project.hostout(&["check", "moon"]).exits(10);

    let text = project.read("prod.cfg");
    let open = "[instance]\nrecipe = plone.recipe.zope2instance\nuser = admin:admin\nhttp-address = 0.0.0.0:8080\n";
    project.write("prod.cfg", &format!("{text}\n{open}"));
    project.hostout(&["check", "local"]).exits(11).says(&[
        "[instance] user = admin:admin: everybody knows that password; change it on the site",
        "[instance] http-address = 0.0.0.0:8080: everybody can reach it; http-address = 127.0.0.1:8080, behind a web server",
    ]);
    project.write("prod.cfg", &text);

    project.edit("prod.cfg", "threads = 4", "threads = 8");
    project.edit("src/acme.welcome/setup.py", "says hello", "greets");
    project
        .hostout(&["check"])
        .exits(11)
        .says(&["prod.cfg", "src/acme.welcome/setup.py"]);
    assert_eq!(refs(&project.sandbox, &project.directory), before);
    assert!(!project.host.exists());
}

#[test]
fn a_commit_that_is_released_is_up_to_date() {
    Project::released_single()
        .hostout(&["check"])
        .exits(0)
        .says(&["release: 0.1.0 is up to date", "Nothing stands in the way."]);
}

const MORE: &str = "More may be found when this is mended: pins and builds are looked at last.";

/// What stops a release is found by `check` as well, with the same words.
#[track_caller]
fn stopped(project: &Project, code: i32, words: &[&str]) -> Run {
    let check = project.hostout(&["check"]).exits(code).says(words);
    let release = project.hostout(&["release", "--dry-run"]);
    let release = release.exits(code).says(words).says(&[MORE]);
    for run in [&check, &release] {
        assert!(!run.stderr.contains("stands in the way"), "{run}");
    }
    release
}

fn started() -> Project {
    let project = Project::single();
    project.hostout(&["init"]).exits(0);
    project
}

#[test]
fn a_configuration_that_stops_a_release_is_found() {
    let project = started();
    let text = project.read("buildout.cfg");
    let try_with = |from: &str, to: &str| {
        project.write("buildout.cfg", &text);
        project.edit("buildout.cfg", from, to);
        project.commit("Try something");
    };
    try_with("zc.buildout = 6.0.1", "zc.buildout = 2.13.8");
    stopped(&project, 10, &["zc.buildout 2.13.8 is not supported"]);
    try_with(
        "parts = app",
        "parts = app\nindex = https://ada:hunter2@packages.example.org/simple",
    );
    let run = stopped(
        &project,
        11,
        &["buildout.cfg:5: an address with a password"],
    );
    assert!(!run.stderr.contains("hunter2"), "{run}");
    try_with("[buildout]\n", "[buildout\n");
    stopped(
        &project,
        10,
        &["buildout.cfg: cannot be read as a buildout configuration"],
    );
    try_with(
        "[app]",
        "[a]\nrecipe = z3c.recipe.usercrontab\ntimes = @daily\ncommand = true\n\n[app]",
    );
    project.edit("buildout.cfg", "parts = app", "parts = app a");
    project.commit("Run it daily");
    stopped(
        &project,
        11,
        &["part a of buildout.cfg", "host-parts = [\"a\"]"],
    );

    // Only the long way shows this one, and `check` says that it did not go it.
    try_with(
        "setuptools = ",
        "no-such-thing-anywhere = 99.9\nsetuptools = ",
    );
    project.edit(
        "buildout.cfg",
        "eggs = acme.single",
        "eggs = acme.single\n    no-such-thing-anywhere",
    );
    project.commit("Want what nobody has");
    let run = project.hostout(&["check"]).exits(0);
    let run = run.says(&["Not looked at: whether every pin can be had"]);
    assert!(!run.stderr.contains("Nothing stands in the way"), "{run}");

    project.write("buildout.cfg", &text);
    let settings = "[buildout]\nproduction = \"nowhere.cfg\"\n\n[services]";
    project.edit("hostout.toml", "[services]", settings);
    project.commit("Run something else");
    stopped(
        &project,
        10,
        &["`nowhere.cfg` is not in the released commit"],
    );
}

/// What the configuration says is not hidden by what the work tree is like, and one layer not by another.
#[test]
fn everything_is_listed_at_once() {
    let project = started();
    project.write(".gitignore", "src/acme.other\n");
    project.write(
        "src/acme.other/setup.py",
        "from setuptools import setup\nsetup(name='acme.other', version='1.0')\n",
    );
    let other = project.directory.join("src/acme.other");
    project.sandbox.git(&other, &["init", "--quiet"]);
    project.edit("buildout.cfg", "develop = .", "develop = . src/acme.other");
    project.edit(
        "buildout.cfg",
        "parts = app",
        "parts = app a\nfind-links = https://ada:hunter2@packages.example.org/simple",
    );
    project.edit(
        "buildout.cfg",
        "[app]",
        "[a]\nrecipe = z3c.recipe.usercrontab\ntimes = @daily\ncommand = true\n\n[app]",
    );
    project.commit("Break much");
    project.git(&["tag", "v2.0.0"]);
    project.edit("src/acme/single/__init__.py", "enough", "plenty");
    project.git(&["config", "user.signingKey", "/nowhere/key"]);
    let words = [
        "src/acme/single/__init__.py has changes that are not committed",
        "no way to sign: cannot sign with /nowhere/key: its private half is neither /nowhere/key nor in an agent",
        "buildout.cfg:5: an address with a password",
        "part a of buildout.cfg",
        "src/acme.other is its own git repository",
        MORE,
    ];
    project.hostout(&["check"]).exits(11).says(&words);
    project
        .hostout(&["release", "2.0.0", "--yes"])
        .exits(11)
        .says(&words)
        .says(&["2.0.0 is taken"]);
}

#[test]
fn a_key_that_expired_is_found_before_anything_is_resolved() {
    let project = Project::single();
    let gpg = sign_by_gpg(&project);
    project.hostout(&["init"]).exits(0);
    let list = ["--batch", "--with-colons", "--list-keys"];
    let listing = Command::new(&gpg).args(list).output().unwrap();
    let listing = String::from_utf8(listing.stdout).unwrap();
    let line = listing.lines().find(|line| line.starts_with("fpr:"));
    let fingerprint = line.unwrap().split(':').nth(9).unwrap();
    let expire = ["--batch", "--quick-set-expire", fingerprint, "seconds=1"];
    assert!(Command::new(&gpg).args(expire).status().unwrap().success());
    std::thread::sleep(std::time::Duration::from_secs(2));
    let words = [
        "no way to sign",
        "it has expired; gpg --quick-set-expire makes it last longer",
    ];
    project.hostout(&["check"]).exits(11).says(&words);
    let run = project.hostout(&["release", "0.2.0", "--yes"]).exits(11);
    let run = run.says(&words);
    assert!(!run.stderr.contains("resolve"), "{run}");
}

#[test]
fn a_key_that_may_not_deploy_is_found() {
    let project = Project::released_single();
    let ben = project.sign_as("ben");
    project.sign_as_ada();
    let add = ["keys", "add", &ben, "--name", "ben@example.org", "--yes"];
    project
        .hostout(&[&add[..], &["--role", "release"]].concat())
        .exits(0);
    project.sign_as("ben");
    let words = ["needs the role deploy:local, and has release"];
    project
        .hostout(&["deploy", "local", "--yes"])
        .exits(11)
        .says(&words);
    let run = project.hostout(&["check"]).exits(11).says(&words);
    assert!(!run.stderr.contains("is ready"), "{run}");
}

/// Their names only make them suspicious: they are told, and refused by nobody.
#[test]
fn passwords_in_options_are_told() {
    let project = started();
    project.edit(
        "buildout.cfg",
        "[app]\n",
        "[app]\ndb-password = hunter2\ntoken = ${buildout:directory}\n",
    );
    project.commit("Tell everyone");
    let words = [
        "buildout.cfg:7: [app] db-password looks like a password, in git for everyone to read; move it into a file that only hosts have (`files` in [shared], git hostout put), and change it",
    ];
    for verb in [&["check"][..], &["release", "--dry-run"]] {
        let run = project.hostout(verb).exits(0).says(&words);
        assert!(
            !run.stderr.contains("hunter2") && !run.stdout.contains("hunter2"),
            "{run}"
        );
        assert!(!run.stderr.contains("[app] token"), "{run}");
    }
}
