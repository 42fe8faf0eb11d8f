//! Wheels for hosts that are not like this machine.

use crate::support::Project;
use hostout::release::Pin;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

const FOREIGN: &str = "cp313-musllinux_1_2_aarch64";

/// What this machine's python is called.
fn here() -> String {
    let ask = "import sys; print('cp%d%d-manylinux_2_17_x86_64' % sys.version_info[:2])";
    let output = Command::new("python3").args(["-c", ask]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// `single` with compiled code, and with what only newer pythons want.
fn project(markupsafe: &str, targets: &[&str], wants: &str) -> Project {
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

/// Another python than this machine's own: on the path, or one of pyenv's.
fn another_python(minor: &str) -> Option<PathBuf> {
    let name = format!("python3.{minor}");
    let mut folders: Vec<PathBuf> = env::split_paths(&env::var_os("PATH")?).collect();
    let pyenv = env::var_os("PYENV_ROOT").map(PathBuf::from);
    let pyenv = pyenv.or_else(|| Some(env::home_dir()?.join(".pyenv")));
    let versions = pyenv.and_then(|root| fs::read_dir(root.join("versions")).ok());
    folders.extend(
        versions
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path().join("bin")),
    );
    let works = |python: &PathBuf| {
        let output = Command::new(python)
            .args(["-c", "import venv; print(1)"])
            .output();
        output.is_ok_and(|output| output.stdout == b"1\n")
    };
    folders
        .into_iter()
        .map(|folder| folder.join(&name))
        .find(works)
}

fn has(stage: &Path, pin: &Pin, wheel: usize) -> bool {
    let name = pin.artifacts[wheel].sha256.to_string();
    stage
        .join("store")
        .join(&name[..2])
        .join(&name[2..])
        .exists()
}

fn pin(project: &Project, release: &str, name: &str) -> Pin {
    let mut pins = project.manifest(release).pin.into_iter();
    pins.find(|pin| pin.name.eq_ignore_ascii_case(name))
        .unwrap()
}

#[test]
fn one_release_is_for_all_of_them() {
    let here = here();
    let project = project("3.0.2", &[&here, FOREIGN], "six==1.16.0");
    project
        .hostout(&["release", "--yes"])
        .exits(0)
        .says(&[&format!("fetch wheels for {FOREIGN}")]);
    let markupsafe = pin(&project, "0.1.0", "markupsafe");
    let targets: Vec<&[String]> = markupsafe
        .artifacts
        .iter()
        .map(|artifact| &*artifact.targets)
        .collect();
    assert_eq!(targets, [[here.clone()], [FOREIGN.to_owned()]]);
    assert!(
        markupsafe.artifacts[1]
            .file
            .contains("cp313-cp313-musllinux")
    );
    let six = pin(&project, "0.1.0", "six");
    assert_eq!(
        (six.version.to_string().as_str(), &*six.targets),
        ("1.16.0", &[FOREIGN.to_owned()][..])
    );
    let buildout = pin(&project, "0.1.0", "zc.buildout");
    assert!(buildout.targets.is_empty() && buildout.artifacts[0].targets.is_empty());

    // A host gets what it can take.
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    let host = &project.host;
    assert!(has(host, &markupsafe, 0) && !has(host, &markupsafe, 1));

    // The next release keeps the files, and asks nobody for them.
    project.write("src/acme/single/new.py", "");
    project.commit("Change it");
    let run = project.hostout(&["release", "--yes"]).exits(0);
    assert!(!run.stderr.contains("fetch wheels"), "{run}");
    for name in ["markupsafe", "six"] {
        assert_eq!(pin(&project, "0.1.1", name), pin(&project, "0.1.0", name));
    }
    project
        .hostout(&["verify", "--rebuild"])
        .exits(0)
        .says(&["0.1.1 holds"]);

    // Nor does somebody whose cache is empty get others.
    project.write("src/acme/single/more.py", "");
    project.commit("Change it again");
    let cache = project.sandbox.path("cache2").display().to_string();
    let (release, cache) = (["release", "--yes"], [("XDG_CACHE_HOME", cache.as_str())]);
    let run = project
        .sandbox
        .hostout_with(&project.directory, &release, &cache);
    run.exits(0).says(&["fetch wheels for"]);
    assert_eq!(project.manifest("0.1.2").pin, project.manifest("0.1.0").pin);
}

#[test]
fn a_host_that_is_none_of_them_is_told_which_to_add() {
    let project = project("3.0.2", &[FOREIGN], "six==1.16.0");
    project.hostout(&["release", "--yes"]).exits(0);
    assert_eq!(pin(&project, "0.1.0", "markupsafe").artifacts.len(), 1);
    let python = here().split_once('-').unwrap().0.to_owned();
    let said = [
        format!("local: its python ({python}-"),
        ") cannot take ".to_owned(),
        "-cp313-cp313-musllinux".to_owned(),
        format!("add \"{python}-"),
        "\" to `targets` in [release] and release: then its wheels are fetched too; or set `python` of the stage to one \
         that fits"
            .to_owned(),
    ];
    let said: Vec<&str> = said.iter().map(String::as_str).collect();
    project.hostout(&["check", "local"]).exits(11).says(&said);
    project
        .hostout(&["deploy", "local", "--yes"])
        .exits(11)
        .says(&said);
    assert!(!project.host.exists());
}

#[test]
fn those_without_wheels_are_refused() {
    let here = here();
    let without = project("2.1.5", &[&here, FOREIGN], "six==1.16.0");
    let run = without.hostout(&["release", "--yes"]).exits(11);
    assert_eq!(without.git(&["tag"]), "");
    let run = run.says(&[
        &format!("target {FOREIGN} cannot take "),
        ", and there are no wheels for it",
        &format!(
            "release on a machine like {FOREIGN}, pin versions that have wheels for it, or take it out of `targets` in [release]"
        ),
    ]);
    let ours = format!("{here} cannot take");
    assert!(!run.stderr.contains(&ours), "{run}");

    let nowhere = project("3.0.2", &[&here, FOREIGN], "six==999");
    nowhere.hostout(&["release", "--yes"]).exits(11).says(&[
        &format!(
            "on target {FOREIGN} acme.single wants six==999, and there is no wheel of that for it"
        ),
        &format!("release on a machine like {FOREIGN}, or take it out of `targets` in [release]"),
    ]);
}

/// Staging on this machine's python and production on 3.13.
#[test]
#[expect(clippy::print_stderr, reason = "a test that did not run says so")]
fn two_pythons_share_one_release() {
    let Some(python) = another_python("13").filter(|_| !here().starts_with("cp313")) else {
        eprintln!("not run: there is no python3.13 beside the python3 of this machine");
        return;
    };
    let (here, there) = (here(), "cp313-manylinux_2_17_x86_64");
    let project = project("3.0.2", &[&here, there], "six==1.16.0");
    project.write(
        "src/acme/single/__init__.py",
        "import sys\nimport markupsafe._speedups\n\n\ndef main():\n    if sys.version_info >= (3, 13):\n        import six\n    \
         print('%d.%d' % sys.version_info[:2], 'six' in sys.modules)\n",
    );
    let production = project.sandbox.path("production");
    let more = format!("python = \"{}\"\n", python.display());
    project.add_stage("production", &production.display().to_string(), &more);
    project.commit("Use both");
    project.hostout(&["release", "--yes"]).exits(0);
    let said = |stage: &str| {
        project.hostout(&["check", stage]).exits(0);
        project.hostout(&["deploy", stage, "--yes"]).exits(0);
        project
            .hostout(&["run", stage, "--", "bin/single"])
            .exits(0)
            .stdout
    };
    assert_eq!(said("production"), "3.13 True\n");
    assert!(said("local").ends_with(" False\n"));
    let markupsafe = pin(&project, "0.1.0", "markupsafe");
    for (stage, has_which) in [(&project.host, [true, false]), (&production, [false, true])] {
        assert_eq!(
            [0, 1].map(|wheel| has(stage, &markupsafe, wheel)),
            has_which
        );
    }
}
