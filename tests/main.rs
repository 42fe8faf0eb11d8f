//! Tests through the real binary, and of the code's own shape.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on stops where it stands"
)]

mod architecture;
mod attacks;
mod buildout;
mod faults;
mod formats;
mod messages;
mod readme;
#[allow(dead_code, reason = "the lab needs more of it")]
mod support;
mod transport;
mod verbs;
