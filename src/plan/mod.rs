//! What we will do.
//!
//! **Invariant:** planning has no effects; the same inputs give the same plan, byte for byte.
//! **Not here:** how a step is carried out (`execute`), what is seen (`observe`).
//! **To add** an action: a variant of [`Action`], its line in `show.rs`, its arm in `execute::step`, a row in the tests.

mod bootstrap;
mod consent;
mod data;
mod deploy;
mod difference;
mod drift;
mod fetch;
mod fit;
mod go_on;
mod health;
mod irreplaceable;
mod lost_update;
mod order;
mod paths;
mod prune;
mod put;
mod ready;
mod recover;
mod refusal;
mod regain;
mod release;
mod resume;
mod rollback;
mod rolling;
mod rollout;
mod room;
mod rooted;
mod settle;
mod show;
mod trust;
mod unlock;
mod verify;
mod version;

#[cfg(test)]
mod tests;

pub use bootstrap::{BareHost, BootstrapFacts, bootstrap, bootstrappable, runtime_user};
pub use consent::{consent, span};
pub use deploy::{
    DeployFacts, DeployRequest, Deploying, HealthOverride, deploy, refuse_newer, same_machine,
};
pub use difference::{Difference, difference};
pub use drift::drift;
pub use fetch::fetched;
pub use go_on::{afterwards, go_on};
pub use irreplaceable::{Copies, Sharing, Sources, irreplaceable};
pub use lost_update::unknown;
pub use order::in_order;
pub use paths::one_stage_a_path;
pub use prune::prune;
pub use put::{Wanting, put};
pub use recover::recover;
pub use refusal::{Reason, Refusal};
pub use regain::{Regaining, regain};
pub use release::{Considered, ReleaseFacts, ReleaseRequest, Staged, consider, release};
pub use resume::{Diverged, GivingUp, Interrupted, give_up, late_tags, publish, resume};
pub use rollback::{NoTarget, proven, rollback_target, runs};
pub use rooted::rooted;
pub use settle::{as_seen, settle};
pub use trust::{Appending, append, believes, tell};
pub use unlock::{abandoned, cut_off, held, unlock};
pub use verify::{Remade, compare};
pub use version::{Bump, VersionError, next_version, parse_version};

use crate::{
    host::{DeadOwner, Rolled},
    release::{Artifact, Digest, EntryId, Intent, Outcome},
};
use semver::Version;
use serde::Serialize;

/// The format of a plan as JSON.
pub const FORMAT: u32 = 1;

/// The complete list of steps, made before the first visible effect: what `--dry-run` prints is what is executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// [`FORMAT`].
    pub format: u32,
    /// One sentence: what this is about.
    pub summary: String,
    /// What a person should know before saying yes.
    pub notes: Vec<String>,
    /// In order.
    pub steps: Vec<Step>,
}

/// One thing that is done in one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Counted from 1.
    pub id: u32,
    /// The host, as `hostout.toml` names it; nothing = the client's repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// What.
    #[serde(flatten)]
    pub action: Action,
}

