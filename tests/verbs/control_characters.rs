//! Words that would command a terminal, in every place where somebody else may write words: none of them is printed, nor
//! kept in a log.

use crate::support::{Host, Project, Run};
use std::{fs, path::Path};

/// Colour, a title, a new line at the old one's place, C1, another direction, a bell.
const EVIL: &str = "a\u{1b}[31mb\u{1b}]0;title\u{7}c\rd\u{9b}2Je\u{202e}f\u{8}";

/// The same in Python.
const PYTHON: &str = r"'a\x1b[31mb\x1b]0;title\x07c\rd\x9b2Je\u202ef\x08'";

/// The same in a shell.
const PRINTF: &str = r"printf 'a\033[31mb\033]0;title\007c\rd\302\2332Je\342\200\256f\010\n'";

/// Whether a terminal would be commanded.
fn is_evil(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}'
}

/// Files that people have no reason to print.
const EXACT: [&str; 4] = [
    "/entry.toml",
    "/request.json",
    "/agent.code",
    "/project.bundle",
];

/// An egg that is a recipe.
const SETUP: &str = "\
from setuptools import setup
setup(name='acme.single', version='0.1.dev0', packages=['acme.single'], package_dir={'': 'src'},
      entry_points={'zc.buildout': ['default = acme.single.recipe:Recipe']})
";

const RECIPE: &str = r"
import os

class Recipe:
    def __init__(self, *arguments):
        print(EVIL)
        if os.path.exists('ROOT/fail'):
            raise ValueError(EVIL)

    def install(self):
        return []
";

/// A project whose author, changes, recipe, hooks and files say it.
fn project() -> Project {
    let project = Project::from_fixture("single");
    fs::remove_file(project.directory.join("pyproject.toml")).unwrap();
    project.write("setup.py", SETUP);
    project.write("src/acme/single/recipe.py", &recipe(&project));
    project.edit(
        "buildout.cfg",
        "parts = app\n",
        "parts = app said\n\n[said]\nrecipe = acme.single\n",
    );
    let text = project.read("CHANGES.rst");
    let heading = text.find("- ").unwrap();
    let changes = format!("{}- {EVIL}\n{}", &text[..heading], &text[heading..]);
    project.write("CHANGES.rst", &changes);
    let script = project.sandbox.path("hook");
    let failing = project.sandbox.path("fail-hook");
    let lines = format!("{PRINTF}\n{PRINTF} >&2\ntest ! -e {}\n", failing.display());
    fs::write(&script, lines).unwrap();
    let hook = format!("\n[hooks]\nmigrate = [\"sh\", \"{}\"]\n", script.display());
    let text = project.read("hostout.toml") + &hook;
    project.write("hostout.toml", &text);
    project
}

fn recipe(project: &Project) -> String {
    let root = project.sandbox.root().display().to_string();
    RECIPE.replace("EVIL", PYTHON).replace("ROOT", &root)
}

/// Every file below a folder of our own.
fn kept(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            kept(&path, found);
        } else if let Ok(text) = fs::read(&path) {
            let text = String::from_utf8_lossy(&text).into_owned();
            found.push((path.display().to_string(), text));
        }
    }
}

#[test]
fn reach_neither_the_terminal_nor_a_log() {
    let project = project();
    project.git(&["config", "--global", "user.name", &format!("Ada {EVIL}")]);
    let host = Host::of(project.add_stage_and_commit(), "").only();
    host.project.commit("Deploy to a host");
    let project = &host.project;
    let run = |arguments: &[&str]| -> Run {
        let run = host.hostout(arguments);
        let said = run.stdout.clone() + &run.stderr;
        assert!(!said.contains(is_evil), "{said:?}");
        run
    };
    run(&["-v", "init"]).exits(0);
    run(&["-v", "release", "--yes"]).exits(0);
    run(&["-v", "deploy", "far", "--yes"]).exits(0);
    for words in [
        &["log"] as &[&str],
        &["log", "--json"],
        &["show"],
        &["show", "--json"],
        &["show", "--sbom"],
        &["status"],
        &["-v", "verify"],
        &["-v", "check", "far"],
        &["-v", "diff", "far", "0.1.0"],
        &["keys", "list"],
    ] {
        run(words).exits(0);
    }
    run(&["deploy", "far", "--yes", "-m", EVIL]);

    let evil = format!("src/acme/single/{EVIL}.py");
    project.write(&evil, "");
    project.write(
        "src/acme/single/recipe.py",
        &format!("{}\n", recipe(project)),
    );
    run(&["-v", "release", "--yes"]).exits(11);
    run(&["check"]);
    project.commit(&format!("Add {EVIL}"));
    run(&["-v", "release", "--yes"])
        .exits(11)
        .says(&["is not an acceptable wheel: member"]);
    fs::remove_file(project.directory.join(evil)).unwrap();
    project.commit("Take it away");

    // What fails shows what was said last.
    for (file, verb) in [
        ("fail-hook", "deploy"),
        ("fail", "deploy"),
        ("fail", "release"),
    ] {
        let flag = project.sandbox.path(file);
        fs::write(&flag, "").unwrap();
        project.write("src/acme/single/newest.py", &format!("# {file} {verb}\n"));
        project.commit("Change it");
        if verb == "deploy" {
            fs::remove_file(&flag).unwrap();
            run(&["release", "--yes"]).exits(0);
            fs::write(&flag, "").unwrap();
            let failed = run(&["-v", "deploy", "far", "--yes"]);
            assert!(!failed.succeeded(), "{failed}");
        } else {
            run(&["-v", "release", "--yes"]).exits(11);
        }
        fs::remove_file(&flag).unwrap();
    }
    run(&["log", "far"]).exits(0);
    run(&["status", "far"]).exits(0);

    let mut files = Vec::new();
    kept(&host.path.join(".hostout"), &mut files);
    let raw: Vec<&String> = files
        .iter()
        // What was signed stays as it was signed; and nobody reads compiled code, or git's packs.
        .filter(|(name, _)| !EXACT.iter().any(|exact| name.ends_with(exact)))
        .filter(|(_, text)| text.contains(is_evil))
        .map(|(name, _)| name)
        .collect();
    assert!(raw.is_empty(), "{raw:#?}");
}
