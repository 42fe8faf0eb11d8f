//! Ctrl-C: ends everything at once while nothing is visible yet; later the first one ends what may end at any moment and
//! stops between two steps, and the second one no longer waits.
//!
//! A terminal's Ctrl-C reaches git and us, and git forwards it: it arrives twice within half a millisecond. So signals
//! within [`ONE`] are one.

use super::{
    child,
    register::{Register, register},
};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::{
    fs,
    io::{self, Read as _},
    os::unix::net::UnixStream,
    path::Path,
    sync::{
        MutexGuard,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Signals this close together are one.
const ONE: Duration = Duration::from_millis(500);
/// How often a scratch folder is removed again, because a thread was just writing into it.
const TRIES: u32 = 100;

static COUNT: AtomicU32 = AtomicU32::new(0);

/// From now on SIGINT, SIGTERM and SIGHUP end the program in good order: `farewell` has the last word, and gives the exit
/// code. A signal that was ignored when we were started (`nohup`) still is.
///
/// # Errors
/// The operating system's.
pub fn listen(farewell: impl FnOnce() -> u8 + Send + 'static) -> io::Result<()> {
    // One byte a signal: a handler may do little else (signal-safety(7)).
    let (ours, theirs) = UnixStream::pair()?;
    let ignored = ignored();
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        if ignored & (1 << (signal - 1)) == 0 {
            signal_hook::low_level::pipe::register(signal, theirs.try_clone()?)?;
        }
    }
    thread::Builder::new().spawn(move || attend(ours, farewell))?;
    Ok(())
}

/// From now on signals are only counted: something visible is done, step by step. When a signal came before, this never
/// returns.
pub fn begin() {
    register().begun = true;
}

/// How often somebody wanted us to stop, since [`begin`].
pub fn asked() -> u32 {
    COUNT.load(Ordering::Relaxed)
}

/// Lets the last word be ours: does `report` unless the program is being stopped, which has a last word of its own.
pub fn reporting<T>(report: impl FnOnce() -> T) -> T {
    let _register = register();
    report()
}

/// Asks for something that is not shown while it is typed; whatever happens, the terminal shows afterwards what it showed
/// before. It is quiet before `ask` begins, so that a quick answer is neither shown nor lost.
///
/// # Errors
/// The terminal's.
pub fn quietly<T>(ask: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let before = tcgetattr(io::stderr())?;
    let mut quiet = before.clone();
    quiet.local_modes.remove(LocalModes::ECHO);
    register().terminal = Some(before.clone());
    tcsetattr(io::stderr(), OptionalActions::Drain, &quiet)?;
    let answer = ask();
    tcsetattr(io::stderr(), OptionalActions::Drain, &before)?;
    register().terminal = None;
    answer
}

fn attend(mut signals: UnixStream, farewell: impl FnOnce() -> u8) {
    let mut last: Option<Instant> = None;
    while signals.read_exact(&mut [0]).is_ok() {
        if last.is_none_or(|last| last.elapsed() > ONE) {
            let mut register = register();
            if !register.begun {
                end(register, farewell);
            }
            COUNT.fetch_add(1, Ordering::Relaxed);
            let disposable = register.children.iter().filter(|child| child.disposable);
            child::end(&disposable.copied().collect::<Vec<_>>());
            show(&mut register);
        }
        last = Some(Instant::now());
    }
}

/// Ends the program. It keeps the register to the end, so that nothing is started, made or begun any more.
#[expect(
    clippy::exit,
    reason = "the main thread may wait for what never comes: a prompt, a host, the register"
)]
fn end(mut register: MutexGuard<'static, Register>, farewell: impl FnOnce() -> u8) -> ! {
    child::end(&register.children);
    show(&mut register);
    for path in &register.scratch {
        remove(path);
    }
    std::process::exit(farewell().into())
}

/// Lets the terminal show again what is typed.
fn show(register: &mut Register) {
    if let Some(before) = register.terminal.take() {
        tcsetattr(io::stderr(), OptionalActions::Now, &before).ok();
    }
}

/// Removes a folder or file; what cannot be removed stays, there is nobody left to tell.
fn remove(path: &Path) {
    for _ in 0..TRIES {
        let removed = if path.is_dir() {
            fs::remove_dir_all(path)
        } else {
            fs::remove_file(path)
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                thread::sleep(Duration::from_millis(10));
            }
            _ => return,
        }
    }
}

/// The signals that are ignored, one bit each, the first one for signal 1 (`proc_pid_status(5)`); none where that is not told.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.unwrap_or_default()
}
