//! The `git` program, for what gix cannot do: pushing, and fetching with the user's own credentials.

use super::{Error, Result};
use crate::{process, release};
use std::{
    env,
    ffi::{OsStr, OsString},
    io::{self, IsTerminal as _},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

/// What `git rev-parse --local-env-vars` lists, without `GIT_CONFIG_*`: `git -c NAME=VALUE hostout` stays in force.
const LOCAL: [&str; 12] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// How long a person may take to type a passphrase. An unreachable ssh remote is given up long before, by ssh itself.
pub(super) const PROMPT: Duration = Duration::from_secs(60);

/// How long a remote that answers may say nothing more. It sends a sign of life every five seconds, unless it is very old,
/// while its hooks run (git-config(1), `receive.keepAlive`).
const STALL: Duration = Duration::from_secs(60);

/// How long a remote may take to answer.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until its first words.
    pub answer: Duration,
    /// After that, until something more of it comes.
    pub stall: Duration,
    /// Whether git and ssh may ask for passwords on the terminal, which takes its time: then `answer` is for the
    /// connection, and the rest may take a minute.
    pub prompts: bool,
    /// Whether the first Ctrl-C ends the wait, also while something visible is done. The second always does.
    pub interruptible: bool,
}

impl Default for Patience {
    /// Five seconds; prompts where standard input is a terminal.
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(5),
            stall: STALL,
            prompts: io::stdin().is_terminal(),
            interruptible: false,
        }
    }
}

/// The `git` program for one repository.
#[derive(Clone, Debug)]
pub struct Git {
    directory: PathBuf,
    ssh: Option<OsString>,
    environment: Vec<(OsString, OsString)>,
}

impl Git {
    /// The program for `repo`, in its work tree if it has one.
    pub fn of(repo: &gix::Repository) -> Self {
        let directory = repo.workdir().unwrap_or_else(|| repo.git_dir());
        let configured = repo.config_snapshot().trusted_program("core.sshCommand");
        let ssh = match env::var_os("GIT_SSH_COMMAND") {
            Some(command) => Some(command),
            // $GIT_SSH is one path, which takes no options.
            None if env::var_os("GIT_SSH").is_some() => None,
            None => Some(configured.ok().flatten().unwrap_or_else(|| "ssh".into())),
        };
        Self {
            directory: directory.to_owned(),
            ssh,
            environment: Vec::new(),
        }
    }

    /// Sets a variable for every git that is started.
    #[must_use]
    pub fn with(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// The program for a conversation, and where it tells of packets that come and go.
    pub(super) fn traced(
        &self,
        arguments: &[&str],
        patience: Patience,
    ) -> Result<(process::File, Command)> {
        let trace = process::File::new().map_err(Error::file("write", env::temp_dir()))?;
        let command = self.command(arguments, patience, trace.path());
        Ok((trace, command))
    }

    /// It could not be run.
    pub(super) fn failed(source: io::Error) -> Error {
        Error::Program {
            program: "git".into(),
            source,
        }
    }

    /// What a git prints that talks with nobody.
    pub(super) fn bytes(&self, arguments: &[&str]) -> Result<Vec<u8>> {
        let mut command = self.command(arguments, Patience::default(), Path::new("/dev/null"));
        let output = process::output(&mut command).map_err(Self::failed)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let verb = arguments.first().copied().unwrap_or_default();
        Err(Error::Failed {
            program: format!("git {verb}").into(),
            message: redact(&String::from_utf8_lossy(&output.stderr)),
        })
    }

    /// Whether the user has a hook of this name (githooks(5)), wherever `core.hooksPath` says.
    pub(super) fn has_hook(&self, name: &str) -> Result<bool> {
        let path = self.bytes(&["rev-parse", "--git-path", &format!("hooks/{name}")])?;
        let path = OsStr::from_bytes(path.strip_suffix(b"\n").unwrap_or(&path));
        Ok(self.directory.join(path).exists())
    }

    fn command(&self, arguments: &[&str], patience: Patience, trace: &Path) -> Command {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.directory).args(arguments);
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        for name in LOCAL {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C").env("GIT_TRACE_PACKET", trace);
        if let Some(ssh) = self.ssh.as_deref().filter(|ssh| is_openssh(ssh)) {
            let mut line = ssh.to_owned();
            line.push(format!(
                " -o ConnectTimeout={}",
                patience.answer.as_secs().max(1)
            ));
            if !patience.prompts {
                line.push(" -o BatchMode=yes");
            }
            command.env("GIT_SSH_COMMAND", line);
        }
        if !patience.prompts {
            command.env("GIT_TERMINAL_PROMPT", "0");
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// The remote that entries go to: the current branch's, else `remote.pushDefault`, else `origin`.
pub fn remote_for(repo: &gix::Repository) -> Option<String> {
    let config = repo.config_snapshot();
    let names = repo.remote_names();
    let head = repo.head_name().ok().flatten();
    let of_branch = head.and_then(|name| {
        let key = format!("branch.{}.remote", name.shorten());
        config.string(key.as_str())
    });
    [
        of_branch,
        config.string("remote.pushDefault"),
        Some("origin".into()),
    ]
    .into_iter()
    .flatten()
    .map(|name| name.to_string())
    .find(|name| names.iter().any(|known| *known == name.as_str()))
}

/// The remote that a partial clone takes missing objects from; nothing where this is none.
pub fn promisor(repo: &gix::Repository) -> Option<String> {
    let config = repo.config_snapshot();
    let extension = config.string("extensions.partialClone");
    if let Some(name) = extension {
        return Some(name.to_string());
    }
    let names = repo.remote_names();
    let names = names.iter().map(ToString::to_string);
    let promises = |name: &String| {
        let key = format!("remote.{name}.promisor");
        config.boolean(key.as_str()).unwrap_or(false)
    };
    names.into_iter().find(promises)
}

/// `text` without user info in addresses, on one line, without control characters.
pub(super) fn redact(text: &str) -> String {
    let clean = release::redact(text);
    let lines = clean.lines().map(str::trim);
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    lines
        .join("; ")
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn is_openssh(command: &OsStr) -> bool {
    let text = command.to_string_lossy();
    let first = text.split_whitespace().next().unwrap_or_default();
    first.rsplit('/').next() == Some("ssh")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testing::Lab;

    #[test]
    fn passwords_in_addresses_are_left_out() {
        assert_eq!(
            redact("fatal: 'https://ann:pw@h.org:8443/x' and\n\n ssh://u@h/y and a@b\u{7}"),
            "fatal: 'https://h.org:8443/x' and; ssh://h/y and a@b "
        );
    }

    #[test]
    fn the_branch_says_where_to_before_anything_else() {
        let lab = Lab::new();
        assert_eq!(remote_for(&lab.repo()), None);
        for name in ["origin", "upstream", "fork"] {
            lab.git(&["remote", "add", name, "/nowhere"]);
        }
        assert_eq!(remote_for(&lab.repo()).as_deref(), Some("origin"));
        lab.git(&["config", "remote.pushDefault", "fork"]);
        assert_eq!(remote_for(&lab.repo()).as_deref(), Some("fork"));
        lab.git(&["config", "branch.main.remote", "upstream"]);
        assert_eq!(remote_for(&lab.repo()).as_deref(), Some("upstream"));
        lab.git(&["config", "branch.main.remote", "."]);
        assert_eq!(remote_for(&lab.repo()).as_deref(), Some("fork"));
    }

    #[test]
    fn only_openssh_gets_its_options() {
        assert!(is_openssh(OsStr::new("/usr/bin/ssh -F x")));
        assert!(!is_openssh(OsStr::new("plink -batch")));
    }
}
