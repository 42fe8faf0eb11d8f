//! Moves a command's bytes over an ssh channel until the command has ended, or has answered.
//!
//! The session never blocks. libssh2 allows one unfinished packet on its way out, and whatever began it has to finish it
//! before anything else is tried: that is `stuck`. Reading one stream takes packets of the others off the socket too, so
//! we only wait when nothing is left inside libssh2.
//!
//! A command may be silent for hours, or not read for minutes; a server may not. When nothing was heard for a while the
//! server is asked for a sign of life, and the connection is lost when several such questions stay unanswered.

use super::{
    Answer,
    stdio::{Outgoing, Tail},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use ssh2::{BlockDirections, Channel, ErrorCode, Session};
use std::{
    io::{self, ErrorKind, Read, Write as _},
    os::fd::BorrowedFd,
    time::Duration,
};

/// How much is taken at once; a channel packet is at most 32 KiB.
const CHUNK: usize = 64 << 10;

/// When a server counts as gone.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long nothing is heard before it is asked.
    pub interval: Duration,
    /// How many questions may stay unanswered.
    pub count: u32,
}

/// A command's channel and everything that goes through it.
pub struct Pump<'a> {
    pub session: &'a Session,
    pub socket: BorrowedFd<'a>,
    pub channel: Channel,
    pub outgoing: Outgoing<'a>,
    pub stdout: &'a mut dyn Answer,
    pub tail: Tail,
    pub patience: Patience,
    /// Whether the command's input stays open, for what it is asked next.
    keeps: bool,
    buffer: Vec<u8>,
    state: State,
}

/// How far it is.
#[derive(Default)]
struct State {
    input_ended: bool,
    closed: bool,
    stuck: Option<Step>,
    unanswered: u32,
}

/// Where a command is when its bytes were moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It has ended, and the server has closed its channel.
    Closed,
    /// It has taken everything, and its answer is whole.
    Answered,
    /// Its answer is whole, though there was more to take.
    AnsweredEarly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Send,
    Stdout,
    Stderr,
    Close,
}

enum Moved {
    Something,
    Nothing,
    WouldBlock,
}

impl<'a> Pump<'a> {
    pub fn new(
        (session, socket): (&'a Session, BorrowedFd<'a>),
        (channel, tail): (Channel, Tail),
        stdin: &'a mut dyn Read,
        stdout: &'a mut dyn Answer,
        keeps: bool,
        patience: Patience,
    ) -> Self {
        Self {
            session,
            socket,
            channel,
            outgoing: Outgoing::new(stdin),
            stdout,
            tail,
            patience,
            keeps,
            buffer: vec![0; CHUNK],
            state: State::default(),
        }
    }

    /// Runs until the server has closed the channel, which it does after the command's end was reported; a command that is
    /// kept, until its answer is whole.
    ///
    /// # Errors
    /// When the connection is lost, or the caller's reader or writer fails.
    pub fn run(&mut self) -> io::Result<()> {
        while !self.state.closed {
            let more = self.turn()?;
            if self.keeps && self.stdout.is_whole() && !self.has_unfinished_packet() {
                break;
            }
            if !more && !self.state.closed {
                self.wait()?;
            }
        }
        self.stdout.flush()
    }

    /// How far it came.
    pub fn reached(&mut self) -> Reached {
        match self.outgoing.peek() {
            _ if self.state.closed => Reached::Closed,
            Ok([]) => Reached::Answered,
            Ok(_) | Err(_) => Reached::AnsweredEarly,
        }
    }

    /// Tries every step once, or the one that is stuck; whether another turn is worth it before waiting.
    fn turn(&mut self) -> io::Result<bool> {
        let all = [Step::Send, Step::Stdout, Step::Stderr, Step::Close];
        let steps = match self.state.stuck.take() {
            Some(step) => vec![step],
            None => all.to_vec(),
        };
        let only = steps.len() == 1;
        let mut moved = only;
        for step in steps {
            match self.step(step)? {
                Moved::Something => moved = true,
                Moved::WouldBlock if self.has_unfinished_packet() => {
                    self.state.stuck = Some(step);
                    return Ok(false);
                }
                Moved::Nothing | Moved::WouldBlock => {}
            }
        }
        let held = self.channel.read_window().available > 0;
        let room = self.channel.write_window().remaining > 0;
        Ok(moved || held || (room && self.has_more_to_send()?))
    }

