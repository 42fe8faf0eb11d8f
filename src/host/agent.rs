//! The one script that runs on hosts, and how it is called.

use super::Command;
use crate::release::Digest;

/// A verb of the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Looks; writes nothing.
    Status,
    /// Puts the agent itself below the path; it must be fed.
    Install,
    /// Which artifacts are missing.
    Have,
    /// Takes artifacts: a tar stream on stdin, members named by their sha256.
    Put,
    /// Builds a release, takes the lock.
    Prepare,
    /// Starts the job that makes a release live, and follows it.
    Activate,
    /// Starts the job that takes back what another one did, and follows it.
    Revert,
    /// Puts right what the last job left where it was cut off, and follows that.
    Recover,
    /// Extends the lease of the lock.
    Hold,
    /// Tells a release's manifest and its signature.
    Manifest,
    /// Follows a job, or tells it again.
    Journal,
    /// Removes old releases.
    Prune,
    /// Gives back or breaks the lock.
    Unlock,
    /// Puts a shared file into its place.
    Share,
    /// Tells where the logs of what runs are.
    Logs,
}

/// The agent at a stage's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    path: String,
    python: String,
}

/// The parts of the agent, one after the other.
macro_rules! joined {
    ($($part:literal),* $(,)?) => {
        concat!($(include_str!(concat!("agent/", $part, ".py")), "\n\n"),*)
    };
}

/// Reads LENGTH bytes of source from stdin and runs them; what is left on stdin is the request.
const BOOT: &str = "import sys;s=sys.stdin.buffer.read(int(sys.argv.pop(1)));\
    exec(compile(s,'agent','exec'),{'__name__':'__main__','SOURCE':s})";

impl Agent {
    /// Its source: one script for the host, in parts for its readers. Its own map stands in the first part.
    pub const SOURCE: &'static str = joined!(
        "head",
        "answers",
        "layout",
        "files",
        "python",
        "store",
        "tarball",
        "wheels",
        "processes",
        "lock",
        "venv",
        "prepare",
        "services",
        "health",
        "journal",
        "snapshot",
        "postgresql",
        "backup",
        "restore",
        "runtime",
        "atboot",
        "activation",
        "job",
        "reversal",
        "recovery",
        "prune",
        "status",
        "operator",
        "verbs",
        "main",
    );

    /// The agent at `path`, absolute or below the login user's home (`~/`), run by the host's `python`.
    pub fn new(path: impl Into<String>, python: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            python: python.into(),
        }
    }

    /// sha256 of [`Agent::SOURCE`]: what `status` answers as `installed` when this very agent is there.
    pub fn digest() -> Digest {
        Digest::of(Self::SOURCE.as_bytes())
    }

    /// Calls the installed agent; stdin is the request.
    pub fn installed(&self, verb: Verb, argument: Option<&str>) -> Command {
        // Commands start in the login user's home, and a quoted `~` is no home to a shell.
        let path = self.path.strip_prefix("~/").unwrap_or(&self.path);
        let script = format!("{}/.hostout/agent", path.trim_end_matches('/'));
        self.command([script], verb, argument)
    }

    /// Calls the agent where it is not installed; stdin is [`Agent::SOURCE`], then the request.
    pub fn fed(&self, verb: Verb, argument: Option<&str>) -> Command {
        let length = Self::SOURCE.len().to_string();
        self.command(["-c".to_owned(), BOOT.to_owned(), length], verb, argument)
    }

    fn command(
        &self,
        script: impl IntoIterator<Item = String>,
        verb: Verb,
        argument: Option<&str>,
    ) -> Command {
        let mut argv = vec![self.python.clone(), "-I".to_owned()];
        argv.extend(script);
        argv.extend(["--path", &self.path, verb.name()].map(str::to_owned));
        argv.extend(argument.map(str::to_owned));
        Command::new(argv)
    }
}

impl Verb {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Install => "install",
            Self::Have => "have",
            Self::Put => "put",
            Self::Prepare => "prepare",
            Self::Activate => "activate",
            Self::Revert => "revert",
            Self::Recover => "recover",
            Self::Hold => "hold",
            Self::Manifest => "manifest",
            Self::Journal => "journal",
            Self::Prune => "prune",
            Self::Unlock => "unlock",
            Self::Share => "share",
            Self::Logs => "logs",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Listener, PathState, Request, StatusAnswer, StatusRequest};
    use std::io::Write as _;
    use std::process::Stdio;

    #[test]
    fn an_installed_agent_below_home_is_called_without_a_tilde() {
        let agent = Agent::new("~/shop", "python3");
        let command = agent.installed(Verb::Journal, Some("a1"));
        assert_eq!(
            command.argv(),
            [
                "python3",
                "-I",
                "shop/.hostout/agent",
                "--path",
                "~/shop",
                "journal",
                "a1"
            ]
        );
    }

    #[test]
    fn a_fed_agent_answers_what_is_read_here() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop").to_str().unwrap().to_owned();
        let command = Agent::new(&path, "python3").fed(Verb::Status, None);
        let mut child = std::process::Command::new(&command.argv()[0])
            .args(&command.argv()[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(Agent::SOURCE.as_bytes()).unwrap();
        let request = Request::new(StatusRequest {
            shared_files: vec!["secret.cfg".to_owned()],
            sha256: vec![Digest::of(b"x")],
            data: None,
        });
        stdin.write_all(&request.to_json().unwrap()).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();

        let mut listener = Listener::new(|_| ());
        listener.write_all(&output.stdout).unwrap();
        let answer: StatusAnswer = listener.end().unwrap().read().unwrap();
        assert_eq!(answer.path, path);
        assert_eq!(answer.path_state, PathState::Absent);
        assert!(
            answer
                .python
                .tags
                .iter()
                .any(|tag| tag.ends_with("-none-any"))
        );
        assert_eq!(answer.shared.files.get("secret.cfg"), Some(&false));
        assert_eq!(answer.missing, [Digest::of(b"x")]);
        assert_eq!(answer.installed, None);
    }
}
