//! Whatever once came from a fuzzer is fed again: `corpus/<target>/`, a file each.
//!
//! `make fuzz` looks for more of them with libFuzzer; what it finds is kept in `corpus` when it is mended.
//! **Invariant:** memory is limited while they are fed, so that a claim of ten gigabytes is found out.
//! **To add** a target: a function in `targets.rs`, its line in `TARGETS`, a folder with a good sample and some bad ones.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on stops where it stands"
)]

mod targets;

use libtest_mimic::{Arguments, Failed, Trial};
use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
};
use targets::{TARGETS, Target};

/// Names the target that this process feeds, with nothing else to do.
const FEED: &str = "HOSTOUT_TEST_FEED";
/// Address space in bytes: what is read once, unpacked, and written again.
const MEMORY: u64 = 4 << 30;

fn main() {
    if let Ok(name) = env::var(FEED) {
        let target = TARGETS.iter().find(|target| target.0 == name).unwrap();
        feed(target);
        return;
    }
    let trials = TARGETS
        .iter()
        .map(|(name, _)| Trial::test(*name, || limited(name)));
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fuzz/corpus")
        .join(name)
}

/// Every file of a target's corpus, every half of it, and every part of it that ends earlier by a bit.
fn feed((name, target): &Target) {
    let files: Vec<_> = fs::read_dir(corpus(name))
        .unwrap()
        .collect::<io::Result<_>>()
        .unwrap();
    assert!(files.len() > 1, "{name} has a good sample and a bad one");
    for file in files {
        let bytes = fs::read(file.path()).unwrap();
        target(&bytes);
        for end in (0..bytes.len()).rev().step_by(bytes.len() / 64 + 1) {
            target(&bytes[..end]);
        }
        target(&bytes[bytes.len() / 2..]);
    }
}

/// In a process of its own with little memory (prlimit(1)).
fn limited(name: &str) -> Result<(), Failed> {
    let output = Command::new("prlimit")
        .arg(format!("--as={MEMORY}"))
        .arg(env::current_exe()?)
        .env(FEED, name)
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{name}: {}: {said}", output.status).into())
}
