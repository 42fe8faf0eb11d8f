//! A command on a host with our own input, output and terminal: the system's ssh, or a program of this machine.
//!
//! ssh itself is started where a person is at the other end: it knows terminals. What it is told is what
//! [`connect`](super::connect) goes by: `$HOSTOUT_SSH_CONFIG`, the destination's parts, a pinned key.

use super::{
    Destination, Error, Target,
    askpass::{self, Besides},
    error::Failure,
    ssh_config,
    ssh_options::Options,
};
use crate::{host, process};
use std::{
    env,
    fs::File,
    num::NonZeroU16,
    path::{Path, PathBuf},
    process::Command,
};

/// What an attached command gets besides its words.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attach<'a> {
    /// A terminal on the host, where ours is one.
    pub terminal: bool,
    /// Nobody is asked anything: others may be asked at the same time.
    pub quiet: bool,
    /// A file that is there once ssh has logged in: its status 255 may be the command's own.
    pub reached: Option<&'a Path>,
}

/// The program that runs `command` on the host `target`.
///
/// # Errors
/// [`Error::Unreachable`] where the destination or the ssh configuration cannot be read.
pub fn attached(
    target: &Target,
    command: &host::Command,
    attach: Attach<'_>,
) -> Result<Command, Error> {
    let host = &target.host;
    let at = |failure: Failure| failure.at(host);
    let destination: Destination = host
        .parse()
        .map_err(|error: super::DestinationError| at(Failure::new(error.to_string())))?;
    match destination {
        Destination::Local => {
            let (program, arguments) = command
                .argv()
                .split_first()
                .ok_or_else(|| Error::not_started(host, command, "the command is empty"))?;
            let mut local = Command::new(program);
            local.args(arguments).current_dir(home());
            Ok(local)
        }
        Destination::Ssh {
            user,
            host: name,
            port,
        } => {
            let file = target.ssh_config.as_deref();
            let options = ssh_config::resolve(user.as_deref(), &name, port, file).map_err(at)?;
            let way = Way {
                options: &options,
                file,
                name: &name,
                port,
            };
            let failed =
                |error: std::io::Error| Error::not_started(host, command, error.to_string());
            let mut ssh = way.ssh();
            ssh.arg(if attach.terminal { "-t" } else { "-T" });
            // They would come before the command, or keep it from being run.
            ssh.args(["-o", "RemoteCommand=none"]);
            if options.knows_session_type {
                ssh.args(["-o", "SessionType=default"]);
                ssh.args(["-o", "ForkAfterAuthentication=no"]);
            }
            way.let_in(&mut ssh, attach.quiet).map_err(failed)?;
            if let Some(key) = &target.host_key {
                ssh.args(pinned(key));
            }
            match attach.reached {
                // Its connection is as the one who opened it wanted it, whatever is pinned.
                Some(file) if target.host_key.is_none() && way.has_master() => {
                    File::create(file).map_err(failed)?;
                }
                Some(file) => {
                    // One that stays behind (`ControlPersist`) would keep our pipes open.
                    ssh.args(["-o", "ControlPath=none", "-o", "PermitLocalCommand=yes"]);
                    ssh.arg("-o").arg(format!("LocalCommand={}", touch(file)));
                }
                None => {}
            }
            ssh.args(["--", &name]).arg(command.shell_line());
            Ok(ssh)
        }
    }
}

/// A host as ssh itself is to find it.
pub struct Way<'w> {
    pub options: &'w Options,
    pub file: Option<&'w Path>,
    pub name: &'w str,
    pub port: Option<NonZeroU16>,
}

