//! Times, and the table they are shown in.

use std::{
    io::{self, Stdout, Write},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// A table that is printed row by row, as measuring takes a while.
pub struct Report {
    out: Stdout,
}

/// What is measured against.
#[derive(Clone, Copy)]
pub struct Beside<'a>(pub &'a str, pub Duration);

impl Report {
    /// Starts a table.
    pub fn new(title: &str) -> Self {
        let mut out = io::stdout();
        writeln!(out, "\n{title}\n").unwrap();
        writeln!(
            out,
            "  {:<46} {:>9}   {:<38} {:>9}  {:>7}",
            "what", "seconds", "beside", "seconds", "ratio"
        )
        .unwrap();
        Self { out }
    }

    /// A line with a ratio.
    pub fn row(&mut self, what: &str, took: Duration, beside: Beside<'_>) {
        let Beside(name, other) = beside;
        let ratio = took.as_secs_f64() / other.as_secs_f64();
        writeln!(
            self.out,
            "  {what:<46} {:>9.3}   {name:<38} {:>9.3}  {ratio:>6.2}x",
            took.as_secs_f64(),
            other.as_secs_f64()
        )
        .unwrap();
    }

    /// A line of its own.
    pub fn took(&mut self, what: &str, took: Duration) {
        writeln!(self.out, "  {what:<46} {:>9.3}", took.as_secs_f64()).unwrap();
    }

    /// A fact about the numbers.
    pub fn note(&mut self, text: &str) {
        writeln!(self.out, "  {text}").unwrap();
    }
}

/// The median of `runs` times.
pub fn median(runs: usize, mut work: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..runs).map(|_| once(&mut work)).collect();
    times.sort_unstable();
    times[runs / 2]
}

/// How long it takes, once.
pub fn once(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Runs a command that must succeed; what it prints is dropped.
#[track_caller]
pub fn succeed(command: &mut Command) {
    let output = command.stdout(Stdio::piped()).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
}
