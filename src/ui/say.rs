//! What is said, and where it goes.

use super::{
    Color, Options, Ui, Verbosity,
    clean::{clean, clean_json},
};
use console::{Style, Term};
use indicatif::{MultiProgress, ProgressDrawTarget};
use serde::Serialize;
use std::{
    io::{self, BufRead, IsTerminal, Write},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// stdout, with what has happened to it.
pub(super) struct Out {
    writer: Box<dyn Write + Send>,
    /// The first error; nothing is written after it.
    error: Option<io::Error>,
    /// Whether the run's one JSON document has been written.
    document: bool,
}

impl Ui {
    /// The process's own terminal.
    pub fn new(options: Options) -> Self {
        let stderr = Term::stderr();
        let terminal = io::stderr().is_terminal();
        let color = match options.color {
            Color::Auto => stderr.features().colors_supported(),
            Color::Always => true,
            Color::Never => false,
        };
        let bars = terminal && !console::is_dumb() && options.verbosity > Verbosity::Quiet;
        Self {
            color,
            interactive: terminal && io::stdin().is_terminal(),
            bars: bars
                .then(|| MultiProgress::with_draw_target(ProgressDrawTarget::term(stderr, 10))),
            ..Self::over(
                options,
                io::BufReader::new(io::stdin()),
                io::stdout(),
                io::stderr(),
            )
        }
    }

    /// A [`Ui`] that shows nothing and has nobody to ask, for tests.
    pub fn null() -> Self {
        Self::over(Options::default(), io::empty(), io::sink(), io::sink())
    }

    pub(super) fn over(
        options: Options,
        input: impl BufRead + Send + 'static,
        out: impl Write + Send + 'static,
        err: impl Write + Send + 'static,
    ) -> Self {
        Self {
            options,
            color: options.color == Color::Always,
            interactive: false,
            input: Mutex::new(Box::new(input)),
            out: Mutex::new(Out {
                writer: Box::new(out),
                error: None,
                document: false,
            }),
            err: Mutex::new(Box::new(err)),
            bars: None,
        }
    }

    /// What the command line said.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Says what is being done. `-q` silences it.
    pub fn status(&self, text: &str) {
        if self.options.verbosity >= Verbosity::Normal {
            self.line(&clean(text));
        }
    }

    /// Says how it is done. Only with `-v`.
    pub fn detail(&self, text: &str) {
        if self.options.verbosity >= Verbosity::Verbose {
            self.line(&self.paint(&Style::new().dim(), &clean(text)));
        }
    }

    /// Goes on with what was said last, without a label. Said even with `-q`.
    pub fn plain(&self, text: &str) {
        self.line(&clean(text));
    }

    /// Says something worth knowing. `-q` silences it.
    pub fn note(&self, text: &str) {
        if self.options.verbosity >= Verbosity::Normal {
            self.labelled("note", &Style::new().cyan(), text);
        }
    }

    /// Warns.
    pub fn warn(&self, text: &str) {
        self.labelled("warning", &Style::new().yellow().bold(), text);
    }

    /// Says what went wrong.
    pub fn error(&self, text: &str) {
        self.labelled("error", &Style::new().red().bold(), text);
    }

    /// Says what to do next, usually after an error.
    pub fn hint(&self, text: &str) {
        self.labelled("hint", &Style::new().green(), text);
    }

    /// Writes text to stdout, ending it with a line end. With `--json` stdout belongs to the document, and this does
    /// nothing.
    pub fn data(&self, text: &str) {
        if !self.options.json {
            let text = clean(text);
            let end = if text.ends_with('\n') { "" } else { "\n" };
            self.above_bars(|| lock(&self.out).write(&format!("{text}{end}")));
        }
    }

    /// Writes the run's JSON document to stdout. There is one in a run: later ones (an error after the verb's own) are
    /// dropped.
    pub fn json(&self, document: &impl Serialize) {
        let mut out = lock(&self.out);
        if out.document {
            return;
        }
        out.document = true;
        match serde_json::to_string_pretty(document) {
            Ok(text) => out.write(&format!("{}\n", clean_json(&text))),
            Err(error) => out.fail(error.into()),
        }
    }

    /// Whether everything meant for stdout has got there, to be asked once at the end. A reader that went away
    /// (`git hostout log | head`) is no error.
    ///
    /// # Errors
    /// The first one that writing met, e.g. a full disk.
    pub fn finish(&self) -> io::Result<()> {
        let mut out = lock(&self.out);
        if out.error.is_none()
            && let Err(error) = out.writer.flush()
        {
            out.error = Some(error);
        }
        match out.error.take() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }

    fn labelled(&self, label: &str, style: &Style, text: &str) {
        let label = self.paint(style, &format!("{label}:"));
        self.line(&format!("{label} {}", clean(text)));
    }

    fn line(&self, text: &str) {
        self.to_stderr(&format!("{text}\n"));
    }

    fn to_stderr(&self, text: &str) {
        self.above_bars(|| self.write_stderr(text));
    }

    /// Writes to stderr as it is. Nobody can be told when that fails.
    pub(super) fn write_stderr(&self, text: &str) {
        let mut err = lock(&self.err);
        err.write_all(text.as_bytes())
            .and_then(|()| err.flush())
            .unwrap_or_default();
    }

    /// Does what writes to the terminal while the progress bars are away. It may not be nested.
    pub(super) fn above_bars<T>(&self, act: impl FnOnce() -> T) -> T {
        match &self.bars {
            Some(bars) => bars.suspend(act),
            None => act(),
        }
    }

    pub(super) fn paint(&self, style: &Style, text: &str) -> String {
        style
            .clone()
            .force_styling(self.color)
            .apply_to(text)
            .to_string()
    }
}

impl Out {
    fn write(&mut self, text: &str) {
        if self.error.is_none()
            && let Err(error) = self.writer.write_all(text.as_bytes())
        {
            self.fail(error);
        }
    }

    fn fail(&mut self, error: io::Error) {
        self.error.get_or_insert(error);
    }
}

/// A panic of another thread doesn't silence this one.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::sync::Arc;

    /// A writer whose text can be looked at.
    #[derive(Clone, Default)]
    pub(in super::super) struct Page(Arc<Mutex<Vec<u8>>>);

    impl Page {
        pub(in super::super) fn text(&self) -> String {
            String::from_utf8(lock(&self.0).clone()).unwrap()
        }
    }

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            lock(&self.0).write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    pub(in super::super) fn pages(options: Options, input: &'static str) -> (Ui, Page, Page) {
        let (out, err) = (Page::default(), Page::default());
        let ui = Ui::over(options, input.as_bytes(), out.clone(), err.clone());
        (ui, out, err)
    }

    fn say_everything(options: Options) -> (String, String) {
        let (ui, out, err) = pages(options, "");
        ui.status("sta\x1b[1mtus");
        ui.detail("detail");
        ui.note("note");
        ui.warn("w");
        ui.error("e");
        ui.hint("h");
        ui.data("data");
        ui.finish().unwrap();
        (out.text(), err.text())
    }

    #[test]
    fn verbosity_and_streams() {
        let with = |verbosity| {
            say_everything(Options {
                verbosity,
                ..Options::default()
            })
        };
        let (out, err) = with(Verbosity::Normal);
        assert_eq!(out, "data\n");
        assert_eq!(err, "status\nnote: note\nwarning: w\nerror: e\nhint: h\n");
        assert_eq!(with(Verbosity::Quiet).1, "warning: w\nerror: e\nhint: h\n");
        assert!(with(Verbosity::Verbose).1.contains("\ndetail\n"));
    }

    #[test]
    fn colours_the_label_only() {
        let (_, err) = say_everything(Options {
            color: Color::Always,
            ..Options::default()
        });
        assert!(
            err.contains("\x1b[33m\x1b[1mwarning:\x1b[0m w\n"),
            "{err:?}"
        );
    }

    #[test]
    fn one_json_document_in_a_run() {
        let (ui, out, _) = pages(
            Options {
                json: true,
                ..Options::default()
            },
            "",
        );
        ui.data("not shown");
        ui.json(&serde_json::json!({ "z": 1, "a": "\u{9b}" }));
        ui.json(&"dropped");
        assert_eq!(out.text(), "{\n  \"z\": 1,\n  \"a\": \"\\u009b\"\n}\n");
    }

    #[test]
    fn a_closed_stdout_is_quiet_and_a_full_disk_is_not() {
        let over = |kind| Ui::over(Options::default(), io::empty(), Broken(kind), io::sink());
        let closed = over(io::ErrorKind::BrokenPipe);
        closed.data("x");
        closed.finish().unwrap();
        let full = over(io::ErrorKind::StorageFull);
        full.data("x");
        full.data("y");
        assert_eq!(
            full.finish().unwrap_err().kind(),
            io::ErrorKind::StorageFull
        );
    }

    #[test]
    fn threads_do_not_mix_their_lines() {
        let (ui, _, err) = pages(Options::default(), "");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..50).for_each(|_| ui.status("a whole line")));
            }
        });
        assert!(err.text().lines().all(|line| line == "a whole line"));
    }
}
