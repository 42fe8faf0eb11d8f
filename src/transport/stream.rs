//! The bytes under an ssh session: a TCP connection, or a proxy process on a socket pair.

use super::{
    error::Failure,
    ssh_options::{Options, Proxy},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{Errno, FdFlags, fcntl_setfd, ioctl_fionbio},
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketType, bind,
        connect, recvmsg, socket, sockopt::socket_error,
    },
    process::{Pid, Signal, kill_process_group},
};
use std::{
    env,
    fs::File,
    io::{self, ErrorKind, IoSliceMut, Read as _, Seek as _, SeekFrom},
    mem::MaybeUninit,
    net::{SocketAddr, TcpStream, ToSocketAddrs as _},
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::CommandExt as _},
    },
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How much of what a proxy said is shown.
const SHOWN: i64 = 2048;

/// The time from one try to the next.
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

/// A connected socket, and the process behind it if it is a proxy's.
pub struct Stream {
    pub socket: OwnedFd,
    pub hop: Option<Hop>,
}

/// A running proxy. It ends with us.
pub struct Hop {
    child: Child,
    stderr: File,
    name: String,
}

/// Connects as the options say.
///
/// # Errors
/// When nobody answers, as often as the options say.
pub fn open(options: &Options, file: Option<&Path>) -> Result<Stream, Failure> {
    match &options.proxy {
        None => Ok(Stream {
            socket: tries(options)?.into(),
            hop: None,
        }),
        Some(proxy) => through(proxy, options, file),
    }
}

/// A host that restarts, or a name server that is silent for a moment, is asked again as `ConnectionAttempts` of
/// `ssh_config(5)` says: one try a second.
fn tries(options: &Options) -> Result<TcpStream, Failure> {
    let mut left = options.connection_attempts;
    loop {
        let began = Instant::now();
        let result = tcp(options);
        left -= 1;
        if result.is_ok() || left == 0 {
            return result;
        }
        thread::sleep(BETWEEN_TRIES.saturating_sub(began.elapsed()));
    }
}

/// Tries every address in turn; together they have the connect timeout, and each a fair part of it.
fn tcp(options: &Options) -> Result<TcpStream, Failure> {
    let Options { hostname, port, .. } = options;
    let resolved = (hostname.as_str(), *port)
        .to_socket_addrs()
        .map_err(|error| {
            Failure::new(format!("can't find the address of {hostname}: {error}"))
                .hint("check the spelling in `hosts`, or name the host in the ssh configuration")
        })?;
    let addresses: Vec<SocketAddr> = resolved
        .filter(|address| options.allows(address.ip()))
        .collect();
    let deadline = Instant::now() + options.connect_timeout;
    let mut tried = Vec::new();
    for (at, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let part = left / u32::try_from(addresses.len() - at).unwrap_or(1);
        match from(options, *address, part.max(Duration::from_millis(1))) {
            Ok(stream) => {
                let set = stream.set_nodelay(true);
                return set.map(|()| stream).map_err(|error| {
                    Failure::new(format!("can't use the connection to {address}: {error}"))
                });
            }
            Err(error) => tried.push(format!("{address}: {}", reason(&error))),
        }
    }
    if tried.is_empty() {
        return Err(Failure::new(format!(
            "{hostname} has no address that may be used"
        )));
    }
    let bound = options.bind_interface.as_ref().map(|interface| {
        format!("; BindInterface {interface} of the ssh configuration is passed over here")
    });
    Err(Failure::new(format!(
        "can't connect to {}{}",
        tried.join(", "),
        bound.unwrap_or_default()
    ))
    .hint("is the server up, sshd running, and the port right and open?"))
}

