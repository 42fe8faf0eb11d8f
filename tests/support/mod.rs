//! Real parts that tests stand on.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

pub mod sshd;
