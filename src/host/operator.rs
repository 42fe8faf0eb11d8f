//! What an operator does on a host besides deploying: shared files, commands in `current`, a shell, logs.

use super::{Command, agent::in_one_line};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Runs its second and further words in the folder that the first one names. 11 as in our own table: nothing is live.
const IN_FOLDER: &str = r#"cd "$1" 2>/dev/null || { echo "nothing is live: there is no $1" >&2; exit 11; }
shift
exec "$@""#;

/// Runs its words and stays beside them: sshd tells of a signal in a way that ssh(1) makes 255 of, a shell as 128 and its
/// number. Of Ctrl-C it hears too, and goes on to tell how the command took it.
const TELLING: &str = r#"trap : INT QUIT
"$@"
exit $?"#;

/// Becomes the words after the second one, as the user whom the file of the first one names, else as the second: the host's
/// own word goes before that of a hostout.toml, which may be another's. A shell becomes the words there too, and ends with
/// 127 or 126 where there is no such command, which sudo(8) would not.
const AS_RUNTIME: &str = r#"case $1 in
/*) file=$1 ;;
*) file=$HOME/$1 ;;
esac
user=$(cat "$file" 2>/dev/null) || user=$2
shift 2
[ -z "$user" ] || [ "$user" = "$(id -un)" ] || exec sudo -n -H -u "$user" -- sh -c 'exec "$@"' sh "$@"
exec "$@""#;

/// Follows logs.
const FOLLOW: &str = include_str!("follow.py");

/// The login user's own shell in the first of two folders that is there; in their home when neither is.
const SHELL: &str = r#"cd "$1" 2>/dev/null || cd "$2" 2>/dev/null || echo "nothing is deployed to $2" >&2
exec "${SHELL:-/bin/sh}" -l"#;

/// Asks to put a shared file into its place. What is in it is secret.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct ShareRequest {
    /// The file's bytes in base64, padded.
    pub content: String,
}

/// What `share` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct ShareAnswer {
    /// Whether there was another file before, or none.
    pub changed: bool,
}

/// What `logs` found.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LogsAnswer {
    /// Absolute paths of files that are there.
    pub logs: Vec<String>,
    /// What matches them, and files that are not there yet.
    #[serde(default)]
    pub patterns: Vec<String>,
}

impl fmt::Debug for ShareRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShareRequest(…)")
    }
}

impl Command {
    /// The same as the runtime user of `path`, by the line of sudoers that a bootstrap wrote: whom the host knows as that,
    /// else `named`, else the login user.
    #[must_use]
    pub fn as_runtime(self, path: &str, named: Option<&str>) -> Self {
        let file = format!("{}/.hostout/runtime", from_home(path));
        let named = named.unwrap_or_default().to_owned();
        let words = ["sh", "-c", AS_RUNTIME, "sh"].map(str::to_owned);
        let words = words.into_iter().chain([file, named]);
        Self::new(words.chain(self.argv().to_vec()))
    }

    /// The same with the status that a shell sees, over ssh, too.
    #[must_use]
    pub fn telling_signals(self) -> Self {
        let words = ["sh", "-c", TELLING, "sh"].map(str::to_owned);
        Self::new(words.into_iter().chain(self.argv().to_vec()))
    }

    /// Exactly `command` in the directory of the release that is live at `path`.
    pub fn in_current(path: &str, command: &Self) -> Self {
        let words = ["sh", "-c", IN_FOLDER, "sh"].map(str::to_owned);
        let current = format!("{}/current", from_home(path));
        let argv = command.argv().to_vec();
        Self::new(words.into_iter().chain([current]).chain(argv))
    }

    /// A login shell in the release that is live at `path`.
    pub fn shell_in(path: &str) -> Self {
        let path = from_home(path);
        let current = format!("{path}/current");
        Self::new(["sh", "-c", SHELL, "sh", &current, path])
    }

    /// The last `lines` lines of `logs`.
    pub fn tail(logs: &[String], lines: u32) -> Self {
        let words = ["tail", "-n", &lines.to_string(), "--"].map(str::to_owned);
        Self::new(words.into_iter().chain(logs.to_vec()))
    }

    /// The same of whatever `patterns` match, and what comes after, in files too that come after; by the host's `python`.
    pub fn follow(python: &str, patterns: &[String], lines: u32) -> Self {
        let program = in_one_line(FOLLOW);
        let words = [python, "-IS", "-c", &program, &lines.to_string()].map(str::to_owned);
        Self::new(words.into_iter().chain(patterns.to_vec()))
    }
}

/// Commands start in the login user's home, and a quoted `~` is no home to a shell.
fn from_home(path: &str) -> &str {
    path.strip_prefix("~/").unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_keeps_its_words_whatever_is_in_them() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("current")).unwrap();
        let words = Command::new(["printf", "%s|", "two words", "$HOME", "", "*", "-x"]);
        let command = Command::in_current(&folder.path().display().to_string(), &words);
        let output = std::process::Command::new(&command.argv()[0])
            .args(&command.argv()[1..])
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            "two words|$HOME||*|-x|"
        );
    }

    #[test]
    fn a_secret_is_not_shown() {
        let content = "aHVudGVyMg==".to_owned();
        assert_eq!(format!("{:?}", ShareRequest { content }), "ShareRequest(…)");
    }
}
