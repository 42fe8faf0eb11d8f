//! Publishing a release: objects, tag, ledger, push.

use super::{Elsewhere, Error, Published, Publisher, Result, Unfinished};
use crate::{
    event::{Event, Watch},
    ledger::{self, Key, Kind, Ledger, NewEntry, NewTag, Person},
    plan::{Action, Plan},
    process::asked,
    release::Manifest,
};
use gix::ObjectId;
use jiff::Timestamp;

/// A release whose objects are staged: what [`carry_out_release`] makes visible.
pub struct Release<'a> {
    /// The repository; its object memory holds what is not written yet.
    pub repo: &'a mut gix::Repository,
    /// Who signs.
    pub key: &'a Key,
    /// Who releases.
    pub who: &'a Person,
    /// When.
    pub now: Timestamp,
    /// The manifest.
    pub manifest: &'a Manifest,
    /// Everything that is needed to finish it.
    pub note: &'a Unfinished,
    /// Where its files are shared.
    pub shared: Option<Elsewhere<'a>>,
    /// How refs are pushed.
    pub publisher: Publisher,
    /// Whoever looks on.
    pub watch: Watch<'a>,
}

/// Carries out the steps of a release. The tag moves first, the ledger last.
///
/// # Errors
/// Before the tag nothing is visible; after it the note is there for `resume`.
pub fn carry_out_release(
    plan: &Plan,
    release: &mut Release<'_>,
    ledger: &mut Ledger,
) -> Result<Published> {
    let mut tag = None;
    let mut published = Published::Kept;
    for step in &plan.steps {
        if asked() > 0 {
            return Err(Error::Interrupted);
        }
        match &step.action {
            Action::Commit { .. } => {
                ledger::persist(release.repo)?;
                release.note.keep(release.repo, ledger.branch())?;
            }
            Action::Store { artifacts, .. } => {
                (release.watch)(Event::Begin(format!("here: {}", step.action)));
                let shared = release.shared.as_mut();
                let shared = shared.ok_or(Error::Strange("a release without a store"))?;
                shared.give(artifacts)?;
            }
            Action::Tag { .. } => {
                (release.watch)(Event::Begin(format!("here: {}", step.action)));
                tag = Some(make_tag(release, ledger)?);
            }
            Action::Enter { .. } => {
                let tag = tag.ok_or(Error::Strange("a release"))?;
                enter(release, ledger, tag)?;
                Unfinished::forget(release.repo, ledger.branch())?;
            }
            Action::Push { .. } => {
                (release.watch)(Event::Begin(format!("here: {}", step.action)));
                published = release.publisher.push(ledger)?;
                not_stopped(&published)?;
            }
            Action::Append { .. }
            | Action::GiveUp { .. }
            | Action::Reapply { .. }
            | Action::Settle { .. }
            | Action::RecordHealthy { .. }
            | Action::Recover { .. }
            | Action::Unlock { .. }
            | Action::InstallAgent { .. }
            | Action::Upload { .. }
            | Action::Trust { .. }
            | Action::Prepare { .. }
            | Action::RecordStarted { .. }
            | Action::Activate { .. }
            | Action::Pause { .. }
            | Action::RecordEnded { .. }
            | Action::Break { .. }
            | Action::MakeKey { .. }
            | Action::Bootstrap { .. }
            | Action::Prove { .. }
            | Action::NameRuntime { .. }
            | Action::Share { .. }
            | Action::Regain { .. }
            | Action::Tell { .. }
            | Action::Prune { .. } => return Err(Error::Strange("a release")),
        }
    }
    Ok(published)
}

/// A push that a Ctrl-C ended is no answer of the remote.
fn not_stopped(published: &Published) -> Result<()> {
    match published {
        Published::Refused { remote, .. } | Published::Unreachable { remote, .. }
            if asked() > 0 =>
        {
            Err(Error::Unpushed {
                remote: remote.clone(),
            })
        }
        _ => Ok(()),
    }
}

/// Makes the signed tag, or finds the one that an interrupted run made.
fn make_tag(release: &mut Release<'_>, ledger: &Ledger) -> Result<ObjectId> {
    let name = &release.note.tag;
    let manifest = release.manifest;
    let digest = crate::release::Digest::of(release.note.manifest.as_bytes());
    let target = ObjectId::from_hex(manifest.release_commit.as_bytes())
        .map_err(|_| Error::Strange("a release without a commit"))?;
    if let Some(there) = ledger::read_tag(release.repo, name)?
        && there.target == target
        && there.manifest == Some(digest)
    {
        return Ok(there.id);
    }
    let subject = format!("{} {}", manifest.project.name, manifest.version);
    let new = NewTag {
        name,
        target,
        subject: &subject,
        body: &release.note.notes,
        project: ledger.project_id(),
        manifest: digest,
        who: release.who,
        time: release.now,
    };
    let id = ledger::write_tag(release.repo, &new, release.key)?;
    ledger::persist(release.repo)?;
    ledger::create_tag(release.repo, name, id)?;
    Ok(id)
}

fn enter(release: &Release<'_>, ledger: &mut Ledger, tag: ObjectId) -> Result<()> {
    let version = &release.manifest.version;
    let note = release.note;
    let commit = ObjectId::from_hex(release.manifest.commit.as_bytes())
        .map_err(|_| Error::Strange("a release without a commit"))?;
    let (files, _) =
        ledger::release_files(version, &note.manifest, &note.versions_cfg, release.key)?;
    let entry = NewEntry {
        kind: Kind::Release {
            version: version.clone(),
            tag,
            commit,
        },
        id: ledger::new_id()?,
        files,
        edits: ledger::Edits::default(),
        who: release.who.clone(),
        time: release.now,
        reason: String::new(),
    };
    ledger.append(&entry, release.key)?;
    Ok(())
}
