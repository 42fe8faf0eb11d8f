//! Looking: the only reader of the repository's state, the ledger's history and the hosts.
//!
//! **Invariant:** looking changes nothing, here or on a host; what was seen comes back as `facts`.
//! **Not here:** deciding (`plan`), changing (`execute`), putting a release together (`assemble`).
//! **To add** something to see: a field in `facts`, a function here that fills it.

mod bare;
mod bundle;
mod error;
mod exposed;
mod here;
mod history;
mod host;
mod libraries;
mod needed;
mod open;
mod place;
mod previous;
mod proposal;
mod repository;
mod verify;

pub use bare::{BareError, No, bare, elevation, runs_nothing};
pub use bundle::bundle;
pub use error::{Error, Result};
pub use exposed::exposed;
pub use here::{machine, nodename};
pub use history::{behind, history, history_of, order_of, told};
pub use host::{holder, homes, host, logs, manifest};
pub use libraries::libraries;
pub use needed::Needed;
pub use open::{ended, unknown};
pub use place::{Place, find, root, slashed};
pub use previous::{distance, previous, project_tree, unpublished};
pub use proposal::proposal;
pub use repository::{edited, is_dirty, repository};
pub use verify::{verify_artifacts, verify_commit, verify_ledger, verify_release, wrong_sizes};
