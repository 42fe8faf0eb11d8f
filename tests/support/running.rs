//! A command that is watched, and stopped, while it works.

use super::{Run, Sandbox};
use std::{
    fs, io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

/// How many were started.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// A `git-hostout` that works.
pub struct Running {
    arguments: Vec<String>,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Running {
    /// Starts `command`, in a process group of its own as a shell would, with the last of its arguments and its output in
    /// files.
    pub fn start(sandbox: &Sandbox, mut command: Command, arguments: &[&str]) -> Self {
        // Several may work at the same time.
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let output = |name: &str| {
            let path = sandbox.path(&format!("{number}-{name}"));
            (fs::File::create(&path).unwrap(), path)
        };
        let ((stdout, stdout_path), (stderr, stderr_path)) = (output("stdout"), output("stderr"));
        let child = command
            .args(arguments)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .unwrap();
        Self {
            arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
            child,
            stdout: stdout_path,
            stderr: stderr_path,
        }
    }

    /// Starts `git-hostout ARGUMENTS` itself, without git in between, with an ssh configuration for hosts.
    pub fn with_hosts(
        sandbox: &Sandbox,
        directory: &Path,
        ssh_config: &Path,
        arguments: &[&str],
    ) -> Self {
        let mut command = sandbox.command("git-hostout", directory);
        command.env("HOSTOUT_SSH_CONFIG", ssh_config);
        Self::start(sandbox, command, arguments)
    }

    /// Waits until standard error names `word`.
    #[track_caller]
    pub fn until_it_says(&mut self, word: &str) -> &mut Self {
        let stderr = self.stderr.clone();
        self.until(word, || fs::read_to_string(&stderr).unwrap().contains(word))
    }

    /// Waits until standard output names `word`.
    #[track_caller]
    pub fn until_it_prints(&mut self, word: &str) -> &mut Self {
        let stdout = self.stdout.clone();
        self.until(word, || fs::read_to_string(&stdout).unwrap().contains(word))
    }

    /// Waits until `holds`, while it runs.
    #[track_caller]
    pub fn until(&mut self, what: &str, holds: impl Fn() -> bool) -> &mut Self {
        let start = Instant::now();
        while !holds() {
            let said = || fs::read_to_string(&self.stderr).unwrap();
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "ended before {what}: {}", said());
            assert!(
                start.elapsed() < Duration::from_secs(120),
                "never {what}: {}",
                said()
            );
            thread::sleep(Duration::from_millis(20));
        }
        self
    }

    /// Waits until it has told so many lines, or ended.
    pub fn until_it_told(&mut self, lines: usize) {
        let told = || fs::read_to_string(&self.stderr).unwrap().lines().count();
        while told() < lines && self.child.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends it a signal, and nobody else.
    pub fn signal(&mut self, name: &str) -> &mut Self {
        self.kill(name, &self.child.id().to_string())
    }

    /// Sends it a signal, unless it has ended.
    pub fn try_signal(&mut self, name: &str) {
        if self.child.try_wait().unwrap().is_none() {
            self.signal(name);
        }
    }

    /// Sends a signal to its process group, as a terminal does.
    pub fn signal_all(&mut self, name: &str) -> &mut Self {
        self.kill(name, &format!("-{}", self.child.id()))
    }

    fn kill(&mut self, name: &str, target: &str) -> &mut Self {
        let sent = Command::new("kill")
            .args(["-s", name, "--", target])
            .status();
        assert!(sent.unwrap().success());
        self
    }

    /// Waits for its end.
    pub fn end(mut self) -> Run {
        let status = self.child.wait().unwrap();
        let read = |path: &Path| -> io::Result<Vec<u8>> { fs::read(path) };
        let output = std::process::Output {
            status,
            stdout: read(&self.stdout).unwrap(),
            stderr: read(&self.stderr).unwrap(),
        };
        let words: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        Run::new(&words, &output)
    }
}
