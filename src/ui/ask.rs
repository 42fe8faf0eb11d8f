//! Questions.

use super::{
    Secret, Ui,
    clean::{clean, clean_line},
    say::lock,
};
use crate::process;
use console::Style;
use std::io;

/// An answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Yes, or the name that was wanted.
    Yes,
    /// No, another name, or the end of the input.
    No,
    /// Nobody could be asked: no terminal, or `--no-input`.
    NotATerminal,
}

/// How often an answer that is neither yes nor no is asked for again.
const TRIES: usize = 3;

impl Ui {
    /// Asks for yes or no; an empty line is `default`. `--yes` answers it.
    pub fn ask(&self, question: &str, default: bool) -> Answer {
        if self.options.yes {
            return Answer::Yes;
        }
        self.ask_in_person(question, default)
    }

    /// Like [`Ui::ask`], but `--yes` doesn't count: for unknown host keys and loss of data.
    pub fn ask_in_person(&self, question: &str, default: bool) -> Answer {
        let choices = if default { "[Y/n]" } else { "[y/N]" };
        for _ in 0..TRIES {
            let line = match self.read_answer(&format!("{} {choices}", clean(question))) {
                Ok(line) => line,
                Err(answer) => return answer,
            };
            match line.to_lowercase().as_str() {
                "" if default => return Answer::Yes,
                "y" | "yes" => return Answer::Yes,
                "" | "n" | "no" => return Answer::No,
                _ => {}
            }
        }
        Answer::No
    }

    /// Asks for the name of what is at stake, `expected`; `--yes` doesn't count.
    pub fn ask_name(&self, question: &str, expected: &str) -> Answer {
        let prompt = format!(
            "{}\ntype `{}` to go on:",
            clean(question),
            clean_line(expected)
        );
        match self.read_answer(&prompt) {
            Ok(line) if line == expected => Answer::Yes,
            Ok(_) => Answer::No,
            Err(answer) => answer,
        }
    }

    /// Reads a password without showing it; none where nobody can be asked.
    ///
    /// # Errors
    /// The terminal's.
    pub fn secret(&self, prompt: &str) -> io::Result<Option<Secret>> {
        if !self.can_ask() {
            return Ok(None);
        }
        let line = self.above_bars(|| {
            process::quietly(|| {
                self.write_stderr(&format!("{} ", clean(prompt)));
                let mut line = String::new();
                lock(&self.input).read_line(&mut line)?;
                // The end of the line was not shown either.
                self.write_stderr("\n");
                Ok(line.trim_end_matches(['\r', '\n']).to_owned())
            })
        })?;
        Ok(Some(Secret::new(line)))
    }

    /// Reads an answer that is shown while it is typed; nothing where nobody can be asked, or gives one.
    pub fn answer(&self, question: &str) -> Option<String> {
        self.read_answer(&clean(question)).ok()
    }

    /// Whether a question would reach somebody.
    pub fn can_ask(&self) -> bool {
        self.interactive && !self.options.no_input
    }

    fn read_answer(&self, prompt: &str) -> Result<String, Answer> {
        if !self.can_ask() {
            return Err(Answer::NotATerminal);
        }
        let mut line = String::new();
        let read = self.above_bars(|| {
            self.write_stderr(&format!("{} ", self.paint(&Style::new().bold(), prompt)));
            lock(&self.input).read_line(&mut line)
        });
        if !matches!(read, Ok(1..)) {
            self.above_bars(|| self.write_stderr("\n"));
            return Err(Answer::No);
        }
        Ok(line.trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Options, say::tests::pages};
    use super::*;

    fn person(input: &'static str, options: Options) -> Ui {
        let (mut ui, _, _) = pages(options, input);
        ui.interactive = true;
        ui
    }

    #[test]
    fn understands_answers() {
        for (input, default, expected) in [
            ("y\n", false, Answer::Yes),
            ("YES\n", false, Answer::Yes),
            ("n\n", true, Answer::No),
            ("\n", true, Answer::Yes),
            ("\n", false, Answer::No),
            ("", true, Answer::No),
            ("what\nyes\n", false, Answer::Yes),
            ("a\nb\nc\nyes\n", true, Answer::No),
        ] {
            let ui = person(input, Options::default());
            assert_eq!(ui.ask("go on?", default), expected, "{input:?}");
        }
    }

    #[test]
    fn yes_answers_only_plain_questions() {
        let options = Options {
            yes: true,
            ..Options::default()
        };
        let (ui, _, err) = pages(options, "");
        assert_eq!(ui.ask("go on?", false), Answer::Yes);
        assert_eq!(ui.ask_in_person("lose data?", false), Answer::NotATerminal);
        assert_eq!(ui.ask_name("deploy", "production"), Answer::NotATerminal);
        assert_eq!(err.text(), "");
        assert_eq!(
            person("\n", options).ask_name("deploy", "production"),
            Answer::No
        );
    }

    #[test]
    fn no_input_asks_nothing() {
        let options = Options {
            no_input: true,
            ..Options::default()
        };
        let ui = person("y\n", options);
        assert_eq!(ui.ask("go on?", true), Answer::NotATerminal);
        assert!(ui.secret("password:").unwrap().is_none());
        assert!(ui.answer("code:").is_none());
    }

    #[test]
    fn what_is_answered_in_words_is_shown() {
        let (mut ui, _, err) = pages(Options::default(), "123 456\n");
        ui.interactive = true;
        assert_eq!(ui.answer("Code of ada:").as_deref(), Some("123 456"));
        assert_eq!(err.text(), "Code of ada: ");
        assert_eq!(ui.answer("Code of ada:"), None, "the end of the input");
    }

    #[test]
    fn a_name_must_be_typed_exactly() {
        for (input, expected) in [
            ("production\n", Answer::Yes),
            ("Production\n", Answer::No),
            ("y\n", Answer::No),
            ("", Answer::No),
        ] {
            let ui = person(input, Options::default());
            assert_eq!(ui.ask_name("this is production", "production"), expected);
        }
    }
}
