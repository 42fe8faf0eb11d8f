//! What a release is: the values, and the formats they are written in.
//!
//! **Invariant:** a value here can be written and read back without loss; a file of a newer format is refused by name.
//! **Not here:** where the files lie in git (`ledger`), how a release comes about (`plan::release`).
//! **To add** a field: add it with `#[serde(default)]`, extend the frozen sample in `fixtures/formats`.

mod artifact;
mod consent;
mod digest;
mod duration;
mod elsewhere;
mod entry;
mod fetchable;
mod format;
mod health;
mod manifest;
mod marker;
mod name;
mod policy;
mod provenance;
mod redact;
mod role;
mod sbom;
mod settings;
mod statement;
mod target;

pub use artifact::Artifact;
pub use consent::{Approval, Withdrawal};
pub use digest::{Digest, DigestError};
pub use duration::duration;
pub use elsewhere::Elsewhere;
pub use entry::{Ended, EntryId, HostResult, Intent, Outcome, Started};
pub use fetchable::Fetchable;
pub use format::{FORMAT, FormatError, from_toml, to_toml};
pub use health::{Health, Statuses};
pub use manifest::{
    BuildTool, Buildout, BuiltFrom, Dist, Egg, Extends, Manifest, Origin, Pin, Previous,
    ProjectRef, SourceKind, SourceRef, Tarball,
};
pub use marker::Environment;
pub use name::normalize;
pub use policy::{Policy, StagePolicy, Unchecked};
pub use provenance::{envelope, statement, to_be_signed};
pub use redact::{password, redact, user_info};
pub use role::{KeyRoles, Need, Role, Roles, words as role_words};
pub use sbom::sbom;
pub use settings::{Data, Hook, Hooks, Program, Services, Shared, Snapshot};
pub use statement::Statement;
pub use target::{Target, every_host_takes, some_host_takes, wheel_rank, wheel_tags};
