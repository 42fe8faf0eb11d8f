//! The key with which a person logs in to a host that knows none yet.

use super::{
    Destination, Error, Prompter, Target,
    askpass::{self, Besides},
    certificate::Certificate,
    error::Failure,
    host_key::HostKey,
    key_file::{KeyFile, State},
    ssh_config,
    ssh_options::{IdentityAgent, Options},
};
use crate::process;
use std::{
    env, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
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
/// is none. `prompter` has the passphrase of a file that tells its public half to nobody else.
///
/// # Errors
/// Where the destination or the configuration cannot be read, or a file does not tell its public half.
pub fn identity(target: &Target, prompter: &dyn Prompter) -> Result<Option<Identity>, Error> {
    let options = options(target)?;
    let files = options.identity_files.iter();
    for file in files.filter_map(|path| KeyFile::read(path)) {
        let half = public_half(&file, prompter).map_err(|failure| failure.at("here"))?;
        if let Some(key) = half {
            return Ok(Some(named(&key, &file.path.display().to_string())));
        }
    }
    // ssh would not offer one that no file names.
    let key = in_agent(&options).filter(|_| !options.identities_only);
    Ok(key.map(|key| {
        let place = format!("of the agent, {}", key.fingerprint());
        named(&key, &place)
    }))
}

/// The public half of a key; nothing where it is none that could log in.
fn public_half(file: &KeyFile, prompter: &dyn Prompter) -> Result<Option<HostKey>, Failure> {
    if let Some(key) = &file.public {
        return Ok(Some(key.clone()));
    }
    let passphrase = match file.state {
        State::Plain => String::new(),
        State::Encrypted => prompter.passphrase(&file.path).unwrap_or_default(),
        State::PublicOnly | State::Exposed | State::Unreadable | State::Token => return Ok(None),
    };
    let shown = file.path.display().to_string();
    let failed = |why: String| {
        Failure::new(format!("can't read the public half of {shown}: {why}")).hint(format!(
            "write it down once: ssh-keygen -y -f {shown} > {shown}.pub"
        ))
    };
    let mut ask = Command::new("ssh-keygen");
    ask.arg("-y").arg("-f").arg(&file.path);
    let told = askpass::answered(&mut ask, askpass::PASSPHRASE, &passphrase, Besides::Nobody)
        .and_then(|()| process::output(&mut ask))
        .map_err(|error| failed(error.to_string()))?;
    let key = String::from_utf8_lossy(&told.stdout).parse();
    key.map(Some)
        .map_err(|_| failed(String::from_utf8_lossy(&told.stderr).trim().to_owned()))
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
    let mut make = Command::new("ssh-keygen");
    make.args(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f"]);
    let output = process::output(make.arg(file))
        .map_err(|error| failed(format!("can't run ssh-keygen: {error}")))?;
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
    list.arg("-L");
    if let Some(socket) = socket {
        list.env("SSH_AUTH_SOCK", socket);
    }
    let output = process::output(&mut list).ok();
    let output = output.filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    // A certificate is no line of `authorized_keys`.
    let keys = text.lines().filter_map(|line| line.parse::<HostKey>().ok());
    keys.map(|key| Certificate::read(&key).map_or(key, |certificate| certificate.key))
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    /// The identity that a configuration with these lines leads to.
    fn found(lines: &str) -> Option<Identity> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(lines.as_bytes()).unwrap();
        let target = Target {
            host: "jane@web1".to_owned(),
            ssh_config: Some(file.path().to_owned()),
            host_key: None,
        };
        identity(&target, &crate::transport::Unattended).unwrap()
    }

    #[test]
    fn a_key_tells_its_public_half_where_no_file_beside_it_does() {
        let folder = tempfile::tempdir().unwrap();
        for (format, passphrase) in [
            ("RFC4716", ""),
            ("RFC4716", "secret"),
            ("PEM", ""),
            ("PKCS8", ""),
        ] {
            let file = folder.path().join(format!("{format}{passphrase}.pem"));
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "rsa", "-m", format, "-N", passphrase, "-f"])
                .arg(&file)
                .status();
            assert!(made.unwrap().success());
            let beside = file.with_extension("pem.pub");
            let line = fs::read_to_string(&beside).unwrap();
            fs::remove_file(beside).unwrap();
            let lines = format!("IdentityAgent none\nIdentityFile {}", file.display());
            let identity = found(&lines).unwrap();
            assert!(
                line.starts_with(&identity.line),
                "{format}: {}",
                identity.line
            );
            assert_eq!(identity.name, file.display().to_string());
        }
        assert_eq!(found("IdentityAgent none\nIdentityFile /dev/no/key"), None);
    }

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
