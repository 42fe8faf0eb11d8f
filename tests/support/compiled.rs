//! A project with compiled code, whose wheels fit some machines only.

use super::Project;
use hostout::release::Pin;
use std::{path::Path, process::Command};

/// What this machine's python is called.
pub fn here() -> String {
    let ask = "import sys; print('cp%d%d-manylinux_2_17_x86_64' % sys.version_info[:2])";
    let output = Command::new("python3").args(["-c", ask]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// `single` with compiled code, and with what only newer pythons want.
pub fn project(markupsafe: &str, targets: &[&str], wants: &str) -> Project {
    let project = Project::single();
    project.edit(
        "buildout.cfg",
        "eggs = acme.single",
        "eggs = acme.single\n    markupsafe",
    );
    project.edit(
        "buildout.cfg",
        "zc.recipe.egg = 6.0.0",
        &format!("zc.recipe.egg = 6.0.0\nmarkupsafe = {markupsafe}"),
    );
    let wants = format!(
        "requires-python = \">=3.8\"\ndependencies = [\"{wants}; python_version >= '3.13'\"]"
    );
    project.edit("pyproject.toml", "requires-python = \">=3.8\"", &wants);
    let release = format!("[release]\ntargets = {targets:?}\n\n[services]");
    project.edit("hostout.toml", "[services]", &release);
    project.commit("Use compiled code");
    project.hostout(&["init"]).exits(0);
    project
}

/// A pin of a release.
pub fn pin(project: &Project, release: &str, name: &str) -> Pin {
    let mut pins = project.manifest(release).pin.into_iter();
    pins.find(|pin| pin.name.eq_ignore_ascii_case(name))
        .unwrap()
}

/// Whether the store of a stage has that wheel of a distribution.
pub fn has(stage: &Path, pin: &Pin, wheel: usize) -> bool {
    let name = pin.artifacts[wheel].sha256.to_string();
    stage
        .join("store")
        .join(&name[..2])
        .join(&name[2..])
        .exists()
}
