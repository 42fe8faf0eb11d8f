//! Running and reading zc.buildout.
//!
//! What a configuration is made of (`graph`, pure), what buildout itself sees in it (`inspect`), which distributions it uses
//! (`resolve`: buildout's own run, recorded), and the configuration that hosts run (`generate`, pure).
//!
//! **Invariant:** buildout runs in a scratch environment, on a copy of a checkout, with a throw-away home, never in the user's tree;
//! no user name or password of a URL leaves in a value, an error or a log line.
//! **Not here:** building eggs and canonical wheels (`eggs`), the archive (`pack`), what hosts do with the result (`host`).
//! **To add** a version of zc.buildout: extend `bootstrap`, and the list of versions that `tests/buildout.rs` runs.
//! A recipe that acts outside the directory or starts services: a line in `services`.

mod bootstrap;
mod cfg;
mod databases;
mod environment;
mod error;
mod exposed;
mod flatten;
mod foreign;
mod generate;
mod graph;
mod index;
mod inspect;
mod merge;
mod name;
mod programs;
mod python;
mod recorded;
mod redact;
mod resolve;
mod sandbox;
mod scratch;
mod secrets;
mod services;
mod tarball;
mod user;
mod wheels;
mod workdir;

pub use crate::release::redact;
pub use bootstrap::{
    BOOTSTRAP, Bootstrap, SUPPORTED, Wishes, canonicalises, own_buildout, recipe_egg,
};
pub use cfg::SyntaxError;
pub use databases::{Databases, adapter, databases, wanted};
pub use error::Error;
pub use exposed::{Exposed, exposed};
pub use flatten::{EXTENDS, flatten, unflatten};
pub use foreign::{Foreign, Wanted, conditional};
pub use generate::{DOWNLOADS, HostCfg, hostout_cfg, versions_cfg};
pub use graph::{Fetched, Graph, Place, Sources};
pub use index::Indexes;
pub use inspect::Inspected;
pub use merge::{Sections, Value};
pub use programs::{Made, programs};
pub use python::Python;
pub use redact::has_password;
pub use resolve::{Dist, EggWheel, Request, Resolved, resolve};
pub use scratch::Scratch;
pub use secrets::Secret;
pub use services::{acting_outside, services};
pub use tarball::tarball_files;
pub use user::{Settings, User};
pub use workdir::Workdir;
