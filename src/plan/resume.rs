//! Deciding how a release that was interrupted, or stayed local, goes on.

use super::{Action, Plan, show::names};
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
    /// Tags of earlier releases that the remote lacks.
    pub lacking: &'a [String],
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
    let tags = [release.lacking, &[tag.to_owned()]].concat();
    let pushed = release.push_to.map(|to| push(to, ledger, &tags));
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

/// What a push of the ledger takes along to a remote that lacks `tags`; for plans whose push is part of another step.
pub fn late_tags(remote: &str, tags: &[String]) -> Option<String> {
    let refs: Vec<String> = tags.iter().map(|tag| format!("refs/tags/{tag}")).collect();
    (!tags.is_empty()).then(|| {
        let names = names(&refs);
        format!("{remote} gets {names} with the ledger: it was not seen to have them")
    })
}

/// Entries of ours that cannot go on top of the remote's.
#[derive(Clone, Debug)]
pub struct GivingUp<'a> {
    /// The remote.
    pub remote: &'a str,
    /// The ledger's branch.
    pub ledger: &'a str,
    /// The subjects of what is given up, oldest first.
    pub entries: Vec<String>,
    /// The tags of releases among them.
    pub tags: Vec<String>,
    /// How many entries of ours are made again.
    pub kept: usize,
    /// The remote's tip.
    pub onto: String,
}

/// Gives up what is in the way, makes the rest again.
pub fn give_up(giving_up: GivingUp<'_>) -> Plan {
    let mut notes = Vec::new();
    if giving_up
        .entries
        .iter()
        .any(|subject| !subject.starts_with("release "))
    {
        notes.push(
            "hosts stay as they are: what was deployed of it runs on, until `git hostout rollback STAGE --to VERSION` goes on from there"
                .to_owned(),
        );
    }
    let summary = format!(
        "Give up what {} got otherwise in between.",
        giving_up.remote
    );
    let reapply = (giving_up.kept > 0).then(|| Action::Reapply {
        ledger: giving_up.ledger.to_owned(),
        entries: giving_up.kept,
        onto: giving_up.onto,
    });
    let given_up = Action::GiveUp {
        ledger: giving_up.ledger.to_owned(),
        entries: giving_up.entries,
        tags: giving_up.tags,
    };
    let push = (giving_up.kept > 0).then(|| push(giving_up.remote, giving_up.ledger, &[]));
    let steps = std::iter::once(given_up).chain(reapply).chain(push);
    let steps = steps.map(|action| (None, action)).collect();
    Plan::new(summary, notes, steps)
}

pub(super) fn push(remote: &str, ledger: &str, tags: &[String]) -> Action {
    let tags = tags.iter().map(|tag| format!("refs/tags/{tag}"));
    let refs = tags.chain([format!("refs/heads/{ledger}")]).collect();
    Action::Push {
        remote: remote.to_owned(),
        refs,
    }
}
