//! The words of the command line; each verb's own are in its file.

use super::{
    approve, bootstrap, check, completions, deploy, diff, init, keys, log, logs, policy, prune,
    put, release, resume, rollback, run, show, ssh, status, unlock, verify, withdraw,
};
use crate::{error::Stopped, host::Command};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::{ffi::OsString, path::PathBuf};

/// Takes a zc.buildout project from a git commit to running servers, and back.
#[derive(Debug, Parser)]
#[command(
    name = "git-hostout",
    bin_name = "git hostout",
    version,
    max_term_width = 100,
    after_help = "\
A first deployment, in a repository that holds a buildout:

  git hostout init --stage demo --host local --path ~/demo
  git add hostout.toml && git commit -m 'Add hostout.toml'
  git hostout release
  git hostout deploy demo

`git hostout VERB -h` explains a verb, `git hostout --help` opens the man page.
Exit codes: 0 done, 2 usage, 10 config, 11 refused, 12 locked, 13 declined,
20 unreachable, 21 failed before the switch, 22 put back, 23 failed after it,
24 unknown, 25 unhealthy, 130 interrupted."
)]
pub struct Cli {
    /// Flags of every verb.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// Flags of every verb.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Global {
    /// Run as if started in DIR
    #[arg(short = 'C', value_name = "DIR", global = true)]
    pub directory: Option<PathBuf>,
    /// Read FILE instead of the nearest hostout.toml
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Say more
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Say only what went wrong
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// When to use colour
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", global = true)]
    pub color: Color,
    /// Print one JSON document on standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// Answer the plan's question with yes
    #[arg(long, short = 'y', global = true)]
    pub yes: bool,
    /// Fail instead of asking
    #[arg(long, global = true)]
    pub no_input: bool,
}

/// When to use colour; `NO_COLOR` is honoured by `auto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Start: write hostout.toml, begin the ledger, settle the signing key
    Init(init::Args),
    /// Say everything that could stop a release or a deployment; change nothing
    Check(check::Args),
    /// Turn HEAD into a signed release
    Release(release::Args),
    /// Take a release to a stage's hosts
    Deploy(deploy::Args),
    /// Go back to an earlier release
    Rollback(rollback::Args),
    /// Show what runs where
    Status(status::Args),
    /// Show releases and deployments, newest first
    Log(log::Args),
    /// Show a release
    Show(show::Args),
    /// Show what differs between two releases or stages
    Diff(diff::Args),
    /// Check a release and its ledger: signatures, binding, hashes
    Verify(verify::Args),
    /// Agree that a stage gets a release
    Approve(approve::Args),
    /// Withdraw a release: no stage takes it any more
    Withdraw(withdraw::Args),
    /// Show or change who may sign what
    Keys(keys::Args),
    /// Show or replace the policy: what may be deployed
    Policy(policy::Args),
    /// Remove old releases from a stage's hosts
    Prune(prune::Args),
    /// Finish a release or deployment that stopped in the middle
    Resume(resume::Args),
    /// End the lock of somebody who is gone
    Unlock(unlock::Args),
    /// Make bare servers a stage's hosts
    Bootstrap(bootstrap::Args),
    /// Put a shared file to a stage's hosts
    Put(put::Args),
    /// Run a command in the live release
    Run(run::Args),
    /// Open a shell on a host
    Ssh(ssh::Args),
    /// Show the logs of what runs
    Logs(logs::Args),
    /// Print what makes a shell complete stages, hosts and versions
    Completions(completions::Args),
    /// Print the man page
    Man,
}

impl Verb {
    /// What to say when it is stopped before it began anything; nothing where that is how it ends.
    pub(super) fn stopped(&self, argv: &[OsString]) -> Option<Stopped> {
        let nothing = match self {
            Self::Init(_) => "What is there stays as it is",
            Self::Release(_) => "Nothing was released",
            Self::Deploy(_) => "Nothing was deployed",
            Self::Rollback(_) => "Nothing was rolled back",
            Self::Approve(_) => "Nothing was approved",
            Self::Withdraw(_) => "Nothing was withdrawn",
            Self::Keys(_) => "No key was changed",
            Self::Policy(_) => "The policy was not changed",
            Self::Prune(_) => "Nothing was removed",
            Self::Resume(_) => "Nothing was finished",
            Self::Unlock(_) => "No lock was ended",
            Self::Bootstrap(_) => "Nothing was made",
            Self::Put(_) => "The file may be on some hosts",
            Self::Run(_) => "What the command did stays done, and it may go on there",
            Self::Logs(args) if args.follows() => return None,
            Self::Check(_)
            | Self::Status(_)
            | Self::Log(_)
            | Self::Show(_)
            | Self::Diff(_)
            | Self::Verify(_)
            | Self::Ssh(_)
            | Self::Logs(_)
            | Self::Completions(_)
            | Self::Man => "Nothing was changed",
        };
        let next = match self {
            Self::Keys(_) => "keys list".to_owned(),
            Self::Policy(_) => "policy".to_owned(),
            // What a command does twice nobody knows here.
            Self::Run(args) => format!("status {}", args.stage()),
            _ => again(argv),
        };
        Some(Stopped { nothing, next })
    }
}

/// The same words, as a shell reads them.
fn again(argv: &[OsString]) -> String {
    let words = argv.iter().skip(1);
    Command::new(words.map(|word| word.to_string_lossy())).shell_line()
}
