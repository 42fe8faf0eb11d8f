//! `store` of `[release]`: artifacts that others have.

use crate::support::{Host, Project, Run};
use hostout::release::Digest;
use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// An egg that says it is compiled: its wheel is for this machine.
const COMPILED: &str = "\
from setuptools import Distribution, setup

class Compiled(Distribution):
    def has_ext_modules(self):
        return True

setup(name='acme.single', version='0.1.dev0', packages=['acme', 'acme.single'], package_dir={'': 'src'},
      entry_points={'console_scripts': ['single = acme.single:main']}, distclass=Compiled)
";

fn compiled() -> Project {
    let project = Project::single();
    fs::remove_file(project.directory.join("pyproject.toml")).unwrap();
    project.write("setup.py", COMPILED);
    project.write("src/acme/__init__.py", "");
    project
}

fn keep_in(project: &Project, store: &str) {
    let text = project.read("hostout.toml");
    let release = format!("[release]\nstore = \"{store}\"\n\n[services]");
    project.write("hostout.toml", &text.replacen("[services]", &release, 1));
}

fn place(store: &Path, digest: &Digest) -> PathBuf {
    let name = digest.to_string();
    store.join(&name[..2]).join(&name[2..])
}

/// `git hostout ARGUMENTS` on a machine whose cache is empty.
fn elsewhere(project: &Project, cache: &str, arguments: &[&str], more: &[(&str, &str)]) -> Run {
    let cache = project.sandbox.path(cache).display().to_string();
    let mut variables = vec![("XDG_CACHE_HOME", cache.as_str())];
    variables.extend(more);
    project
        .sandbox
        .hostout_with(&project.directory, arguments, &variables)
}

#[test]
fn what_nobody_can_make_again_is_shared_or_refused_on_a_build_server() {
    let project = compiled();
    project.commit("Compile it");
    project.hostout(&["init"]).exits(0);
    let dry = project.hostout(&["release", "--dry-run"]).exits(0);
    dry.says(&[
        "nobody can make acme.single 0.1 again: compiled here",
        "of these the only copies are in ",
        "/cache/git-hostout/store; see `store`",
    ]);
    let ci = [("CI", "true")];
    let release = ["release", "--yes"];
    let run = project
        .sandbox
        .hostout_with(&project.directory, &release, &ci);
    run.exits(11).says(&[
        "nobody can make acme.single 0.1 again: compiled here; a build server keeps no copy",
        "name a folder that outlives it: store = \"ssh://USER@HOST/FOLDER\" in [release] of hostout.toml",
    ]);
    assert_eq!(project.git(&["tag"]), "");

    let store = project.sandbox.path("store");
    keep_in(&project, &store.display().to_string());
    project.commit("Share artifacts");
    let run = project
        .sandbox
        .hostout_with(&project.directory, &release, &ci);
    run.exits(11).says(&[
        "cannot use the artifacts in ",
        "`store` in [release] names a folder that is there, and that you may write to",
    ]);
    assert_eq!(project.git(&["tag"]), "");
    project
        .hostout(&["check", "local"])
        .exits(11)
        .says(&["cannot use the artifacts in "]);
    fs::create_dir(&store).unwrap();
    let run = project
        .sandbox
        .hostout_with(&project.directory, &release, &ci);
    run.exits(0).says(&["share", "gets copies of these"]);

    let artifacts = project.manifest("0.1.0").artifacts();
    for (digest, artifact) in &artifacts {
        let path = place(&store, digest);
        let bytes = fs::read(&path).unwrap();
        assert_eq!(Digest::of(&bytes), *digest, "{}", artifact.file);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o444);
    }
    let left = fs::read_dir(&store)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    assert!(
        left.into_iter().all(|name| name.len() == 2),
        "nothing else is left there"
    );

    // The next release shares what is new.
    project.write("src/acme/single/new.py", "");
    project.commit("Change it");
    let run = project.hostout(&["release", "--yes"]).exits(0);
    run.says(&["2 artifacts, ", "are there)"]);

    let fetched = format!(
        "{} artifacts fetched from {}.",
        artifacts.len(),
        store.display()
    );
    let verify = elsewhere(&project, "second", &["verify", "0.1.0", "-v"], &[]);
    verify.exits(0).says(&[&fetched, "0 not on this machine"]);
    let deploy = ["deploy", "local", "0.1.0", "--yes"];
    let run = elsewhere(&project, "third", &deploy, &[]).exits(0);
    let run = run.says(&[&fetched]);
    assert!(!run.stderr.contains("made again"), "{run}");
    assert_eq!(project.live().as_deref(), Some("0.1.0"));
}

#[test]
fn a_store_over_ssh_that_is_damaged_or_away_is_passed_over() {
    let host = Host::of(Project::single(), "").only();
    let store = host.project.sandbox.path("store");
    fs::create_dir(&store).unwrap();
    let name = format!("ssh://web1{}", store.display());
    keep_in(&host.project, &name);
    let host = host.release();
    let artifacts = host.project.manifest("0.1.0").artifacts();
    let digests: BTreeSet<Digest> = artifacts.keys().copied().collect();
    assert!(digests.iter().all(|digest| place(&store, digest).is_file()));

    let damaged = place(&store, &host.project.manifest("0.1.0").tarball.sha256);
    fs::set_permissions(&damaged, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&damaged, "evil").unwrap();
    let config = host.sshd.config().display().to_string();
    let ssh = [("HOSTOUT_SSH_CONFIG", config.as_str())];
    let deploy = ["deploy", "far", "--yes"];
    let run = elsewhere(&host.project, "second", &deploy, &ssh).exits(0);
    run.says(&[
        "is something else and is not taken: remove it there",
        "they are made again and fetched",
    ]);
    assert_eq!(host.live().as_deref(), Some("0.1.0"));

    host.project.commit_empty("Nothing");
    host.project
        .edit("hostout.toml", &name, &name.replace("web1", "web2.invalid"));
    host.project.commit("Move the store");
    host.hostout(&["release", "--bump", "patch", "--yes"])
        .exits(20)
        .says(&["web2.invalid: can't find the address of web2.invalid"]);
    assert_eq!(host.project.git(&["tag"]), "v0.1.0");
    elsewhere(&host.project, "third", &["verify", "0.1.0"], &ssh)
        .exits(0)
        .says(&["can't find the address of web2.invalid"]);
}

#[test]
fn what_nobody_else_has_comes_from_a_host_that_was_sent_it() {
    let project = Project::released_single();
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    let second = project.sandbox.path("second").display().to_string();
    project.add_stage("other", &second, "");
    // Nothing can be made again without an index.
    let away = [
        ("PIP_INDEX_URL", "http://127.0.0.1:1/simple"),
        ("PIP_RETRIES", "0"),
    ];
    let run = elsewhere(&project, "cache2", &["deploy", "other", "--yes"], &away);
    let from = format!("fetched from local:{}/store.", project.host.display());
    run.exits(0)
        .says(&["they are made again and fetched", &from]);
    assert!(Path::new(&second).join("current").exists());
}
