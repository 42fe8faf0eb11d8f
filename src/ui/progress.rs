//! How far it is.

use super::{Ui, Verbosity, clean::clean_line};
use indicatif::{DecimalBytes, HumanCount, ProgressBar, ProgressStyle};
use std::sync::atomic::{AtomicU64, Ordering};

/// How much there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    /// This many bytes.
    Bytes(u64),
    /// This many things.
    Count(u64),
}

/// A running count: a bar on a terminal, a line for each quarter elsewhere, nothing with `-q`. Threads may share it.
///
/// What is done in a moment has no lines: they would only push away what matters.
pub struct Progress<'a> {
    ui: &'a Ui,
    label: String,
    total: Total,
    done: AtomicU64,
    bar: Option<ProgressBar>,
}

impl Ui {
    /// Starts a count at 0.
    pub fn progress(&self, label: &str, total: Total) -> Progress<'_> {
        let label = clean_line(label);
        let bar = self.bars.as_ref().map(|bars| {
            let bar = ProgressBar::new(total.number()).with_style(style(total));
            bars.add(bar.with_prefix(label.clone()))
        });
        let progress = Progress {
            ui: self,
            label,
            total,
            done: AtomicU64::new(0),
            bar,
        };
        progress.plain(0);
        progress
    }
}

impl Progress<'_> {
    /// Counts `step` more.
    pub fn inc(&self, step: u64) {
        let before = self.done.fetch_add(step, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.inc(step);
        }
        let quarter = |done: u64| done.saturating_mul(4) / self.total.number().max(1);
        let now = before.saturating_add(step);
        if quarter(now) > quarter(before) && now < self.total.number() {
            self.plain(now);
        }
    }

    /// Ends it: the bar goes, a line stays.
    pub fn finish(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if self.total.takes_long() {
            let done = self.done.load(Ordering::Relaxed);
            self.ui
                .status(&format!("{}: {}", self.label, self.total.show(done)));
        }
    }

    fn plain(&self, done: u64) {
        if self.bar.is_none()
            && self.total.takes_long()
            && self.ui.options().verbosity >= Verbosity::Normal
        {
            let (done, total) = (self.total.show(done), self.total.show(self.total.number()));
            self.ui
                .status(&format!("{}: {done} of {total}", self.label));
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Total {
    fn number(self) -> u64 {
        match self {
            Self::Bytes(number) | Self::Count(number) => number,
        }
    }

    /// Whether a person would wait for it.
    fn takes_long(self) -> bool {
        match self {
            Self::Bytes(number) => number >= 10_000_000,
            Self::Count(number) => number >= 50,
        }
    }

    fn show(self, number: u64) -> String {
        match self {
            Self::Bytes(_) => DecimalBytes(number).to_string(),
            Self::Count(_) => HumanCount(number).to_string(),
        }
    }
}

fn style(total: Total) -> ProgressStyle {
    let template = match total {
        Total::Bytes(_) => {
            "{prefix} [{bar:10}] {decimal_bytes} of {decimal_total_bytes}, {eta} left"
        }
        Total::Count(_) => "{prefix} [{bar:10}] {pos} of {len}",
    };
    let plain = ProgressStyle::default_bar();
    match plain.clone().template(template) {
        Ok(style) => style.progress_chars("=> "),
        Err(_) => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Options, say::tests::pages};
    use super::*;

    #[test]
    fn without_a_terminal_there_is_a_line_for_each_quarter() {
        let (ui, _, err) = pages(Options::default(), "");
        let progress = ui.progress("uploading", Total::Bytes(20_000_000));
        for _ in 0..200 {
            progress.inc(100_000);
        }
        progress.finish();
        assert_eq!(
            err.text(),
            "uploading: 0 B of 20.00 MB\nuploading: 5.00 MB of 20.00 MB\nuploading: 10.00 MB of 20.00 MB\n\
             uploading: 15.00 MB of 20.00 MB\nuploading: 20.00 MB\n"
        );
    }

    #[test]
    fn what_is_done_in_a_moment_has_no_lines() {
        let (ui, _, err) = pages(Options::default(), "");
        // Nothing at all is no division by zero either.
        for total in [0, 6] {
            let progress = ui.progress("wheels", Total::Count(total));
            progress.inc(1);
            progress.finish();
        }
        assert_eq!(err.text(), "");
    }

    #[test]
    fn quiet_is_quiet() {
        let options = Options {
            verbosity: Verbosity::Quiet,
            ..Options::default()
        };
        let (ui, _, err) = pages(options, "");
        let progress = ui.progress("wheels", Total::Count(400));
        progress.inc(400);
        progress.finish();
        assert_eq!(err.text(), "");
    }
}
