//! What a host needs to know to run a release, as meant: every default filled in at release time.

use super::Digest;
use serde::{Deserialize, Serialize};

/// How a release's processes are started, stopped and looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum Services {
    /// Nothing runs.
    None,
    /// `bin/supervisord` of collective.recipe.supervisor, asked through `bin/supervisorctl`.
    Supervisor,
    /// Control scripts of plone.recipe.zope2instance and plone.recipe.zeoserver below `bin/`, in start order.
    Zope {
        /// Script names, e.g. `zeoserver`, `instance`.
        scripts: Vec<String>,
    },
    /// The user's own commands, each given to `sh -c` in the release directory.
    Command {
        /// Starts the services and returns.
        start: String,
        /// Stops them and returns.
        stop: String,
        /// Exit status 0 = running.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<String>,
        /// The log file that is shown when they fail, relative to the release directory.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        log: Option<String>,
    },
}

/// One of the programs that services consist of: of a supervisor, or a control script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Program {
    /// Its name, e.g. `instance1`; `supervisord` is the supervisor itself.
    pub name: String,
    /// Whether it answers visitors as others do, so that one can be stopped while another one serves.
    pub client: bool,
    /// sha256 over its configuration and its eggs: where it stays the same the program need not be started anew.
    pub made_of: Digest,
}

/// How the data is backed up before a switch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum Data {
    /// Nothing is backed up.
    None {
        /// Whether hostout.toml says so; else no database was found, or the manifest is from before it told.
        #[serde(default, skip_serializing_if = "is_false")]
        chosen: bool,
    },
    /// The user's own commands, given to `sh -c` with directory, deployment id and version in their environment.
    Command {
        /// Writes into `$HOSTOUT_BACKUP`.
        backup: String,
        /// Puts back what is in `$HOSTOUT_BACKUP`; without it a person has to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        restore: Option<String>,
        /// How many backups stay.
        #[serde(default = "three")]
        keep: u32,
    },
    /// File storages are copied, their blobs are linked; relative to the release directory, or absolute.
    Zodb {
        /// The storages, e.g. `var/filestorage/Data.fs`.
        storages: Vec<String>,
        /// The blob directories.
        blobs: Vec<String>,
        /// How many backups stay.
        #[serde(default = "three")]
        keep: u32,
        /// Scripts that do it instead.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        snapshot: Option<Snapshot>,
    },
    /// `pg_dump` and `pg_restore`; the password, where one is needed, is the host's own affair (`.pgpass`).
    Postgresql {
        /// Which database: a connection string of libpq without a password.
        database: String,
        /// How many backups stay.
        #[serde(default = "three")]
        keep: u32,
    },
}

impl Data {
    /// Whether a backup can be put back without a person.
    pub fn restores(&self) -> bool {
        match self {
            Self::None { .. } => false,
            Self::Command { restore, .. } => restore.is_some(),
            Self::Zodb { .. } | Self::Postgresql { .. } => true,
        }
    }
}

/// The scripts of a part of collective.recipe.backup, relative to the release directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Snapshot {
    /// Makes a full backup, e.g. `bin/snapshotbackup`.
    pub backup: String,
    /// Puts it back, e.g. `bin/snapshotrestore`.
    pub restore: String,
    /// Where the former writes, e.g. `var/snapshotbackups`; relative to the release directory, or absolute.
    pub locations: Vec<String>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}

/// What `keep` was before manifests said it.
fn three() -> u32 {
    3
}

/// A command that is run at a fixed moment of an activation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Hook {
    /// The command and its arguments; no shell.
    pub argv: Vec<String>,
    /// How long it may run, in seconds.
    pub timeout: u64,
}

/// The hooks of an activation, run as the runtime user in the new release.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the names say when each is run")]
pub struct Hooks {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before_stop: Option<Hook>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migrate: Option<Hook>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_start: Option<Hook>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_healthy: Option<Hook>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<Hook>,
}

/// What lives outside the releases and is linked into each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Shared {
    /// Directories that survive releases, relative to the buildout directory.
    pub paths: Vec<String>,
    /// Files that live on the host only.
    pub files: Vec<String>,
}