impl Way<'_> {
    fn ssh(&self) -> Command {
        let mut ssh = Command::new("ssh");
        if let Some(file) = self.file {
            ssh.arg("-F").arg(file);
        }
        ssh.args(["-l", &self.options.user]);
        if let Some(port) = self.port {
            ssh.args(["-p", &port.to_string()]);
        }
        ssh
    }

    /// Whether a connection stands there by `ControlMaster`.
    pub fn has_master(&self) -> bool {
        let there = |path: &PathBuf| path.exists();
        if !self.options.control_path.as_ref().is_some_and(there) {
            return false;
        }
        let mut ssh = self.ssh();
        let asked = process::output(ssh.args(["-O", "check", "--", self.name]));
        asked.is_ok_and(|asked| asked.status.success())
    }

    /// `$HOSTOUT_PASSWORD` lets ssh in, too, at this host and at none before it.
    fn let_in(&self, ssh: &mut Command, quiet: bool) -> std::io::Result<()> {
        let password = env::var("HOSTOUT_PASSWORD").ok();
        // An old ssh does not ask us where there is a terminal (`$SSH_ASKPASS_REQUIRE`, OpenSSH 8.4).
        if quiet && (password.is_none() || !self.options.knows_session_type) {
            ssh.args(["-o", "BatchMode=yes"]);
        }
        let Some(password) = password else {
            return Ok(());
        };
        let Options {
            user,
            hostname,
            host_key_alias,
            ..
        } = self.options;
        // As ssh has it in its prompt.
        let place = host_key_alias.as_ref().unwrap_or(hostname);
        let question = format!("{user:.30}@{place:.128}");
        let besides = if quiet {
            Besides::Nobody
        } else {
            Besides::Person
        };
        // What stands in the environment is not asked for again.
        ssh.args(["-o", "NumberOfPasswordPrompts=1"]);
        askpass::answered(ssh, &question, &password, besides)
    }
}

/// Options that make ssh take `key` and no other (`ssh_config(5)`, `KnownHostsCommand`).
fn pinned(key: &str) -> Vec<String> {
    let kind = key.split_whitespace().next().unwrap_or_default();
    let options = [
        format!("KnownHostsCommand=/bin/echo %H {key}"),
        "UserKnownHostsFile=/dev/null".to_owned(),
        "GlobalKnownHostsFile=/dev/null".to_owned(),
        "StrictHostKeyChecking=yes".to_owned(),
        format!("HostKeyAlgorithms={}", algorithms(kind)),
    ];
    let options = options.into_iter();
    options
        .flat_map(|option| ["-o".to_owned(), option])
        .collect()
}

/// The signatures that a key of this kind can make (RFC 8332 for RSA).
fn algorithms(kind: &str) -> &str {
    match kind {
        "ssh-rsa" => "rsa-sha2-512,rsa-sha2-256",
        other => other,
    }
}

/// A line for the user's shell, in which ssh replaces `%` (`ssh_config(5)`, TOKENS).
fn touch(file: &Path) -> String {
    let line = host::Command::new(["touch".to_owned(), file.display().to_string()]).shell_line();
    line.replace('%', "%%")
}

fn home() -> std::path::PathBuf {
    env::home_dir().unwrap_or_else(|| "/".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_gets_one_line_and_what_hostout_toml_says() {
        let target = Target {
            host: "jane@web1:2222".to_owned(),
            ssh_config: Some("/dev/null".into()),
            host_key: Some("ssh-ed25519 AAAA".to_owned()),
        };
        let command = host::Command::new(["echo", "two words"]);
        let ssh = attached(&target, &command, Attach::default()).unwrap();
        let words: Vec<_> = ssh.get_args().map(|word| word.to_str().unwrap()).collect();
        assert_eq!(words[..6], ["-F", "/dev/null", "-l", "jane", "-p", "2222"]);
        assert!(words.contains(&"KnownHostsCommand=/bin/echo %H ssh-ed25519 AAAA"));
        assert_eq!(words[words.len() - 3..], ["--", "web1", "echo 'two words'"]);
    }

    #[test]
    fn a_path_with_a_token_stays_a_path() {
        assert_eq!(touch(Path::new("/a b/%h")), "touch '/a b/%%h'");
    }
}
