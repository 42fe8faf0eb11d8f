//! A plan in words: what `--dry-run` and the prompt print.

use super::{Action, Plan, Step};
use crate::release::{Artifact, Intent};
use std::fmt;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.summary)?;
        for note in &self.notes {
            writeln!(f, "  - {note}")?;
        }
        let place = |step: &Step| step.host.clone().unwrap_or_else(|| "here".to_owned());
        let width = self
            .steps
            .iter()
            .map(|step| place(step).chars().count())
            .max()
            .unwrap_or(0);
        for step in &self.steps {
            writeln!(
                f,
                "  {:>2}  {:<width$}  {}",
                step.id,
                place(step),
                step.action
            )?;
            if let Action::Activate { backup, health, .. } = &step.action {
                writeln!(f, "      {:<width$}  backup: {backup}", "")?;
                writeln!(f, "      {:<width$}  healthy when: {health}", "")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commit {
                id,
                manifest,
                tarball,
            } => write!(
                f,
                "commit    release commit {}, manifest sha256:{}, tarball sha256:{}",
                short(id),
                manifest.short(),
                tarball.short()
            ),
            Self::Tag { name, target } => {
                write!(
                    f,
                    "tag       {name}, signed, on release commit {}",
                    short(target)
                )
            }
            Self::Enter {
                ledger,
                expected,
                version,
            } => {
                write!(
                    f,
                    "enter     release {version} into ledger {ledger}, on {}",
                    short(expected)
                )
            }
            Self::Reapply {
                ledger,
                entries,
                onto,
            } => write!(
                f,
                "reapply   {entries} entries of ledger {ledger}, onto {}",
                short(onto)
            ),
            Self::Push { remote, refs } => {
                write!(
                    f,
                    "push      {} to {remote}, all or nothing",
                    refs.join(" and ")
                )
            }
            Self::InstallAgent { agent } => {
                write!(f, "install   .hostout/agent, sha256:{}", agent.short())
            }
            Self::Upload { artifacts, there } => upload(f, artifacts, *there),
            Self::Prepare {
                version,
                reuse: true,
                ..
            } => {
                write!(
                    f,
                    "prepare   releases/{version}, which is there and complete"
                )
            }
            Self::Prepare {
                version,
                buildout,
                reuse: false,
            } => {
                write!(f, "prepare   releases/{version}, buildout {buildout}")
            }
            Self::RecordStarted {
                intent,
                stage,
                version,
            } => {
                write!(
                    f,
                    "record    {} of {version} to {stage} started",
                    word(*intent)
                )
            }
            Self::Activate { expected, new, .. } => {
                let old = expected
                    .as_ref()
                    .map_or("nothing".to_owned(), ToString::to_string);
                write!(
                    f,
                    "activate  stop, switch current from {old} to {new}, start, probe"
                )
            }
            Self::RecordEnded { stage } => write!(f, "record    how it ended on {stage}"),
            Self::Prune { keep, releases } => {
                let names: Vec<String> = releases.iter().map(ToString::to_string).collect();
                write!(f, "prune     releases {}, keeping {keep}", names.join(", "))
            }
        }
    }
}

fn upload(f: &mut fmt::Formatter<'_>, artifacts: &[Artifact], there: usize) -> fmt::Result {
    let bytes: u64 = artifacts.iter().map(|artifact| artifact.size).sum();
    let count = artifacts.len();
    write!(
        f,
        "upload    {count} artifacts, {} ({there} are there)",
        size(bytes)
    )
}

fn word(intent: Intent) -> &'static str {
    match intent {
        Intent::Deploy => "deploy",
        Intent::Rollback => "rollback",
    }
}

/// The first twelve digits of an object id: unambiguous for people.
fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

/// A number of bytes in SI units.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{}.{} kB", bytes / 1_000, bytes % 1_000 / 100),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}
