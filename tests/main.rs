//! The integration tests, one program.
mod transport;
