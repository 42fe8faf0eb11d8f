//! Commands as argument vectors, and how they ended.

use std::fmt;

/// Becomes the line of words that it is given with its line ends written as `\n` and its backslashes as `\\` (POSIX.1-2024,
/// printf, `%b`).
const ONE_LINE: &str = r#"eval "exec $(printf %b "$1")""#;

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

    /// The line that makes a login shell run exactly this argument vector, be it sh, zsh, fish or csh. csh reads no line end
    /// in quotes, so that where there is one sh is given it in another way.
    pub fn shell_line(&self) -> String {
        let words = self.words();
        if !words.contains('\n') {
            return words;
        }
        let escaped = words.replace('\\', r"\\").replace('\n', r"\n");
        Self::new(["sh", "-c", ONE_LINE, "sh", &escaped]).words()
    }

    /// The same words in a script for sh (POSIX.1-2024, XCU 2.2), line ends as they are.
    pub fn words(&self) -> String {
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

/// Between single quotes fish takes a backslash for more than itself, and csh a `!`: these stand outside of them, where every
/// shell reads them the same. A word that begins with `=` is a path to zsh, and one that begins with `%` may be a process to fish.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
    if !word.is_empty() && !word.starts_with(['=', '%']) && word.chars().all(plain) {
        return word.to_owned();
    }
    let mut quoted = String::new();
    let mut within = false;
    for c in word.chars() {
        let alone = matches!(c, '\'' | '\\' | '!');
        if within == alone {
            quoted.push('\'');
            within = !within;
        }
        if alone {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    if within || word.is_empty() {
        quoted.push_str(if within { "'" } else { "''" });
    }
    quoted
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
    fn every_login_shell_reads_back_what_was_quoted() {
        let words = [
            "plain",
            "",
            "two words",
            "it's",
            "'",
            "$HOME `id` \"x\"",
            "naïve*?{a,b}[c]~^#;&|<>()",
            r"\",
            r"\\a\n\0101'\",
            "hi! !! !$",
            "=ls",
            "%self",
            "@a",
        ];
        let lines = ["a\nb", "\n", "c!\n\\n'", "\n\n%b\n"];
        for words in [&words[..], &[&words[..], &lines[..]].concat()] {
            let mut argv = vec!["printf", "%s\\0"];
            argv.extend(words);
            let line = Command::new(argv).shell_line();
            assert!(!line.contains('\n'), "{line}");
            for shell in ["sh", "bash", "zsh", "fish", "tcsh"] {
                let output = std::process::Command::new(shell)
                    .args(["-c", &format!("exec {line}")])
                    .output()
                    .unwrap();
                let text = String::from_utf8(output.stdout).unwrap();
                let read: Vec<&str> = text.split_terminator('\0').collect();
                assert_eq!(read, words, "{shell}: {line}");
            }
        }
        let plain = Command::new(["python3", "-c", "it's", "a b"]);
        assert_eq!(plain.shell_line(), r"python3 -c 'it'\''s' 'a b'");
    }
}
