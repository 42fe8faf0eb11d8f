//! From a host's name to a way to it.

use super::{
    Destination, Error, Local, Transport, Unattended, attached::Way, error::Failure,
    prompter::Prompter, ssh::Ssh, ssh_config,
};
use std::path::PathBuf;

/// A host to reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// As the user named it: `local`, or `[user@]host[:port]`.
    pub host: String,
    /// The ssh configuration to read instead of the user's, as `ssh -F` does.
    pub ssh_config: Option<PathBuf>,
    /// The only host key to accept, `TYPE BASE64`.
    pub host_key: Option<String>,
}

/// Checks that a host with a pinned key has that one, without logging in: ssh's own words about another one would be of
/// files and programs that nobody named.
///
/// # Errors
/// [`Error::Unreachable`].
pub fn check_pinned(target: &Target) -> Result<(), Error> {
    let host = &target.host;
    // A destination that is none is told by whoever starts ssh.
    let (
        Some(pinned),
        Ok(Destination::Ssh {
            user,
            host: name,
            port,
        }),
    ) = (target.host_key.as_deref(), host.parse())
    else {
        return Ok(());
    };
    let file = target.ssh_config.as_deref();
    let at = |failure: Failure| failure.at(host);
    let options = ssh_config::resolve(user.as_deref(), &name, port, file).map_err(at)?;
    Ssh::meet(host, &options, file, Some(pinned), &Unattended).map_err(at)?;
    Ok(())
}

/// Connects and logs in. Nothing runs on the host before this returns.
///
/// # Errors
/// [`Error::Unreachable`].
pub fn connect(target: &Target, prompter: &dyn Prompter) -> Result<Box<dyn Transport>, Error> {
    let host = &target.host;
    let destination: Destination =
        host.parse()
            .map_err(|error: super::DestinationError| Error::Unreachable {
                host: host.clone(),
                message: error.to_string(),
                hint: error.hint(),
                refused: None,
            })?;
    match destination {
        Destination::Local => Ok(Box::new(Local::new(host))),
        Destination::Ssh {
            user,
            host: name,
            port,
        } => {
            let file = target.ssh_config.as_deref();
            let at = |failure: Failure| failure.at(host);
            let options = ssh_config::resolve(user.as_deref(), &name, port, file).map_err(at)?;
            let pinned = target.host_key.as_deref();
            let ssh = Ssh::connect(host, &options, file, pinned, prompter);
            let ssh = ssh.map_err(|failure| {
                let way = Way {
                    options: &options,
                    file,
                    name: &name,
                    port,
                };
                at(beside_master(failure, &way))
            })?;
            Ok(Box::new(ssh))
        }
    }
}

/// A refused login where ssh itself has a connection already, which it goes through without one.
fn beside_master(mut failure: Failure, way: &Way<'_>) -> Failure {
    if failure.refused.is_some() && way.has_master() {
        failure.message +=
            "; the connection that ssh keeps there (ControlMaster) serves run and ssh only";
        failure = failure.hint(
            "a key that an agent has, or $HOSTOUT_PASSWORD, logs in beside a connection that ssh keeps",
        );
    }
    failure
}
