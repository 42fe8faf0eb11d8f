//! Anything at any time: deployments by two people, cut, killed and switched off at random moments on three hosts, and
//! after each round every host has a whole release and nobody holds a lock.
//!
//! A round's faults come from a seed, which is printed; when they happen depends on the machine, so a seed tells what was
//! done and not what came of it.

use super::{
    cases,
    site::{PATH, Site},
};
use crate::{
    lab::{Host, Lab},
    support::{Run, Running},
};
use fastrand::Rng;
use std::{
    env,
    fmt::Debug,
    io::{self, Write as _},
    path::PathBuf,
    str::FromStr,
    thread,
    time::Duration,
};

cases![whatever_happens_hosts_stay_whole];

/// How many rounds there are.
const ROUNDS: &str = "HOSTOUT_TEST_CHAOS";
/// What they are drawn from.
const SEED: &str = "HOSTOUT_TEST_SEED";

const HOSTS: [&str; 3] = ["web1", "web2", "web3"];
/// The releases and their pages; the last one is never healthy.
const PAGES: [(&str, &str); 3] = [
    ("0.1.0", "Hello, world!"),
    ("0.1.1", "Good day, world!"),
    ("0.1.2", "Broken, world!"),
];
/// What a command may end with, whatever happens to it: anything but a bug, wrong use or a wrong configuration.
const CODES: [i32; 9] = [0, 11, 12, 20, 21, 22, 23, 24, 130];
/// A fault strikes when a command has told so many lines, about what a deployment to three hosts tells.
const LINES: usize = 60;
/// And so many milliseconds later.
const LATER: u64 = 300;
/// How often a lock that is held for a reason is waited for.
const PATIENCE: usize = 30;

