//! A conversation of git with a remote: watched while it goes on, and cut off when nothing comes any more.

use super::{Git, Patience, Result, git::PROMPT};
use crate::process::{self, Running};
use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
    process::{ExitStatus, Output},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, channel},
    },
    thread,
    time::{Duration, Instant},
};

/// How long what a git printed is waited for that was cut off: something that it started may keep the pipe open.
const REST: Duration = Duration::from_secs(1);

/// How a conversation with a remote went.
pub(super) struct Talk {
    pub(super) output: Output,
    /// Whether the remote said anything.
    pub(super) answered: bool,
    /// Why it was ended by us.
    pub(super) cut: Option<Cut>,
}

/// Why a conversation was ended by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// There were no first words in time.
    Silent,
    /// There were, and then nothing more.
    Stalled,
    /// A person asked for it.
    Stopped,
}

impl Cut {
    /// In words, where git itself had none.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Silent => "no answer",
            Self::Stalled => "it stopped in the middle of an answer",
            Self::Stopped => "interrupted",
        }
    }
}

impl Talk {
    /// What git said of a conversation that failed: its standard error without progress. Why it was cut off comes first.
    pub(super) fn words(&self) -> String {
        let said = without_progress(&String::from_utf8_lossy(&self.output.stderr));
        match self.cut {
            Some(cut) if said.trim().is_empty() => cut.words().to_owned(),
            Some(cut) if cut != Cut::Silent => format!("{}\n{said}", cut.words()),
            _ => said,
        }
    }
}

impl Git {
    /// Talks with a remote. `GIT_TRACE_PACKET` goes to a scratch file, which shows the remote's first answer as it comes;
    /// exit status and output only tell when all is over. It holds reference names, no secrets. What it doesn't show, the
    /// objects themselves, shows as progress: `arguments` ask for that.
    pub(super) fn talk(&self, arguments: &[&str], patience: Patience) -> Result<Talk> {
        let (trace, mut command) = self.traced(arguments, patience)?;
        // A group of its own, so that ssh and git's helpers end with it. With prompts it must stay in the terminal's
        // foreground group.
        let started = if patience.prompts {
            Running::start_beside_us(&mut command)
        } else {
            Running::start(&mut command)
        };
        let talk = |mut running: Running| {
            let streams = running.streams();
            let stdout = Pipe::read(streams.stdout.take());
            let stderr = Pipe::read(streams.stderr.take());
            let came = || {
                let length = fs::metadata(trace.path()).map_or(0, |file| file.len());
                (length, stderr.length())
            };
            let (status, cut) = wait(running, patience, trace.path(), came)?;
            Ok(Talk {
                output: Output {
                    status,
                    stdout: stdout.rest(cut)?,
                    stderr: stderr.rest(cut)?,
                },
                answered: spoke(trace.path()),
                cut,
            })
        };
        started.and_then(talk).map_err(Self::failed)
    }
}

/// What comes out of a child, read while it runs.
struct Pipe {
    bytes: Arc<Mutex<Vec<u8>>>,
    end: Receiver<io::Result<()>>,
}

impl Pipe {
    fn read(from: Option<impl Read + Send + 'static>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (tell, end) = channel();
        let into = Arc::clone(&bytes);
        thread::spawn(move || {
            let read = from.map_or(Ok(()), |mut from| {
                let mut some = [0; 1 << 13];
                loop {
                    match from.read(&mut some) {
                        Ok(0) => return Ok(()),
                        Ok(length) => into
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .extend(&some[..length]),
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) => return Err(error),
                    }
                }
            });
            // Nobody may wait for it any more.
            tell.send(read).ok();
        });
        Self { bytes, end }
    }

    fn length(&self) -> usize {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.len()
    }

    /// All of it; of one that was `cut` off what came until now.
    fn rest(&self, cut: Option<Cut>) -> io::Result<Vec<u8>> {
        if cut.is_some() {
            self.end.recv_timeout(REST).ok();
        } else {
            let died = |_| Err(io::Error::other("the reader died"));
            self.end.recv().unwrap_or_else(died)?;
        }
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut bytes))
    }
}

