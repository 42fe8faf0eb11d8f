//! A project with one egg for each way in which python packages are built.

use crate::support::{Elsewhere, Project, shared_cache};
use hostout::release::{Egg, Manifest};
use std::{fs, process::Command};

/// A page template that only git names as package data.
const ZCML: &str = "<configure />\n";

/// `[build-system]` and the begin of `[project]`.
fn toml(backend: &str, requires: &str, more: &str) -> String {
    format!("[build-system]\nrequires = [{requires}]\nbuild-backend = \"{backend}\"\n{more}")
}

/// Each egg's name and packaging files; its module is the name with `_`.
fn eggs() -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    let setuptools = |more: &str| toml("setuptools.build_meta", "\"setuptools>=64\"", more);
    let data = "package_data={'': ['*.zcml']}";
    vec![
        ("acme.py", vec![("setup.py", format!(
            "from setuptools import setup\nsetup(name='acme.py', version='1.0.dev0', packages=['acme_py'], {data})\n"
        ))]),
        ("acme.cfg", vec![
            ("setup.py", "from setuptools import setup\nsetup()\n".to_owned()),
            ("setup.cfg", "[metadata]\nname = acme.cfg\nversion = attr: acme_cfg.__version__\n[options]\npackages = acme_cfg\n[options.package_data]\n* = *.zcml\n".to_owned()),
        ]),
        ("acme.static", vec![("pyproject.toml", setuptools(
            "[project]\nname = \"acme.static\"\nversion = \"1.0\"\n[tool.setuptools]\npackages = [\"acme_static\"]\n[tool.setuptools.package-data]\n\"*\" = [\"*.zcml\"]\n",
        ))]),
        ("acme.scm", vec![("pyproject.toml", toml(
            "setuptools.build_meta",
            "\"setuptools>=64\", \"setuptools-scm>=8\"",
            "[project]\nname = \"acme.scm\"\ndynamic = [\"version\"]\n[tool.setuptools]\npackages = [\"acme_scm\"]\n[tool.setuptools_scm]\nroot = \"../..\"\n",
        ))]),
        ("acme.hatch", vec![("pyproject.toml", toml(
            "hatchling.build",
            "\"hatchling\"",
            "[project]\nname = \"acme.hatch\"\nversion = \"1.0\"\n",
        ))]),
        ("acme.vcs", vec![("pyproject.toml", toml(
            "hatchling.build",
            "\"hatchling\", \"hatch-vcs\"",
            "[project]\nname = \"acme.vcs\"\ndynamic = [\"version\"]\n[tool.hatch.version]\nsource = \"vcs\"\nraw-options = { root = \"../..\" }\n",
        ))]),
        ("acme.flit", vec![("pyproject.toml", toml(
            "flit_core.buildapi",
            "\"flit_core\"",
            "[project]\nname = \"acme.flit\"\ndynamic = [\"version\", \"description\"]\n[tool.flit.module]\nname = \"acme_flit\"\n",
        ))]),
        ("acme.poetry", vec![("pyproject.toml", toml(
            "poetry.core.masonry.api",
            "\"poetry-core\"",
            "[tool.poetry]\nname = \"acme.poetry\"\nversion = \"1.0\"\ndescription = \"\"\nauthors = []\npackages = [{ include = \"acme_poetry\" }]\n",
        ))]),
        ("acme.pdm", vec![("pyproject.toml", toml(
            "pdm.backend",
            "\"pdm-backend\"",
            "[project]\nname = \"acme.pdm\"\nversion = \"1.0\"\n",
        ))]),
        ("acme.uv", vec![("pyproject.toml", toml(
            "uv_build",
            "\"uv_build\"",
            "[project]\nname = \"acme.uv\"\nversion = \"1.0\"\n[tool.uv.build-backend]\nmodule-name = \"acme_uv\"\nmodule-root = \"\"\n",
        ))]),
        ("acme.fast", vec![
            ("setup.py", format!(
                "from setuptools import Extension, setup\nsetup(name='acme.fast', version='1.0', packages=['acme_fast'], {data},\n    ext_modules=[Extension('acme_fast.speed', ['speed.c'])])\n"
            )),
            ("speed.c", "#include <Python.h>\nstatic struct PyModuleDef def = {PyModuleDef_HEAD_INIT, \"speed\", NULL, -1, NULL};\nPyMODINIT_FUNC PyInit_speed(void) { return PyModule_Create(&def); }\n".to_owned()),
        ]),
    ]
}

