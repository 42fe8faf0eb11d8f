//! A closed environment: own home, fixed names, a ticking clock.

use super::{Run, template::Slot};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    cell::Cell,
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

/// Where the clock starts: 2026-01-02T03:04:05Z. Each command is one minute later than the one before.
const START: u64 = 1_767_323_045;

/// What commands may know of the outer machine: its package index, certificates and proxies.
const OUTER: [&str; 9] = [
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "https_proxy",
    "no_proxy",
];

/// A folder that disappears together with every process that was started in it.
pub struct Sandbox {
    root: PathBuf,
    clock: Cell<u64>,
    /// Held as long as the folder is in use.
    _slot: Option<Slot>,
}

impl Sandbox {
    /// An empty home with a git identity and a signing key. Its path is short: a unix socket's has 107 bytes at most
    /// (unix(7)). `HOSTOUT_TEST_KEEP` in the outer environment keeps the folder.
    pub fn new() -> Self {
        let root = tempfile::Builder::new().prefix("h.").tempdir().unwrap();
        Self::fill(root.keep(), None)
    }

    /// The same in a slot's folder, which is made.
    pub fn in_slot(slot: Slot) -> Self {
        fs::create_dir(slot.root()).unwrap();
        Self::fill(slot.root().to_owned(), Some(slot))
    }

    /// Goes on in a slot's folder as it is, at a time.
    pub fn go_on(slot: Slot, clock: u64) -> Self {
        Self {
            root: slot.root().to_owned(),
            clock: Cell::new(clock),
            _slot: Some(slot),
        }
    }

    fn fill(root: PathBuf, slot: Option<Slot>) -> Self {
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
        let sandbox = Self {
            root,
            clock: Cell::new(START),
            _slot: slot,
        };
        for folder in ["home/.ssh", "tmp"] {
            fs::create_dir_all(sandbox.path(folder)).unwrap();
        }
        sandbox.write_identity();
        sandbox
    }

    /// A path inside.
    pub fn path(&self, below: &str) -> PathBuf {
        self.root.join(below)
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where programs are looked for, without folders whose paths begin so.
    #[expect(clippy::unused_self, reason = "a sandbox has one search path")]
    pub fn path_without(&self, begin: &str) -> OsString {
        let all = search_path();
        let folders = env::split_paths(&all).filter(|folder| !folder.starts_with(begin));
        env::join_paths(folders).unwrap()
    }

    /// The time of the last command, in seconds since 1970.
    pub fn clock(&self) -> u64 {
        self.clock.get()
    }

    /// `program`, to be run in `directory`, which knows nothing but this sandbox.
    pub fn command(&self, program: &str, directory: &Path) -> Command {
        self.clock.set(self.clock.get() + 60);
        let date = format!("{} +0000", self.clock.get());
        let mut command = Command::new(program);
        command
            .current_dir(directory)
            .stdin(Stdio::null())
            .env_clear()
            .env("PATH", search_path())
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"))
            .env("XDG_CACHE_HOME", shared_cache())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_DATE", &date)
            .env("HOSTOUT_CLOCK", self.clock.get().to_string())
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .env("COLUMNS", "100");
        for (name, value) in env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("PIP_") || OUTER.contains(&name.as_str()) {
                command.env(name, value);
            }
        }
        command
    }

    /// Runs `git hostout ARGUMENTS` in `directory`.
    #[must_use = "assert its exit code"]
    pub fn hostout(&self, directory: &Path, arguments: &[&str]) -> Run {
        self.hostout_with(directory, arguments, &[])
    }

