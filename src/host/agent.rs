//! The one script that runs on hosts, and how it is called.

use super::Command;
use crate::release::Digest;

/// A verb of the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Looks; writes nothing.
    Status,
    /// Puts the agent itself below the path.
    Install,
    /// Which artifacts are missing.
    Have,
    /// Takes artifacts: a tar stream on stdin, members named by their sha256.
    Put,
    /// Builds a release, takes the lock.
    Prepare,
    /// Tells the host which keys and policy count.
    Trust,
    /// Takes what the host keeps of the ledger, where it is too long to come with the job.
    Bundle,
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

/// Finds the agent that is installed, or asks for its source.
const BOOT: &str = include_str!("boot.py");

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
        "trust",
        "bundle",
        "venv",
        "fetch",
        "prepare",
        "services",
        "health",
        "rolling",
        "journal",
        "snapshot",
        "postgresql",
        "backup",
        "restore",
        "runtime",
        "atboot",
        "activation",
        "job",
        "preparation",
        "reversal",
        "recovery",
        "prune",
        "status",
        "operator",
        "verbs",
        "serve",
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

    /// Starts it, installed or not, for a conversation: requests on stdin ([`Agent::request`]), answers on stdout. Where
    /// it is not installed as this program knows it, it says [`Event::Source`](super::Event::Source) once the first
    /// request is there, and waits for [`Agent::SOURCE`]. What the host has put into its python has no part in it (`-S`),
    /// nor may it cost time.
    pub fn serve(&self) -> Command {
        let (length, digest) = (Self::SOURCE.len().to_string(), Self::digest().to_string());
        Command::new([
            self.python.as_str(),
            "-IS",
            "-c",
            &in_one_line(BOOT),
            &length,
            &digest,
            "--path",
            &self.path,
            "serve",
        ])
    }

    /// The line ahead of a request's `length` bytes.
    pub fn request(verb: Verb, argument: Option<&str>, length: u64) -> String {
        let words = [Some(verb.name()), argument];
        let words: Vec<&str> = words.into_iter().flatten().collect();
        format!("{length} {}\n", words.join(" "))
    }
}

/// The same program without line ends, and without what would have to be quoted once more, for any login shell.
pub(super) fn in_one_line(program: &str) -> String {
    let escaped = program.replace('\\', r"\\").replace('"', "\\\"");
    format!("exec(\"{}\")", escaped.replace('\n', r"\n"))
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
            Self::Trust => "trust",
            Self::Bundle => "bundle",
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
    fn an_agent_that_is_fed_answers_what_is_read_here() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop").to_str().unwrap().to_owned();
        let command = Agent::new(&path, "python3").serve();
        let mut child = std::process::Command::new(&command.argv()[0])
            .args(&command.argv()[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let request = Request::new(StatusRequest {
            shared_files: vec!["secret.cfg".to_owned()],
            sha256: vec![Digest::of(b"x")],
            data: None,
        });
        let request = request.to_json().unwrap();
        let line = Agent::request(Verb::Status, None, request.len() as u64);
        stdin.write_all(line.as_bytes()).unwrap();
        stdin.write_all(&request).unwrap();
        stdin.write_all(Agent::SOURCE.as_bytes()).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();

        let mut listener = Listener::new(|_| ());
        listener.write_all(&output.stdout).unwrap();
        assert!(listener.asks_for_source());
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
