//! One machine: on, off, and looked into.

use super::{
    script,
    switch::{Switch, enter, succeed},
};
use crate::support::sshd::{children, keygen};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    io::Read,
    net::{Ipv4Addr, TcpStream},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::sleep,
    time::{Duration, Instant},
};

/// What a host's disk holds at most; memory that isn't written isn't used.
pub const DISK: &str = "4G";

/// How long a host may take to come up, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// What runs on a host besides sshd.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Init {
    /// Nothing: what ended with the power stays so.
    Bare,
    /// cron, whose `@reboot` lines run at each boot.
    Cron,
    /// A real `OpenRC`, which goes through its runlevels at each boot.
    OpenRc,
    /// A real systemd, with what Debian starts by it, cron too. Takes a second.
    Systemd,
}

/// A host of a lab.
pub struct Host {
    /// By which the lab's ssh configuration knows it.
    pub name: String,
    /// By which this machine reaches it.
    pub address: Ipv4Addr,
    /// Of `root` and `deploy`.
    pub password: String,
    pub(super) switch: Arc<Switch>,
    pub(super) line: Mutex<Option<Child>>,
    image: &'static Path,
    init: Init,
    number: u8,
    power: Mutex<Option<Power>>,
}

/// A host's first process, in the machine's count, and who started it.
struct Power {
    starter: Child,
    pid: u32,
}

impl Host {
    /// With a new disk, keys and a password of its own; off.
    pub(super) fn new(switch: &Arc<Switch>, image: &'static Path, init: Init, number: u8) -> Self {
        let host = Self {
            name: format!("web{number}"),
            address: switch.address(number),
            password: random_word(),
            switch: Arc::clone(switch),
            line: Mutex::default(),
            image,
            init,
            number,
            power: Mutex::default(),
        };
        host.write_seed();
        let disk = host.disk();
        let size = format!("size={DISK},mode=755");
        switch.run(&["mkdir", &disk]);
        switch.run(&["mount", "-t", "tmpfs", "-o", &size, &host.name, &disk]);
        host
    }

    /// Boots, and waits until sshd answers and everything that starts at boot has started.
    #[track_caller]
    pub fn power_on(&self) {
        let mut power = self.power.lock().unwrap();
        assert!(power.is_none(), "{} is on", self.name);
        let log = fs::File::create(self.file("log")).unwrap();
        let init = match self.init {
            Init::Bare => "bare",
            Init::Cron => "cron",
            Init::OpenRc => "openrc",
            Init::Systemd => "systemd",
        };
        let mut starter = self
            .switch
            .command(&["unshare", "--mount", "--net", "--uts", "--ipc", "sh"])
            .arg(script("host.sh"))
            .arg(self.image)
            .args([&self.disk(), &self.seed().display().to_string()])
            .args([&self.switch.name(), &self.name])
            .arg(self.address.to_string())
            .arg(format!("02:00:00:00:00:{:02x}", self.number))
            .arg(init)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        // nsenter starts unshare, which becomes host.sh, which starts init.sh, which becomes init
        let script = || children(starter.id()).first().copied();
        let first = || {
            let pid = *children(script()?).first()?;
            let words = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let inside = words.lines().find(|line| line.starts_with("NSpid:"))?;
            (inside.split_whitespace().next_back()? == "1").then_some(pid)
        };
        let pid = wait_for(first).unwrap_or_else(|| {
            starter.kill().ok();
            panic!("{}: {}", self.name, self.log())
        });
        *power = Some(Power { starter, pid });
        drop(power);
        self.until_up();
    }

    /// Takes the power away: the cable is dead first, so nobody is told anything, and then everything ends at once.
    #[track_caller]
    pub fn power_off(&self) {
        let Some(mut power) = self.power.lock().unwrap().take() else {
            panic!("{} is off", self.name);
        };
        self.full_speed();
        self.switch
            .run(&["ip", "link", "delete", "dev", &self.name]);
        kill_process(
            Pid::from_raw(power.pid.cast_signed()).unwrap(),
            Signal::KILL,
        )
        .unwrap();
        power.starter.wait().unwrap();
    }

    /// Whether it has power.
    pub fn is_on(&self) -> bool {
        self.power.lock().unwrap().is_some()
    }

    /// Its first process, in the machine's count.
    #[track_caller]
    pub fn pid(&self) -> u32 {
        let power = self.power.lock().unwrap();
        power.as_ref().expect("the host is off").pid
    }