/// Real ones: name, version, and how each is built.
const PACKAGES: [(&str, &str); 10] = [
    // setup.py
    ("zope.event", "5.0"),
    ("translationstring", "1.4"),
    // setup.cfg
    ("waitress", "2.1.2"),
    // setuptools with pyproject.toml, and a version in the code
    ("toposort", "1.10"),
    // hatchling, with a version in the code and with one of git's
    ("colorama", "0.4.6"),
    ("iniconfig", "2.0.0"),
    // flit, poetry-core, pdm, uv_build
    ("tomli", "2.0.1"),
    ("tomlkit", "0.12.4"),
    ("annotated-doc", "0.0.4"),
    ("unittest-parametrize", "1.9.0"),
];

/// Unpacks the source distribution of a package, downloaded once, as an egg of the project.
fn unpack(project: &Project, name: &str, version: &str) {
    let folder = shared_cache().join(format!("sdists/{name}-{version}"));
    if !folder.exists() {
        let partial = project.sandbox.path(&format!("tmp/{name}"));
        let wanted = format!("{name}=={version}");
        let mut pip = project.sandbox.command("python3", project.sandbox.root());
        pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--dest"])
            .arg(&partial)
            // Only this one: what builds it may well be a wheel.
            .args(["--no-binary", name, &wanted]);
        assert!(pip.status().unwrap().success(), "{wanted}");
        fs::create_dir_all(folder.parent().unwrap()).unwrap();
        let copied = Command::new("cp")
            .arg("-r")
            .args([&partial, &folder])
            .status();
        assert!(copied.unwrap().success());
    }
    let sdist = fs::read_dir(folder).unwrap().next().unwrap().unwrap();
    let to = project.directory.join("packages").join(name);
    fs::create_dir_all(&to).unwrap();
    let mut tar = Command::new("tar");
    tar.args(["--strip-components=1", "-xzf"]).arg(sdist.path());
    assert!(tar.arg("-C").arg(&to).status().unwrap().success());
    // No repository has it, and hatchling believes its version rather than any other.
    fs::remove_file(to.join("PKG-INFO")).unwrap();
}

fn project(leave_out: &[&str], packages: &[(&str, &str)]) -> Project {
    let project = Project::from_fixture("single");
    let mut develop = String::from("develop = .\n");
    let mut used = String::from("eggs = acme.single\n");
    let wanted = |(name, _): &(&str, _)| !leave_out.contains(name);
    for (name, files) in eggs().into_iter().filter(wanted) {
        let module = name.replace('.', "_");
        for (file, text) in files {
            project.write(&format!("eggs/{name}/{file}"), &text);
        }
        let init = "\"\"\"An egg.\"\"\"\n__version__ = \"1.0\"\n";
        project.write(&format!("eggs/{name}/{module}/__init__.py"), init);
        project.write(&format!("eggs/{name}/{module}/configure.zcml"), ZCML);
        develop += &format!("    packages/{name}\n");
        used += &format!("    {name}\n");
    }
    // `eggs/` is ignored: buildout's own.
    fs::rename(
        project.directory.join("eggs"),
        project.directory.join("packages"),
    )
    .unwrap();
    for (name, version) in packages {
        unpack(&project, name, version);
        develop += &format!("    packages/{name}\n");
        used += &format!("    {name}\n");
    }
    project.edit("buildout.cfg", "develop = .\n", &develop);
    project.edit("buildout.cfg", "eggs = acme.single\n", &used);
    project.edit(
        "buildout.cfg",
        "[versions]",
        "[check]\nrecipe = zc.recipe.egg\neggs = ${app:eggs}\ninterpreter = py\n\n[versions]",
    );
    project.edit("buildout.cfg", "parts = app", "parts = app check");
    let project = project.add_stage_and_commit();
    project.git(&["tag", "acme.scm-2.3"]);
    project.commit_empty("One commit later");
    project.git(&["tag", "acme.vcs-4.5"]);
    project.git(&["tag", "iniconfig-2.0.0"]);
    project
}

