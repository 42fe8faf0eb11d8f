//! git-hostout: takes a zc.buildout project from a git commit to running servers, and back.
pub mod buildout;
pub mod config;
pub mod eggs;
pub mod host;
pub mod ledger;
pub mod pack;
pub mod release;
pub mod transport;
pub mod ui;
