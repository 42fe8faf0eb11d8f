//! Ways to a host.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod certificates;
mod contract;
mod gone;
mod host_keys;
mod login;
mod lost;
mod proxy;
mod upload;

use crate::support::sshd::Sshd;
use hostout::{
    host::Command,
    transport::{Error, Target, Transport, Unattended, connect},
};

/// `host` by the ssh configuration of `sshd`, with nobody there to answer.
fn target(sshd: &Sshd, host: &str) -> Target {
    Target {
        host: host.to_owned(),
        ssh_config: Some(sshd.config()),
        host_key: None,
    }
}

fn reach(sshd: &Sshd, host: &str) -> Result<Box<dyn Transport>, Error> {
    connect(&target(sshd, host), &Unattended)
}

/// The message and hint of an error that kept us from connecting.
fn refused(result: Result<Box<dyn Transport>, Error>) -> String {
    match result {
        Ok(_) => panic!("connected"),
        Err(error @ Error::Unreachable { .. }) => {
            format!("{error}\n{}", error.hint().unwrap_or_default())
        }
        Err(error) => panic!("{error:?}"),
    }
}

/// What is said of `sshd`, without what is different each time.
fn plain(sshd: &Sshd, said: &str) -> String {
    said.replace(&sshd.fingerprint(), "SHA256:ITS")
        .replace(&sshd.path("").display().to_string(), "FOLDER/")
        .replace(&sshd.port.to_string(), "PORT")
}

/// What `argv` prints.
fn output(transport: &mut dyn Transport, argv: &[&str]) -> String {
    let mut stdout = Vec::new();
    let command = Command::new(argv.iter().copied());
    let ended = transport
        .run(&command, &mut std::io::empty(), &mut stdout)
        .unwrap();
    assert!(ended.ok(), "{ended:?}");
    String::from_utf8(stdout).unwrap()
}
