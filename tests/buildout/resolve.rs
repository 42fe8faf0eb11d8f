//! What is resolved, what is refused, and whose settings apply.

use super::project::{Project, versions, wheels};
use crate::support::Index;
use hostout::{
    buildout::{User, acting_outside},
    release::{Digest, Origin, normalize},
};
use std::{fs, os::unix::fs::PermissionsExt, process::Command};

#[test]
fn a_kept_pin_stays_until_a_requirement_forbids_it() {
    let kept = [
        ("Colorama".to_owned(), "0.4.5".to_owned()),
        ("six".to_owned(), "1.15.0".to_owned()),
    ];
    let (_out, resolved) = Project::small("eggs =\n    colorama\n    six\n")
        .resolved(&kept)
        .unwrap();
    assert_eq!(versions(&resolved)["colorama"], "0.4.5");
    assert!(resolved.released.is_empty());

    let (_out, resolved) = Project::small("eggs =\n    colorama\n    six >= 1.16\n")
        .resolved(&kept)
        .unwrap();
    assert_eq!(versions(&resolved)["colorama"], "0.4.5");
    assert_ne!(versions(&resolved)["six"], "1.15.0");
    assert_eq!(resolved.released, [("six".to_owned(), "1.15.0".to_owned())]);

    let project = Project::small("eggs = six\n[versions]\nsix = 1.16.0\n");
    let (_out, resolved) = project.resolved(&kept).unwrap();
    assert_eq!(versions(&resolved)["six"], "1.16.0");
}

#[test]
fn what_cannot_be_found_is_named_with_the_file_that_wants_it() {
    let error = Project::small("eggs = six\n[versions]\nsix = 99.0\n")
        .resolved(&[])
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "six==99.0: no such distribution was found, wanted by part app, pinned in prod.cfg line 13"
    );
    let error = Project::small("eggs = six < 1\n[versions]\nsix = 1.16.0\n")
        .resolved(&[])
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "six<1: not allowed by the pin `six = 1.16.0` of prod.cfg line 13, wanted by part app"
    );
}

