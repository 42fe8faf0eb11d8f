//! What the user's ssh configuration says about a host, as `ssh -G` reads it.
//!
//! ssh itself is asked because nothing else reads `Match`, `Include` and tokens the same way. Where there is no ssh, its
//! defaults hold.

use super::{error::Failure, ssh_options::Options};
use crate::process::{self, File};
use std::{
    io::{self, ErrorKind, Write as _},
    num::NonZeroU16,
    path::Path,
    process::{Command, Output},
};

/// Who logs in when neither the destination nor the configuration names a user.
const DEFAULT_USER: &str = "deploy";

/// What ssh reads when no file is named (`ssh_config(5)`, FILES), in its order.
const DEFAULT_FILES: [&str; 2] = ["~/.ssh/config", "/etc/ssh/ssh_config"];

/// What a configuration says that is read a second time (`ssh_config(5)`, `Match canonical`), which asks for no second time
/// itself, as `Match final` would.
const SECOND_TIME: &str = "Match canonical all\n";

/// A variable that is sent nowhere: whether it is to be tells that the configuration was read twice.
const TWICE: &str = "HOSTOUT_READ_TWICE";

/// The options for a destination.
///
/// Explicit parts of the destination win over the configuration. A user left out is the configuration's, else `deploy`;
/// ssh's own default, the local login name, says nothing about a server.
///
/// # Errors
/// When the configuration can't be read.
pub fn resolve(
    user: Option<&str>,
    host: &str,
    port: Option<NonZeroU16>,
    file: Option<&Path>,
) -> Result<Options, Failure> {
    let Some(options) = asked(user, host, port, file)? else {
        let user = user.unwrap_or(DEFAULT_USER);
        return Ok(Options::without_ssh(user, host, port));
    };
    if user.is_some() {
        return Ok(options);
    }
    let user = configured_user(&options, host, port, file)?;
    if user == options.user {
        return Ok(options);
    }
    // `Match user` and `%r` went by the local login name.
    Ok(asked(Some(&user), host, port, file)?.unwrap_or(options))
}

/// What `ssh -G` says; nothing where there is no ssh.
fn asked(
    user: Option<&str>,
    host: &str,
    port: Option<NonZeroU16>,
    file: Option<&Path>,
) -> Result<Option<Options>, Failure> {
    let ask = |more: &[&str]| {
        let mut ask = Command::new("ssh");
        ask.arg("-G").args(more);
        if let Some(file) = file {
            ask.arg("-F").arg(file);
        }
        if let Some(user) = user {
            ask.args(["-l", user]);
        }
        output(ask, host, port)
    };
    let mut output = match ask(&[]) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        first => first.map_err(|error| not_run(&error))?,
    };
    if !output.status.success() {
        // Into the background it would go only with a command.
        let again = ask(&["-o", "ForkAfterAuthentication=no"]).map_err(|error| not_run(&error))?;
        if again.status.success() {
            output = again;
        }
    }
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let failure = Failure::new(format!("can't read the ssh configuration: {}", said.trim()));
        return Err(match file {
            Some(file) => failure.hint(format!("$HOSTOUT_SSH_CONFIG names {}", file.display())),
            None => failure,
        });
    }
    let said = String::from_utf8_lossy(&output.stdout);
    Ok(Some(Options::parse(&said, host)))
}

fn output(mut ask: Command, host: &str, port: Option<NonZeroU16>) -> io::Result<Output> {
    if let Some(port) = port {
        ask.args(["-p", &port.to_string()]);
    }
    process::output(ask.args(["--", host]))
}

fn not_run(error: &io::Error) -> Failure {
    Failure::new(format!("can't run ssh: {error}"))
}

