//! One target, by its name in `$HOSTOUT_FUZZ`.

#![no_main]

#[path = "../targets.rs"]
mod targets;

use libfuzzer_sys::fuzz_target;
use std::{env, sync::LazyLock};

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = env::var("HOSTOUT_FUZZ").unwrap();
    let mut all = targets::TARGETS.iter();
    all.find(|target| target.0 == name).unwrap().1
});

fuzz_target!(|bytes: &[u8]| TARGET(bytes));
