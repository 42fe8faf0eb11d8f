//! Test hosts: whole Debian machines in namespaces of their own, a tenth of a second each, that can be cut off, slowed
//! down, filled up, killed and switched off.
//!
//! A lab is a process in new mount, network and process namespaces (`switch.sh`); it holds the hosts' disks and the
//! switch that their cables go to. A host is a process below it in new mount, network, process, UTS and IPC namespaces
//! (`host.sh`, then `init.sh`); its root is an overlay of one image (`image.sh`, `make lab`) and its own disk, a tmpfs. Only the
//! lab's uplink is in the machine's network, with an address of 198.18.0.0/15 (RFC 2544: networks for tests).
//!
//! **Invariant:** the machine's mount table, its named namespaces and its files stay as they are; what a lab started ends
//! with the process that started the lab, killed or not, because the kernel ends a process namespace with its first
//! process, and the other namespaces with their last. Hosts have no route to anywhere: no traffic leaves the machine.
//! **Not here:** what is tested on hosts (`cases`).
//! **Needs** root: of the machine, or of a user namespace (`rootless`). Power that goes loses what runs, never what was
//! written: the disk is memory, so nothing tests whether data was synced.
//! **To add** a fault: a method in `faults.rs` that does it, a line in `heal` that undoes it, a case that sees both.

mod faults;
mod host;
pub mod rootless;
mod switch;

pub use faults::Line;
pub use host::{Host, Init, wait_for};

use crate::support::sshd::keygen;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, OnceLock},
    thread,
};
use switch::Switch;
pub use switch::place;

/// Hosts `web1`, `web2`, …, and an ssh configuration that knows them.
pub struct Lab {
    hosts: Vec<Host>,
    switch: Arc<Switch>,
}

impl Lab {
    /// So many hosts without systemd or cron, up and reachable.
    pub fn start(count: u8) -> Self {
        Self::start_with(Init::Bare, count)
    }

    /// So many hosts that are booted by `init`, up and reachable. They start side by side.
    pub fn start_with(init: Init, count: u8) -> Self {
        let image = image();
        let switch = Arc::new(Switch::start());
        keygen(&switch.path("id"), "");
        let hosts = (1..=count).map(|number| Host::new(&switch, image, init, number));
        let lab = Self {
            hosts: hosts.collect(),
            switch,
        };
        lab.write_config();
        thread::scope(|scope| {
            for host in &lab.hosts {
                scope.spawn(|| host.power_on());
            }
        });
        lab
    }

    /// A host, counted from 0.
    pub fn host(&self, index: usize) -> &Host {
        &self.hosts[index]
    }

    /// The ssh configuration: hosts by name and address, `deploy` as the user, [`Self::key`] as the key.
    pub fn config(&self) -> PathBuf {
        self.switch.path("ssh_config")
    }

    /// The same written to `to`, where `user` logs in by `key` and everybody else by [`Self::key`].
    pub fn config_with_key(&self, user: &str, key: &Path, to: &Path) -> PathBuf {
        let text = fs::read_to_string(self.config()).unwrap();
        let both = format!(
            "Match user {user}\nIdentityFile {}\nIdentitiesOnly yes\nMatch all\n{}",
            key.display(),
            text.replace("Host *\n", "Host *\nIdentitiesOnly yes\n")
        );
        fs::write(to, both).unwrap();
        to.to_owned()
    }

    /// The private key that `root` and `deploy` of every host accept.
    pub fn key(&self) -> PathBuf {
        self.switch.path("id")
    }

    /// The hosts' keys.
    pub fn known_hosts(&self) -> PathBuf {
        self.switch.path("known_hosts")
    }

    /// Which no other lab of this machine has.
    pub fn name(&self) -> String {
        self.switch.name()
    }

    /// The first process, in the machine's count.
    pub fn pid(&self) -> u32 {
        self.switch.pid()
    }

    fn write_config(&self) {
        let mut known = String::new();
        let mut names = String::new();
        for host in &self.hosts {
            known += &host.known_line();
            names += &format!("Host {0}\nHostName {1}\n", host.name, host.address);
        }
        fs::write(self.known_hosts(), known).unwrap();
        let text = format!(
            "{names}Host *\nUser deploy\nIdentityFile {}\nIdentitiesOnly yes\nIdentityAgent none\n\
             UserKnownHostsFile {}\nGlobalKnownHostsFile /dev/null\nConnectTimeout 10\n",
            self.key().display(),
            self.known_hosts().display()
        );
        fs::write(self.config(), text).unwrap();
    }
}

/// Why there can be no lab here, if so.
pub fn missing() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some(rootless::missing());
    }
    let tried = Command::new("unshare")
        .args([
            "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "true",
        ])
        .stdin(Stdio::null())
        .output();
    match tried {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(format!("unshare: {error}")),
    }
}

/// The image's folder; the first call builds it where it is missing.
fn image() -> &'static Path {
    static IMAGE: OnceLock<PathBuf> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let built = Command::new("bash")
            .arg(script("image.sh"))
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(built.status.success(), "image.sh: {}", built.status);
        String::from_utf8(built.stdout).unwrap().trim().into()
    })
}

/// A script of this folder.
fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/lab")
        .join(name)
}
