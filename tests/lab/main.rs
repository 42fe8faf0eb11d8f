//! What needs more to be tested than every machine has, whole hosts above all: `cargo test --test lab`.
//!
//! As root it runs where it is. Without root it goes on in namespaces where it is root, and says so, if the kernel allows it
//! and the user has a range of ids (`lab::rootless`); else what is on hosts is not run. Only systemd and what else takes
//! real root is left out there.
//!
//! **Invariant:** what could not run is never reported as passed: it is listed as ignored, and the last lines say why.
//! **To add** a case: a function below `cases/`, and its name in the list of its file.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on stops where it stands"
)]

mod cases;
#[allow(dead_code, reason = "benchmarks need more of it")]
#[path = "mod.rs"]
mod lab;
#[allow(dead_code, unused_imports, reason = "other tests need more of it")]
#[path = "../support/mod.rs"]
mod support;

use cases::Need;
use libtest_mimic::{Arguments, Trial};
use std::{
    env,
    io::{self, Write},
};

fn main() {
    if env::var_os(cases::HOLD).is_some() {
        cases::hold();
        return;
    }
    lab::rootless::enter();
    let missing = Need::ALL.map(|(need, what)| (need, what, need.missing()));
    let why = |wanted: Need| {
        missing
            .iter()
            .find(|(need, ..)| *need == wanted)?
            .2
            .as_ref()
    };
    let trials = cases::all().map(|(name, need, case)| {
        let run = move || {
            case();
            Ok(())
        };
        let name = name.trim_start_matches("lab::cases::");
        Trial::test(name, run).with_ignored_flag(why(need).is_some())
    });
    let arguments = Arguments::from_args();
    if !arguments.list && lab::rootless::folder().is_some() {
        say("The lab runs without root: as root of a user namespace\n");
    }
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if !arguments.list {
        let ran = conclusion.num_passed + conclusion.num_failed;
        let mut lines = format!("Ran {ran}, {} passed\n", conclusion.num_passed);
        for (need, what, missing) in &missing {
            let count = cases::all().filter(|(_, other, _)| other == need).count();
            if let Some(why) = missing {
                lines += &format!("NOT RUN: {count} {what}: {why}\n");
            }
        }
        say(&lines);
    }
    conclusion.exit();
}

fn say(lines: &str) {
    io::stdout().write_all(lines.as_bytes()).unwrap();
}
