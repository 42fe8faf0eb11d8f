//! The ledger: the orphan branch with manifests, deployments, keys and policy, the tags of releases, and their signatures.
//!
//! **Invariant:** the branch only grows, by one signed commit an entry; a reference moves by compare-and-swap, and the
//! work tree and the index are never touched. Nothing is believed for its name or place: a signature is checked against
//! the keys of the *parent* commit, a tag against the name of its reference, the manifest and the project.
//! **Not here:** what an entry or manifest says (`release`), when one is made (`execute`), what of the history is
//! deployed again (`plan`).
//! **To add** a kind of entry: an arm in [`Kind`], its subject in `message.rs`, its rule for lost races in `append.rs`.

mod allowed;
mod append;
mod audit;
mod branch;
mod bundle;
mod consent;
mod durable;
mod entry;
mod error;
mod fetch;
mod git;
mod give_up;
mod history;
mod hygiene;
mod introduction;
mod key;
mod keyring;
mod members;
mod message;
mod object;
mod open;
mod own;
mod paths;
mod person;
mod program;
mod public;
mod push;
mod ready;
mod reapply;
mod released;
mod rules;
mod sign;
mod signers;
mod start;
mod tag;
mod talk;
mod tracking;
mod tree;
mod verify;

#[cfg(test)]
mod testing;

pub use append::NewEntry;
pub use audit::Audit;
pub use branch::Ledger;
pub use bundle::{Believed, Bundled, fetch_bundle};
pub use consent::{Approver, SignedFile, approval_files, withdrawal_files};
pub use entry::{Entry, Kind, new_id};
pub use error::{Error, Result};
pub use fetch::{Fetched, fetch};
pub use git::{Git, Patience, promisor, remote_for};
pub use give_up::GivenUp;
pub use history::Rule;
pub use introduction::{Introduction, check_introduction, introduce, introduction};
pub use key::{Key, Scheme};
pub use keyring::{Edits, Keyring, ListedKey};
pub use members::NewKeys;
pub use object::{persist, write_release_commit, write_signed_commit};
pub use open::discover;
pub use paths::{Files, deployment_path, ended_files, release_dir, release_files, started_files};
pub use person::Person;
pub use public::{GivenKey, PublicKey, given_key};
pub use push::{Pushed, Refused, push};
pub use released::Released;
pub use tag::{NewTag, Tag, check_tag, create_tag, examine_tag, read_tag, write_tag};
pub use verify::{Signer, Trust};

#[doc(hidden)] // for tests/fuzz
pub use {allowed::allowed_signers_are_plain, message::kind_of_message};

/// The SSHSIG namespace of git's commits and tags, fixed by git (gpg-interface.c).
pub const GIT: &str = "git";
/// The SSHSIG namespace of manifests and started entries: a commit's signature never passes for a manifest's.
pub const HOSTOUT: &str = "git-hostout";
