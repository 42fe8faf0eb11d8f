//! Every plan and refusal that a person can see, made from facts alone: no file, no git, no host.

mod backups;
mod deployments;
mod fits;
mod fleets;
mod releases;
pub mod sample;
