//! What needs whole machines to be tested: `cargo test --test lab`.
//!
//! **Invariant:** what could not run is never reported as passed: it is listed as ignored, and a last line says why.
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
    let missing = lab::missing();
    let plone = env::var_os(cases::PLONE).is_some();
    let trials = cases::all().map(|(name, case)| {
        let run = move || {
            case();
            Ok(())
        };
        let name = name.trim_start_matches("lab::cases::");
        let unasked = name.starts_with("plone::") && !plone;
        Trial::test(name, run).with_ignored_flag(missing.is_some() || unasked)
    });
    let arguments = Arguments::from_args();
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if !arguments.list {
        let ran = conclusion.num_passed + conclusion.num_failed;
        let line = match &missing {
            Some(why) => format!(
                "Test hosts: {} tests NOT RUN: {why}\n",
                conclusion.num_ignored
            ),
            None => format!(
                "Test hosts: {ran} tests ran on them, {} passed\n",
                conclusion.num_passed
            ),
        };
        io::stdout().write_all(line.as_bytes()).unwrap();
        if missing.is_none() && conclusion.num_ignored > 0 {
            let line = "Plone on test hosts: NOT RUN, it takes minutes: make plone\n";
            io::stdout().write_all(line.as_bytes()).unwrap();
        }
    }
    conclusion.exit();
}
