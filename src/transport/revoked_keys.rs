//! The file that `RevokedHostKeys` names (`ssh_config(5)`): keys that are never to be accepted, one a line, or packed by
//! `ssh-keygen -k`, which reads its own format again.

use super::{certificate::Certificate, error::Failure, host_key::HostKey};
use crate::process::{self, Folder};
use std::{fs, path::Path, process::Command};

/// How a packed list begins (OpenSSH's PROTOCOL.krl).
const PACKED: &[u8] = b"SSHKRL\n\0";

/// Refuses `key` where `file` lists it, the key that it certifies, or its authority.
///
/// # Errors
/// The refusal; also where the list cannot be read, as ssh does.
pub fn check(file: &Path, key: &HostKey) -> Result<(), Failure> {
    let unread = |why: String| {
        Failure::new(format!(
            "can't read {}, which RevokedHostKeys names: {why}",
            file.display()
        ))
    };
    let revoked = |place: &str| {
        Failure::new(format!(
            "the host key {} is revoked in {}{place}",
            key.fingerprint(),
            file.display()
        ))
    };
    let list = fs::read(file).map_err(|error| unread(error.to_string()))?;
    if list.starts_with(PACKED) {
        let folder = Folder::new("hostout-").map_err(|error| unread(error.to_string()))?;
        let single = folder.path().join("key.pub");
        fs::write(&single, format!("{key}\n")).map_err(|error| unread(error.to_string()))?;
        let mut ask = Command::new("ssh-keygen");
        ask.args(["-Q", "-f"]).args([file, &single]);
        let output =
            process::output(ask.env("LC_ALL", "C")).map_err(|error| unread(error.to_string()))?;
        return match output.status.code() {
            Some(0) => Ok(()),
            _ if String::from_utf8_lossy(&output.stdout).contains("REVOKED") => Err(revoked("")),
            _ => Err(unread(
                String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            )),
        };
    }
    let mut concerned = vec![key.clone()];
    if let Some(certificate) = Certificate::read(key) {
        concerned.extend([certificate.key, certificate.authority]);
    }
    let text = String::from_utf8_lossy(&list);
    let listed = |line: &str| {
        let listed = line.parse::<HostKey>();
        listed.is_ok_and(|listed| concerned.contains(&listed))
    };
    match text.lines().position(listed) {
        Some(at) => Err(revoked(&format!(" line {}", at + 1))),
        None => Ok(()),
    }
}
