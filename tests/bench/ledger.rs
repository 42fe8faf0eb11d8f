//! Looking at a long history: what every command pays before it does anything.

use crate::{
    report::{Beside, Report, median, once, succeed},
    support::{History, Project, Run},
};
use semver::Version;
use std::{env, fs};

/// How many releases there are; `HOSTOUT_BENCH_RELEASES=20` for a look at what is measured.
fn releases() -> u64 {
    let wanted = env::var("HOSTOUT_BENCH_RELEASES").ok();
    wanted.map_or(2_000, |text| text.parse().unwrap())
}

const RUNS: usize = 9;

pub fn run(report: &mut Report) {
    let project = Project::released_single();
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    let (newest, head) = History::of(&project).grow(releases());
    project.git(&["update-ref", "refs/heads/main", &head.to_string()]);
    measure(report, &project, &newest, "loose");
    project.git(&["gc", "--quiet"]);
    measure(report, &project, &newest, "packed");
    verify(report, &project);
}

/// Every entry's signature, beside git's check of the same commits: at first sight, and once it is remembered.
fn verify(report: &mut Report, project: &Project) {
    let signers = project.sandbox.path("signers");
    fs::write(&signers, project.ledger_file("keys/allowed_signers")).unwrap();
    let entries = project.git(&["rev-list", "hostout"]);
    let count = entries.lines().count();
    let theirs = once(|| {
        let mut git = project.sandbox.command("git", &project.directory);
        git.arg("-c");
        git.arg(format!("gpg.ssh.allowedSignersFile={}", signers.display()));
        succeed(git.arg("verify-commit").args(entries.lines()));
    });
    let name = format!("git verify-commit of {count} entries");
    let beside = Beside(&name, theirs);
    let verify = || drop(project.hostout(&["verify"]).exits(0));
    let first = median(3, || {
        project.git(&["update-ref", "-d", "refs/hostout/seen/hostout"]);
        verify();
    });
    report.row("git hostout verify (at first sight)", first, beside);
    let again = median(RUNS, verify);
    report.row("git hostout verify (remembered)", again, beside);
}

fn measure(report: &mut Report, project: &Project, newest: &Version, state: &str) {
    let git = |arguments: &[&str]| {
        median(RUNS, || {
            let mut command = project.sandbox.command("git", &project.directory);
            succeed(command.args(arguments));
        })
    };
    let hostout = |arguments: &[&str], said: &str| {
        median(RUNS, || {
            let run: Run = project.hostout(arguments);
            run.exits(0).says(&[said]);
        })
    };
    let (version, minor) = (
        newest.to_string(),
        format!("{}.{}", newest.major, newest.minor),
    );
    let log = Beside("git log hostout", git(&["log", "hostout"]));
    let status = Beside("git status", git(&["status"]));
    let manifest = format!("hostout:releases/{minor}/{version}/manifest.toml");
    let show = Beside(
        "git show hostout:…/manifest.toml",
        git(&["show", &manifest]),
    );
    let python = Beside(
        "python3 -I -c pass",
        median(RUNS, || {
            let mut command = project.sandbox.command("python3", &project.directory);
            succeed(command.args(["-I", "-c", "pass"]));
        }),
    );
    let mut row = |arguments: &[&str], said: &str, beside| {
        let what = format!("git hostout {} ({state})", arguments.join(" "));
        report.row(&what, hostout(arguments, said), beside);
    };
    row(&["log"], &version, log);
    row(&["log", "-n", "20"], &version, log);
    row(&["release"], "Nothing changed", log);
    row(&["release"], "Nothing changed", status);
    row(&["show"], &version, show);
    row(&["status"], "local", log);
    row(&["status"], "local", python);
}
