//! `hostout.toml`: as written (text) → as meant ([`Project`], every default filled in) → edited (comments kept).
//!
//! The text is read by hand over the syntax tree of `toml_edit`, not through serde: serde stops at the first mistake
//! and a person wants all of them at once, each with its line and column.
//!
//! **Invariant:** pure, text in and values out; a [`Project`] that exists has passed every check that needs nothing
//! but the text. No password leaves this room, neither in a value nor in an error.
//! **Not here:** finding and reading the file (`cli`), what eggs, buildouts and hosts look like (`observe`), the
//! settings of a release that exists (its manifest: an old `hostout.toml` is never parsed again).
//! **To add** a key: a field in `file` and its line in the reader there, its default in `project` or `combination`,
//! its rule in `check`, a line in `fixtures/formats/v1/hostout.toml`, a mistake in `fixtures/configs/invalid`.

mod add_stage;
mod check;
mod combination;
mod duration;
mod error;
mod file;
mod health;
mod lines;
mod meaning;
mod name_runtime;
mod new_file;
mod path;
mod place;
mod project;
mod reader;
mod redact;
mod rollout;
mod shared_store;
mod status;
#[cfg(test)]
mod tests;

pub use add_stage::add_stage;
pub use check::{health_url, stage_options, user_name};
pub use combination::{Combination, DataKind, DataWish, ServicesWish};
pub use duration::seconds;
pub use error::{Error, Problem};
pub use name_runtime::name_runtime;
pub use new_file::{Proposal, new_file};
pub use path::join;
pub use place::Place;
pub use project::{BuildoutFiles, Fetch, Host, Project, Published, ReleaseRules, Stage};
pub use rollout::{Batch, OnFailure, Rollout, Strategy};
pub use shared_store::SharedStore;
