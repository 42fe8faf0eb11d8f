//! A private sshd on 127.0.0.1 that the user who runs the tests can log in to. It dies with its value.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A running sshd, its keys, and an ssh configuration that knows it as `web1`.
pub struct Sshd {
    folder: TempDir,
    child: Child,
    pub port: u16,
}

/// The folder of PAM's rules, where passwords are taken.
const PAM: &str = "pam";

/// The login name of whoever runs the tests.
pub fn user() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Makes a key pair without a comment.
pub fn keygen(file: &Path, passphrase: &str) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-C", "test", "-N", passphrase, "-f"])
        .arg(file)
        .status()
        .unwrap();
    assert!(made.success());
}

impl Sshd {
    /// Started and reachable; its key is known, and `id` may log in.
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// With more lines of `sshd_config(5)`, which come first and so win.
    pub fn start_with(settings: &str) -> Self {
        Self::launch(settings, |_, _| ())
    }

    /// With more lines, and with what `prepare` adds to the command; it gets the folder too.
    pub fn launch(settings: &str, prepare: impl Fn(&mut Command, &Path)) -> Self {
        if user() == "root" {
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        keygen(&path("host_key"), "");
        keygen(&path("id"), "");
        fs::copy(path("id.pub"), path("authorized_keys")).unwrap();
        let (child, port) = (0..5)
            .find_map(|_| {
                let port = free_port();
                let conf = format!(
                    "{settings}\nPort {port}\nListenAddress 127.0.0.1\nHostKey {0}/host_key\nPidFile none\nUsePAM no\n\
                     AuthorizedKeysFile {0}/authorized_keys\nStrictModes no\nPasswordAuthentication no\n\
                     KbdInteractiveAuthentication no\nPermitRootLogin yes\nLogLevel VERBOSE\nMaxStartups 100\n",
                    folder.path().display()
                );
                fs::write(path("sshd_config"), conf).unwrap();
                let log = fs::File::create(path("log")).unwrap();
                let mut sshd = Command::new("/usr/sbin/sshd");
                sshd.args(["-D", "-e", "-f"]).arg(path("sshd_config"));
                prepare(&mut sshd, folder.path());
                let mut child = sshd.stdin(Stdio::null()).stderr(log).spawn().unwrap();
                listening(&mut child, port).then_some((child, port))
            })
            .unwrap_or_else(|| panic!("sshd: {}", fs::read_to_string(path("log")).unwrap()));
        let sshd = Self {
            folder,
            child,
            port,
        };
        sshd.know(&sshd.host_key());
        sshd.configure("");
        sshd
    }

    /// One that takes `password` from whoever runs the tests. Nobody here knows an account's real one: PAM is asked as
    /// ever, and `pam_wrapper` lets it answer from a file, which needs no root.
    pub fn with_password(settings: &str, password: &str) -> Self {
        Self::launch(&format!("UsePAM yes\n{settings}"), |sshd, folder| {
            let (known, services) = (folder.join("passwords"), folder.join(PAM));
            fs::write(&known, format!("{}:{password}:sshd\n", user())).unwrap();
            fs::create_dir_all(&services).unwrap();
            let answer = format!("{} passdb={}", pam_matrix().display(), known.display());
            let rules = ["auth", "account", "password", "session"];
            let rules = rules.map(|kind| format!("{kind} required {answer}\n"));
            fs::write(services.join("sshd"), rules.concat()).unwrap();
            sshd.env("LD_PRELOAD", "libpam_wrapper.so")
                .env("PAM_WRAPPER", "1")
                .env("PAM_WRAPPER_SERVICE_DIR", services);
        })
    }

    /// A file of this sshd.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where it listens on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The ssh configuration.
    pub fn config(&self) -> PathBuf {
        self.path("ssh_config")
    }

    /// The public host key, `TYPE BASE64`.
    pub fn host_key(&self) -> String {
        let text = fs::read_to_string(self.path("host_key.pub")).unwrap();
        text.split(' ').take(2).collect::<Vec<_>>().join(" ")
    }

    /// What ssh-keygen says of the host key.
    pub fn fingerprint(&self) -> String {
        let output = Command::new("ssh-keygen")
            .arg("-lf")
            .arg(self.path("host_key.pub"))
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split(' ').nth(1).unwrap().to_owned()
    }

    /// Makes `key` the only one that is known for this host.
    pub fn know(&self, key: &str) {
        let line = format!("[127.0.0.1]:{} {key}\n", self.port);
        fs::write(self.path("known_hosts"), line).unwrap();
    }

    /// Writes the ssh configuration; `settings` come first and so win.
    pub fn configure(&self, settings: &str) {
        let folder = self.folder.path().display();
        let text = format!(
            "Host web1\n{settings}\nHostName 127.0.0.1\nPort {}\nUser {}\nIdentityFile {folder}/id\nIdentitiesOnly yes\n\
             IdentityAgent none\nUserKnownHostsFile {folder}/known_hosts\nGlobalKnownHostsFile /dev/null\n\
             ConnectTimeout 10\n",
            self.port,
            user()
        );
        fs::write(self.config(), text).unwrap();
    }

    /// What it wrote.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    /// Sends `signal` to the processes that serve connections; the listener stays.
    pub fn signal_sessions(&self, signal: &str) {
        self.signal_sessions_but(signal, &[]);
    }

    /// The same without those in `but`, and what they start: that is an sshd too until it becomes its command.
    pub fn signal_sessions_but(&self, signal: &str, but: &[u32]) {
        let sessions = self.sessions();
        let spared: Vec<u32> = but.iter().flat_map(|pid| descendants(*pid)).collect();
        for pid in sessions {
            if !but.contains(&pid) && !spared.contains(&pid) {
                send(signal, pid);
            }
        }
    }

    /// Sends `signal` to the listener: a stopped one lets nobody in.
    pub fn signal_listener(&self, signal: &str) {
        send(signal, self.child.id());
    }

    /// The processes that serve connections.
    pub fn sessions(&self) -> Vec<u32> {
        let is_sshd = |pid: &u32| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            name.starts_with("sshd")
        };
        let all = descendants(self.child.id());
        all.into_iter().filter(is_sshd).collect()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        for pid in descendants(self.child.id()) {
            send("KILL", pid);
        }
        self.child.kill().ok();
        self.child.wait().ok();
        if self.path(PAM).exists() {
            sweep();
        }
    }
}

