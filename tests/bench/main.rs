//! Measures the release binary beside the plain tool that does comparable work: `make bench`, or
//! `make bench BENCH="ledger eggs"` for some sections.
//!
//! **Invariant:** nothing here passes or fails by the clock; numbers of one run are compared with each other only.
//! **Not here:** whether answers are right (`tests/verbs`), except where a number would otherwise mean nothing.
//! **To add** a section: a file with `fn run(report: &mut Report)`, a line in [`SECTIONS`].

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that cannot go on stops where it stands"
)]

mod deploy;
mod eggs;
mod field;
#[allow(dead_code, unused_imports, reason = "tests need more of it")]
#[path = "../lab/mod.rs"]
mod lab;
mod ledger;
mod plone;
mod report;
mod rivals;
#[allow(dead_code, unused_imports, reason = "tests need more of it")]
#[path = "../support/mod.rs"]
mod support;
mod unpack;
mod upload;

use report::Report;
use std::env;

/// A name for the command line, what it is about, and what measures it.
type Section = (&'static str, &'static str, fn(&mut Report));

const SECTIONS: [Section; 7] = [
    ("ledger", "A ledger of 2,000 releases", ledger::run),
    ("eggs", "Releases of 50 eggs", eggs::run),
    ("deploy", "Deploying over ssh on loopback", deploy::run),
    ("rivals", "Deploying 12 KB, beside others", rivals::run),
    ("upload", "200 MB over ssh on loopback", upload::run),
    ("unpack", "Wheels of Plone to eggs", unpack::run),
    ("plone", "Plone on a test host", plone::run),
];

fn main() {
    // cargo passes `--bench`
    let wanted: Vec<String> = env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    for word in &wanted {
        assert!(
            SECTIONS.iter().any(|(name, ..)| name == word),
            "there is no section {word}"
        );
    }
    for (name, title, run) in SECTIONS {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            let mut report = Report::new(title);
            run(&mut report);
        }
    }
}