/// Services of one process whose start does not take a second, and a page that says which release it is.
const TABLES: &str = "
[stage.far.services]
kind = \"command\"
start = \"bin/waitress-serve --listen=127.0.0.1:PORT acme.welcome:app & echo $! > /tmp/pid\"
stop = \"test ! -e /tmp/pid || { kill $(cat /tmp/pid); rm /tmp/pid; }\"
status = \"kill -0 $(cat /tmp/pid)\"
[stage.far.data]
kind = \"command\"
backup = \"echo data > $HOSTOUT_BACKUP/data\"
restore = \"true\"
[stage.far.hooks]
migrate = [\"sleep\", \"0.2\"]
[stage.far.health]
http = \"http://127.0.0.1:PORT/\"
command = [\"sh\", \"-c\", \"! grep -q Broken eggs/*/acme.greeting*/acme/greeting/__init__.py\"]
timeout = \"10s\"
stable = \"0s\"
";

/// What happens to one host, or to the people.
#[derive(Debug)]
enum Fault {
    Nothing,
    KillClients,
    InterruptClients,
    KillAgent(usize),
    KillSessions(usize),
    KillSshd(usize),
    Cut(usize, Duration),
    PowerCycle(usize),
    Fill(usize),
}

impl Fault {
    fn draw(random: &mut Rng) -> Self {
        let host = random.usize(..HOSTS.len());
        match random.u8(..9) {
            0 => Self::Nothing,
            1 => Self::KillClients,
            2 => Self::InterruptClients,
            3 => Self::KillAgent(host),
            4 => Self::KillSessions(host),
            5 => Self::KillSshd(host),
            6 => Self::Cut(host, Duration::from_millis(random.u64(100..4000))),
            7 => Self::PowerCycle(host),
            _ => Self::Fill(host),
        }
    }

    fn strike(&self, lab: &Lab, clients: &mut [Running]) {
        match self {
            Self::Nothing => {}
            Self::KillClients => clients
                .iter_mut()
                .for_each(|client| client.try_signal("KILL")),
            Self::InterruptClients => clients
                .iter_mut()
                .for_each(|client| client.try_signal("INT")),
            Self::KillAgent(host) => {
                lab.host(*host)
                    .exec(&["pkill", "-KILL", "-f", "path /srv/hello serv[e]"]);
            }
            Self::KillSessions(host) => lab.host(*host).kill_sessions(),
            Self::KillSshd(host) => lab.host(*host).kill_sshd(),
            Self::Cut(host, time) => {
                lab.host(*host).cut();
                thread::sleep(*time);
                lab.host(*host).reconnect();
            }
            Self::PowerCycle(host) => lab.host(*host).power_cycle(),
            Self::Fill(host) => lab.host(*host).full(),
        }
    }
}

/// Two people with a clone each.
struct Chaos {
    site: Site,
    other: PathBuf,
    random: Rng,
    /// What the last round left live.
    live: &'static str,
}

fn setting<T: FromStr<Err: Debug>>(name: &str) -> Option<T> {
    Some(env::var(name).ok()?.parse().unwrap())
}

fn whatever_happens_hosts_stay_whole() {
    let rounds = setting(ROUNDS).unwrap_or(10);
    let seed = setting(SEED).unwrap_or_else(|| fastrand::u64(..));
    say(&format!(
        "Chaos: {rounds} rounds from {SEED}={seed} ({ROUNDS}=200 for more)"
    ));
    let mut chaos = Chaos::start(Rng::with_seed(seed));
    let mut codes = std::collections::BTreeMap::<_, u32>::new();
    for round in 1..=rounds {
        for code in chaos.round(round) {
            *codes.entry(code).or_default() += 1;
        }
    }
    say(&format!(
        "Chaos: all whole after {rounds} rounds; commands by how they ended: {codes:?}"
    ));
}

fn say(line: &str) {
    io::stderr()
        .write_all(format!("{line}\n").as_bytes())
        .unwrap();
}

impl Chaos {
    fn start(random: Rng) -> Self {
        let site = Site::shared(Lab::start(3), &HOSTS, |port| {
            TABLES.replace("PORT", &port.to_string())
        });
        site.hostout(&["deploy", "far", "--yes"]).exits(0);
        for word in ["Good day", "Broken"] {
            site.project.greet(word);
            site.hostout(&["release", "--yes"]).exits(0);
        }
        let other = site.project.sandbox.path("other");
        let root = site.project.sandbox.root().to_owned();
        let remote = site.project.git(&["remote", "get-url", "origin"]);
        site.project.sandbox.git(
            &root,
            &["clone", "--quiet", &remote, &other.display().to_string()],
        );
        Self {
            site,
            other,
            random,
            live: PAGES[0].0,
        }
    }

    /// One or two commands, a fault or two, and what came of them. How the commands ended.
    fn round(&mut self, number: u32) -> Vec<Option<i32>> {
        let places = [self.site.project.directory.clone(), self.other.clone()];
        let people = self.random.usize(1..=places.len());
        let (mut clients, mut told) = (Vec::new(), Vec::new());
        for place in &places[..people] {
            let words = self.command();
            told.push(words.join(" "));
            clients.push(self.site.start_in(place, &words));
        }
        let mut faults = Vec::new();
        for _ in 0..self.random.usize(1..=2) {
            let lines = self.random.usize(..LINES);
            if let Some(client) = clients.first_mut() {
                client.until_it_told(lines);
            }
            thread::sleep(Duration::from_millis(self.random.u64(..LATER)));
            let fault = Fault::draw(&mut self.random);
            fault.strike(&self.site.lab, &mut clients);
            faults.push(fault);
        }
        for index in 0..HOSTS.len() {
            self.site.lab.host(index).heal();
        }
        let ended: Vec<_> = clients.into_iter().map(Running::end).collect();
        let codes: Vec<_> = ended.iter().map(Run::code).collect();
        let told = format!("round {number}: {told:?}, {faults:?}: {codes:?}");
        say(&told);
        for run in &ended {
            let known = run.code().is_none_or(|code| CODES.contains(&code));
            assert!(known, "{told}: {run}");
        }
        self.is_whole(&told, &ended);
        codes
    }

    /// What a person might type.
    fn command(&mut self) -> Vec<&'static str> {
        let other = usize::from(self.live == PAGES[0].0);
        match self.random.u8(..8) {
            0 => vec!["rollback", "far", "--yes", "--no-input"],
            1 | 2 => vec!["deploy", "far", PAGES[2].0, "--yes", "--no-input"],
            3 => vec![
                "deploy",
                "far",
                PAGES[other].0,
                "--yes",
                "--no-input",
                "--wait",
            ],
            _ => vec!["deploy", "far", PAGES[other].0, "--yes", "--no-input"],
        }
    }

    /// Every host has a complete release, `resume` ends clean, nobody holds a lock, the history verifies; and the next
    /// deployment brings all of them to one release that answers.
    fn is_whole(&mut self, told: &str, ended: &[Run]) {
        let before = ended.iter().map(Run::to_string).collect::<String>();
        self.insist(&["resume", "far", "--no-input"], told, &before);
        for index in 0..HOSTS.len() {
            let live = self.site.live_on(index);
            assert!(
                PAGES.iter().any(|(version, _)| *version == live),
                "{told}: {live}"
            );
            let host = self.site.lab.host(index);
            let lock = format!("{PATH}/.hostout/lock");
            let free = host.exec(&["test", "!", "-e", &lock]).status.success();
            assert!(free, "{told}: {} is locked\n{before}", host.name);
            if let Some(page) = host.page(self.site.project.port) {
                assert!(page.contains(page_of(&live)), "{told}: {live} says {page}");
            }
        }
        let (version, page) = PAGES[self.random.usize(..2)];
        self.insist(
            &["deploy", "far", version, "--yes", "--no-input"],
            told,
            &before,
        );
        for index in 0..HOSTS.len() {
            assert_eq!(self.site.live_on(index), version, "{told}\n{before}");
            let said = answer(self.site.lab.host(index), self.site.project.port);
            assert!(said.contains(page), "{told}: {said:?}\n{before}");
        }
        self.live = version;
        self.site.hostout(&["verify", version]).exits(0);
    }

    /// A command that must end with 0, once those have ended that still hold a lock: a job goes on without its client.
    fn insist(&self, words: &[&str], told: &str, before: &str) {
        for _ in 0..PATIENCE {
            let run = self.site.hostout(words);
            match run.code() {
                Some(0) => return,
                Some(12) => thread::sleep(Duration::from_secs(1)),
                _ => panic!("{told}\n{before}\n{run}"),
            }
        }
        panic!("{told}: locked for good\n{before}");
    }
}

fn page_of(version: &str) -> &'static str {
    PAGES.iter().find(|(known, _)| *known == version).unwrap().1
}

fn answer(host: &Host, port: u16) -> String {
    host.page(port).unwrap_or_default()
}