/// What a step does. Every action that replaces something names the value it expects to find.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "action")]
pub enum Action {
    /// Write the release commit and all it holds as objects that nothing names yet.
    Commit {
        /// Object id of the release commit.
        id: String,
        /// sha256 of the manifest.
        manifest: Digest,
        /// sha256 of the tarball.
        tarball: Digest,
    },
    /// Give artifacts to the shared store that it lacks.
    Store {
        /// As `hostout.toml` names it.
        store: String,
        /// Which.
        artifacts: Vec<Artifact>,
        /// How many it has already.
        there: usize,
    },
    /// Create the signed tag; it must not exist.
    Tag {
        /// Its name.
        name: String,
        /// The release commit.
        target: String,
    },
    /// Append the release to the ledger.
    Enter {
        /// The ledger's branch.
        ledger: String,
        /// The tip it is planned on.
        expected: String,
        /// The release.
        version: Version,
    },
    /// Append an entry that concerns no host to the ledger.
    Append {
        /// The ledger's branch.
        ledger: String,
        /// The tip it is planned on.
        expected: String,
        /// What it does, e.g. `keys add ben@example.org`.
        entry: String,
        /// What that means, line by line.
        details: Vec<String>,
    },
    /// Take over a ledger that a host kept, with the tags of its releases.
    Regain {
        /// The ledger's branch.
        ledger: String,
        /// Its first commit.
        project: String,
        /// Its newest entry.
        tip: String,
        /// How many entries are new here.
        entries: usize,
        /// Its releases, newest first.
        releases: Vec<Version>,
        /// Who may sign in it, a line each.
        keys: Vec<String>,
    },
    /// Give up entries that only we have.
    GiveUp {
        /// The ledger's branch.
        ledger: String,
        /// Their subjects, oldest first.
        entries: Vec<String>,
        /// The tags of releases among them.
        tags: Vec<String>,
    },
    /// Make entries that only we have again on top of the remote's.
    Reapply {
        /// The ledger's branch.
        ledger: String,
        /// How many.
        entries: usize,
        /// The remote's tip.
        onto: String,
    },
    /// Write the end of a deployment whose client went away into the ledger, as its hosts told it.
    Settle {
        /// The stage.
        stage: String,
        /// The id of its started entry.
        deployment: EntryId,
        /// How it ended as a whole.
        outcome: Outcome,
    },
    /// Write into the ledger that what did not end well runs healthy now.
    RecordHealthy {
        /// The stage.
        stage: String,
        /// The id of the deployment's started entry.
        deployment: EntryId,
    },
    /// Put right what a job left that was cut off: the host goes back, or on to where it was already.
    Recover {
        /// The job's deployment.
        deployment: EntryId,
    },
    /// End the lock of a client that is gone.
    Unlock {
        /// The owner; another one's lock stays.
        owner: DeadOwner,
        /// The owner, in words.
        holder: String,
        /// What it prepares there still.
        #[serde(skip_serializing_if = "Option::is_none")]
        work: Option<Work>,
    },
    /// End a lock whose lease is over.
    Break {
        /// Whose it is, since when and what for, in words.
        holder: String,
    },
    /// One atomic push.
    Push {
        /// The remote's name.
        remote: String,
        /// Full names of the refs.
        refs: Vec<String>,
    },
    /// Put this program's agent on the host.
    InstallAgent {
        /// sha256 of the script.
        agent: Digest,
    },
    /// Send the artifacts that the host lacks.
    Upload {
        /// Which.
        artifacts: Vec<Artifact>,
        /// How many it has already.
        there: usize,
    },
    /// Tell the host which keys and policy count.
    Trust {
        /// The project's id.
        project: String,
        /// The newest statement that the host knows; nothing = it meets the project now.
        known: Option<u64>,
        /// The newest statement there is.
        generation: u64,
    },
    /// Tell the hosts of a stage what takes something away, as far as they answer.
    Tell {
        /// The stage.
        stage: String,
    },
    /// Build the release directory at its final path, unnoticed by anyone.
    Prepare {
        /// The release.
        version: Version,
        /// The manifest's buildout entry.
        buildout: String,
        /// Whether a complete directory is there.
        reuse: bool,
        /// What the host takes from its index for that, by its own pip.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        fetch: Vec<Artifact>,
    },
    /// Write the started entry into the ledger.
    RecordStarted {
        /// deploy or rollback.
        intent: Intent,
        /// The stage.
        stage: String,
        /// The release.
        version: Version,
    },
    /// Backup, stop, switch, start, probe: one job on the host.
    Activate {
        /// What `current` must name.
        expected: Option<Version>,
        /// What it will name.
        new: Version,
        /// How the data is backed up, in words.
        backup: String,
        /// What a failed migration does to the data, in words, where the release migrates.
        #[serde(skip_serializing_if = "Option::is_none")]
        revert: Option<String>,
        /// When it counts as healthy: conditions in words, which must all hold.
        #[serde(serialize_with = "health::in_one")]
        health: Vec<String>,
        /// The hooks and host-parts on its way, in words.
        hooks: Vec<String>,
        /// What becomes of its programs where they are meant to be taken over one by one, in words.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        services: Vec<String>,
        /// The programs that are; none = all stop together.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        roll: Vec<Rolled>,
        /// Hosts with the same number are activated together, one number after the other.
        batch: usize,
    },
    /// Wait before the next batch of hosts.
    Pause {
        /// How long.
        seconds: u64,
    },
    /// Write the ended entry into the ledger.
    RecordEnded {
        /// The stage.
        stage: String,
    },
    /// Make a key here, because there is none that could log in.
    MakeKey {
        /// The private one's file; the public one lies beside it.
        file: String,
    },
    /// Do a step of the bootstrap script on a server, as root.
    Bootstrap {
        /// Its name.
        step: String,
        /// What, in words.
        what: String,
    },
    /// Log in as who deploys, by a key, and look.
    Prove {
        /// Who deploys.
        user: String,
    },
    /// Write whom services run as into hostout.toml.
    NameRuntime {
        /// The stage.
        stage: String,
        /// The user.
        user: String,
    },
    /// Put a shared file into its place; what is in it is not told.
    Share {
        /// Which, from the buildout directory.
        file: String,
        /// How big.
        bytes: u64,
        /// The runtime user, who may read it too.
        #[serde(skip_serializing_if = "Option::is_none")]
        reader: Option<String>,
    },
    /// Remove old releases from the host.
    Prune {
        /// How many releases stay.
        keep: usize,
        /// Which go.
        releases: Vec<Version>,
    },
}

/// What becomes of the work of a client that is gone, which is said in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// It is waited for: what it makes is of use.
    Awaited(String),
    /// It is ended, and what it made so far is taken away.
    Ended(String),
}

impl Plan {
    /// Several plans, one after the other, as one; nothing for none.
    pub fn joined(summary: &str, plans: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut plans = plans.into_iter();
        let first = plans.next()?;
        let Some(second) = plans.next() else {
            return Some(first);
        };
        let (mut notes, mut steps) = (Vec::new(), Vec::new());
        for plan in [first, second].into_iter().chain(plans) {
            notes.extend(plan.notes);
            steps.extend(plan.steps.into_iter().map(|step| (step.host, step.action)));
        }
        Some(Self::new(summary.to_owned(), notes, steps))
    }

    /// A plan whose steps are numbered in order.
    pub(crate) fn new(
        summary: String,
        notes: Vec<String>,
        steps: Vec<(Option<String>, Action)>,
    ) -> Self {
        let steps = (1..)
            .zip(steps)
            .map(|(id, (host, action))| Step { id, host, action })
            .collect();
        Self {
            format: FORMAT,
            summary,
            notes,
            steps,
        }
    }
}
