//! This machine as a host, without ssh.
//!
//! It behaves like a login over ssh: the command starts in the home directory with a small environment and no
//! terminal, in a process group of its own, so that a Ctrl-C meant for us does not reach it. A program that isn't
//! there ends with 127, one that can't be executed with 126, as in the shell an ssh command goes through
//! (POSIX.1-2024, XCU 2.8.2).

use super::{
    Answer, Error, Transport, signal,
    stdio::{Outgoing, Output, Tail},
};
use crate::host::{Command, Ended};
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::ioctl_fionbio,
    process::{Pid, Signal, kill_process_group},
};
use std::{
    env,
    io::{self, ErrorKind, Read, Write},
    os::{
        fd::AsFd,
        unix::process::{CommandExt as _, ExitStatusExt as _},
    },
    path::PathBuf,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// What of our own environment a command sees; a login over ssh has these too.
const INHERITED: [&str; 6] = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG"];

/// Commands on this machine, as the user who runs us.
#[derive(Debug)]
pub struct Local {
    host: String,
    home: PathBuf,
    kept: Option<(Command, Running)>,
}

impl Local {
    /// This machine, called `host` in messages.
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            home: env::home_dir().unwrap_or_else(|| PathBuf::from("/")),
            kept: None,
        }
    }

    fn spawn(&self, program: &str, arguments: &[String]) -> io::Result<Child> {
        let inherited = INHERITED
            .iter()
            .filter_map(|name| Some((name, env::var_os(name)?)));
        std::process::Command::new(program)
            .args(arguments)
            .current_dir(&self.home)
            .env_clear()
            .envs(inherited)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    }
}

/// A command that was started.
#[derive(Debug)]
struct Running {
    child: Child,
    pipes: Pipes,
    tail: Tail,
}

/// What became of starting a command.
enum Started {
    Running(Running),
    /// There is no such program: how a shell ends then.
    Ended(Ended),
}

impl Local {
    fn start(&self, command: &Command) -> Result<Started, Error> {
        let not_started = |message: String| Error::not_started(&self.host, command, message);
        let Some((program, arguments)) = command.argv().split_first() else {
            return Err(not_started("the command is empty".to_owned()));
        };
        if !self.home.is_dir() {
            return Err(not_started(format!(
                "there is no home directory {}",
                self.home.display()
            )));
        }
        let mut child = match self.spawn(program, arguments) {
            Ok(child) => child,
            Err(error) => {
                let ended = missing(program, &error).map(Started::Ended);
                return ended.ok_or_else(|| not_started(error.to_string()));
            }
        };
        let pipes = Pipes::of(&mut child);
        Ok(Started::Running(Running {
            child,
            pipes,
            tail: Tail::default(),
        }))
    }

    /// The command that is kept, if it is `command` and runs still.
    fn kept(&mut self, command: &Command) -> Option<Running> {
        let (kept, mut running) = self.kept.take()?;
        if kept == *command && matches!(running.child.try_wait(), Ok(None)) {
            return Some(running);
        }
        running.leave();
        None
    }
}

impl Transport for Local {
    fn run(
        &mut self,
        command: &Command,
        stdin: &mut dyn Read,
        stdout: &mut dyn Write,
    ) -> Result<Ended, Error> {
        let mut running = match self.start(command)? {
            Started::Running(running) => running,
            Started::Ended(ended) => return Ok(ended),
        };
        running
            .pump(stdin, &mut Output(stdout), false)
            .and_then(|_| running.end())
            .map_err(|error| Error::lost(&self.host, command, error.to_string()))
    }

    fn ask(
        &mut self,
        command: &Command,
        question: &mut dyn Read,
        answer: &mut dyn Answer,
    ) -> Result<Option<Ended>, Error> {
        let mut running = match self.kept(command) {
            Some(running) => running,
            None => match self.start(command)? {
                Started::Running(running) => running,
                Started::Ended(ended) => return Ok(Some(ended)),
            },
        };
        let lost = |error: io::Error| Error::lost(&self.host, command, error.to_string());
        match running.pump(question, answer, true).map_err(lost)? {
            Reached::End => return running.end().map(Some).map_err(lost),
            Reached::Answer => self.kept = Some((command.clone(), running)),
            Reached::EarlyAnswer => running.leave(),
        }
        Ok(None)
    }

    fn host(&self) -> &str {
        &self.host
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if let Some((_, mut running)) = self.kept.take() {
            running.leave();
        }
    }
}

/// Where a command is when its bytes were moved.
enum Reached {
    /// It has closed its outputs.
    End,
    /// It has taken everything, and its answer is whole.
    Answer,
    /// Its answer is whole, though there was more to take.
    EarlyAnswer,
}

impl Running {
    /// Moves bytes as far as they go. A command whose bytes can't be moved is stopped.
    fn pump(
        &mut self,
        stdin: &mut dyn Read,
        stdout: &mut dyn Answer,
        keeps: bool,
    ) -> io::Result<Reached> {
        let moved = pump(&mut self.pipes, stdin, stdout, &mut self.tail, keeps);
        if moved.is_err() {
            stop(&mut self.child, Some(Signal::INT));
        }
        moved
    }

    fn end(&mut self) -> io::Result<Ended> {
        let status = self.child.wait()?;
        Ok(ended(status, std::mem::take(&mut self.tail).into_text()))
    }

