//! The key with which a person logs in to a host that knows none yet.

use super::{
    Destination, Error, Target,
    error::Failure,
    host_key::HostKey,
    key_file::KeyFile,
    ssh_config,
    ssh_options::{IdentityAgent, Options},
};
use std::{
    env, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Where ssh looks for an ed25519 key by itself.
const USUAL_KEY: &str = "~/.ssh/id_ed25519";

/// A public key, and where its private one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// A line of `authorized_keys`.
    pub line: String,
    /// For people: the file, or the agent's fingerprint.
    pub name: String,
}

/// Who logs in to `target`, as ssh's configuration and the destination say it.
///
/// # Errors
/// Where the destination or the configuration cannot be read.
pub fn login_name(target: &Target) -> Result<String, Error> {
    Ok(options(target)?.user)
}

/// The first identity of ssh's configuration for `target` that is there, else the agent's first one; nothing where there
/// is none.
///
/// # Errors
/// Where the destination or the configuration cannot be read.
pub fn identity(target: &Target) -> Result<Option<Identity>, Error> {
    let options = options(target)?;
    let files = options.identity_files.iter();
    let in_file = files
        .filter_map(|path| KeyFile::read(path))
        .find_map(|file| Some((file.public.clone()?, file.path.display().to_string())));
    let found = in_file.or_else(|| {
        // ssh would not offer one that no file names.
        let key = in_agent(&options).filter(|_| !options.identities_only)?;
        let name = format!("of the agent, {}", key.fingerprint());
        Some((key, name))
    });
    Ok(found.map(|(key, place)| named(&key, &place)))
}

/// Where ssh looks for an ed25519 key when it logs in to `target`: the first file of its configuration that is not there,
/// unless it looks in the usual place too. With `~` for the home.
///
/// # Errors
/// Where the destination or the configuration cannot be read.
pub fn place_for_key(target: &Target) -> Result<String, Error> {
    let files = options(target)?.identity_files;
    let usual = |file: &PathBuf| shortened(&file.display().to_string()) == USUAL_KEY;
    let missing = files.iter().find(|file| !file.exists());
    let missing = missing.filter(|_| !files.iter().any(usual));
    Ok(missing.map_or_else(
        || USUAL_KEY.to_owned(),
        |file| shortened(&file.display().to_string()),
    ))
}

/// Makes an ed25519 key without a passphrase in `file`.
///
/// # Errors
/// What ssh-keygen says.
pub fn make_key(file: &Path, comment: &str) -> Result<Identity, Error> {
    let failed = |message: String| Failure::new(message).at("here");
    let folder = file.parent().unwrap_or(Path::new("."));
    let io = |error: std::io::Error| failed(format!("can't make {}: {error}", folder.display()));
    if let Err(error) = fs::create_dir(folder)
        && error.kind() != ErrorKind::AlreadyExists
    {
        return Err(io(error));
    }
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f"])
        .arg(file)
        .stdin(Stdio::null())
        .output();
    let output = made.map_err(|error| failed(format!("can't run ssh-keygen: {error}")))?;
    let made = KeyFile::read(file).and_then(|file| file.public);
    let key = made.ok_or_else(|| {
        let said = String::from_utf8_lossy(&output.stderr);
        failed(format!("ssh-keygen made no key: {}", said.trim()))
    })?;
    Ok(named(&key, &file.display().to_string()))
}

fn named(key: &HostKey, place: &str) -> Identity {
    Identity {
        line: key.to_string(),
        name: shortened(place),
    }
}

/// A path below home with `~`.
fn shortened(place: &str) -> String {
    let home = env::home_dir().unwrap_or_default().display().to_string();
    match place.strip_prefix(&home).filter(|_| home.len() > 1) {
        Some(rest) => format!("~{rest}"),
        None => place.to_owned(),
    }
}

fn options(target: &Target) -> Result<Options, Error> {
    let host = &target.host;
    let at = |failure: Failure| failure.at(host);
    let destination: Destination = host
        .parse()
        .map_err(|error: super::DestinationError| at(Failure::new(error.to_string())))?;
    match destination {
        Destination::Local => Err(at(Failure::new("this machine needs no login"))),
        Destination::Ssh {
            user,
            host: name,
            port,
        } => {
            let file = target.ssh_config.as_deref();
            ssh_config::resolve(user.as_deref(), &name, port, file).map_err(at)
        }
    }
}

/// The agent's first key; ssh-add(1) lists them as lines of `authorized_keys`. No agent is as good as an empty one.
fn in_agent(options: &Options) -> Option<HostKey> {
    let socket: Option<PathBuf> = match &options.identity_agent {
        IdentityAgent::None => return None,
        IdentityAgent::Environment => None,
        IdentityAgent::Socket(path) => Some(path.clone()),
    };
    let mut list = Command::new("ssh-add");
    list.arg("-L").stdin(Stdio::null());
    if let Some(socket) = socket {
        list.env("SSH_AUTH_SOCK", socket);
    }
    let output = list
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().find_map(|line| line.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    /// Where a key goes with these lines in ssh's configuration.
    fn place(lines: &str) -> String {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(lines.as_bytes()).unwrap();
        place_for_key(&Target {
            host: "jane@web1".to_owned(),
            ssh_config: Some(file.path().to_owned()),
            host_key: None,
        })
        .unwrap()
    }

    #[test]
    fn a_key_is_made_where_ssh_looks_for_it() {
        assert_eq!(place(""), USUAL_KEY);
        assert_eq!(place("IdentityFile ~/.ssh/of-%r"), "~/.ssh/of-jane");
        let usual_too = format!("IdentityFile ~/.ssh/of-%r\nIdentityFile {USUAL_KEY}");
        assert_eq!(place(&usual_too), USUAL_KEY);
        assert_eq!(
            place("IdentityFile /dev/null\nIdentityFile /dev/no/key"),
            "/dev/no/key"
        );
    }
}
