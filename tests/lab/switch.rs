//! What a lab's hosts are plugged into.

use super::{rootless, script};
use crate::support::sshd::children;
use std::{
    env, fs,
    io::{BufRead, BufReader},
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};
use tempfile::TempDir;

/// Networks that labs can have: the /24s of 198.18.0.0/15.
const NETWORKS: u32 = 512;

/// The last part of the machine's address in a lab's network.
const UPLINK: u8 = 254;

/// The first process of a lab, and the folder of its keys.
pub struct Switch {
    folder: TempDir,
    first: Child,
    pid: u32,
    network: u32,
}

impl Switch {
    /// Running, and plugged into the machine.
    pub fn start() -> Self {
        let mut name = tempfile::Builder::new();
        let folder = name.prefix("lab-").tempdir_in(place()).unwrap();
        let disks = folder.path().join("disks");
        fs::create_dir(&disks).unwrap();
        let log = folder.path().join("log");
        let mut first = Command::new("unshare")
            .args(["--mount", "--net", "--pid", "--mount-proc"])
            .args(["--fork", "--kill-child=KILL", "sh"])
            .arg(script("switch.sh"))
            .arg(&disks)
            .arg(folder.path().file_name().unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        until_ready(&mut first, &log);
        let pid = children(first.id())[0];
        let switch = Self {
            network: plug(pid),
            folder,
            first,
            pid,
        };
        switch.run(&[
            "ip", "link", "set", "dev", "uplink", "master", "switch", "up",
        ]);
        switch
    }

    /// A path in the lab's folder.
    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// The lab's name, which no other lab of this machine has.
    pub fn name(&self) -> String {
        let name = self.folder.path().file_name().unwrap();
        name.to_string_lossy().into_owned()
    }

    /// The first process, in the machine's count.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The address of the host with this number.
    pub fn address(&self, number: u8) -> Ipv4Addr {
        address(self.network, number)
    }

    /// `words`, to be run in the lab's namespaces.
    pub fn command(&self, words: &[&str]) -> Command {
        enter(self.pid, words)
    }

    /// Runs `words` in the lab's namespaces; they must succeed.
    #[track_caller]
    pub fn run(&self, words: &[&str]) {
        succeed(&mut self.command(words));
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        // The end of its input is the end of it.
        drop(self.first.stdin.take());
        self.first.wait().ok();
    }
}

/// Where labs have their folders. Without root, nobody would be left to put them away when all ends at once.
pub fn place() -> PathBuf {
    rootless::folder().unwrap_or_else(env::temp_dir)
}

/// What a process of a lab has of its own. Another kind, which it shares with the machine, is for the machine's root only.
const NAMESPACES: [&str; 6] = ["--mount", "--net", "--pid", "--uts", "--ipc", "--cgroup"];

/// `words`, to be run in all namespaces of a process.
pub fn enter(pid: u32, words: &[&str]) -> Command {
    let mut command = Command::new("nsenter");
    command
        .args(["--target", &pid.to_string()])
        .args(NAMESPACES)
        .arg("--")
        .args(words)
        .stdin(Stdio::null());
    command
}

/// Runs a command, which must succeed, and gives what it printed.
#[track_caller]
pub fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", told(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Waits until a script has said that it is ready, whose standard error is `log`.
#[track_caller]
pub fn until_ready(child: &mut Child, log: &Path) {
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.as_mut().unwrap());
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n", "{}", fs::read_to_string(log).unwrap());
}

/// Gives the machine an uplink to a lab, and the first network that no other lab has: the device's name is its claim.
fn plug(pid: u32) -> u32 {
    static TURN: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id() + TURN.fetch_add(1, Ordering::Relaxed);
    let claimed = (start..start + NETWORKS)
        .map(|number| number % NETWORKS)
        .find(|number| claim(*number, pid));
    let network = claimed.expect("a lab has every network");
    let device = device(network);
    let address = format!("{}/24", address(network, UPLINK));
    ip(&["address", "add", &address, "dev", &device]);
    ip(&["link", "set", "dev", &device, "up"]);
    network
}

fn claim(network: u32, pid: u32) -> bool {
    let (device, pid) = (device(network), pid.to_string());
    let mut command = Command::new("ip");
    command.args(["link", "add", "name", &device, "type", "veth"]);
    let output = command
        .args(["peer", "name", "uplink", "netns", &pid])
        .output()
        .unwrap();
    let taken = told(&output).contains("File exists");
    assert!(output.status.success() || taken, "{}", told(&output));
    !taken
}

fn ip(words: &[&str]) {
    succeed(Command::new("ip").args(words));
}

fn device(network: u32) -> String {
    format!("lab{network}")
}

fn address(network: u32, number: u8) -> Ipv4Addr {
    let [.., high, low] = network.to_be_bytes();
    Ipv4Addr::new(198, 18 + high, low, number)
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