    /// Whether a packet of ours is half sent.
    pub fn has_unfinished_packet(&self) -> bool {
        let directions = self.session.block_directions();
        matches!(
            directions,
            BlockDirections::Outbound | BlockDirections::Both
        )
    }

    fn has_more_to_send(&mut self) -> io::Result<bool> {
        Ok(!self.state.input_ended && !self.outgoing.peek()?.is_empty())
    }

    fn step(&mut self, step: Step) -> io::Result<Moved> {
        match step {
            Step::Send => self.send(),
            Step::Stdout => self.receive(0),
            Step::Stderr => self.receive(ssh2::EXTENDED_DATA_STDERR),
            Step::Close => self.close(),
        }
    }

    fn send(&mut self) -> io::Result<Moved> {
        if self.state.input_ended {
            return Ok(Moved::Nothing);
        }
        let bytes = self.outgoing.peek()?;
        if bytes.is_empty() && self.keeps {
            return Ok(Moved::Nothing);
        }
        if bytes.is_empty() {
            let ended = moved(self.channel.send_eof().map_err(io::Error::from))?;
            self.state.input_ended = matches!(ended, Moved::Something);
            return Ok(ended);
        }
        match self.channel.write(bytes) {
            Ok(count) => {
                self.outgoing.advance(count);
                Ok(if count > 0 {
                    Moved::Something
                } else {
                    Moved::Nothing
                })
            }
            Err(error) => moved(Err(error)),
        }
    }

    fn receive(&mut self, stream: i32) -> io::Result<Moved> {
        match self.channel.stream(stream).read(&mut self.buffer) {
            Ok(0) => Ok(Moved::Nothing),
            Ok(count) if stream == 0 => {
                self.stdout.write_all(&self.buffer[..count])?;
                Ok(Moved::Something)
            }
            Ok(count) => {
                self.tail.push(&self.buffer[..count]);
                Ok(Moved::Something)
            }
            Err(error) => moved(Err(error)),
        }
    }

    /// The end of both outputs is not the end of the command, which may have closed them; the channel's end is.
    fn close(&mut self) -> io::Result<Moved> {
        if !self.channel.eof() {
            return Ok(Moved::Nothing);
        }
        let closed = moved(self.channel.wait_close().map_err(io::Error::from))?;
        self.state.closed = matches!(closed, Moved::Something);
        Ok(closed)
    }

    /// Waits for the socket, and asks for a sign of life when nothing comes.
    fn wait(&mut self) -> io::Result<()> {
        // When a packet of ours is stuck the server hears us, or it is gone: reading has to wait for it.
        let awaited = match self.state.stuck {
            Some(_) => PollFlags::OUT,
            None => PollFlags::IN,
        };
        let interval = Timespec {
            tv_sec: i64::try_from(self.patience.interval.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(self.patience.interval.subsec_nanos()),
        };
        match poll(&mut [PollFd::new(&self.socket, awaited)], Some(&interval)) {
            Ok(0) => self.ask(),
            Ok(_) => {
                self.state.unanswered = 0;
                Ok(())
            }
            Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn ask(&mut self) -> io::Result<()> {
        self.state.unanswered += 1;
        if self.state.unanswered > self.patience.count {
            let silence = self.patience.interval * self.state.unanswered;
            let message = format!("the server was silent for {} s", silence.as_secs());
            return Err(io::Error::new(ErrorKind::TimedOut, message));
        }
        // A question that doesn't fit would be a packet nobody finishes.
        let mut room = [PollFd::new(&self.socket, PollFlags::OUT)];
        if self.state.stuck.is_none() && poll(&mut room, Some(&Timespec::default()))? > 0 {
            self.session.keepalive_send().map_err(io::Error::from)?;
        }
        Ok(())
    }
}

fn moved(result: io::Result<()>) -> io::Result<Moved> {
    match result {
        Ok(()) => Ok(Moved::Something),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Moved::WouldBlock),
        Err(error) => Err(error),
    }
}

/// Whether the connection itself is gone, not only something at its ends.
pub fn is_gone(error: &ssh2::Error) -> bool {
    // LIBSSH2_ERROR_SOCKET_SEND, TIMEOUT, SOCKET_DISCONNECT, SOCKET_TIMEOUT, SOCKET_RECV.
    matches!(error.code(), ErrorCode::Session(-7 | -9 | -13 | -30 | -43))
}
