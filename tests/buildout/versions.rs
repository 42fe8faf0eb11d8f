//! The example project on every supported zc.buildout.

use super::{
    host::Host,
    project::{Project, versions, wheels},
};
use hostout::{buildout::services, release::Services};
use std::{fs, path::PathBuf};

/// Resolves, generates, and runs the result like a host: without net access, index or settings, from wheels only.
fn release_runs(buildout: &str, eggs_folder: &str) {
    let project = Project::hello(buildout);
    let seen = project.seen();
    assert_eq!(seen.scratch.buildout(), buildout);
    assert_eq!(
        seen.inspected.develop,
        ["src/acme.greeting", "src/acme.hello", "src/acme.spare"]
    );
    assert_eq!(
        seen.inspected.words("app", "eggs"),
        ["acme.hello", "waitress"]
    );
    assert_eq!(services(&seen.inspected), Services::Supervisor);

    let out = tempfile::tempdir().unwrap();
    let built = out.path().join("built");
    fs::create_dir(&built).unwrap();
    let eggs = seen.eggs(&built);
    let wheelhouse = out.path().join("wheels");
    let resolved = seen.resolve(&project, &eggs, &wheelhouse, &[]).unwrap();
    assert_eq!(resolved.eggs_used, ["acme.greeting", "acme.hello"]);
    assert_eq!(resolved.eggs_unused, ["acme.spare"]);
    let pins = versions(&resolved);
    assert_eq!(pins["zc.buildout"], buildout);
    assert_eq!(pins["waitress"], "3.0.2");
    for name in [
        "collective.recipe.supervisor",
        "packaging",
        "pip",
        "setuptools",
        "supervisor",
        "wheel",
        "zc.recipe.egg",
    ] {
        assert!(pins.contains_key(name), "{name} of {pins:?}");
    }
    assert_eq!(pins.contains_key("platformdirs"), buildout.starts_with('6'));
    assert!(
        resolved
            .dists
            .iter()
            .all(|dist| dist.file.extension().is_some_and(|e| e == "whl"))
    );
    let waitress = resolved
        .dists
        .iter()
        .find(|dist| dist.name == "waitress")
        .unwrap();
    assert!(
        waitress.url.starts_with("https://") && waitress.url.ends_with("-py3-none-any.whl"),
        "{}",
        waitress.url
    );

    let mut pins: Vec<(String, String)> = resolved
        .dists
        .iter()
        .map(|d| (d.name.clone(), d.version.clone()))
        .collect();
    pins.extend(
        eggs.iter()
            .filter(|egg| resolved.eggs_used.contains(&egg.name))
            .map(|egg| (egg.name.clone(), egg.version.clone())),
    );
    let host = Host::make(&project, &seen, &resolved, &pins, &eggs, &wheelhouse);
    host.buildout().unwrap();
    let said = host.python(
        "from acme.hello import application; print(application({}, lambda *a: None)[0].decode())",
    );
    assert_eq!(said.trim(), "Hello, World");
    let found: Vec<PathBuf> = wheels(&host.release.join(eggs_folder));
    assert!(
        found.iter().any(|egg| egg
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("waitress-3.0.2-py3.11")),
        "{found:?}"
    );
    assert!(host.release.join("bin/supervisord").exists());
    host.buildout().unwrap();
}

#[test]
fn buildout_4_1_4_is_resolved_and_runs_on_a_host() {
    release_runs("4.1.4", "eggs");
}

#[test]
fn buildout_4_1_12_is_resolved_and_runs_on_a_host() {
    release_runs("4.1.12", "eggs");
}

#[test]
fn buildout_4_2_0_is_resolved_and_runs_on_a_host() {
    release_runs("4.2.0", "eggs");
}

#[test]
fn buildout_5_2_0_is_resolved_and_runs_on_a_host() {
    release_runs("5.2.0", "eggs/v5");
}

#[test]
fn buildout_6_0_1_is_resolved_and_runs_on_a_host() {
    release_runs("6.0.1", "eggs/v5");
}
