//! A host over ssh: one session, a channel a command. The channel of a command that is asked again and again stays open.

use super::{
    Another, Answer, Credentials, Error, Transport, Unattended, auth, dialogue,
    error::Failure,
    host_key::HostKey,
    host_key_policy::Policy,
    offer,
    prompter::Prompter,
    pump::{Patience, Pump, Reached, is_gone},
    ssh_options::Options,
    stdio::{Output, Tail},
    stream::{self, Hop},
};
use crate::host::{Command, Ended};
use ssh2::{Channel, ErrorCode, MethodType, Session};
use std::{
    env, fmt,
    io::{ErrorKind, Read, Write},
    os::fd::{AsFd as _, OwnedFd},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// How long opening a channel may take: two answers of the server.
const CHANNEL_TIMEOUT: Duration = Duration::from_secs(60);

/// `LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED`: the server answered, and said no.
const REQUEST_DENIED: ErrorCode = ErrorCode::Session(-22);

/// `LIBSSH2_ERROR_CHANNEL_FAILURE`: the server opens no channel.
const NO_CHANNEL: ErrorCode = ErrorCode::Session(-21);

/// `LIBSSH2_ERROR_KEX_FAILURE`: nothing was agreed on, or the server hung up before.
const NO_AGREEMENT: ErrorCode = ErrorCode::Session(-5);

/// How long a server that lets us have few sessions (`MaxSessions`) is given to see that one of ours has ended: its command
/// has to end first.
const SESSIONS_END: Duration = Duration::from_secs(10);

/// libssh2 sends no two keep-alive questions within 2 s of its own clock, which is not quite poll's.
const LEAST_ALIVE_INTERVAL: Duration = Duration::from_millis(2500);

/// The longest command line; it has to fit into one packet (RFC 4253, 6.1: 32,768 bytes).
const LONGEST_LINE: usize = 32_000;

/// A command that waits for its next question.
struct Kept {
    command: Command,
    channel: Channel,
    tail: Tail,
}

/// How the host was reached.
struct Way {
    options: Options,
    file: Option<PathBuf>,
    pinned: Option<String>,
}

/// A connection that is logged in.
pub struct Ssh {
    host: String,
    session: Session,
    /// The session's socket once more, to wait on.
    socket: OwnedFd,
    patience: Patience,
    lost: bool,
    /// Whether a channel was open before.
    opened: bool,
    kept: Option<Kept>,
    way: Arc<Way>,
    // Last: it must outlive the session's goodbye.
    hop: Option<Hop>,
}

impl Ssh {
    /// Connects to `host` as `options` say, checks its key and logs in. `file` is the ssh configuration that jumps use.
    ///
    /// # Errors
    /// [`Failure`] with what was tried; nothing ran.
    pub fn connect(
        host: &str,
        options: &Options,
        file: Option<&Path>,
        pinned: Option<&str>,
        prompter: &dyn Prompter,
    ) -> Result<Self, Failure> {
        let met = Self::meet(host, options, file, pinned, prompter)?;
        auth::log_in(&met.session, options, host, prompter)
            .map_err(|failure| met.say_where(failure))?;
        Ok(met)
    }

    /// Connects and checks the host's key.
    ///
    /// # Errors
    /// [`Failure`] with what was tried.
    pub fn meet(
        host: &str,
        options: &Options,
        file: Option<&Path>,
        pinned: Option<&str>,
        prompter: &dyn Prompter,
    ) -> Result<Self, Failure> {
        let policy = Policy::read(host, options, pinned)?;
        let stream = stream::open(options, file)?;
        let mut hop = stream.hop;
        let session = match handshake(stream.socket.try_clone(), options, file, &policy) {
            Ok(session) => session,
            Err(failure) => {
                let said = hop.as_mut().and_then(Hop::said);
                return Err(match said {
                    Some(said) => Failure {
                        message: format!("{said}; {}", failure.message),
                        hint: hop.as_ref().and_then(Hop::hint).or(failure.hint),
                        refused: failure.refused,
                    },
                    None => failure,
                });
            }
        };
        let met = Self {
            host: host.to_owned(),
            session,
            socket: stream.socket,
            patience: Patience {
                interval: options.alive_interval.max(LEAST_ALIVE_INTERVAL),
                count: options.alive_count,
            },
            lost: false,
            opened: false,
            kept: None,
            way: Arc::new(Way {
                options: options.clone(),
                file: file.map(Path::to_owned),
                pinned: pinned.map(str::to_owned),
            }),
            hop,
        };
        let key = met
            .session
            .host_key()
            .and_then(|(blob, _)| HostKey::from_blob(blob));
        let key = key.ok_or_else(|| Failure::new("the server showed no host key"))?;
        policy.check(&key, prompter)?;
        Ok(met)
    }

    /// Where a login was refused: the configuration may have led elsewhere than the name says.
    fn say_where(&self, mut failure: Failure) -> Failure {
        let Options { hostname, port, .. } = &self.way.options;
        failure.message += &format!("; it was asked at {hostname} port {port}");
        if let Some(hop) = &self.hop {
            failure.message += &format!(", by {}", hop.name());
        }
        failure
    }

    /// Opens a channel and starts the command on it.
    fn start(&mut self, command: &Command) -> Result<Channel, Error> {
        let not_started = |message: String| Error::not_started(&self.host, command, message);
        if command.argv().is_empty() {
            return Err(not_started("the command is empty".to_owned()));
        }
        // A login shell that stays beside it, as dash does, would tell a signal as an exit code.
        let line = format!("exec {}", command.shell_line());
        if line.len() > LONGEST_LINE || line.contains('\0') {
            return Err(not_started(format!(
                "its {} bytes are too many, or hold a NUL",
                line.len()
            )));
        }
        if self.lost {
            return Err(not_started("the connection was lost before".to_owned()));
        }
        let mut channel = self.channel().map_err(|error| {
            self.lost = is_gone(&error);
            Error::not_started(
                &self.host,
                command,
                format!("can't open a channel: {}", words(&error)),
            )
        })?;
        self.opened = true;
        match channel.exec(&line) {
            Ok(()) => Ok(channel),
            Err(error) if error.code() == REQUEST_DENIED => {
                Err(Error::not_started(&self.host, command, words(&error)))
            }
            // The request may have arrived though its answer didn't.
            Err(error) => {
                self.lost = true;
                Err(Error::lost(&self.host, command, words(&error)))
            }
        }
    }

    /// A channel. Where the server lets us have no more of them, the one that is kept has to go, and of those that ended
    /// it may not have seen yet that they did.
    fn channel(&mut self) -> Result<Channel, ssh2::Error> {
        let begun = Instant::now();
        let mut pause = Duration::from_millis(5);
        loop {
            match self.session.channel_session() {
                Err(error) if error.code() == NO_CHANNEL && self.opened => {
                    if begun.elapsed() > SESSIONS_END {
                        return Err(error);
                    }
                }
                done => return done,
            }
            // Freeing it closes it.
            if self.kept.take().is_none() {
                thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(500));
            }
        }
    }

    fn block_for(&self, time: Duration) {
        // libssh2 gives up at its next question for a sign of life, however long it may block.
        self.session.set_keepalive(true, 0);
        self.session.set_blocking(true);
        self.session
            .set_timeout(u32::try_from(time.as_millis()).unwrap_or(u32::MAX));
    }
}

