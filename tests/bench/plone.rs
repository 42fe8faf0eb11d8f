//! Plone on a test host that has nothing but sshd: each part of its bootstrap, of the first deployment, of one whose only
//! change is an egg, and of a rollback.
//!
//! What began when is told by the program's own lines (`-v`), as they come.

use crate::{
    lab::{self, Init, Lab},
    report::{Report, once},
    support::Project,
};
use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const PATH: &str = "/srv/plone";

/// What a part begins with: its name, and the word of the line. It ends with the next one that came.
type Part = (&'static str, &'static str);

const BOOTSTRAP: [Part; 3] = [
    ("look, plan", ""),
    ("apt, from a mirror on its disk", ": apt-get installs"),
    ("users, key, folders, services", ": group"),
];

const DEPLOY: [Part; 8] = [
    ("look, plan, lock", ""),
    ("transfer", ": upload"),
    ("check and unpack the release", ": prepare"),
    ("unpack and compile wheels", ": eggs"),
    ("buildout", ": buildout"),
    ("backup, stop, switch, hooks", ": activate"),
    ("start until its control script is content", ": start"),
    ("from there to the first 200 and the end", ": probe"),
];

pub fn run(report: &mut Report) {
    if let Some(why) = lab::missing() {
        report.note(&format!("NOT MEASURED: {why}"));
        return;
    }
    let lab = Lab::start_with(Init::Cron, 1);
    let host = lab.host(0);
    host.use_mirror();
    host.remove_python();
    let project = Project::from_fixture("plone");
    project.add_stage_on(&["shipper@web1"], "far", PATH, "");
    let sandbox = &project.sandbox;
    let key = sandbox.path("home/.ssh/id_ed25519");
    let config = lab.config_with_key("shipper", &key, &sandbox.path("ssh_config"));
    project.git(&["init", "--quiet"]);
    project.commit("Start the project");
    project.hostout(&["init"]).exits(0);

    let release = || drop(project.hostout(&["release", "--yes"]).exits(0));
    report.took("release: the first", once(release));
    let verbose = |arguments: &[&str]| {
        let mut command = project.sandbox.command("git-hostout", &project.directory);
        command.env("HOSTOUT_SSH_CONFIG", &config);
        watched(command.args(arguments).arg("-v"))
    };
    let bootstrap = verbose(&["bootstrap", "far", "--yes"]);
    show(report, "bootstrap", &BOOTSTRAP, &bootstrap);
    project.commit("Name the runtime user");
    let first = verbose(&["deploy", "far", "--yes"]);
    show(report, "deploy: the first", &DEPLOY, &first);
    assert!(host.page_at(8080, "/Plone").is_some());

    let file = "src/acme.policy/src/acme/policy/greeting.py";
    project.edit(file, "Welcome to Acme", "Good day from Acme");
    project.commit("Be more formal");
    report.took("release: one egg changed", once(release));
    let second = verbose(&["deploy", "far", "--yes"]);
    show(report, "deploy: one egg changed", &DEPLOY, &second);
    let back = verbose(&["rollback", "far", "--yes"]);
    show(report, "rollback", &DEPLOY, &back);
    let page = host.page_at(8080, "/Plone").unwrap();
    assert!(page.contains("Welcome to Acme"));
}

/// A command that must succeed: when each line of its standard error came; the last one is its end.
fn watched(command: &mut Command) -> Vec<(Duration, String)> {
    let start = Instant::now();
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines: Vec<(Duration, String)> = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .map(|line| (start.elapsed(), line.unwrap()))
        .collect();
    let status = child.wait().unwrap();
    assert!(status.success(), "{lines:#?}");
    lines.push((start.elapsed(), String::new()));
    lines
}

/// The whole, and its parts.
fn show(report: &mut Report, what: &str, parts: &[Part], lines: &[(Duration, String)]) {
    let end = lines.last().unwrap().0;
    report.took(what, end);
    let begins: Vec<(&str, Duration)> = parts
        .iter()
        .filter_map(|(name, word)| {
            let begin = lines.iter().find(|(_, line)| {
                word.is_empty() || (line.contains("web1") && line.contains(word))
            });
            Some((
                *name,
                if word.is_empty() {
                    Duration::ZERO
                } else {
                    begin?.0
                },
            ))
        })
        .collect();
    let ends = begins.iter().skip(1).map(|(_, begin)| *begin);
    for ((name, begin), end) in begins.iter().zip(ends.chain([end])) {
        report.took(&format!("    {name}"), end.saturating_sub(*begin));
    }
}
