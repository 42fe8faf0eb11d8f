//! Words in, words out: a file a verb.
//!
//! **Invariant:** a verb reads like the data path: observe → plan → `carry_out`; the only fork of a dry run is there.
//! **Not here:** decisions (`plan`), effects (`execute`), looking (`observe`).
//! **To add** a verb: a file with `Args` and `run`, a variant of [`Verb`], a row in the README's table.

mod approve;
mod args;
mod askpass;
mod bare;
mod bootstrap;
mod carry_out;
mod check;
mod complete;
mod completions;
mod consent;
mod considering;
mod deploy;
mod deployment;
mod diff;
mod give_up;
mod hosts;
mod init;
mod keys;
mod log;
mod logs;
mod man;
mod new_trust;
mod partial;
mod policy;
mod prune;
mod publishing;
mod put;
mod rebuild;
mod recover;
mod recovery;
mod regain;
mod release;
mod releasing;
mod remote;
mod renew;
mod report;
mod resume;
mod rollback;
mod run;
mod session;
mod shared;
mod show;
mod show_event;
mod ssh;
mod status;
mod tell;
mod unlock;
mod unpushed;
mod verify;
mod wait;
mod withdraw;
mod writing;

pub use args::{Cli, Global, Verb};

use crate::{
    error::{Class, Error},
    process,
};
use clap::Parser as _;
use session::Session;
use std::{ffi::OsString, process::ExitCode};

/// Runs the program with `argv`, prints what there is to say, and returns its exit code.
pub fn main(argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    let argv: Vec<OsString> = argv.into_iter().collect();
    if let Some(code) = askpass::answer(&argv).or_else(|| complete::answer(&argv)) {
        return code;
    }
    let cli = match Cli::try_parse_from(&argv) {
        Ok(cli) => cli,
        Err(error) => return report::usage(&argv, &error),
    };
    let session = Session::new(cli.global);
    let done = listen(&session, &cli.verb, &argv)
        .and_then(|()| run(&session, cli.verb))
        .and_then(|code| session.ui.finish().map(|()| code).map_err(Error::Output));
    let code = process::reporting(|| match done {
        Ok(code) => code,
        Err(error) => report::failure(&session, &error),
    });
    ExitCode::from(code)
}

/// Ctrl-C, until something is carried out: everything is taken away, and one sentence says so.
fn listen(session: &Session, verb: &Verb, argv: &[OsString]) -> Result<(), Error> {
    let (global, stopped) = (session.global.clone(), verb.stopped(argv));
    let farewell = move || match stopped {
        Some(stopped) => report::stopped(&Session::new(global), stopped),
        None => Class::Interrupted.code(),
    };
    process::listen(farewell).map_err(Error::Signals)
}

/// The exit code is 0, or that of a command which the verb ran for somebody.
fn run(session: &Session, verb: Verb) -> Result<u8, Error> {
    let done = match verb {
        Verb::Run(args) => return run::run(session, &args),
        Verb::Logs(args) => return logs::run(session, &args),
        Verb::Init(args) => init::run(session, &args),
        Verb::Check(args) => check::run(session, &args),
        Verb::Release(args) => release::run(session, &args),
        Verb::Deploy(args) => deploy::run(session, &args),
        Verb::Rollback(args) => rollback::run(session, &args),
        Verb::Status(args) => status::run(session, &args),
        Verb::Log(args) => log::run(session, &args),
        Verb::Show(args) => show::run(session, &args),
        Verb::Diff(args) => diff::run(session, &args),
        Verb::Verify(args) => verify::run(session, &args),
        Verb::Approve(args) => approve::run(session, &args),
        Verb::Withdraw(args) => withdraw::run(session, &args),
        Verb::Keys(args) => keys::run(session, &args),
        Verb::Policy(args) => policy::run(session, &args),
        Verb::Prune(args) => prune::run(session, &args),
        Verb::Resume(args) => resume::run(session, &args),
        Verb::Unlock(args) => unlock::run(session, &args),
        Verb::Bootstrap(args) => bootstrap::run(session, &args),
        Verb::Put(args) => put::run(session, &args),
        Verb::Ssh(args) => ssh::run(session, &args),
        Verb::Completions(args) => completions::run(session, &args),
        Verb::Man => man::run(session),
    };
    done.map(|()| 0)
}
