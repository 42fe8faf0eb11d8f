//! Wheels: their names, what they say about themselves, their canonical bytes.
//! Source: the binary distribution format specification (PEP 427, 491).
//!
//! **Invariant:** a canonical wheel's bytes are decided by its members' names, x-bits and contents and one time.
//! **Not here:** making one (`build`), unpacking one (the host's agent).
//! **To add** a fact about wheels: a field of [`WheelInfo`].

mod canonical;
mod info;
mod members;
mod name;

pub use canonical::canonical;
pub use info::WheelInfo;
pub use name::WheelName;
