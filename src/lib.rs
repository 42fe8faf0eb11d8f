//! git-hostout takes a zc.buildout project from a git commit to running servers, and back.
//!
//! This page is the map; read the modules in the order in which they stand here.
//!
//! ```text
//! argv ─► cli ─┐
//! hostout.toml ┴► config ─► what is wanted ─┐
//!                                           ▼
//! git, ledger, hosts ──► observe ─► facts ─► plan (pure) ─► Plan ─► shown ─► dry run? stop
//! eggs, buildout ──────► assemble ─────────►                          │
//!                                                       confirm, look again
//!                                                                      ▼
//!                                execute: prepare (hosts) → activate (a job on the host) → record (ledger)
//! ```
//!
//! A **release** is a signed tag on a *release commit* (the child of what the user committed, with bumped egg versions
//! and generated files), described by a *manifest* in the **ledger**: an orphan branch, signed and append-only. A
//! **deployment** takes a manifest's *artifacts*, all named by sha256, to the hosts of a **stage**. A rollback is a
//! deployment of an earlier manifest; there is no second vocabulary for undoing.
//!
//! What holds everywhere:
//! - The rooms `config`, `release`, `facts`, `plan` and `host` are pure: no file, process, network, clock or environment.
//!   `tests/architecture.rs` reads their imports.
//! - A dry run prints the [`plan::Plan`] that would be executed; the only fork is in `cli/carry_out.rs`.
//! - Stage freely, publish with one compare-and-swap: git objects before refs, `releases/<version>/` before `current`.
//! - Every command that runs somewhere has ended, was not started, or is lost; see [`transport`].
//! - Nothing is inferred from a directory listing or a time stamp. The host is right about what is live, the ledger about
//!   what was meant.
//! - One match in [`error`] maps errors to exit codes.

// Words in.
pub mod cli;
pub mod config;
pub mod error;
pub mod event;

// The pure core.
pub mod facts;
pub mod host;
pub mod plan;
pub mod release;

// The edge.
pub mod assemble;
pub mod buildout;
pub mod eggs;
pub mod execute;
pub mod ledger;
pub mod observe;
pub mod pack;
pub mod process;
pub mod transport;

// Words out.
pub mod ui;
