//! Nothing of a lab is left, however it ends.

use super::cases;
use crate::lab::{Init, Lab, place, rootless, wait_for};
use std::{
    env, fs,
    io::{self, BufRead, BufReader, Write},
    process::{Command, Stdio},
};

cases![
    nothing_is_left_of_a_lab_that_ended,
    nothing_is_left_when_its_first_process_is_killed,
    nothing_is_left_when_its_starter_is_killed,
];

/// The environment variable that makes this program start a lab, say its name and wait.
pub const HOLD: &str = "HOSTOUT_LAB_HOLD";

/// Starts a lab, says by what it is known, and waits for the end of the input.
pub fn hold() {
    let lab = Lab::start_with(most(), 1);
    let traces = Traces::of(&lab);
    let words = [&[traces.name], &*traces.namespaces, &[traces.network]].concat();
    let line = words.join(" ") + "\n";
    io::stdout().write_all(line.as_bytes()).unwrap();
    io::copy(&mut io::stdin(), &mut io::sink()).unwrap();
}

/// The init that leaves most behind.
fn most() -> Init {
    if rootless::folder().is_some() {
        Init::Cron
    } else {
        Init::Systemd
    }
}

/// By what a lab is known in the machine.
struct Traces {
    /// In names of files, in command lines and control groups.
    name: String,
    /// The network namespaces of its switch and its host.
    namespaces: Vec<String>,
    /// How its addresses start.
    network: String,
}

impl Traces {
    fn of(lab: &Lab) -> Self {
        let host = lab.host(0);
        let [a, b, c, _] = host.address.octets();
        let pids = [lab.pid(), host.pid()];
        Self {
            name: lab.name(),
            namespaces: pids.map(|pid| namespace(pid).unwrap()).to_vec(),
            network: format!("{a}.{b}.{c}."),
        }
    }

    fn parse(line: &str) -> Self {
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        let [name, one, other, network] = words.try_into().unwrap();
        Self {
            name,
            namespaces: vec![one, other],
            network,
        }
    }

    /// What the machine still has of it: its folder, processes, mounts, devices, routes, named namespaces.
    fn left(&self) -> Vec<String> {
        let told = |words: &[&str]| {
            let output = Command::new("ip").args(words).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let lines = [
            told(&["-o", "address"]),
            told(&["route"]),
            told(&["netns"]),
            mounts,
        ];
        let lines = lines.iter().flat_map(|text| text.lines());
        let mut left: Vec<String> = lines
            .filter(|line| line.contains(&self.name) || line.contains(&self.network))
            .map(str::to_owned)
            .collect();
        let folder = place().join(&self.name);
        left.extend(folder.exists().then(|| folder.display().to_string()));
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        left.extend(
            pids.filter(|pid| self.owns(*pid))
                .map(|pid| format!("process {pid}")),
        );
        left
    }

    fn owns(&self, pid: u32) -> bool {
        let words = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let inside = namespace(pid).is_some_and(|found| self.namespaces.contains(&found));
        inside || words.contains(&self.name)
    }

    /// Its control groups, which only systemd hosts have.
    fn groups(&self) -> String {
        let mut find = Command::new("find");
        find.args(["/sys/fs/cgroup", "-name", &format!("{}*", self.name)]);
        String::from_utf8(find.output().unwrap().stdout).unwrap()
    }

    #[track_caller]
    fn vanish(&self) {
        let gone = wait_for(|| self.left().is_empty().then_some(()));
        assert!(gone.is_some(), "{:?}", self.left());
    }

    #[track_caller]
    fn vanish_with_groups(&self) {
        self.vanish();
        let gone = wait_for(|| self.groups().is_empty().then_some(()));
        assert!(gone.is_some(), "{:?}", self.groups());
    }
}

fn namespace(pid: u32) -> Option<String> {
    let link = fs::read_link(format!("/proc/{pid}/ns/net")).ok()?;
    Some(link.display().to_string())
}

fn nothing_is_left_of_a_lab_that_ended() {
    let lab = Lab::start_with(most(), 1);
    let traces = Traces::of(&lab);
    assert!(!traces.left().is_empty());
    assert_eq!(traces.groups().is_empty(), most() != Init::Systemd);
    drop(lab);
    traces.vanish_with_groups();
}

fn nothing_is_left_when_its_first_process_is_killed() {
    let lab = Lab::start(1);
    let traces = Traces::of(&lab);
    let pid = lab.pid().to_string();
    let killed = Command::new("kill").args(["-s", "KILL", &pid]).status();
    assert!(killed.unwrap().success());
    // The lab still counts its host as running.
    drop(lab);
    traces.vanish_with_groups();
}

fn nothing_is_left_when_its_starter_is_killed() {
    let mut starter = Command::new(env::current_exe().unwrap())
        .env(HOLD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(starter.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let traces = Traces::parse(&line);
    assert!(!traces.left().is_empty());
    starter.kill().unwrap();
    starter.wait().unwrap();
    traces.vanish_with_groups();
}