fn egg<'a>(manifest: &'a Manifest, name: &str) -> &'a Egg {
    manifest.egg.iter().find(|egg| egg.name == name).unwrap()
}

#[test]
fn every_backend_gives_wheels_with_their_data() {
    let project = project(&[], &[]);
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);
    let first = project.manifest("0.1.0");
    assert_eq!(first.egg.len(), 12);
    let version = |manifest: &Manifest, name: &str| egg(manifest, name).version.to_string();
    for (name, wanted) in [
        ("acme.py", "1.0"),
        ("acme.cfg", "1.0"),
        ("acme.flit", "1.0"),
        // Tagged one commit before, and on this very commit.
        ("acme.scm", "2.3.1"),
        ("acme.vcs", "4.5"),
    ] {
        assert_eq!(version(&first, name), wanted, "{name}");
    }
    for egg in &first.egg {
        assert_eq!(
            egg.artifacts[0].reproducible,
            egg.name != "acme.fast",
            "{}",
            egg.name
        );
    }

    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    let python = project.host.join("current/bin/py");
    let mut names: Vec<&str> = eggs().iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    let modules: Vec<String> = names.iter().map(|name| name.replace('.', "_")).collect();
    let code = format!(
        "import importlib, pathlib\nfor name in {modules:?}:\n    \
         module = importlib.import_module(name)\n    \
         assert (pathlib.Path(module.__file__).parent / 'configure.zcml').read_text() == '<configure />\\n', name\n\
         import acme_fast.speed\nprint('all there')"
    );
    let mut command = project
        .sandbox
        .command(python.to_str().unwrap(), &project.host);
    let output = command.args(["-c", &code]).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "all there\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );

    project.write("packages/acme.scm/acme_scm/more.zcml", ZCML);
    project.commit("Add to one egg");
    project.hostout(&["release", "--yes"]).exits(0);
    let second = project.manifest("0.1.1");
    for egg in &second.egg {
        let before = self::egg(&first, &egg.name);
        assert_eq!(egg.changed, egg.name == "acme.scm", "{}", egg.name);
        if !egg.changed {
            assert_eq!(egg.artifacts, before.artifacts);
        }
    }
    assert_eq!(version(&second, "acme.scm"), "2.3.2");
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    let mut command = project
        .sandbox
        .command(python.to_str().unwrap(), &project.host);
    let code = "import acme_scm, pathlib; print((pathlib.Path(acme_scm.__file__).parent / 'more.zcml').exists())";
    let output = command.args(["-c", code]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "True\n");
}

/// Compiled code is left out: it is not promised to come out the same.
#[test]
fn every_backend_and_ten_packages_give_the_same_bytes_to_somebody_else_elsewhere() {
    let project = project(&["acme.fast"], &PACKAGES);
    let elsewhere = Elsewhere::of(&project).alone();
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);
    let ours = project.manifest("0.1.0");
    let released = |name: &str| ours.egg.iter().any(|egg| egg.name == name);
    let mut missing: Vec<&str> = PACKAGES.iter().map(|(name, _)| *name).collect();
    missing.extend(eggs().iter().map(|(name, _)| *name));
    missing.retain(|name| !released(name));
    assert_eq!(missing, ["acme.fast"]);
    elsewhere.hostout(&["init"]).exits(0);
    elsewhere.hostout(&["release", "--yes"]).exits(0);
    let git = [
        "-c",
        "safe.directory=*",
        "show",
        "hostout:releases/0.1/0.1.0/manifest.toml",
    ];
    let theirs = project.sandbox.git_bytes(&elsewhere.clone, &git);
    let theirs = Manifest::from_toml(&String::from_utf8(theirs).unwrap()).unwrap();
    for (egg, other) in ours.egg.iter().zip(&theirs.egg) {
        assert_eq!(egg.name, other.name);
        assert_eq!(egg.artifacts, other.artifacts, "{}", egg.name);
    }
    assert_eq!(ours.release_commit, theirs.release_commit);
    assert_eq!(ours.tarball, theirs.tarball);
}