    /// Closes its input, at which it ends.
    fn leave(&mut self) {
        self.pipes = Pipes::default();
        stop(&mut self.child, None);
    }
}

fn missing(program: &str, error: &io::Error) -> Option<Ended> {
    let code = match error.kind() {
        ErrorKind::NotFound => 127,
        ErrorKind::PermissionDenied => 126,
        _ => return None,
    };
    let stderr = format!("{program}: {error}\n");
    Some(Ended::Exited { code, stderr })
}

fn ended(status: ExitStatus, stderr: String) -> Ended {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Exited { code, stderr },
        (None, number) => Ended::Signalled {
            signal: signal::name(number.unwrap_or_default()),
            stderr,
        },
    }
}

/// How long a child has to clean up.
const GRACE: Duration = Duration::from_secs(5);

/// Ends the child's whole process group, with a signal or by itself, then by force. That it is already gone is as good.
fn stop(child: &mut Child, how: Option<Signal>) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let signal = |signal| group.map(|group| kill_process_group(group, signal).ok());
    how.map(signal);
    let deadline = Instant::now() + GRACE;
    while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
    }
    signal(Signal::KILL);
    child.wait().ok();
}

/// The child's pipes that are still open.
#[derive(Debug, Default)]
struct Pipes {
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
}

/// Moves bytes until the child and what it left behind have closed both outputs, or until the answer is whole of a child
/// that is kept.
///
/// One thread and poll(2): the caller's reader and writer need not be sendable, and a child that stops reading can't
/// block us, because our ends never block.
fn pump(
    pipes: &mut Pipes,
    stdin: &mut dyn Read,
    stdout: &mut dyn Answer,
    tail: &mut Tail,
    keeps: bool,
) -> io::Result<Reached> {
    pipes.never_block()?;
    let mut outgoing = Outgoing::new(stdin);
    let mut buffer = vec![0; 64 << 10];
    while pipes.stdout.is_some() || pipes.stderr.is_some() {
        let sends = !outgoing.peek()?.is_empty();
        if keeps && stdout.is_whole() {
            return Ok(if sends {
                Reached::EarlyAnswer
            } else {
                Reached::Answer
            });
        }
        if !sends && !keeps {
            pipes.stdin = None;
        }
        pipes.wait(sends)?;
        if sends
            && let Some(pipe) = &mut pipes.stdin
            && !send(pipe, &mut outgoing)?
        {
            pipes.stdin = None;
        }
        if let Some(pipe) = &mut pipes.stdout
            && !receive(pipe, &mut buffer, |bytes| stdout.write_all(bytes))?
        {
            pipes.stdout = None;
        }
        if let Some(pipe) = &mut pipes.stderr
            && !receive(pipe, &mut buffer, |bytes| {
                tail.push(bytes);
                Ok(())
            })?
        {
            pipes.stderr = None;
        }
    }
    // A command may close its outputs and go on reading.
    while let Some(pipe) = &mut pipes.stdin {
        if send(pipe, &mut outgoing)? {
            pipes.wait(true)?;
        } else {
            pipes.stdin = None;
        }
    }
    stdout.flush()?;
    Ok(Reached::End)
}

impl Pipes {
    fn of(child: &mut Child) -> Self {
        Self {
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
        }
    }

    fn never_block(&self) -> io::Result<()> {
        let stdin = self.stdin.as_ref().map(AsFd::as_fd);
        let stdout = self.stdout.as_ref().map(AsFd::as_fd);
        let stderr = self.stderr.as_ref().map(AsFd::as_fd);
        for pipe in [stdin, stdout, stderr].into_iter().flatten() {
            ioctl_fionbio(pipe, true)?;
        }
        Ok(())
    }

    /// Waits until there is something to take, or room for what is to be sent.
    fn wait(&self, sends: bool) -> io::Result<()> {
        let stdin = self
            .stdin
            .iter()
            .filter(|_| sends)
            .map(|pipe| PollFd::new(pipe, PollFlags::OUT));
        let stdout = self
            .stdout
            .iter()
            .map(|pipe| PollFd::new(pipe, PollFlags::IN));
        let stderr = self
            .stderr
            .iter()
            .map(|pipe| PollFd::new(pipe, PollFlags::IN));
        let mut open: Vec<_> = stdin.chain(stdout).chain(stderr).collect();
        match poll(&mut open, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Sends what fits; false when there is no more to send or nobody to read it.
fn send(pipe: &mut ChildStdin, outgoing: &mut Outgoing<'_>) -> io::Result<bool> {
    let bytes = outgoing.peek()?;
    if bytes.is_empty() {
        return Ok(false);
    }
    match pipe.write(bytes) {
        Ok(count) => outgoing.advance(count),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(false),
        Err(error) if waits(&error) => {}
        Err(error) => return Err(error),
    }
    Ok(true)
}

/// Takes what is there; false at the end.
fn receive(
    pipe: &mut impl Read,
    buffer: &mut [u8],
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<bool> {
    match pipe.read(buffer) {
        Ok(0) => Ok(false),
        Ok(count) => take(&buffer[..count]).map(|()| true),
        Err(error) if waits(&error) => Ok(true),
        Err(error) => Err(error),
    }
}

fn waits(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