/// Connects to `address`, from the address that the configuration names.
fn from(options: &Options, address: SocketAddr, time: Duration) -> io::Result<TcpStream> {
    let Some(name) = &options.bind_address else {
        return TcpStream::connect_timeout(&address, time);
    };
    let mut own = (name.as_str(), 0).to_socket_addrs()?;
    let own = own
        .find(|own| own.is_ipv4() == address.is_ipv4())
        .ok_or_else(|| io::Error::new(ErrorKind::AddrNotAvailable, "no such BindAddress"))?;
    let family = if address.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    let socket = socket(family, SocketType::STREAM, None)?;
    fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
    bind(&socket, &own)?;
    ioctl_fionbio(&socket, true)?;
    match connect(&socket, &address) {
        Ok(()) => {}
        Err(Errno::INPROGRESS) => {
            let time = Timespec::try_from(time).map_err(|_| ErrorKind::TimedOut)?;
            if poll(&mut [PollFd::new(&socket, PollFlags::OUT)], Some(&time))? == 0 {
                return Err(ErrorKind::TimedOut.into());
            }
            socket_error(&socket)??;
        }
        Err(error) => return Err(error.into()),
    }
    ioctl_fionbio(&socket, false)?;
    Ok(socket.into())
}

/// The system's words without its error number.
fn reason(error: &io::Error) -> String {
    let text = error.to_string().to_lowercase();
    match text.split_once(" (os error") {
        Some((reason, _)) => reason.to_owned(),
        None => text,
    }
}

fn through(proxy: &Proxy, options: &Options, file: Option<&Path>) -> Result<Stream, Failure> {
    let (mut command, name) = match proxy {
        Proxy::Jump(jumps) => jump(jumps, options, file)?,
        Proxy::Command(line) | Proxy::Handing(line) => {
            let line = options.expand(line);
            let own = env::var_os("SHELL").filter(|shell| !shell.is_empty());
            let mut shell = Command::new(own.unwrap_or_else(|| "/bin/sh".into()));
            shell.arg("-c").arg(format!("exec {line}"));
            (shell, "ProxyCommand".to_owned())
        }
    };
    let failed = |error: io::Error| Failure::new(format!("can't start {name}: {error}"));
    let (ours, theirs) = UnixStream::pair().map_err(failed)?;
    let stderr = tempfile::tempfile().map_err(failed)?;
    let child = command
        .stdin(OwnedFd::from(theirs.try_clone().map_err(failed)?))
        .stdout(OwnedFd::from(theirs))
        .stderr(Stdio::from(stderr.try_clone().map_err(failed)?))
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    // Its ends of the pair are gone with it only then.
    drop(command);
    let mut hop = Hop {
        child,
        stderr,
        name,
    };
    let socket = if matches!(proxy, Proxy::Handing(_)) {
        let taken = handed_over(&ours, options.connect_timeout);
        taken.map_err(|error| {
            let said = hop
                .said()
                .map_or_else(String::new, |said| format!("{said}; "));
            Failure::new(format!(
                "{said}no connection came from the ProxyCommand, as ProxyUseFdpass says: {}",
                reason(&error)
            ))
        })?
    } else {
        ours.into()
    };
    Ok(Stream {
        socket,
        hop: Some(hop),
    })
}

/// The socket that a proxy has connected (`ssh_config(5)`, `ProxyUseFdpass`).
fn handed_over(from: &UnixStream, time: Duration) -> io::Result<OwnedFd> {
    from.set_read_timeout(Some(time))?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut with = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let mut bytes = [IoSliceMut::new(&mut byte)];
    recvmsg(from, &mut bytes, &mut with, RecvFlags::empty())?;
    let handed = with.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut sockets) => sockets.next(),
        _ => None,
    });
    let socket = handed.ok_or(ErrorKind::UnexpectedEof)?;
    fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
    Ok(socket)
}

