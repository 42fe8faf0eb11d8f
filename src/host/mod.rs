//! What hosts are told, and how their answers are read.
//!
//! **Invariant:** pure; everything here is a value that can be printed in a plan and tested without a host.
//! A bare server is made a host once, as root (`bootstrap`); nothing in a deployment asks for sudo's password.
//! **Not here:** reaching a host (`transport`), looking at one (`observe`).
//! **To add** a request: a type in `request.rs`, its answer in `answer.rs`, a verb in `agent/verbs.py`, a row in the
//! agent's own tests. Its parts are read from `agent/head.py` on.

mod agent;
mod answer;
mod bare;
mod bootstrap;
mod bundle;
mod command;
mod listener;
mod objects;
mod operator;
mod request;
mod room;
mod seen;
mod trust;

pub use agent::{Agent, Verb};
pub use answer::{
    Activated, ActivationResult, Failure, FailureKind, HaveAnswer, Hint, HoldAnswer, InstallAnswer,
    PrepareAnswer, PruneAnswer, Pruned, PutAnswer, UnlockAnswer,
};
pub use bare::{Bare, BareEvent, BareState, BareStep};
pub use bootstrap::{Elevation, HARDEN, Introduction, STEPS, Wanted};
pub use bundle::{BUNDLE, BundleRequest, BundleSeen};
pub use command::{Command, Ended};
pub use listener::{End, Event, ListenError, Listener};
pub use objects::{have_objects, object_name, print_object, put_object};
pub use operator::{LogsAnswer, ShareAnswer, ShareRequest};
pub use request::{
    ActivateRequest, Breaking, DeadOwner, HaveRequest, HoldRequest, JournalRequest, LockRequest,
    PrepareRequest, PruneRequest, Request, Rolled, StatusRequest, UnlockRequest,
};
pub use room::{BackupNeed, BackupOwner, BackupSeen, Disk};
pub use seen::{
    CurrentState, HistoryEntry, JobSeen, JobState, Live, LockSeen, PathState, PreparationSeen,
    Python, Record, ReleaseSeen, ServiceSeen, ServiceState, SharedSeen, StatusAnswer,
};
pub use trust::{ManifestAnswer, SignedText, TrustAnswer, TrustRequest, TrustSeen};