/// Waits for the end of git, and ends it when the remote says nothing for too long, or nothing more: `came` is how much came
/// until now.
fn wait<T: PartialEq>(
    mut running: Running,
    patience: Patience,
    trace: &Path,
    came: impl Fn() -> T,
) -> io::Result<(ExitStatus, Option<Cut>)> {
    let limit = if patience.prompts {
        PROMPT.max(patience.answer)
    } else {
        patience.answer
    };
    let mut answered = false;
    let (mut last, mut since) = (came(), Instant::now());
    let begin = since;
    loop {
        if let Some(status) = running.try_wait()? {
            return Ok((status, None));
        }
        answered = answered || spoke(trace);
        let now = came();
        if now != last {
            (last, since) = (now, Instant::now());
        }
        let asked = process::asked();
        let cut = if asked > 1 || (patience.interruptible && asked > 0) {
            Some(Cut::Stopped)
        } else if !answered && begin.elapsed() > limit {
            Some(Cut::Silent)
        } else if answered && since.elapsed() > patience.stall {
            Some(Cut::Stalled)
        } else {
            None
        };
        if cut.is_some() {
            return Ok((running.end()?, cut));
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Whether the trace shows a packet that came in: `… packet:  push< …`; what git says itself has a `>`.
fn spoke(trace: &Path) -> bool {
    let mut start = Vec::new();
    let file = File::open(trace).and_then(|file| file.take(1 << 16).read_to_end(&mut start));
    let text = String::from_utf8_lossy(&start);
    file.is_ok()
        && text.lines().any(|line| {
            let packet = line.split_once("packet:").map_or("", |(_, packet)| packet);
            let arrow = packet.find(['<', '>']);
            arrow.is_some_and(|at| packet.as_bytes()[at] == b'<')
        })
}

/// How git begins what it counts at the end of a push, besides its progress (`pack-objects.c`).
const COUNTED: [&str; 2] = ["Total ", "Delta compression using "];

/// `text` without what git and the remote's git tell of their progress.
fn without_progress(text: &str) -> String {
    let lines = text.lines().filter_map(|line| {
        let told = line.split('\r').filter(|part| !is_progress(part));
        let told: Vec<&str> = told.filter(|part| !part.trim().is_empty()).collect();
        (!told.is_empty() || line.is_empty()).then(|| told.join("\n"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// `Counting objects: 5`, `Writing objects:  33% (1/3)`, `remote: Resolving deltas: 100% (1/1), done.` (`progress.c`).
fn is_progress(part: &str) -> bool {
    let part = part.strip_prefix("remote: ").unwrap_or(part).trim();
    if COUNTED.iter().any(|begin| part.starts_with(begin)) {
        return true;
    }
    let Some((title, rest)) = part.split_once(": ") else {
        return false;
    };
    let count = rest.trim_start();
    let digits = count.trim_start_matches(|c: char| c.is_ascii_digit());
    let title = title.ends_with(" objects") || title.ends_with(" deltas");
    title && digits.len() < count.len() && (digits.is_empty() || digits.starts_with(['%', ',']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{
        Error, Fetched, fetch, push,
        testing::{Lab, impatient},
    };
    use std::{io::Write as _, net::TcpListener};

    /// A git server that tells of its references, none, and then says nothing more.
    fn stalling() -> String {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        thread::spawn(move || {
            let mut kept = Vec::new();
            for client in server.incoming() {
                let mut client = client.unwrap();
                let line = format!(
                    "{} capabilities^{{}}\0report-status atomic\n",
                    "0".repeat(40)
                );
                write!(client, "{:04x}{line}0000", line.len() + 4).unwrap();
                kept.push(client);
            }
        });
        format!("git://{address}/x")
    }

    #[test]
    fn a_remote_that_stops_in_the_middle_of_an_answer_is_given_up() {
        let lab = Lab::new();
        lab.ledger();
        let patience = Patience {
            stall: Duration::from_millis(400),
            ..impatient()
        };
        let begin = Instant::now();
        let error = push(&lab.child(), &stalling(), [], "hostout", patience).unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error}");
        assert!(error.to_string().contains(Cut::Stalled.words()), "{error}");
        assert!(begin.elapsed().as_secs() < 60, "{:?}", begin.elapsed());
    }

    #[test]
    fn objects_that_take_longer_than_a_stall_are_waited_for() {
        let lab = Lab::new();
        lab.bare_remote();
        lab.ledger();
        let slow = "cat > /dev/null; for i in 1 2 3 4 5 6; do echo still here >&2; sleep 0.2; done";
        Lab::script(&lab.path().join("remote.git/hooks/pre-receive"), slow);
        let patience = Patience {
            stall: Duration::from_millis(900),
            ..impatient()
        };
        push(&lab.child(), "origin", [], "hostout", patience).unwrap();
        let fetched = fetch(&lab.repo(), &lab.child(), "origin", "hostout", patience).unwrap();
        assert_eq!(fetched, Fetched::Same);
    }

    #[test]
    fn progress_is_no_message() {
        let text = "Enumerating objects: 3, done.\nCounting objects:  33% (1/3)\rCounting objects: 100% (3/3), done.\n\
                    Delta compression using up to 2 threads\nTotal 3 (delta 0), reused 0 (delta 0)\n\
                    remote: Errors: 3        \nremote: Resolving deltas:   0% (0/1)\rremote: Resolving deltas: 100% (1/1), done.\n\
                    fatal: the remote end hung up\n";
        assert_eq!(
            without_progress(text),
            "remote: Errors: 3        \nfatal: the remote end hung up"
        );
    }
}
