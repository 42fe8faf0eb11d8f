//! What can go wrong with the ledger.

use gix::ObjectId;
use std::{ffi::OsString, io, path::PathBuf};

/// A result of this room.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with the ledger, its signatures and its remote.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The repository could not be read or written.
    #[error("cannot {what}")]
    Git {
        /// What was tried.
        what: String,
        /// What git's library says.
        #[source]
        source: Box<gix::Error>,
    },
    /// There is no repository, in this folder or above it.
    #[error("{path} is in no git repository")]
    NoRepository {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A repository that we cannot open.
    #[error("the git repository of {path} cannot be opened")]
    Open {
        /// Where it was looked for.
        path: PathBuf,
        /// What git's library says.
        #[source]
        source: Box<gix::Error>,
    },
    /// The repository keeps its references in reftables.
    #[error("{path} keeps its references as reftable, which this program cannot read yet")]
    Reftable {
        /// The repository.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error("cannot {what} {path}")]
    File {
        /// `read`, `write`, `make`.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A program could not be started or talked to.
    #[error("cannot run {}", program.display())]
    Program {
        /// Which.
        program: OsString,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A child process had no answer worth the name.
    #[error("{} failed: {message}", program.display())]
    Failed {
        /// Which program.
        program: OsString,
        /// What it printed, without user info of addresses.
        message: String,
    },
    /// A value of the git configuration that is of no use to us.
    #[error("`{key}` of the git configuration: {message}")]
    Config {
        /// The key.
        key: String,
        /// What is wrong.
        message: String,
    },
    /// The signing key is not there, locked, or its agent is away.
    #[error("cannot sign with {key}: {message}")]
    Sign {
        /// The key, as configured.
        key: String,
        /// What the signing program says.
        message: String,
    },
    /// Ctrl-C where a passphrase was asked for.
    #[error("interrupted")]
    Interrupted,
    /// What was given as a public key is none.
    #[error("{key} names no public key: {message}")]
    NoPublicKey {
        /// As it was given.
        key: String,
        /// Why.
        message: String,
    },
    /// Nobody has settled how to sign.
    #[error("no signing key is configured")]
    NoKey,
    /// A file is in the way of a new key.
    #[error("{0} exists; a key is never overwritten")]
    KeyExists(PathBuf),
    /// No name or mail address to write entries under.
    #[error("git knows no name and mail address of yours")]
    NoIdentity,
    /// A signature is missing, of nobody who may sign, or over other bytes.
    #[error("{what} is not signed by a key of the ledger: {message}")]
    Untrusted {
        /// What was checked.
        what: String,
        /// Why it is not believed.
        message: String,
    },
    /// What a host kept is not the ledger that it should be.
    #[error("the ledger that {host} keeps {message}")]
    Kept {
        /// The host.
        host: String,
        /// What is wrong with it.
        message: String,
    },
    /// Something in the ledger that we cannot read.
    #[error("{what} of the ledger cannot be read: {message}")]
    Malformed {
        /// A path or commit.
        what: String,
        /// What is wrong.
        message: String,
    },
    /// A manifest of the ledger that cannot be read.
    #[error("the manifest of {version}")]
    Manifest {
        /// The release.
        version: String,
        /// Why.
        #[source]
        source: crate::release::FormatError,
    },
    /// A value that has no place in an entry, for instance a stage with a space in its name.
    #[error("{what} {value:?} cannot stand in a ledger entry")]
    Unwritable {
        /// Which value.
        what: &'static str,
        /// The value.
        value: String,
    },
    /// Entries are only ever added.
    #[error("the ledger already has {0}")]
    Exists(String),
    /// There is a ledger already.
    #[error("branch {0} exists already")]
    BranchExists(String),
    /// Somebody else deployed to this stage in between.
    #[error("stage {stage} was taken in between: {by}")]
    StageTaken {
        /// The stage.
        stage: String,
        /// The entry that came first: its subject and who made it.
        by: String,
    },
    /// Somebody else released in between.
    #[error("another release was made in between: {by}")]
    ReleaseTaken {
        /// The entry that came first: its subject and who made it.
        by: String,
    },
    /// Somebody else changed keys or policy in between.
    #[error("keys or policy were changed in between: {by}")]
    KeysTaken {
        /// The entry that came first: its subject and who made it.
        by: String,
    },
    /// Keys or a policy that cannot be meant.
    #[error("the keys cannot be changed so: {0}")]
    Keys(String),
    /// A key that may sign, but not this.
    #[error("the signing key {who} may not do this: it needs the role {need}, and has {roles}")]
    MayNot {
        /// Its fingerprint.
        who: String,
        /// The role that is needed.
        need: String,
        /// The roles that it has.
        roles: String,
    },
    /// The branch no longer holds the entry it held before.
    #[error("branch {branch} was rewritten: {tip} is no longer part of it")]
    Rewritten {
        /// The branch.
        branch: String,
        /// The entry that is gone.
        tip: ObjectId,
    },
    /// The branch could not be moved although nobody else moved it.
    #[error("branch {branch} cannot be moved")]
    Locked {
        /// The branch.
        branch: String,
        /// What git's library says.
        #[source]
        source: Box<gix::Error>,
    },
    /// There is a tag of that name.
    #[error("tag {name} exists already")]
    TagExists {
        /// Its name without `refs/tags/`.
        name: String,
    },
    /// A tag that is not the release's.
    #[error("tag {name}: {message}")]
    Tag {
        /// The reference's name without `refs/tags/`.
        name: String,
        /// What does not fit.
        message: String,
    },
    /// A release's tag on the remote that is not where it was made to be.
    #[error("tag {name} of {remote} {message}")]
    RemoteTag {
        /// The remote.
        remote: String,
        /// Its name without `refs/tags/`.
        name: String,
        /// What became of it.
        message: String,
    },
    /// The remote's ledger lost entries that it had.
    #[error(
        "the ledger of {remote} was put back or replaced: it had entry {tip}, and has it no more"
    )]
    Rewound {
        /// The remote.
        remote: String,
        /// The branch.
        branch: String,
        /// The entry that is gone.
        tip: ObjectId,
    },
    /// Ours and theirs went different ways.
    #[error(
        "the ledger here and the one of {remote} went different ways: entries only here: {ours}, only there: {theirs}"
    )]
    Diverged {
        /// The remote.
        remote: String,
        /// How many entries only we have.
        ours: usize,
        /// How many entries only they have.
        theirs: usize,
        /// Their newest entry.
        tip: ObjectId,
        /// Whether an entry of ours cannot be made again on top of theirs: both released, or both changed keys.
        blocked: bool,
    },
    /// A ledger with another first commit or key than the one that was seen first.
    #[error(
        "branch {branch} is not the ledger that was introduced here: its {what} is {found}, not {expected}"
    )]
    Introduction {
        /// The branch.
        branch: String,
        /// `first commit` or `first key`.
        what: &'static str,
        /// What was seen first.
        expected: String,
        /// What is there now.
        found: String,
    },
    /// The remote answered, and did not take what was pushed.
    #[error("{remote} did not take it: {message}")]
    Rejected {
        /// The remote.
        remote: String,
        /// What it said, without user info of addresses.
        message: String,
    },
    /// A repository that another user owns.
    #[error("the git repository of {path} belongs to another user: its ownership is dubious")]
    Foreign {
        /// What git calls it in `safe.directory`.
        path: PathBuf,
    },
    /// The remote could not be asked; nothing changed there.
    #[error("{remote} cannot be reached: {message}")]
    Unreachable {
        /// The remote.
        remote: String,
        /// What git says, without user info of addresses.
        message: String,
    },
}

