//! Develop eggs: what they are called, whether they changed, their next version, their wheels.
//!
//! **Invariant:** nothing here runs a project's code except [`Builder`], and that in a [`TemporaryClone`] with a decided
//! environment. The same egg at the same commit with the same build tools gives the same bytes, whoever builds it;
//! where that cannot be promised (a wheel for one platform) the wheel says so.
//! **Not here:** which folders are develop eggs (`buildout`), what was released before (`ledger`), when to build (`plan`).
//! **To add** a build backend: a function in `read/backends.rs` that says where its versions stand, a line in
//! `edit/mod.rs` if that is a new kind of place, and a fixture in `build/tests.rs`.

mod build;
mod changelog;
mod child;
mod clone;
mod edit;
mod error;
mod read;
mod tags;
mod tree;
mod version;
mod wheel;

pub use crate::release::normalize;
pub use build::{Builder, Built, Job};
pub use changelog::{Dated, date};
pub use clone::TemporaryClone;
pub use edit::{Edits, edit};
pub use error::Error;
pub use read::{EggSource, Files, Project, VersionSite};
pub use tags::tagged;
pub use tree::{egg_tree, first_difference};
pub use version::next;
pub use wheel::{WheelInfo, WheelName, canonical};

/// What functions of this room return.
pub type Result<T> = std::result::Result<T, Error>;