/// The user of the configuration, else [`DEFAULT_USER`].
///
/// `ssh -G` doesn't tell a configured user from its own default, so it is asked once more with a configuration that
/// includes the real one and ends in our default: the first value that matches wins (`ssh_config(5)`). Where the real one is
/// read a second time, with the host's canonical name or for `Match final`, a user may come only then.
fn configured_user(
    options: &Options,
    host: &str,
    port: Option<NonZeroU16>,
    file: Option<&Path>,
) -> Result<String, Failure> {
    let named = file.map(|file| file.canonicalize().unwrap_or_else(|_| file.to_owned()));
    let files = match &named {
        Some(file) => vec![escape(&file.display().to_string())],
        None => DEFAULT_FILES.map(str::to_owned).to_vec(),
    };
    let includes = files.iter().map(|file| format!("Include \"{file}\"\n"));
    let includes: String = includes.collect();
    let with = |end: &str| -> Result<Option<(String, Options)>, Failure> {
        let mut wrapper = File::new().map_err(|error| not_run(&error))?;
        let text = format!("{includes}{end}User {DEFAULT_USER}\nSendEnv {TWICE}\n");
        wrapper
            .write_all(text.as_bytes())
            .map_err(|error| not_run(&error))?;
        let mut ask = Command::new("ssh");
        ask.arg("-G");
        if options.knows_session_type {
            ask.args(["-o", "ForkAfterAuthentication=no"]);
        }
        ask.arg("-F").arg(wrapper.path());
        let output = output(ask, host, port).map_err(|error| not_run(&error))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let read = output.status.success();
        Ok(read.then(|| (said.clone(), Options::parse(&said, host))))
    };
    let Some((_, at_once)) = with("Match all\n")? else {
        return Ok(DEFAULT_USER.to_owned());
    };
    if at_once.user != DEFAULT_USER || options.user == DEFAULT_USER {
        return Ok(at_once.user);
    }
    Ok(match with(SECOND_TIME)? {
        Some((said, at_last)) if said.contains(TWICE) => at_last.user,
        _ => DEFAULT_USER.to_owned(),
    })
}

/// `Include` takes globs; a file's name is none.
fn escape(path: &str) -> String {
    let mut escaped = String::new();
    for character in path.chars() {
        if "*?[]\\".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(config: &str, user: Option<&str>, host: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("its [own]* config");
        std::fs::write(&file, config).unwrap();
        resolve(user, host, None, Some(&file)).unwrap().user
    }

    #[test]
    fn the_user_is_the_destination_s_then_the_configuration_s_then_deploy() {
        let login =
            String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
        let config = format!("Host web1\n  User {login}\nHost web2\n  User jane\n");
        assert_eq!(user(&config, None, "web1"), login.trim());
        assert_eq!(user(&config, None, "web2"), "jane");
        assert_eq!(user(&config, Some("root"), "web2"), "root");
        assert_eq!(user(&config, None, "web3"), "deploy");
    }

    #[test]
    fn a_user_may_come_when_the_configuration_is_read_a_second_time() {
        let login =
            String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
        for name in ["jane", login.trim()] {
            let last = format!("Match final host web1\n  User {name}\n");
            assert_eq!(user(&last, None, "web1"), name);
            assert_eq!(user(&last, None, "web2"), "deploy");
            assert_eq!(user(&last, Some("root"), "web1"), "root");
            let canonical = format!(
                "CanonicalizeHostname always\nHost web1\n  HostName localhost\nHost localhost\n  User {name}\n"
            );
            assert_eq!(user(&canonical, None, "web1"), name);
            // It is read once, by the name that was given.
            let once = format!("Host web1\n  HostName localhost\nHost localhost\n  User {name}\n");
            assert_eq!(user(&once, None, "web1"), "deploy");
        }
    }

    #[test]
    fn a_configuration_that_sends_ssh_into_the_background_is_read() {
        let config = "ForkAfterAuthentication yes\nHost web1\n  User jane\n";
        assert_eq!(user(config, None, "web1"), "jane");
        assert_eq!(user(config, None, "web2"), "deploy");
    }

    #[test]
    fn blocks_for_a_user_are_those_of_who_logs_in() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        let key = |config: &str, user: Option<&str>| {
            std::fs::write(&file, config).unwrap();
            let options = resolve(user, "web1", None, Some(&file)).unwrap();
            options.identity_files[0].display().to_string()
        };
        let config = "Match user deploy\n  IdentityFile /k/deploy\nMatch user jane\n  IdentityFile /k/jane\n\
                      Match all\n  IdentityFile /k/%r\n";
        assert_eq!(key(config, None), "/k/deploy");
        assert_eq!(key(config, Some("jane")), "/k/jane");
        assert_eq!(key(config, Some("kim")), "/k/kim");
        assert_eq!(key(&format!("User jane\n{config}"), None), "/k/jane");
    }

    #[test]
    fn a_broken_configuration_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        std::fs::write(&file, "Nonsense yes\n").unwrap();
        let error = resolve(None, "web1", None, Some(&file)).unwrap_err();
        assert!(error.message.contains("nonsense"), "{}", error.message);
        let hint = format!("$HOSTOUT_SSH_CONFIG names {}", file.display());
        assert_eq!(error.hint, Some(hint));
    }
}