impl Error {
    /// What to do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Manifest { source, .. } => return source.hint(),
            Self::NoRepository { .. } => {
                "`git init` starts one here; -C FOLDER runs this in another folder".into()
            }
            Self::Reftable { .. } => {
                "`git clone --ref-format=files` makes one that works; `git refs migrate --ref-format=files` converts this one (git 2.48 or newer)"
                    .into()
            }
            Self::Sign { .. } => {
                "is it there, and does its agent run? `ssh-add -l` and `gpg -K` list keys;\n  \
                 `git config hostout.signingKey KEY` names another"
                    .into()
            }
            Self::NoPublicKey { .. } => {
                "give a .pub file, an OpenPGP certificate in ASCII armor, `ssh-ed25519 AAAA…` itself, or what gpg calls it"
                    .into()
            }
            Self::NoKey => {
                "`git hostout init` settles one; or `git config user.signingkey KEY`".into()
            }
            Self::NoIdentity => {
                "`git config user.name NAME` and `git config user.email MAIL`".into()
            }
            Self::StageTaken { stage, .. } => {
                format!("look at `git hostout status {stage}`, then try again")
            }
            Self::ReleaseTaken { .. } => "`git hostout release` plans again on top of it".into(),
            Self::KeysTaken { .. } => {
                "look at `git hostout keys list`, then try again".into()
            }
            Self::Keys(_) => {
                "`git hostout keys list` shows them; one key at least has to have the role keys".into()
            }
            Self::MayNot { who, need, .. } => {
                let role = need.split(' ').next().unwrap_or_default();
                format!(
                    "ask somebody whose key has the role keys: `git hostout keys add KEY --role {role}`, where KEY is the \
                     public key {who}"
                )
            }
            Self::Locked { .. } => {
                "a crashed git may have left a `.lock` file beside the reference".into()
            }
            Self::Config { key, .. } => {
                format!("`git config --show-origin {key}` says where it is set")
            }
            Self::File { .. } => "is there room on its disk, and may you write there?".into(),
            Self::Program { .. } => {
                "is it installed, and on PATH? `apt install git openssh-client gnupg` brings git, ssh-keygen and gpg"
                    .into()
            }
            Self::Failed { program, .. } => {
                format!("try again when {} works by hand", program.display())
            }
            Self::KeyExists(path) => format!(
                "`git config hostout.signingKey {}` uses it; or move it away",
                path.display()
            ),
            Self::Untrusted { .. } => {
                "ask who made it before anything else; `git hostout verify` checks all of the ledger".into()
            }
            Self::Kept { .. } => "another host may keep a better one; nothing was taken over".into(),
            Self::Malformed { .. } => {
                "somebody wrote it by hand, or damaged it; `git hostout verify` checks all of the ledger".into()
            }
            Self::Unwritable { .. } => "leave line breaks and control characters out of it".into(),
            Self::Exists(_) => {
                "entries are only ever added; `git hostout log` shows who was first".into()
            }
            Self::BranchExists(branch) => format!(
                "`git log {branch}` shows whose it is; `ledger` in [release] names another one"
            ),
            Self::TagExists { .. } => {
                "`git hostout resume` finishes a release that stopped; else release another version".into()
            }
            Self::Tag { name, .. } => format!(
                "ask who made or moved it; `git tag -d {name} && git fetch REMOTE tag {name}` takes the remote's"
            ),
            _ => return self.hint_elsewhere(),
        })
    }

    /// The same for what others did, on a remote or to this repository.
    fn hint_elsewhere(&self) -> Option<String> {
        Some(match self {
            Self::Introduction { branch, .. } => format!(
                "somebody replaced the ledger, or the project started a new one; ask, then forget the old one with \
                 `git config --remove-section hostout.{branch}`"
            ),
            Self::Rejected { .. } => {
                "a rule of it is in the way: settle that with whoever runs it; everything is here, and `git hostout resume` pushes it then"
                    .into()
            }
            Self::Foreign { path } => format!(
                "git refuses it too; if you trust it: git config --global --add safe.directory '{}'",
                path.display()
            ),
            Self::Unreachable { .. } => {
                "nothing was changed there; try again when it answers".into()
            }
            Self::Rewritten { branch, .. } => format!(
                "somebody moved it by force; `git reflog {branch}` shows where it was, `git hostout verify` whether it holds"
            ),
            Self::Diverged { blocked: false, .. } => "`git hostout resume` joins them".into(),
            Self::Diverged { blocked: true, .. } => {
                "`git hostout resume --give-up` shows what of ours cannot go on top of theirs, and gives it up".into()
            }
            Self::RemoteTag { remote, name, .. } => format!(
                "ask who did that; `git push --force {remote} refs/tags/{name}` puts back what is here, `git push \
                 {remote} :refs/tags/{name}` takes a copy away"
            ),
            Self::Rewound { remote, branch, .. } => format!(
                "ask who forced it; `git push --force {remote} {branch}` puts back what is here, `git update-ref -d \
                 refs/hostout/remotes/{remote}/{branch}` forgets what was there"
            ),
            _ => return None,
        })
    }

    /// Wraps an error of git's library: `.map_err(Error::git("read the tip"))`.
    pub(super) fn git(what: impl Into<String>) -> impl FnOnce(gix::Error) -> Self {
        let what = what.into();
        move |source| Self::Git {
            what,
            source: Box::new(source),
        }
    }

    /// Wraps an error of the file system.
    pub(super) fn file(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what, path, source }
    }

    /// A thing of the ledger that cannot be read.
    pub(super) fn malformed(what: impl Into<String>, message: impl std::fmt::Display) -> Self {
        Self::Malformed {
            what: what.into(),
            message: message.to_string(),
        }
    }
}
