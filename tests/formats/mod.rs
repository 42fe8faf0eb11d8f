//! The frozen samples in `fixtures/formats/v1`: what we once wrote is read for ever, and means what it meant.
//!
//! **Invariant:** a sample is never edited, only added; a new format gets a folder of its own beside `v1`.
//! **Not here:** what a file's values lead to (`tests/verbs`), every mistake in `hostout.toml` (`src/config/tests`).
//! **To add** a format: a sample, and a test that reads it, writes it, and refuses a newer one.

mod documents;
mod files;
mod hosts;
mod trust;

use serde_json::Value;
use std::{fs, path::PathBuf};

/// The path of a sample.
fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/formats/v1")
        .join(name)
}

/// The text of a sample.
fn sample(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap()
}

/// A sample that is one JSON document.
fn document(name: &str) -> Value {
    serde_json::from_str(&sample(name)).unwrap()
}

/// The lines of a sample, each a JSON document.
fn lines(name: &str) -> Vec<Value> {
    let text = sample(name);
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

/// Stops the test unless `new` has every field of `old`, with values of the same type: fields are added, never renamed.
/// A list's first item speaks for all of it.
#[track_caller]
fn same_shape(old: &Value, new: &Value, place: &str) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in old {
                let place = format!("{place}.{key}");
                let found = new.get(key);
                same_shape(
                    value,
                    found.unwrap_or_else(|| panic!("{place} is gone")),
                    &place,
                );
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            if let (Some(old), Some(new)) = (old.first(), new.first()) {
                same_shape(old, new, &format!("{place}[0]"));
            }
        }
        // What may be nothing is null in one of the two.
        (Value::Null, _) | (_, Value::Null) => {}
        _ => assert_eq!(
            std::mem::discriminant(old),
            std::mem::discriminant(new),
            "{place}: {old} became {new}"
        ),
    }
}
