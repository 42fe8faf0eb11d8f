//! Ctrl-C: the first one stops at the next safe point.
//!
//! A terminal's Ctrl-C reaches git and us, and git forwards it: it arrives twice within half a millisecond. Only a flag is
//! set, so twice is once.

use super::{Error, Result};
use std::{
    io,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering},
    },
};

static FLAG: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(false)));

/// From now on SIGINT and SIGTERM only set a flag.
pub fn listen() -> io::Result<()> {
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, FLAG.clone())?;
    }
    Ok(())
}

/// Fails when somebody wants us to stop: asked between steps, where stopping leaves everything whole.
pub fn interrupted() -> Result<()> {
    if FLAG.load(Ordering::Relaxed) {
        Err(Error::Interrupted)
    } else {
        Ok(())
    }
}