    /// Runs a command on the host as root, without ssh, and gives how it ended.
    #[track_caller]
    pub fn exec(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// Runs a command on the host as root, without ssh; it must succeed. What it printed.
    #[track_caller]
    pub fn run(&self, words: &[&str]) -> String {
        succeed(&mut self.command(words))
    }

    /// Whether there is `path` on the host now, to be asked from elsewhere as long as it has power.
    pub fn has(&self, path: &'static str) -> impl Fn() -> bool + Send + use<> {
        let pid = self.pid();
        move || {
            let status = enter(pid, &["test", "-e", path]).status();
            status.is_ok_and(|status| status.success())
        }
    }

    /// The text of a file on the host.
    #[track_caller]
    pub fn read(&self, path: &str) -> String {
        self.run(&["cat", path])
    }

    /// What `GET /` answers on a port of the host's own loopback, asked there.
    pub fn page(&self, port: u16) -> Option<String> {
        self.page_at(port, "/")
    }

    /// Makes the image's mirror its only source of packages.
    #[track_caller]
    pub fn use_mirror(&self) {
        let line = "deb [trusted=yes] file:/srv/mirror ./";
        let write =
            "rm -f /etc/apt/sources.list.d/*; printf '%s\\n' \"$1\" > /etc/apt/sources.list";
        self.run(&["sh", "-c", write, "sh", line]);
    }

    /// Takes python, sudo and logrotate away.
    #[track_caller]
    pub fn remove_python(&self) {
        let purge = "dpkg --purge --force-depends $(dpkg-query -W -f '${Package}\\n' | grep -E 'python3|^sudo$|^logrotate$') \
                     2>&1; ! command -v python3";
        self.run(&["sh", "-c", purge]);
    }

    /// What `GET PATH` answers there.
    pub fn page_at(&self, port: u16, path: &str) -> Option<String> {
        let ask = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=60).read().decode(), end='')";
        let url = format!("http://127.0.0.1:{port}{path}");
        let output = self.exec(&["python3", "-c", ask, &url]);
        let answered = output.status.success();
        answered.then(|| String::from_utf8(output.stdout).unwrap())
    }

    /// Waits until sshd answers and everything that starts at boot has started.
    #[track_caller]
    pub fn until_up(&self) {
        let up = wait_for(|| (self.greets() && self.has_booted()).then_some(()));
        assert!(up.is_some(), "{} doesn't answer: {}", self.name, self.log());
    }

    /// Whether sshd says who it is to somebody who comes now.
    pub fn greets(&self) -> bool {
        let address = (self.address, 22).into();
        let greeting = TcpStream::connect_timeout(&address, Duration::from_secs(2));
        let mut word = [0; 4];
        greeting.is_ok_and(|mut stream| {
            stream
                .set_read_timeout(Some(Duration::from_secs(10)))
                .is_ok()
                && stream.read_exact(&mut word).is_ok()
                && word == *b"SSH-"
        })
    }

    pub(super) fn disk(&self) -> String {
        let disk = self.switch.path("disks").join(&self.name);
        disk.display().to_string()
    }

    /// Its line of `known_hosts`.
    pub(super) fn known_line(&self) -> String {
        let key = fs::read_to_string(self.seed().join("root/etc/ssh/ssh_host_ed25519_key.pub"));
        format!("{},{} {}", self.name, self.address, key.unwrap())
    }

    fn has_booted(&self) -> bool {
        let states = [&b"running\n"[..], b"degraded\n"];
        match self.init {
            Init::Bare | Init::Cron => true,
            Init::OpenRc => self.has("/run/booted")(),
            Init::Systemd => {
                let output = self.exec(&["systemctl", "is-system-running"]);
                states.contains(&&*output.stdout)
            }
        }
    }

    #[track_caller]
    fn command(&self, words: &[&str]) -> Command {
        let mut command = enter(self.pid(), words);
        command
            .env_clear()
            .env(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            )
            .env("HOME", "/root")
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null());
        command
    }

    /// What a new disk holds that the image doesn't.
    fn write_seed(&self) {
        let root = self.seed().join("root");
        for folder in ["etc/ssh", "root/.ssh", "home/deploy/.ssh"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        keygen(&root.join("etc/ssh/ssh_host_ed25519_key"), "");
        for home in ["root", "home/deploy"] {
            let accepted = root.join(home).join(".ssh/authorized_keys");
            fs::copy(self.switch.path("id.pub"), accepted).unwrap();
        }
        let names = format!("127.0.0.1 localhost\n127.0.1.1 {}\n", self.name);
        fs::write(root.join("etc/hosts"), names).unwrap();
        fs::write(root.join("etc/hostname"), format!("{}\n", self.name)).unwrap();
        let passwords = format!("root:{0}\ndeploy:{0}\n", self.password);
        fs::write(self.seed().join("passwords"), passwords).unwrap();
    }

    fn seed(&self) -> std::path::PathBuf {
        self.file("seed")
    }

    fn file(&self, kind: &str) -> std::path::PathBuf {
        self.switch.path(&format!("{}.{kind}", self.name))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.file("log")).unwrap_or_default()
    }
}

impl Drop for Host {
    /// It ends with its lab; what started it is ours to end.
    fn drop(&mut self) {
        // one that did not boot panics with the lock in its hand
        let power = self.power.get_mut().unwrap_or_else(PoisonError::into_inner);
        let power = power.take();
        let line = self.line.get_mut().unwrap().take();
        let starter = power.map(|power| power.starter);
        for mut child in [starter, line].into_iter().flatten() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// Asks again and again until there is an answer; `None` when there was none for long.
pub fn wait_for<T>(answer: impl Fn() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(value) = answer() {
            return Some(value);
        }
        sleep(Duration::from_millis(5));
    }
    None
}

fn random_word() -> String {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).unwrap();
    u64::from_ne_bytes(bytes).to_string()
}