/// `pam_wrapper` leaves a folder behind for each process that a signal ended.
fn sweep() {
    for folder in fs::read_dir("/tmp").unwrap().flatten() {
        let ours = folder.file_name().to_string_lossy().starts_with("pam.");
        let pid = fs::read_to_string(folder.path().join("pid")).unwrap_or_default();
        if ours && !pid.is_empty() && !Path::new("/proc").join(pid.trim()).exists() {
            // Another user's stays.
            fs::remove_dir_all(folder.path()).ok();
        }
    }
}

/// The module of the package libpam-wrapper, in the folder of this architecture.
fn pam_matrix() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").unwrap().flatten();
    let mut files = folders.map(|folder| folder.path().join("pam_wrapper/pam_matrix.so"));
    let found = files.find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("libpam-wrapper is not installed: make setup"))
}

fn send(signal: &str, pid: u32) {
    let sent = Command::new("kill")
        .args(["-s", signal, &pid.to_string()])
        .stderr(Stdio::null())
        .status();
    assert!(sent.is_ok());
}

/// A port nobody listens on just now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn listening(child: &mut Child, port: u16) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline && child.try_wait().unwrap().is_none() {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return true;
        }
        sleep(Duration::from_millis(5));
    }
    child.kill().ok();
    child.wait().ok();
    false
}

/// Children of a process.
pub fn children(pid: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let words = text.split_whitespace();
    words.map(|pid| pid.parse().unwrap()).collect()
}

fn descendants(pid: u32) -> Vec<u32> {
    let children = children(pid);
    let below = children.iter().flat_map(|pid| descendants(*pid));
    let mut all: Vec<u32> = below.collect();
    all.extend(children);
    all
}
