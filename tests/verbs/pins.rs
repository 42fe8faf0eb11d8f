//! Third-party versions from release to release.

use crate::support::{Project, shared_cache, write_wheel};
use hostout::release::Origin;
use std::fs;

/// The version of a pin in a release.
fn pin(project: &Project, release: &str, name: &str) -> String {
    let manifest = project.manifest(release);
    let found = manifest.pin.iter().find(|pin| pin.name == name);
    found.unwrap().version.to_string()
}

#[test]
fn go_up_when_asked_to() {
    let project = Project::single_with(&[("six.cfg", "[versions]\nsix = 1.15.0\ntoml = 0.10.1\n")]);
    project.edit(
        "buildout.cfg",
        "[buildout]\n",
        "[buildout]\nextends = six.cfg\n",
    );
    project.edit(
        "buildout.cfg",
        "eggs = acme.single",
        "eggs = acme.single\n    six\n    toml",
    );
    project.commit("Use six and toml");
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);
    project.write("six.cfg", "[versions]\n");
    project.commit("Pin nothing");
    project.hostout(&["release", "--yes"]).exits(0);
    for name in ["six", "toml"] {
        assert_eq!(pin(&project, "0.1.1", name), pin(&project, "0.1.0", name));
    }
    project
        .hostout(&["release", "--upgrade=six", "--bump", "patch", "--yes"])
        .exits(0)
        .says(&["six 1.15.0 -> "]);
    assert_ne!(pin(&project, "0.1.2", "six"), "1.15.0");
    assert_eq!(pin(&project, "0.1.2", "toml"), "0.10.1");
    // An upgrade is a reason of its own.
    project.hostout(&["release", "--upgrade", "--yes"]).exits(0);
    assert_eq!(pin(&project, "0.1.3", "six"), pin(&project, "0.1.2", "six"));
    assert_ne!(pin(&project, "0.1.3", "toml"), "0.10.1");
}

#[test]
fn that_cannot_be_had_name_who_wants_them() {
    let project = Project::single();
    project.edit(
        "buildout.cfg",
        "eggs = acme.single",
        "eggs = acme.single\n    six",
    );
    project.edit(
        "buildout.cfg",
        "zc.recipe.egg = 6.0.0",
        "zc.recipe.egg = 6.0.0\nsix = 99.9",
    );
    project.commit("Want what is not there");
    project.hostout(&["init"]).exits(0);
    project
        .hostout(&["release", "--yes"])
        .exits(11)
        .says(&["six", "99.9", "app"]);
}

#[test]
fn from_a_source_distribution_become_wheels() {
    let project = Project::single();
    let links = project.sandbox.path("links");
    let source = project.sandbox.path("acme.sdist");
    fs::create_dir_all(&links).unwrap();
    fs::create_dir_all(&source).unwrap();
    fs::write(
        source.join("setup.py"),
        "from setuptools import setup\nsetup(name='acme.sdist', version='2.0', py_modules=['sdisted'])\n",
    )
    .unwrap();
    fs::write(source.join("sdisted.py"), "").unwrap();
    let mut command = project.sandbox.command("python3", &source);
    let output = command
        .args(["setup.py", "-q", "sdist", "--formats=gztar", "-d"])
        .arg(&links)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    project.edit(
        "buildout.cfg",
        "parts = app\n",
        &format!("parts = app\nfind-links = {}\n", links.display()),
    );
    project.edit(
        "buildout.cfg",
        "eggs = acme.single",
        "eggs = acme.single\n    acme.sdist",
    );
    project.commit("Use a source distribution");
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);
    let manifest = project.manifest("0.1.0");
    let pin = manifest
        .pin
        .iter()
        .find(|pin| pin.name == "acme.sdist")
        .unwrap();
    assert_eq!(pin.origin, Origin::Sdist);
    assert!(pin.built_from.as_ref().unwrap().url.ends_with(".tar.gz"));
    assert!(pin.artifacts[0].file.ends_with("-py3-none-any.whl"));
    fs::remove_dir_all(&links).unwrap();
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    assert!(project.live().is_some());
}

#[test]
fn whose_file_was_replaced_are_refused() {
    let project = Project::single();
    let links = project.sandbox.path("links");
    let put = |words: &str| write_wheel(&project.sandbox, &links, "acme.third", words, &[]);
    // Its name is in no other test's store.
    put(&format!("# {}", links.display()));
    let more = format!("parts = app\nfind-links = {}\n", links.display());
    project.edit("buildout.cfg", "parts = app\n", &more);
    project.edit("buildout.cfg", "acme.single", "acme.single\n    acme.third");
    project.commit("Use a wheel of a stranger");
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);
    let manifest = project.manifest("0.1.0");
    let pin = |pin: &&hostout::release::Pin| pin.name == "acme.third";
    let sha256 = manifest.pin.iter().find(pin).unwrap().artifacts[0].sha256;

    // While the file of that release is at hand, nobody asks for another.
    put("evil = True");
    project.write("src/acme/single/new.py", "");
    project.commit("Change it");
    project.hostout(&["release", "--yes"]).exits(0);
    let again = project.manifest("0.1.1");
    assert_eq!(
        again.pin.iter().find(pin).unwrap().artifacts[0].sha256,
        sha256
    );

    let sha256 = sha256.to_string();
    let (shard, rest) = sha256.split_at(2);
    let store = shared_cache().join("git-hostout/store");
    fs::remove_file(store.join(shard).join(rest)).unwrap();
    project.write("src/acme/single/newer.py", "");
    project.commit("Change it once more");
    project.hostout(&["release", "--yes"]).exits(11).says(&[
        "acme_third-1.0-py3-none-any.whl",
        " is not the file that the last release pinned: sha256 ",
        "find out who replaced it; one name, version and tag has one file for ever",
    ]);
    assert_eq!(project.git(&["tag"]), "v0.1.0\nv0.1.1");
}