/// `ssh -W` through the last jump, which is itself reached through those before it, as ssh does.
///
/// It may ask for nothing: it runs beside us, in a process group of its own so that a Ctrl-C doesn't cut it off.
fn jump(jumps: &str, options: &Options, file: Option<&Path>) -> Result<(Command, String), Failure> {
    let (before, last) = match jumps.rsplit_once(',') {
        Some((before, last)) => (Some(before), last),
        None => (None, jumps),
    };
    let destination = super::Destination::of_jump(last)
        .map_err(|error| Failure::new(format!("ProxyJump: {error}")))?;
    let mut command = Command::new("ssh");
    if let Some(file) = file {
        command.arg("-F").arg(file);
    }
    command.args(["-o", "BatchMode=yes"]);
    let timeout = options.connect_timeout.as_secs().max(1);
    command.arg("-o").arg(format!("ConnectTimeout={timeout}"));
    if let Some(before) = before {
        command.args(["-J", before]);
    }
    let host = match &destination {
        super::Destination::Local => "local",
        super::Destination::Ssh { user, host, port } => {
            if let Some(user) = user {
                command.args(["-l", user]);
            }
            if let Some(port) = port {
                command.args(["-p", &port.to_string()]);
            }
            host
        }
    };
    command
        .arg("-W")
        .arg(format!("[{}]:{}", options.hostname, options.port));
    command.args(["--", host]);
    Ok((command, format!("the jump through {destination}")))
}

impl Hop {
    /// What it is, e.g. `the jump through jump1`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What to do about one that fails.
    pub fn hint(&self) -> Option<String> {
        let jump = self.name.strip_prefix("the jump through ")?;
        Some(format!(
            "make `ssh {jump}` work first: nothing is asked on a jump, so that its key has to be in your agent or without a passphrase"
        ))
    }

    /// What went wrong, in the proxy's own words, if it said any.
    pub fn said(&mut self) -> Option<String> {
        // It may still be writing its last line.
        let deadline = Instant::now() + Duration::from_secs(1);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        let mut text = Vec::new();
        let end = self.stderr.seek(SeekFrom::End(0)).ok()?;
        let begin = i64::try_from(end).ok()?.saturating_sub(SHOWN).max(0);
        self.stderr
            .seek(SeekFrom::Start(begin.unsigned_abs()))
            .ok()?;
        self.stderr.read_to_end(&mut text).ok()?;
        let said = last_words(&String::from_utf8_lossy(&text))?;
        Some(format!("{}: {said}", self.name))
    }
}

/// The line that says what went wrong, which is the last one but for what ssh ends with then; after it those before.
fn last_words(text: &str) -> Option<String> {
    let lines = text.lines().map(str::trim);
    let mut lines: Vec<&str> = lines
        .filter(|line| line.contains(char::is_alphanumeric))
        .collect();
    let is_end =
        |line: &str| line == "stdio forwarding failed" || line.ends_with("UNKNOWN port 65535");
    while lines.len() > 1 && lines.last().is_some_and(|line| is_end(line)) {
        lines.pop();
    }
    let last = lines.pop()?;
    Some(if lines.is_empty() {
        last.to_owned()
    } else {
        format!("{last} (and before: {})", lines.join("; "))
    })
}

impl Drop for Hop {
    fn drop(&mut self) {
        // Its whole group: a ProxyCommand may have children. That they are already gone is as good.
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            kill_process_group(group, Signal::TERM).ok();
        }
        let deadline = Instant::now() + Duration::from_millis(200);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_s_last_words_come_first() {
        let said = |text: &str| last_words(text).unwrap_or_default();
        assert_eq!(said(""), "");
        let denied = "a@j1: Permission denied (publickey).";
        assert_eq!(said(&format!("{denied}\r\n")), denied);
        assert_eq!(
            said("channel 0: open failed: connect failed: refused\r\nstdio forwarding failed\r\n"),
            "channel 0: open failed: connect failed: refused"
        );
        assert_eq!(
            said(&format!(
                "@@@@\nWelcome\n{denied}\nConnection closed by UNKNOWN port 65535\n"
            )),
            format!("{denied} (and before: Welcome)")
        );
    }
}
