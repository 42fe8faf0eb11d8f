//! One answer of the binary: what it printed, and how it ended.

use super::Sandbox;
use std::{fmt::Write as _, process::Output};

/// How a run of `git hostout` ended.
pub struct Run {
    arguments: String,
    /// What it printed as data.
    pub stdout: String,
    /// What it told.
    pub stderr: String,
    code: Option<i32>,
}

impl Run {
    /// The answer to `arguments`.
    pub fn new(arguments: &[&str], output: &Output) -> Self {
        Self {
            arguments: arguments.join(" "),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code(),
        }
    }

    /// Stops the test unless it ended with `code`.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// The exit code; nothing where a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.code
    }

    /// Whether it ended with 0.
    pub fn succeeded(&self) -> bool {
        self.code == Some(0)
    }

    /// Whether a Ctrl-C ended it, as a shell sees it: by the signal itself, or with 130.
    pub fn interrupted(&self) -> bool {
        matches!(self.code, None | Some(130))
    }

    /// Stops the test unless standard output or error names every one of `words`.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        for word in words {
            let said = self.stdout.contains(word) || self.stderr.contains(word);
            assert!(said, "`{word}` is not in\n{self}");
        }
        self
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!("standard output is not one JSON document: {error}\n{self}"),
        }
    }

    /// Compares the whole answer, and `state` after it, with the snapshot `name`.
    #[track_caller]
    pub fn matches(self, sandbox: &Sandbox, name: &str, state: &[String]) -> Self {
        let mut text = self.to_string();
        for part in state {
            // Writing to a String cannot fail.
            writeln!(text, "\n{part}").unwrap();
        }
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../snapshots");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        for (pattern, word) in redactions(sandbox) {
            settings.add_filter(&pattern, word);
        }
        settings.bind(|| insta::assert_snapshot!(name, text));
        self
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "$ git hostout {}", self.arguments)?;
        write!(f, "{}", self.stdout)?;
        writeln!(f, "------- stderr -------")?;
        write!(f, "{}", self.stderr)?;
        match self.code {
            Some(code) => writeln!(f, "[exit status: {code}]"),
            None => writeln!(f, "[ended by a signal]"),
        }
    }
}

/// What differs from run to run, longest first.
fn redactions(sandbox: &Sandbox) -> Vec<(String, &'static str)> {
    let root = sandbox.root().to_string_lossy().replace('.', r"\.");
    let patterns = [
        (root.as_str(), "[ROOT]"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:[PORT]"),
        (r"SHA256:[A-Za-z0-9+/]{43}", "[FINGERPRINT]"),
        (r"\b[0-9a-f]{64}\b", "[SHA256]"),
        (r"\b[0-9a-f]{40}\b", "[OID]"),
        (r"\b[0-9a-f]{16}\b", "[ID]"),
        (r"\b[0-9a-f]{12}\b", "[ABBREVIATED]"),
        (
            r"\b(?:[0-9]+[a-f]|[a-f]+[0-9])[0-9a-f]{5,10}\b",
            "[ABBREVIATED]",
        ),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?Z?", "[TIME]"),
        (r"\b\d+(\.\d+)? ?(ms|s|min)\b", "[DURATION]"),
        (r"\b\d+(\.\d+)? ?(B|kB|KiB|MB|MiB|bytes)\b", "[SIZE]"),
        (r"\bcp3\d+-[a-z0-9_]+\b", "[TARGET]"),
        (r"\bpid \d+\b", "pid [PID]"),
    ];
    patterns
        .into_iter()
        .map(|(pattern, word)| (pattern.to_owned(), word))
        .collect()
}
