//! Real runs of zc.buildout: what is seen, what is resolved, and that hosts can run what is generated.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod host;
mod index;
mod project;
mod resolve;
mod versions;