impl Ssh {
    /// Moves the bytes of `asked` as far as they go.
    fn pump(
        &mut self,
        asked: Kept,
        stdin: &mut dyn Read,
        stdout: &mut dyn Answer,
        keeps: bool,
    ) -> Result<(Kept, Reached), Error> {
        let Kept {
            command,
            channel,
            tail,
        } = asked;
        self.session.set_blocking(false);
        // When a question is due is the pump's business, so libssh2 may send one at its least distance.
        self.session.set_keepalive(true, 2);
        let connection = (&self.session, self.socket.as_fd());
        let mut pump = Pump::new(
            connection,
            (channel, tail),
            stdin,
            stdout,
            keeps,
            self.patience,
        );
        let result = pump.run();
        let half_sent = pump.has_unfinished_packet();
        let reached = pump.reached();
        let (mut channel, tail) = (pump.channel, pump.tail);
        // Freeing the channel closes it, which a connection that is gone must not hold up.
        let ours = result
            .as_ref()
            .is_err_and(|error| !half_sent && error.kind() == ErrorKind::Other);
        self.block_for(Duration::from_millis(if result.is_ok() || ours {
            5000
        } else {
            1
        }));
        if let Err(error) = result {
            // What is half sent can't be taken back. Where only our own end of the bytes failed, and the server answers,
            // the session is of use still.
            self.lost = !ours || channel.close().is_err();
            return Err(Error::lost(&self.host, &command, error.to_string()));
        }
        let asked = Kept {
            command,
            channel,
            tail,
        };
        Ok((asked, reached))
    }

    /// How a command ended whose channel the server has closed.
    fn end(&mut self, asked: Kept) -> Result<Ended, Error> {
        let Kept {
            command,
            mut channel,
            tail,
        } = asked;
        ended(&channel, tail.into_text())
            .and_then(|ended| channel.close().map(|()| ended))
            .map_err(|error| {
                self.lost = true;
                Error::lost(&self.host, &command, words(&error))
            })
    }

    fn begin(&mut self, command: &Command) -> Result<Kept, Error> {
        self.block_for(CHANNEL_TIMEOUT);
        Ok(Kept {
            command: command.clone(),
            channel: self.start(command)?,
            tail: Tail::default(),
        })
    }

