//! Ctrl-C: the first one stops at the next safe point, the second one no longer waits.
//!
//! A terminal's Ctrl-C reaches git and us, and git forwards it: it arrives twice within half a millisecond. So signals
//! within [`ONE`] are one.

use super::{Error, Result};
use std::{
    io::{self, Read as _},
    os::unix::net::UnixStream,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Signals this close together are one.
const ONE: Duration = Duration::from_millis(500);

static COUNT: AtomicU32 = AtomicU32::new(0);

/// From now on SIGINT and SIGTERM are only counted. Before, they end the program at once, which is right while it only
/// looks and asks.
///
/// # Errors
/// The operating system's.
pub fn listen() -> io::Result<()> {
    // One byte a signal: a handler may do little else (signal-safety(7)).
    let (mut ours, theirs) = UnixStream::pair()?;
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::low_level::pipe::register(signal, theirs.try_clone()?)?;
    }
    thread::Builder::new().spawn(move || {
        let mut last: Option<Instant> = None;
        while ours.read_exact(&mut [0]).is_ok() {
            if last.is_none_or(|last| last.elapsed() > ONE) {
                COUNT.fetch_add(1, Ordering::Relaxed);
            }
            last = Some(Instant::now());
        }
    })?;
    Ok(())
}

/// How often somebody wanted us to stop.
pub(super) fn asked() -> u32 {
    COUNT.load(Ordering::Relaxed)
}

/// Fails when somebody wants us to stop: asked between steps, where stopping leaves everything whole.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn interrupted() -> Result<()> {
    if asked() > 0 {
        Err(Error::Interrupted)
    } else {
        Ok(())
    }
}
