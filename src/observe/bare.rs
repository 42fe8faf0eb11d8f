//! A server that may be bare: whether we are root there, and what the bootstrap script sees.

use crate::{
    host::{Bare, Command, Elevation, Ended, Wanted},
    transport::{self, Prompter, Transport},
};
use std::io::empty;

/// How often sudo's password is asked for, as sudo does it.
const TRIES: usize = 3;

/// Says who is root, on a line of its own: a login shell may have said something before.
const WHO: [&str; 3] = ["sh", "-c", "echo; id -u"];

/// What is said where something can be run.
const RUNS: &str = "git-hostout runs";

/// Part of what sudo says for `Defaults requiretty`.
const NO_TERMINAL: &str = "you must have a tty";

/// Parts of what is said where no password helps: of sudo to somebody whom sudoers does not name, of a shell without sudo.
const NOT_FOR_THEM: [&str; 4] = [
    "not in the sudoers file",
    "may not run sudo",
    "is not allowed to execute",
    "not found",
];

/// Why somebody does not become root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum No {
    /// The password is wrong, or was not given.
    Password,
    /// sudo wants a terminal, which commands don't have.
    Terminal,
    /// No password helps: sudo is not for them, or not there.
    NotForThem,
}

impl No {
    /// What `said`, by sudo or a shell without it, means.
    fn of(said: &str) -> Self {
        if said.contains(NO_TERMINAL) {
            Self::Terminal
        } else if NOT_FOR_THEM.iter().any(|words| said.contains(words)) {
            Self::NotForThem
        } else {
            Self::Password
        }
    }
}

