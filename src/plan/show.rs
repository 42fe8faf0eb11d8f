//! A plan in words: what `--dry-run` and the prompt print.

use super::{Action, Plan, Step, Work};
use crate::release::{Artifact, Intent};
use std::fmt;

/// The widest verb of a step.
const VERB: usize = 8;

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
            let (verb, object) = (step.action.verb(), step.action.object());
            let place = place(step);
            writeln!(
                f,
                "  {:>2}  {place:<width$}  {verb:<VERB$}  {object}",
                step.id
            )?;
            for line in step.action.more() {
                writeln!(f, "      {:<width$}  {:<VERB$}  {line}", "", "")?;
            }
        }
        Ok(())
    }
}

/// In a few words, for the moment when the step begins: `prepare releases/1.4.2`.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Activate { new, .. } => write!(f, "{} {new}", self.verb()),
            Self::Upload { artifacts, .. } => write!(f, "{} {}", self.verb(), weight(artifacts)),
            _ => write!(f, "{} {}", self.verb(), self.object()),
        }
    }
}

impl Action {
    /// What is done, one word.
    fn verb(&self) -> &'static str {
        match self {
            Self::Commit { .. } => "commit",
            Self::Store { .. } => "share",
            Self::Tag { .. } => "tag",
            Self::Enter { .. } | Self::Append { .. } => "enter",
            Self::GiveUp { .. } => "give up",
            Self::Reapply { .. } => "reapply",
            Self::Regain { .. } => "take",
            Self::Settle { .. } => "settle",
            Self::Recover { .. } => "recover",
            Self::Unlock { .. } | Self::Break { .. } => "unlock",
            Self::Push { .. } => "push",
            Self::InstallAgent { .. } => "install",
            Self::Upload { .. } => "upload",
            Self::Trust { .. } => "trust",
            Self::Tell { .. } => "tell",
            Self::Prepare { .. } => "prepare",
            Self::RecordStarted { .. } | Self::RecordEnded { .. } | Self::RecordHealthy { .. } => {
                "record"
            }
            Self::Activate { .. } => "activate",
            Self::Pause { .. } => "wait",
            Self::MakeKey { .. } | Self::Bootstrap { .. } => "make",
            Self::Prove { .. } => "prove",
            Self::NameRuntime { .. } => "write",
            Self::Share { .. } => "put",
            Self::Prune { .. } => "prune",
        }
    }

    /// What it is done with.
    fn object(&self) -> String {
        match self {
            Self::Commit { id, .. } => format!("release commit {}", short(id)),
            Self::Store {
                store,
                artifacts,
                there,
            } => format!("{} with {store}", beside(artifacts, *there)),
            Self::Tag { name, target } => {
                format!("{name}, signed, on release commit {}", short(target))
            }
            Self::Enter {
                ledger,
                expected,
                version,
            } => format!(
                "release {version} into ledger {ledger}, on {}",
                short(expected)
            ),
            Self::Append { .. }
            | Self::GiveUp { .. }
            | Self::Reapply { .. }
            | Self::Regain { .. } => self.for_ledger(),
            Self::Settle { .. }
            | Self::Recover { .. }
            | Self::Unlock { .. }
            | Self::RecordHealthy { .. }
            | Self::Break { .. } => self.for_what_was_left(),
            Self::Push { remote, refs } => format!("{} to {remote}, all or nothing", names(refs)),
            Self::InstallAgent { agent } => format!(".hostout/agent, sha256:{}", agent.short()),
            Self::Upload { artifacts, there } => beside(artifacts, *there),
            Self::Trust {
                project,
                known,
                generation,
            } => {
                let keys = format!("keys and policy number {generation}");
                match known {
                    None => format!("project {}, {keys}", short(project)),
                    Some(_) => keys,
                }
            }
            Self::Prepare {
                version,
                reuse: true,
                ..
            } => format!("releases/{version}, which is there and complete"),
            Self::Prepare {
                version,
                buildout,
                reuse: false,
                ..
            } => format!("releases/{version}, buildout {buildout}"),
            Self::RecordStarted {
                intent,
                stage,
                version,
            } => format!("{} of {version} on {stage} started", word(*intent)),
            Self::Activate {
                expected: None,
                new,
                ..
            } => format!("{new}: switch current to it, start, probe"),
            Self::Activate {
                expected: Some(old),
                new,
                roll,
                ..
            } if roll.is_empty() => format!("{new}: stop {old}, switch current, start, probe"),
            Self::Activate {
                expected: Some(old),
                new,
                ..
            } => format!(
                "{new}: switch current from {old}, stop, start and probe program by program"
            ),
            Self::Tell { stage } => format!("the hosts of {stage}, as far as they answer"),
            Self::Pause { seconds } => format!("{seconds} s before the next hosts"),
            Self::RecordEnded { stage } => format!("how it ended on {stage}"),
            Self::MakeKey { .. }
            | Self::Bootstrap { .. }
            | Self::Prove { .. }
            | Self::NameRuntime { .. }
            | Self::Share { .. } => self.for_server(),
            Self::Prune { keep, releases } => {
                let names: Vec<String> = releases.iter().map(ToString::to_string).collect();
                format!("releases {}, keeping {keep}", names.join(", "))
            }
        }
    }

    /// The same for what an earlier deployment left.
    fn for_what_was_left(&self) -> String {
        match self {
            Self::Settle {
                stage,
                deployment,
                outcome,
            } => format!("deployment {deployment} to {stage}, left open, which ended: {outcome}"),
            Self::Recover { deployment } => {
                format!("deployment {deployment}, which was cut off: back to what was live before")
            }
            Self::Unlock { holder, work, .. } => {
                let work = match work {
                    Some(Work::Awaited(what)) => format!("; {what}, is waited for"),
                    Some(Work::Ended(what)) => format!("; {what}, is ended"),
                    None => String::new(),
                };
                format!("what a client that is gone held: {holder}{work}")
            }
            Self::RecordHealthy { stage, deployment } => {
                format!("that deployment {deployment} to {stage} is healthy now")
            }
            Self::Break { holder } => format!("what is left of {holder}"),
            _ => String::new(),
        }
    }

    /// The same for entries of the ledger that are no releases.
    fn for_ledger(&self) -> String {
        match self {
            Self::Append {
                ledger,
                expected,
                entry,
                ..
            } => format!("`{entry}` into ledger {ledger}, on {}", short(expected)),
            Self::Regain {
                ledger,
                tip,
                entries,
                ..
            } => format!("{entries} entries of ledger {ledger}, up to {}", short(tip)),
            Self::GiveUp {
                ledger,
                entries,
                tags,
            } => {
                let entries = format!("`{}` of ledger {ledger}", entries.join("`, `"));
                let tags: Vec<String> = tags.iter().map(|tag| format!(", tag {tag}")).collect();
                format!("{entries}{}", tags.concat())
            }
            Self::Reapply {
                ledger,
                entries,
                onto,
            } => format!("{entries} entries of ledger {ledger}, onto {}", short(onto)),
            _ => String::new(),
        }
    }

    /// The same for what is done outside of releases.
    fn for_server(&self) -> String {
        match self {
            Self::MakeKey { file } => format!("key {file}, ed25519, without a passphrase"),
            Self::Bootstrap { what, .. } => what.clone(),
            Self::Prove { user } => format!("that {user} logs in by a key"),
            Self::NameRuntime { stage, user } => {
                format!("hostout.toml: runtime-user = \"{user}\" in [stage.{stage}]")
            }
            Self::Share {
                file,
                bytes,
                reader,
            } => {
                let reader = reader.as_ref().map_or_else(
                    || "its owner only".to_owned(),
                    |reader| format!("its owner and {reader} only"),
                );
                format!("shared/{file}, {}, for {reader}", size(*bytes))
            }
            _ => String::new(),
        }
    }

    /// What stands below the step in a plan.
    fn more(&self) -> Vec<String> {
        match self {
            Self::Commit {
                manifest, tarball, ..
            } => vec![
                format!("manifest sha256:{}", manifest.short()),
                format!("tarball sha256:{}", tarball.short()),
            ],
            Self::Append { details, .. } => details.clone(),
            Self::Regain {
                project,
                releases,
                keys,
                ..
            } => {
                let releases: Vec<String> = releases.iter().map(ToString::to_string).collect();
                let lines = [
                    format!("project {}", short(project)),
                    format!("releases {}", releases.join(", ")),
                ];
                lines.into_iter().chain(keys.iter().cloned()).collect()
            }
            Self::RecordStarted { .. } => {
                vec!["hosts keep a copy of the ledger: .hostout/project.bundle".to_owned()]
            }
            Self::Prepare { fetch, .. } if !fetch.is_empty() => {
                vec![format!("the host fetches {}", weight(fetch))]
            }
            Self::Activate {
                backup,
                revert,
                health,
                hooks,
                services,
                ..
            } => {
                let hooks = hooks.iter().map(|hook| format!("runs {hook}"));
                let conditions = health.iter().enumerate().map(|(at, condition)| {
                    let lead = if at == 0 {
                        "healthy when"
                    } else {
                        "        and"
                    };
                    format!("{lead}: {condition}")
                });
                let backup = std::iter::once(format!("backup: {backup}"));
                backup
                    .chain(revert.clone())
                    .chain(services.iter().cloned())
                    .chain(hooks)
                    .chain(conditions)
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}

/// How many artifacts, and how big.
fn weight(artifacts: &[Artifact]) -> String {
    let bytes: u64 = artifacts.iter().map(|artifact| artifact.size).sum();
    let plural = if artifacts.len() == 1 { "" } else { "s" };
    format!("{} artifact{plural}, {}", artifacts.len(), size(bytes))
}

/// The same, beside those that are there.
fn beside(artifacts: &[Artifact], there: usize) -> String {
    match there {
        0 => weight(artifacts),
        _ => format!("{} ({there} are there)", weight(artifacts)),
    }
}

/// References for people: `tag v1.4.2 and branch hostout`. Many tags are only counted.
pub(super) fn names(refs: &[String]) -> String {
    let below = |prefix: &str| -> Vec<&str> {
        let names = refs.iter();
        names.filter_map(|name| name.strip_prefix(prefix)).collect()
    };
    let tags = below("refs/tags/");
    let mut words = match tags.as_slice() {
        [] => Vec::new(),
        [tag] => vec![format!("tag {tag}")],
        [first, second] => vec![format!("tags {first}, {second}")],
        many => vec![format!("{} tags", many.len())],
    };
    let branches = below("refs/heads/");
    words.extend(branches.iter().map(|name| format!("branch {name}")));
    words.join(" and ")
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
