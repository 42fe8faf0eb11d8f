//! Many eggs, one of which changes.

use crate::{
    report::{Beside, Report, once, succeed},
    support::Project,
};
use std::fs;

const EGGS: usize = 50;

pub fn run(report: &mut Report) {
    let project = project();
    project.hostout(&["init"]).exits(0);
    let release = || drop(project.hostout(&["release", "--yes"]).exits(0));
    let first = once(release);
    let changed = |version: &str| {
        let manifest = project.manifest(version);
        manifest.egg.iter().filter(|egg| egg.changed).count()
    };
    let path = "src/acme.egg07/src/acme/egg07/__init__.py";
    project.edit(path, "NUMBER = 7", "NUMBER = 70");
    project.commit("Change one egg");
    let second = once(release);
    project.edit(path, "NUMBER = 70", "NUMBER = 700");
    project.commit("Change it again");
    let third = once(release);
    let same = once(release);

    let wheels = project.sandbox.path("wheels");
    let pip = once(|| {
        let mut command = project.sandbox.command("python3", &project.directory);
        command.args(["-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]);
        succeed(command.arg(&wheels).arg("./src/acme.egg07"));
    });
    let all = once(|| {
        let mut command = project.sandbox.command("python3", &project.directory);
        command.args(["-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]);
        command.arg(&wheels);
        command.args((0..EGGS).map(|number| format!("./src/acme.egg{number:02}")));
        succeed(&mut command);
    });
    let one = Beside("pip wheel of the one egg", pip);
    let fifty = Beside("pip wheel of all 50", all);
    report.row("git hostout release, 50 new", first, fifty);
    report.row("git hostout release, 1 of 50 changed", second, fifty);
    report.row("the same again", third, one);
    report.row("git hostout release, nothing changed", same, one);
    report.note(&format!(
        "eggs built: {} of {EGGS}, then {}, then {}",
        changed("0.1.0"),
        changed("0.1.1"),
        changed("0.1.2")
    ));
    assert_eq!((changed("0.1.0"), changed("0.1.1")), (EGGS, 1));
}

/// `fixtures/single` with 50 small eggs instead of its own.
fn project() -> Project {
    let project = Project::from_fixture("single");
    fs::remove_dir_all(project.directory.join("src")).unwrap();
    for file in ["pyproject.toml", "CHANGES.rst"] {
        fs::remove_file(project.directory.join(file)).unwrap();
    }
    let names: Vec<String> = (0..EGGS)
        .map(|number| format!("acme.egg{number:02}"))
        .collect();
    for (number, name) in names.iter().enumerate() {
        let module = name.replace('.', "/");
        let folder = project.directory.join(format!("src/{name}/src/{module}"));
        fs::create_dir_all(folder).unwrap();
        project.write(
            &format!("src/{name}/pyproject.toml"),
            &format!(
                "[build-system]\nrequires = [\"hatchling\"]\nbuild-backend = \"hatchling.build\"\n\n\
                 [project]\nname = \"{name}\"\nversion = \"1.0.dev0\"\n\n\
                 [tool.hatch.build.targets.wheel]\npackages = [\"src/acme\"]\n"
            ),
        );
        project.write(
            &format!("src/{name}/src/{module}/__init__.py"),
            &format!("NUMBER = {number}\n"),
        );
    }
    let develop: Vec<String> = names.iter().map(|name| format!("src/{name}")).collect();
    project.edit(
        "buildout.cfg",
        "develop = .",
        &format!("develop =\n    {}", develop.join("\n    ")),
    );
    project.edit(
        "buildout.cfg",
        "eggs = acme.single",
        &format!("eggs =\n    {}", names.join("\n    ")),
    );
    project.add_stage_and_commit()
}