/// Why a server cannot be looked at as root.
#[derive(Debug, thiserror::Error)]
pub enum BareError {
    /// The way to it.
    #[error(transparent)]
    Transport(#[from] transport::Error),
    /// A cloud image: root's key leads to a sentence that names somebody else.
    #[error("{host}: root may only log in to be told to log in as {user}")]
    Another {
        /// The server.
        host: String,
        /// Who may.
        user: String,
    },
    /// The password has expired, and has to be changed before anything else.
    #[error("{host}: the password of {user} has expired and must be changed first")]
    Expired {
        /// The server.
        host: String,
        /// Whose.
        user: String,
    },
    /// The new password was refused.
    #[error("{host}: the password of {user} has expired and was not changed: {said}")]
    NotRenewed {
        /// The server.
        host: String,
        /// Whose.
        user: String,
        /// What was said of it.
        said: String,
    },
    /// sudo says no.
    #[error("{host}: {user} is not root, and sudo says: {said}")]
    NotRoot {
        /// The server.
        host: String,
        /// Who logged in.
        user: String,
        /// What it wants.
        no: No,
        /// sudo's last line.
        said: String,
    },
    /// Something else answered.
    #[error("{host}: the bootstrap script could not look: {said}")]
    NoAnswer {
        /// The server.
        host: String,
        /// The end of what was said instead.
        said: String,
    },
}

impl BareError {
    /// What to do about it; `again` is the command without `git hostout` and whoever logs in.
    pub fn hint(&self, again: &str) -> Option<String> {
        match self {
            Self::Transport(error) if error.refused().is_some() => Some(format!(
                "give the password when it is asked, or name a user who may use sudo: git hostout {again} \
                     --root-user USER"
            )),
            Self::Transport(error) => error.hint(),
            Self::Another { user, .. } => Some(format!("git hostout {again} --root-user {user}")),
            Self::Expired { host, user } | Self::NotRenewed { host, user, .. } => {
                let by = match user.as_str() {
                    "root" => String::new(),
                    user => format!(" --root-user {user}"),
                };
                Some(format!(
                    "log in once and change it: ssh {}; then git hostout {again}{by}",
                    uri(host)
                ))
            }
            Self::NotRoot {
                user,
                no: No::Terminal,
                ..
            } => Some(format!(
                "`Defaults requiretty` of its sudoers is in the way: write `Defaults:{user} !requiretty` at its end \
                 with visudo, or let root log in"
            )),
            Self::NotRoot {
                no: No::NotForThem, ..
            } => Some(format!(
                "name root, or somebody who may use sudo: git hostout {again} --root-user USER"
            )),
            Self::NotRoot {
                no: No::Password, ..
            } => Some(
                "give the right password (root's own, where sudoers says rootpw), or name another user: --root-user USER"
                    .to_owned(),
            ),
            Self::NoAnswer { .. } => None,
        }
    }
}

/// A destination as ssh(1) reads it: with a port it is a URI.
pub(super) fn uri(destination: &str) -> String {
    if destination.contains(':') {
        format!("ssh://{destination}")
    } else {
        destination.to_owned()
    }
}

/// How commands become root's on a server that `user` has logged in to; asks for sudo's password where one is wanted.
///
/// # Errors
/// [`BareError`].
pub fn elevation(
    transport: &mut dyn Transport,
    user: &str,
    prompter: &dyn Prompter,
) -> Result<Elevation, BareError> {
    let host = transport.host().to_owned();
    let (out, said) = ask(transport, &Command::new(WHO), "")?;
    let all = format!("{out}\n{said}");
    if let Some(other) = other_user(&all) {
        return Err(BareError::Another { host, user: other });
    }
    if all.contains("assword change required") || all.contains("password has expired") {
        let user = user.to_owned();
        return Err(BareError::Expired { host, user });
    }
    match last_line(&out).as_str() {
        "0" => return Ok(Elevation::Root),
        id if id.bytes().all(|byte| byte.is_ascii_digit()) => {}
        _ => {
            let said = last_line(&all);
            return Err(BareError::NoAnswer { host, said });
        }
    }
    let (out, mut said) = ask(transport, &Elevation::Sudo.command(&WHO), "")?;
    if last_line(&out) == "0" {
        return Ok(Elevation::Sudo);
    }
    let (_, place) = host.rsplit_once('@').unwrap_or(("", &host));
    let mut last = None;
    for _ in 0..TRIES {
        // No password helps against that.
        if No::of(&said) != No::Password {
            break;
        }
        let Some(password) = prompter.sudo_password(user, place) else {
            break;
        };
        if last.as_ref() == Some(&password) {
            break;
        }
        last = Some(password.clone());
        let elevation = Elevation::Password(password);
        let (out, answer) = ask(transport, &elevation.command(&WHO), &elevation.input())?;
        if last_line(&out) == "0" {
            return Ok(elevation);
        }
        prompter.wrong(&format!("{user}'s password for sudo on {place}"));
        said = answer;
    }
    Err(BareError::NotRoot {
        host,
        user: user.to_owned(),
        no: No::of(&said),
        said: last_line(&said),
    })
}

/// What is there of what is wanted; nothing is changed.
///
/// # Errors
/// [`BareError`].
pub fn bare(
    transport: &mut dyn Transport,
    elevation: &Elevation,
    wanted: &Wanted,
    hardening: bool,
) -> Result<Bare, BareError> {
    let script = wanted.script(&wanted.steps(hardening));
    let input = elevation.input() + &script;
    let (out, said) = ask(transport, &Wanted::check(elevation), &input)?;
    Bare::read(&out).ok_or_else(|| BareError::NoAnswer {
        host: transport.host().to_owned(),
        said: last_line(&format!("{out}\n{said}")),
    })
}

/// What is said where somebody logs in, and yet can run nothing there; nothing where they can.
///
/// # Errors
/// The way to it.
pub fn runs_nothing(transport: &mut dyn Transport) -> Result<Option<String>, transport::Error> {
    let mut out = Vec::new();
    // A login shell such as true is content with everything, and runs nothing.
    let ended = transport.run(&Command::new(["echo", RUNS]), &mut empty(), &mut out)?;
    let out = String::from_utf8_lossy(&out);
    if ended.ok() && last_line(&out) == RUNS {
        return Ok(None);
    }
    let (Ended::Exited { stderr, .. } | Ended::Signalled { stderr, .. }) = ended;
    let said = format!("{out}\n{stderr}");
    Ok(Some(if said.trim().is_empty() {
        "nothing is said".to_owned()
    } else {
        last_line(&said)
    }))
}

/// What a command prints, and the end of what it says besides.
fn ask(
    transport: &mut dyn Transport,
    command: &Command,
    input: &str,
) -> Result<(String, String), transport::Error> {
    let mut out = Vec::new();
    let ended = if input.is_empty() {
        transport.run(command, &mut empty(), &mut out)?
    } else {
        transport.run(command, &mut input.as_bytes(), &mut out)?
    };
    let (Ended::Exited { stderr, .. } | Ended::Signalled { stderr, .. }) = ended;
    Ok((String::from_utf8_lossy(&out).into_owned(), stderr))
}

/// The user whom a cloud image's `authorized_keys` names instead of root.
fn other_user(said: &str) -> Option<String> {
    let (_, rest) = said.split_once("ogin as the user \"")?;
    let (user, _) = rest.split_once('"')?;
    Some(user.to_owned())
}

fn last_line(text: &str) -> String {
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.unwrap_or("nothing").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_asked_for_that_does_not_help() {
        for (said, no) in [
            ("sudo: 1 incorrect password attempt", No::Password),
            ("sudo: a password is required", No::Password),
            ("sudo: sorry, you must have a tty to run sudo", No::Terminal),
            ("ann is not in the sudoers file.", No::NotForThem),
            ("Sorry, user ann may not run sudo on web1.", No::NotForThem),
            ("sh: 1: sudo: not found", No::NotForThem),
        ] {
            assert_eq!(No::of(said), no, "{said}");
        }
    }

    #[test]
    fn a_cloud_image_names_its_user() {
        let said = "Please login as the user \"ubuntu\" rather than the user \"root\".\n";
        assert_eq!(other_user(said).as_deref(), Some("ubuntu"));
        assert_eq!(other_user("0\n"), None);
    }
}
