//! A lab without root of the machine: in a user namespace whose root this user is.
//!
//! The whole program goes on in there, started by `rootless.py`: with its own network, processes and mounts, where the ids
//! that the system has set aside for this user (`/etc/subuid`) are those of the hosts' users. `rootless.sh` finds out
//! whether the kernel allows what hosts need. The machine's network is out of reach, but for an HTTP proxy.
//!
//! **Invariant:** nothing of it is left when this process ends, killed or not, but the image as an archive (`image.sh`), and
//! what tests that are killed leave as root too.

use super::script;
use std::{
    env,
    ffi::OsStr,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Command, Stdio},
    sync::OnceLock,
};

/// Set in there: a folder in memory, which ends with the namespaces.
const FOLDER: &str = "HOSTOUT_LAB_ROOTLESS";

/// The folder, where this runs in such namespaces.
pub fn folder() -> Option<PathBuf> {
    env::var_os(FOLDER).map(PathBuf::from)
}

/// Starts this program again in such namespaces, in place of this process, where that is needed and can be. To be called
/// before there is another thread.
pub fn enter() {
    if rustix::process::geteuid().is_root() || refused().is_some() {
        return;
    }
    let program = env::current_exe().unwrap();
    let error = inside(program.as_os_str())
        .args(env::args_os().skip(1))
        .exec();
    panic!("{error}");
}

/// Why somebody who isn't root has no lab.
pub fn missing() -> String {
    let why = refused().unwrap_or_default();
    format!("it needs root, or a user namespace: {why}")
}

/// Why there can be no such namespaces here, if so: it has been tried.
fn refused() -> Option<&'static str> {
    static REFUSED: OnceLock<Option<String>> = OnceLock::new();
    let attempt = || {
        let tried = inside(OsStr::new("true")).stdin(Stdio::null()).output();
        match tried {
            Ok(output) if output.status.success() => None,
            Ok(output) => Some(first_line(&output.stderr)),
            Err(error) => Some(format!("python3: {error}")),
        }
    };
    REFUSED.get_or_init(attempt).as_deref()
}

fn first_line(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    said.lines().next().unwrap_or("no reason given").to_owned()
}

/// `program`, to be run in such namespaces.
fn inside(program: &OsStr) -> Command {
    let mut command = Command::new("python3");
    command.arg(script("rootless.py")).arg(program);
    command
}
