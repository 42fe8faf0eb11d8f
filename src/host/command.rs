//! Commands as argument vectors, and how they ended.

use std::fmt;

/// A command and its arguments. It becomes a shell line in one place only: [`Command::shell_line`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    argv: Vec<String>,
}

/// How a command ended. There is no exit code for a command that was killed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It returned.
    Exited {
        /// Its exit code.
        code: i32,
        /// The end of its standard error, at most 64 KiB, control characters still in it.
        stderr: String,
    },
    /// A signal ended it.
    Signalled {
        /// The signal's name without `SIG`, e.g. `KILL`.
        signal: String,
        /// The end of its standard error.
        stderr: String,
    },
}

impl Command {
    /// A command from its words.
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
        }
    }

    /// The program and its arguments.
    pub fn argv(&self) -> &[String] {
        &self.argv
    }

    /// The line that makes a POSIX shell run exactly this argument vector (POSIX.1-2024, XCU 2.2.2).
    pub fn shell_line(&self) -> String {
        let quoted: Vec<String> = self.argv.iter().map(|word| quote(word)).collect();
        quoted.join(" ")
    }
}

/// For people: always one line, whatever a word holds (POSIX.1-2024, XCU 2.2.4).
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted: Vec<String> = self.argv.iter().map(|word| quote_in_line(word)).collect();
        f.write_str(&quoted.join(" "))
    }
}

impl Ended {
    /// Whether it returned 0.
    pub fn ok(&self) -> bool {
        matches!(self, Self::Exited { code: 0, .. })
    }
}

fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// As [`quote`], with control characters as escapes.
fn quote_in_line(word: &str) -> String {
    if !word.chars().any(char::is_control) {
        return quote(word);
    }
    let mut quoted = "$'".to_owned();
    for c in word.chars() {
        match c {
            '\n' => quoted += r"\n",
            '\t' => quoted += r"\t",
            '\'' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let bytes = c.to_string().into_bytes();
                quoted.extend(bytes.iter().map(|byte| format!(r"\{byte:03o}")));
            }
            c => quoted.push(c),
        }
    }
    quoted + "'"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_one_line_that_a_shell_reads_back() {
        let words = ["plain", "a\nb", "it's \\ \x1b[1m\t\u{85}1"];
        let line = Command::new(words).to_string();
        assert!(!line.chars().any(char::is_control), "{line}");
        let script = format!("printf '%s.' {line}");
        let mut shell = std::process::Command::new("bash");
        let printed = shell.args(["-c", &script]).output().unwrap().stdout;
        let expected = format!("{}.", words.join("."));
        assert_eq!(String::from_utf8(printed).unwrap(), expected);
    }

    #[test]
    fn a_real_shell_reads_back_what_was_quoted() {
        let words = [
            "plain",
            "",
            "two words",
            "it's",
            "$HOME `id` \"x\"",
            "new\nline",
            "naïve*?",
        ];
        let mut argv = vec!["printf", "%s\\0"];
        argv.extend(words);
        let line = Command::new(argv).shell_line();
        let output = std::process::Command::new("sh")
            .args(["-c", &line])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.split_terminator('\0').collect::<Vec<_>>(), words);
    }
}
