//! Child processes that end with us.

use super::register::{Member, register};
use rustix::{
    io::Errno,
    process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid},
    termios::tcgetattr,
};
use std::{
    io::{self, Read},
    os::unix::process::CommandExt as _,
    process::{Child, Command, ExitStatus, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long a child has to clean up before it is killed.
const GRACE: Duration = Duration::from_secs(3);
/// How long until a child beside us is asked again.
const AGAIN: Duration = Duration::from_millis(200);

/// A child process; dropped while it runs, it is ended.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// Nothing once its end is known.
    member: Option<Member>,
}

impl Running {
    /// Starts a command in a process group of its own: a Ctrl-C reaches it, and what it starts, through us only. It cannot
    /// read from the terminal.
    ///
    /// # Errors
    /// The operating system's.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        Self::spawn(command.process_group(0), true, false)
    }

    /// Starts a command in our own process group, where it may ask on the terminal.
    ///
    /// # Errors
    /// The operating system's.
    pub fn start_beside_us(command: &mut Command) -> io::Result<Self> {
        Self::spawn(command, false, false)
    }

    /// The same for one that may be ended at any moment: a signal does even when something visible has begun, and the
    /// terminal shows what is typed then.
    ///
    /// # Errors
    /// The operating system's.
    pub fn start_disposable_beside_us(command: &mut Command) -> io::Result<Self> {
        Self::spawn(command, false, true)
    }

    fn spawn(command: &mut Command, leads: bool, disposable: bool) -> io::Result<Self> {
        let mut register = register();
        if disposable {
            register.terminal = tcgetattr(io::stderr()).ok();
        }
        let child = command.spawn()?;
        let member = pid(&child).map(|pid| Member {
            pid,
            leads,
            disposable,
        });
        register.children.extend(member);
        Ok(Self { child, member })
    }

    /// Its standard streams.
    pub fn streams(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// The operating system's.
    pub fn wait(mut self) -> io::Result<ExitStatus> {
        self.ended(WaitIdOptions::EXITED)?;
        self.child.wait()
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// The operating system's.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.ended(WaitIdOptions::EXITED | WaitIdOptions::NOHANG)?;
        self.child.try_wait()
    }

    /// Ends it with all that it started, and waits for that.
    ///
    /// # Errors
    /// The operating system's.
    pub fn end(mut self) -> io::Result<ExitStatus> {
        self.stop();
        self.child.wait()
    }

    /// Reads what it prints to its end, standard output and error apart.
    ///
    /// # Errors
    /// The operating system's.
    pub fn output(mut self) -> io::Result<Output> {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let (out, err) = (self.child.stdout.take(), self.child.stderr.take());
        thread::scope(|scope| {
            let errors = scope.spawn(|| read(err, &mut stderr));
            read(out, &mut stdout)?;
            errors
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("the reader died")))
        })?;
        let status = self.wait()?;
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    }

    /// Looks whether it ended. It leaves the register before its id is free for others.
    fn ended(&mut self, options: WaitIdOptions) -> io::Result<()> {
        let Some(member) = self.member else {
            return Ok(());
        };
        let options = options | WaitIdOptions::NOWAIT;
        let ended = loop {
            match waitid(WaitId::Pid(member.pid), options) {
                Err(Errno::INTR) => {}
                other => break other?,
            }
        };
        if ended.is_some() {
            self.forget();
        }
        Ok(())
    }

    fn forget(&mut self) {
        if let Some(member) = self.member.take() {
            let mut register = register();
            register.children.retain(|other| *other != member);
            if member.disposable {
                register.terminal = None;
            }
        }
    }

    fn stop(&mut self) {
        if let Some(member) = self.member {
            end(&[member]);
            self.forget();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.member.is_some() {
            self.stop();
            // It has ended; there is nobody to tell how.
            self.child.wait().ok();
        }
    }
}

/// Runs a command to its end with nothing to read, and gives what it printed.
///
/// # Errors
/// The operating system's.
pub fn output(command: &mut Command) -> io::Result<Output> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Running::start(command)?.output()
}

/// Ends children with all that is in their groups: asked first, killed after [`GRACE`] or when they have ended themselves.
///
/// Those beside us are asked again and again, as a signal is lost on a program that has just shown its question and not
/// begun to read (readpassphrase(3)): a terminal's Ctrl-C too.
pub(super) fn end(children: &[Member]) {
    let deadline = Instant::now() + GRACE;
    for kind in [Signal::TERM, Signal::KILL] {
        for member in children {
            // That it is already gone is as good.
            if member.leads {
                kill_process_group(member.pid, kind).ok();
            } else {
                kill_process(member.pid, kind).ok();
            }
        }
        let mut asked = Instant::now();
        while !children.iter().copied().all(ended) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
            if asked.elapsed() > AGAIN {
                asked = Instant::now();
                let beside = children.iter().filter(|member| !member.leads);
                for member in beside {
                    kill_process(member.pid, kind).ok();
                }
            }
        }
    }
}

/// Whether a child ended, or is no child any more. Its id is still its own: whoever started it waits for it.
fn ended(member: Member) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(
        waitid(WaitId::Pid(member.pid), options),
        Ok(None) | Err(Errno::INTR)
    )
}

fn pid(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

fn read(pipe: Option<impl Read>, bytes: &mut Vec<u8>) -> io::Result<()> {
    pipe.map_or(Ok(0), |mut pipe| pipe.read_to_end(bytes))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn both_outputs_are_read_however_long_they_are() {
        let output = output(&mut shell("seq 50000; seq 50000 >&2; exit 3")).unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(output.stdout.len(), output.stderr.len());
        assert!(output.stdout.ends_with(b"50000\n"));
    }

    #[test]
    fn it_ends_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let mut command = shell("trap '' TERM; sleep 600 & echo $! > pid; wait");
        let running = Running::start(command.current_dir(folder.path())).unwrap();
        let grandchild = loop {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            if let Ok(pid) = text.trim().parse::<i32>() {
                break Pid::from_raw(pid).unwrap();
            }
            thread::sleep(Duration::from_millis(5));
        };
        drop(running);
        let deadline = Instant::now() + Duration::from_secs(60);
        let state = || {
            let file = format!("/proc/{}/stat", grandchild.as_raw_pid());
            std::fs::read_to_string(file).unwrap_or_default()
        };
        // Where nobody reaps orphans it stays as a zombie.
        while !state().is_empty() && !state().contains(" Z ") {
            assert!(Instant::now() < deadline, "{}", state());
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn an_end_is_found_without_waiting() {
        let mut running = Running::start(&mut shell("exit 7")).unwrap();
        let status = loop {
            if let Some(status) = running.try_wait().unwrap() {
                break status;
            }
            thread::sleep(Duration::from_millis(5));
        };
        assert_eq!(status.code(), Some(7));
    }
}