    /// The command that is kept, if it is `command` and has neither ended nor said anything since it answered.
    fn kept(&mut self, command: &Command) -> Option<Kept> {
        let mut kept = self.kept.take()?;
        self.session.set_blocking(false);
        let said = kept.channel.read(&mut [0]);
        let waits = said.is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
        if waits && kept.command == *command {
            return Some(kept);
        }
        // Freeing it closes it.
        self.block_for(Duration::from_secs(5));
        None
    }
}

impl Transport for Ssh {
    fn run(
        &mut self,
        command: &Command,
        stdin: &mut dyn Read,
        stdout: &mut dyn Write,
    ) -> Result<Ended, Error> {
        let begun = self.begin(command)?;
        let (begun, _) = self.pump(begun, stdin, &mut Output(stdout), false)?;
        self.end(begun)
    }

    fn ask(
        &mut self,
        command: &Command,
        question: &mut dyn Read,
        answer: &mut dyn Answer,
    ) -> Result<Option<Ended>, Error> {
        let asked = match self.kept(command) {
            Some(kept) => kept,
            None => self.begin(command)?,
        };
        let (asked, reached) = self.pump(asked, question, answer, true)?;
        match reached {
            Reached::Closed => return self.end(asked).map(Some),
            Reached::Answered => self.kept = Some(asked),
            // It waits for the rest of the question; freeing its channel closes that.
            Reached::AnsweredEarly => {}
        }
        Ok(None)
    }

    fn another(&self) -> Option<Another> {
        let (host, way) = (self.host.clone(), Arc::clone(&self.way));
        Some(Box::new(move || {
            let password = env::var("HOSTOUT_PASSWORD").ok();
            let answers = Credentials::new(password, None, &Unattended);
            let (file, pinned) = (way.file.as_deref(), way.pinned.as_deref());
            // Why not is of no interest: one way is there.
            let ssh = Self::connect(&host, &way.options, file, pinned, &answers).ok()?;
            Some(Box::new(ssh))
        }))
    }

    fn change_password(
        &mut self,
        answer: &mut dyn FnMut(&str) -> Option<String>,
    ) -> Result<(), Error> {
        self.block_for(CHANNEL_TIMEOUT);
        let command = Command::new(["passwd"]);
        dialogue::on_terminal(&self.session, answer)
            .map_err(|said| Error::not_started(&self.host, &command, said))
    }

    fn host(&self) -> &str {
        &self.host
    }
}

/// How the command ended, once the server has closed the channel. `exit_status` alone is 0 for a killed command too.
fn ended(channel: &Channel, stderr: String) -> Result<Ended, ssh2::Error> {
    if let Some(signal) = channel.exit_signal()?.exit_signal {
        return Ok(Ended::Signalled { signal, stderr });
    }
    let code = channel.exit_status()?;
    Ok(Ended::Exited { code, stderr })
}

impl Drop for Ssh {
    fn drop(&mut self) {
        // libssh2 says goodbye in blocking mode, and would wait for a server that is gone.
        self.block_for(Duration::from_millis(1));
        self.kept = None;
        if !self.lost {
            self.session.disconnect(None, "done", None).ok();
        }
    }
}

impl fmt::Debug for Ssh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ssh")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

fn handshake(
    socket: std::io::Result<OwnedFd>,
    options: &Options,
    file: Option<&Path>,
    policy: &Policy<'_>,
) -> Result<Session, Failure> {
    let failed =
        |error: ssh2::Error| Failure::new(format!("the ssh handshake failed: {}", words(&error)));
    let socket =
        socket.map_err(|error| Failure::new(format!("can't use the connection: {error}")))?;
    let mut session = Session::new().map_err(failed)?;
    let timeout = options.connect_timeout.as_millis();
    session.set_timeout(u32::try_from(timeout).unwrap_or(u32::MAX));
    let supported = session
        .supported_algs(MethodType::HostKey)
        .map_err(failed)?;
    let algorithms = policy.algorithms(&supported);
    if algorithms.is_empty() {
        return Err(Failure::new(
            "none of the configured HostKeyAlgorithms is supported",
        ));
    }
    session
        .method_pref(MethodType::HostKey, &algorithms)
        .map_err(failed)?;
    session.set_tcp_stream(socket);
    session.handshake().map_err(|error| {
        let differs = (error.code() == NO_AGREEMENT)
            .then(|| offer::disagreement(&session, options, file, &algorithms))
            .flatten();
        let hint = "does an ssh server listen on that port, and does it answer `ssh -v`?";
        differs.unwrap_or_else(|| failed(error).hint(hint))
    })?;
    Ok(session)
}

/// libssh2's words as a fragment.
fn words(error: &ssh2::Error) -> String {
    let text = error.message();
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => "no reason was given".to_owned(),
    }
}
