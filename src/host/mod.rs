//! What hosts are told, and how their answers are read.
//!
//! **Invariant:** pure; everything here is a value that can be printed in a plan and tested without a host.
//! **Not here:** reaching a host (`transport`), looking at one (`observe`).
//! **To add** a request: a type here, a verb in `agent.py`, a row in the agent's own tests.

mod command;

pub use command::{Command, Ended};
