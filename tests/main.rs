//! The integration tests, one program.
mod support;
mod transport;
