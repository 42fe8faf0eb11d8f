//! Wheels to egg directories: the agent beside zc.buildout itself. Needs the package index once; wheels are kept.
//!
//! By default the wheels of ZODB and what it needs; `HOSTOUT_BENCH_EGGS=Zope` takes about 60, `Plone` all.

use crate::{
    report::{Beside, Report, once, succeed},
    support::Sandbox,
};
use hostout::host::Agent;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// What buildout 6.0.1 needs around it.
const BOOTSTRAP: [&str; 5] = ["zc.buildout", "setuptools", "pip", "wheel", "packaging"];

pub fn run(report: &mut Report) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench");
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plone");
    let sandbox = Sandbox::new();
    let wheels = wheels(&sandbox, &kept);
    let python = venv(&sandbox, &wheels);
    let egg = env::var("HOSTOUT_BENCH_EGGS").unwrap_or_else(|_| "ZODB".to_owned());

    let buildout = buildout(&sandbox, &python, &wheels, &egg);
    let (theirs, ours) = (sandbox.path("eggs/v5"), sandbox.path("srv"));
    let again = sandbox.path("again");
    let script = sandbox.path("agent.py");
    fs::write(&script, Agent::SOURCE).unwrap();
    let agent = |names: Option<&Path>, to: &Path| {
        let mut command = sandbox.command(python.to_str().unwrap(), sandbox.root());
        command.arg(here.join("unpack.py"));
        command.args([script.as_path(), &wheels, to]);
        command.args(names);
        let mut lines = String::new();
        let took = once(|| lines = output(&mut command));
        (took, lines)
    };
    let (took, same) = agent(Some(&theirs), &ours);
    let count = fs::read_dir(&theirs).unwrap().count();
    let beside = Beside("buildout 6.0.1, offline", buildout);
    report.row(
        &format!("{egg}: {count} wheels, unpacked and compiled"),
        took,
        beside,
    );
    let (all, lines) = agent(None, &again);
    let number = fs::read_dir(&wheels).unwrap().count();
    let scaled = buildout * u32::try_from(number).unwrap() / u32::try_from(count).unwrap();
    report.row(
        &format!("all {number} wheels"),
        all,
        Beside("buildout's time, scaled", scaled),
    );
    for line in same.lines().chain(lines.lines()) {
        report.note(line);
    }
}

/// The versions of Plone and of what it needs.
fn pins() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/plone/versions.cfg")
}

/// Downloads what they pin, unless that was done before.
fn wheels(sandbox: &Sandbox, kept: &Path) -> PathBuf {
    let (wheels, complete) = (kept.join("wheels"), kept.join("complete"));
    if complete.exists() {
        return wheels;
    }
    let text = fs::read_to_string(pins()).unwrap();
    let pins: Vec<String> = text
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, version)| format!("{name}=={version}\n"))
        .collect();
    fs::create_dir_all(kept).unwrap();
    let list = kept.join("requirements.txt");
    fs::write(&list, pins.concat()).unwrap();
    let mut pip = sandbox.command("python3", sandbox.root());
    pip.args(["-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]);
    succeed(pip.arg(&wheels).arg("--requirement").arg(&list));
    fs::write(complete, "").unwrap();
    wheels
}

/// An environment with zc.buildout out of these wheels.
fn venv(sandbox: &Sandbox, wheels: &Path) -> PathBuf {
    let folder = sandbox.path("venv");
    let mut make = sandbox.command("python3", sandbox.root());
    succeed(make.args(["-m", "venv"]).arg(&folder));
    let python = folder.join("bin/python");
    let mut pip = sandbox.command(python.to_str().unwrap(), sandbox.root());
    pip.args(["-m", "pip", "install", "--quiet", "--no-index", "--upgrade"]);
    succeed(pip.arg("--find-links").arg(wheels).args(BOOTSTRAP));
    python
}

fn buildout(sandbox: &Sandbox, python: &Path, wheels: &Path, egg: &str) -> Duration {
    let (place, empty) = (sandbox.path("site"), sandbox.path("empty"));
    for folder in [&place, &empty] {
        fs::create_dir_all(folder).unwrap();
    }
    fs::copy(pins(), place.join("versions.cfg")).unwrap();
    let text = format!(
        "[buildout]\nextends = versions.cfg\nparts = app\nnewest = false\neggs-directory = {}\n\
         find-links = {}\nindex = file://{}\n\n[app]\nrecipe = zc.recipe.egg\neggs = {egg}\n",
        sandbox.path("eggs").display(),
        wheels.display(),
        empty.display()
    );
    fs::write(place.join("buildout.cfg"), text).unwrap();
    once(|| {
        let program = python.with_file_name("buildout");
        let mut command = sandbox.command(program.to_str().unwrap(), &place);
        command
            .env("PIP_NO_INDEX", "1")
            .env("PIP_FIND_LINKS", wheels);
        succeed(&mut command);
    })
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}
