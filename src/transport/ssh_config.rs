//! What the user's ssh configuration says about a host, as `ssh -G` reads it.
//!
//! ssh itself is asked because nothing else reads `Match`, `Include` and tokens the same way. Where there is no ssh, its
//! defaults hold.

use super::{error::Failure, ssh_options::Options};
use std::{
    io::{ErrorKind, Write as _},
    num::NonZeroU16,
    path::Path,
    process::{Command, Stdio},
};

/// Who logs in when neither the destination nor the configuration names a user.
const DEFAULT_USER: &str = "deploy";

/// What ssh reads when no file is named (`ssh_config(5)`, FILES), in its order.
const DEFAULT_FILES: [&str; 2] = ["~/.ssh/config", "/etc/ssh/ssh_config"];

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
    let user = configured_user(host, port, file)?;
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
    let mut ask = Command::new("ssh");
    ask.arg("-G");
    if let Some(file) = file {
        ask.arg("-F").arg(file);
    }
    if let Some(user) = user {
        ask.args(["-l", user]);
    }
    if let Some(port) = port {
        ask.args(["-p", &port.to_string()]);
    }
    let output = match ask.args(["--", host]).stdin(Stdio::null()).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::new(format!("can't run ssh: {error}"))),
        Ok(output) => output,
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::new(format!(
            "can't read the ssh configuration: {}",
            said.trim()
        )));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    Ok(Some(Options::parse(&said, host)))
}

/// The user of the configuration, else [`DEFAULT_USER`].
///
/// `ssh -G` doesn't tell a configured user from its own default, so it is asked once more with a configuration that
/// includes the real one and ends in our default: the first value that matches wins (`ssh_config(5)`).
fn configured_user(
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
    let wrapper: String = includes
        .chain([format!("Match all\nUser {DEFAULT_USER}\n")])
        .collect();

    let mut ask = Command::new("ssh");
    ask.args(["-G", "-F", "/dev/stdin"]);
    if let Some(port) = port {
        ask.args(["-p", &port.to_string()]);
    }
    let failed = |error: std::io::Error| Failure::new(format!("can't run ssh: {error}"));
    let mut child = ask
        .args(["--", host])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(wrapper.as_bytes()).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    let said = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        Ok(Options::parse(&said, host).user)
    } else {
        Ok(DEFAULT_USER.to_owned())
    }
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
    }
}
