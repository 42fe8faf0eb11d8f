//! Deciding how a release that was interrupted, or stayed local, goes on.

use super::{Action, Plan};
use crate::release::Manifest;

/// A release that was begun and is not in the ledger.
#[derive(Clone, Copy, Debug)]
pub struct Interrupted<'a> {
    /// The project's name.
    pub project: &'a str,
    /// The release's manifest.
    pub manifest: &'a Manifest,
    /// The tag's name.
    pub tag: &'a str,
    /// The ledger's branch.
    pub ledger: &'a str,
    /// The ledger's tip.
    pub tip: &'a str,
    /// The remote; nothing = it stays local.
    pub push_to: Option<&'a str>,
}

/// The steps that are left: each of them looks first whether it is done.
pub fn resume(interrupted: &Interrupted<'_>) -> Plan {
    let version = &interrupted.manifest.version;
    let steps = publishing(interrupted).into_iter();
    let summary = format!("Finish the release of {} {version}.", interrupted.project);
    Plan::new(
        summary,
        Vec::new(),
        steps.map(|action| (None, action)).collect(),
    )
}

/// What publishes a release whose commit is there: the tag first, the ledger last, one push.
pub(super) fn publishing(release: &Interrupted<'_>) -> Vec<Action> {
    let Interrupted { tag, ledger, .. } = *release;
    let mut steps = vec![
        Action::Tag {
            name: tag.to_owned(),
            target: release.manifest.release_commit.clone(),
        },
        Action::Enter {
            ledger: ledger.to_owned(),
            expected: release.tip.to_owned(),
            version: release.manifest.version.clone(),
        },
    ];
    let pushed = release
        .push_to
        .map(|to| push(to, ledger, &[tag.to_owned()]));
    steps.extend(pushed);
    steps
}

/// Entries that only we have, and the tip of the remote's ledger that lacks them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diverged {
    /// How many.
    pub entries: usize,
    /// Their tip.
    pub onto: String,
}

/// One push of everything that stayed local, made again first where the remote went on.
pub fn publish(remote: &str, ledger: &str, tags: &[String], diverged: Option<Diverged>) -> Plan {
    let reapply = diverged.map(|Diverged { entries, onto }| Action::Reapply {
        ledger: ledger.to_owned(),
        entries,
        onto,
    });
    let steps = reapply.into_iter().chain([push(remote, ledger, tags)]);
    let summary = format!("Push what stayed local to {remote}.");
    Plan::new(
        summary,
        Vec::new(),
        steps.map(|action| (None, action)).collect(),
    )
}

fn push(remote: &str, ledger: &str, tags: &[String]) -> Action {
    let tags = tags.iter().map(|tag| format!("refs/tags/{tag}"));
    let refs = tags.chain([format!("refs/heads/{ledger}")]).collect();
    Action::Push {
        remote: remote.to_owned(),
        refs,
    }
}