    /// Runs `git hostout ARGUMENTS` with further variables.
    #[must_use = "assert its exit code"]
    pub fn hostout_with(
        &self,
        directory: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Run {
        let mut command = self.command("git", directory);
        command.arg("hostout").args(arguments);
        command.envs(variables.iter().copied());
        Run::new(arguments, &command.output().unwrap())
    }

    /// Runs git, which must succeed, and gives what it prints without the last line's end.
    #[track_caller]
    pub fn git(&self, directory: &Path, arguments: &[&str]) -> String {
        let text = self.git_bytes(directory, arguments);
        let text = String::from_utf8(text).unwrap();
        text.trim_end_matches('\n').to_owned()
    }

    /// Runs git, which must succeed, and gives exactly what it prints.
    #[track_caller]
    pub fn git_bytes(&self, directory: &Path, arguments: &[&str]) -> Vec<u8> {
        let mut command = self.command("git", directory);
        let output = command.args(arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {errors}");
        output.stdout
    }

    /// Ends every process that was started in this folder, and waits until they are gone.
    pub fn stop_all(&self) {
        stop_all(&self.root);
    }

    /// Processes whose command line or working directory names this folder.
    pub fn processes(&self) -> Vec<Pid> {
        processes(&self.root)
    }

    fn write_identity(&self) {
        let key = self.path("home/.ssh/id_ed25519");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "ada@example.org"])
            .arg("-f")
            .arg(&key)
            .stdin(Stdio::null())
            .status()
            .unwrap();
        assert!(made.success(), "ssh-keygen");
        let config = format!(
            "[user]\n\tname = Ada Example\n\temail = ada@example.org\n\tsigningkey = {}.pub\n\
             [gpg]\n\tformat = ssh\n[init]\n\tdefaultBranch = main\n[commit]\n\tgpgsign = false\n",
            key.display()
        );
        fs::write(self.path("home/.gitconfig"), config).unwrap();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop_all();
        if env::var_os("HOSTOUT_TEST_KEEP").is_none() {
            make_removable(&self.root);
            // A test that has failed already must not fail a second time here.
            fs::remove_dir_all(&self.root).ok();
        }
    }
}

/// Ends every process that was started in a folder, and waits until they are gone.
pub fn stop_all(root: &Path) {
    let start = Instant::now();
    loop {
        let left = processes(root);
        if left.is_empty() {
            return;
        }
        let patient = start.elapsed() < Duration::from_secs(5);
        for pid in left {
            let signal = if patient { Signal::TERM } else { Signal::KILL };
            // It may have ended in between.
            kill_process(pid, signal).ok();
        }
        if start.elapsed() > Duration::from_secs(10) {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// Processes whose command line or working directory names this folder: no other has its name.
fn processes(root: &Path) -> Vec<Pid> {
    let name = root.to_string_lossy().into_owned();
    let own = rustix::process::getpid();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let words = fs::read(entry.path().join("cmdline")).ok()?;
            let directory = fs::read_link(entry.path().join("cwd")).unwrap_or_default();
            let ours =
                String::from_utf8_lossy(&words).contains(&name) || directory.starts_with(root);
            Pid::from_raw(pid).filter(|pid| ours && *pid != own)
        })
        .collect()
}

/// Removes a folder of a host with all that is in it.
pub fn remove_tree(folder: &Path) {
    make_removable(folder);
    fs::remove_dir_all(folder).unwrap();
}

/// Eggs on hosts are read-only folders, from which only root may remove something.
fn make_removable(folder: &Path) {
    let status = Command::new("chmod")
        .args(["-R", "u+w"])
        .arg(folder)
        .status();
    // A folder that is gone already, or has others' files, is no matter here.
    status.ok();
}

/// The binary's folder first, so that `git hostout` finds it; then that of the interpreter that `python3` is in the end.
/// Where it is a script that chooses one (pyenv), a start through it takes ten times as long, and tests start it often.
fn search_path() -> OsString {
    static PATH: OnceLock<OsString> = OnceLock::new();
    let path = || {
        let binary = Path::new(env!("CARGO_BIN_EXE_git-hostout"));
        let outer = env::var_os("PATH").unwrap_or_default();
        let ask = "import os, sys; print(os.path.dirname(sys.executable))";
        let python = Command::new("python3").args(["-c", ask]).output().unwrap();
        let python = String::from_utf8(python.stdout).unwrap();
        let folders = [binary.parent().unwrap(), Path::new(python.trim())].map(Path::to_owned);
        env::join_paths(folders.into_iter().chain(env::split_paths(&outer))).unwrap()
    };
    PATH.get_or_init(path).clone()
}

/// Downloads are shared by all tests and kept between runs.
pub fn shared_cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")
}

#[test]
fn what_was_started_in_a_sandbox_ends_with_it() {
    let sandbox = Sandbox::new();
    let mut sleeper = sandbox.command("sleep", sandbox.root());
    let mut child = sleeper.arg("600").spawn().unwrap();
    assert_eq!(sandbox.processes().len(), 1);
    let reaper = thread::spawn(move || child.wait().unwrap());
    drop(sandbox);
    assert!(!reaper.join().unwrap().success());
}

#[test]
fn the_clock_of_a_sandbox_ticks_from_a_fixed_start() {
    let sandbox = Sandbox::new();
    let command = sandbox.command("date", sandbox.root());
    let clock = command
        .get_envs()
        .find(|(name, _)| *name == "HOSTOUT_CLOCK");
    assert_eq!(clock.unwrap().1.unwrap(), (START + 60).to_string().as_str());
}