#[test]
fn two_versions_in_one_configuration_are_refused() {
    let project = Project::small(
        "eggs = six == 1.16.0\n[other]\nrecipe = zc.recipe.egg\neggs = six == 1.15.0\n[buildout]\nparts += other\n",
    );
    let error = project.resolved(&[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "prod.cfg: uses six in the versions 1.16.0 and 1.15.0"
    );
}

#[test]
fn a_source_distribution_becomes_a_wheel() {
    let project = Project::small("eggs = hostout.test.spam\n[buildout]\nfind-links = links\n");
    let source = tempfile::tempdir().unwrap();
    fs::write(
        source.path().join("setup.py"),
        "from setuptools import setup\nsetup(name='hostout.test.spam', version='1.0', py_modules=[])\n",
    )
    .unwrap();
    let links = project.tree.path().join("links");
    let made = Command::new(&project.seen().scratch.python)
        .args(["setup.py", "--quiet", "sdist", "--dist-dir"])
        .arg(&links)
        .current_dir(source.path())
        .status()
        .unwrap();
    assert!(made.success());
    let (_out, resolved) = project.resolved(&[]).unwrap();
    let spam = resolved
        .dists
        .iter()
        .find(|dist| normalize(&dist.name) == "hostout-test-spam")
        .unwrap();
    assert_eq!(spam.origin, Origin::Sdist);
    assert!(
        spam.file
            .to_str()
            .unwrap()
            .ends_with("hostout_test_spam-1.0-py3-none-any.whl"),
        "{spam:?}"
    );
    let sdist = fs::read(&wheels(&links)[0]).unwrap();
    let built_from = spam.built_from.as_ref().unwrap();
    assert_eq!(built_from.sha256, Digest::of(&sdist));
    assert_eq!(
        built_from.url,
        wheels(&links)[0].file_name().unwrap().to_str().unwrap()
    );
}

#[test]
fn a_host_part_is_pinned_and_not_run() {
    let project = Project::small(
        "eggs = six\n[mark]\nrecipe = plone.recipe.command\ncommand = touch ${buildout:directory}/marked\n[buildout]\nparts += mark\n",
    );
    let seen = project.seen();
    assert_eq!(acting_outside(&seen.inspected), ["mark"]);
    let out = tempfile::tempdir().unwrap();
    let resolved = seen
        .resolve_with(&project, &[], out.path(), &[], &["mark".to_owned()])
        .unwrap();
    assert!(versions(&resolved).contains_key("plone.recipe.command"));
    assert!(!seen.work.path().join("marked").exists());
    seen.resolve(&project, &[], out.path(), &[]).unwrap();
    assert!(seen.work.path().join("marked").exists());
}

#[test]
fn no_other_package_takes_the_name_of_a_projects_egg() {
    let project = Project::hello("4.2.0");
    project.append("prod.cfg", "find-links = links\nparts = app\n");
    let out = tempfile::tempdir().unwrap();
    let built = out.path().join("built");
    fs::create_dir(&built).unwrap();
    let seen = project.seen();
    let eggs = seen.eggs(&built);
    // A later version, and the same version with other bytes.
    let links = seen.work.path().join("links");
    fs::create_dir(&links).unwrap();
    let greeting = eggs.iter().find(|egg| egg.name == "acme.greeting").unwrap();
    for name in [
        "acme.greeting-1.1-py3-none-any.whl",
        "acme.greeting-9.0-py3-none-any.whl",
    ] {
        fs::write(links.join(name), "not ours").unwrap();
    }
    let resolved = seen
        .resolve(&project, &eggs, &out.path().join("wheels"), &[])
        .unwrap();
    assert!(resolved.eggs_used.contains(&greeting.name));
    assert!(!versions(&resolved).contains_key("acme.greeting"));
}

#[test]
fn settings_of_the_user_say_where_and_never_which() {
    let (house, _) = Project::small("eggs = six\n").resolved(&[]).unwrap();
    let server = Index::start(house.path(), "secret");
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".buildout")).unwrap();
    let index = server.url("me:secret@", "/simple");
    let default = format!("[buildout]\nindex = {index}\nversions = mine\n[mine]\nsix = 1.10.0\n");
    fs::write(home.path().join(".buildout/default.cfg"), default).unwrap();
    let mut project = Project::small("eggs = six\n");
    project.user = User::current().with("HOME", home.path());
    let (_out, resolved) = project.resolved(&[]).unwrap();
    assert_ne!(versions(&resolved)["six"], "1.10.0");
    let six = resolved
        .dists
        .iter()
        .find(|dist| dist.name == "six")
        .unwrap();
    assert!(
        six.url.starts_with(&server.url("", "/simple/six/")),
        "{}",
        six.url
    );

    // The same login from netrc.
    fs::write(
        home.path().join(".buildout/default.cfg"),
        format!("[buildout]\nindex = {}\n", server.url("", "/simple")),
    )
    .unwrap();
    fs::write(
        home.path().join(".netrc"),
        "machine 127.0.0.1 login me password secret\n",
    )
    .unwrap();
    // Python's netrc takes no file that others can read.
    fs::set_permissions(
        home.path().join(".netrc"),
        fs::Permissions::from_mode(0o600),
    )
    .unwrap();
    project.resolved(&[]).unwrap();

    // A failing run says nothing secret.
    fs::write(
        home.path().join(".buildout/default.cfg"),
        format!("[buildout]\nindex = {index}\n"),
    )
    .unwrap();
    project.append("prod.cfg", "    nothing.of.that.name\n");
    let error = format!("{:?}", project.resolved(&[]).unwrap_err());
    assert!(
        error.contains("nothing.of.that.name") && !error.contains("secret"),
        "{error}"
    );
}

#[test]
fn a_fetched_configuration_is_used_as_it_was_fetched() {
    let house = tempfile::tempdir().unwrap();
    fs::write(
        house.path().join("base.cfg"),
        "[buildout]\nextends = versions.cfg\n",
    )
    .unwrap();
    fs::write(
        house.path().join("versions.cfg"),
        "[versions]\nsix = 1.16.0\n",
    )
    .unwrap();
    let server = Index::start(house.path(), "secret");
    let project = Project::small(&format!(
        "eggs = six\n[buildout]\nextends = {}\n",
        server.url("me:secret@", "/files/base.cfg")
    ));
    let seen = project.seen();
    assert_eq!(seen.graph.passwords().len(), 1);
    assert_eq!(seen.graph.urls.len(), 2);
    server.stop();
    let out = tempfile::tempdir().unwrap();
    let resolved = seen.resolve(&project, &[], out.path(), &[]).unwrap();
    assert_eq!(versions(&resolved)["six"], "1.16.0");
}
