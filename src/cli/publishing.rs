//! Making a release visible that was put together.

use super::{
    session::{Session, Workspace},
    shared::Shared,
};
use crate::{
    assemble::Assembled,
    error::Error,
    execute::{self, Published, Publisher, Release, Unfinished},
    ledger::{Git, Ledger, Patience},
    plan::Plan,
    release::Manifest,
};

/// Where a release goes besides this clone.
pub(super) struct Outlets {
    /// The remote that it is pushed to.
    pub push_to: Option<String>,
    /// The store that its files are shared in.
    pub shared: Option<Shared>,
}

/// Makes the release visible, as `plan` says.
pub(super) fn publish(
    session: &Session,
    work: &mut Workspace,
    ledger: &mut Ledger,
    plan: &Plan,
    assembled: &Assembled,
    outlets: Outlets,
) -> Result<(), Error> {
    let manifest = &assembled.manifest;
    let note = Unfinished {
        format: 1,
        version: manifest.version.clone(),
        tag: work
            .project
            .release
            .tag
            .replace("{version}", &manifest.version.to_string()),
        notes: assembled.notes.clone(),
        manifest: assembled.text.clone(),
        versions_cfg: assembled.versions_cfg.clone(),
    };
    finish(session, work, ledger, plan, manifest, &note, outlets)
}

/// Carries out the steps that make a release visible.
pub(super) fn finish(
    session: &Session,
    work: &mut Workspace,
    ledger: &mut Ledger,
    plan: &Plan,
    manifest: &Manifest,
    note: &Unfinished,
    mut outlets: Outlets,
) -> Result<(), Error> {
    let key = work.key()?;
    let who = work.who()?;
    let publisher = Publisher {
        git: Git::of(&work.repo),
        remote: outlets.push_to,
        patience: Patience {
            interruptible: true,
            ..Patience::default()
        },
        silent: work.silent.clone(),
    };
    let (show, store) = (session.watch(), session.store()?);
    let watch = |event| show.on(event);
    let shared = outlets.shared.as_mut();
    let mut release = Release {
        repo: &mut work.repo,
        key: &key,
        who: &who,
        now: session.now(),
        manifest,
        note,
        shared: shared.map(|shared| shared.elsewhere(&store, &watch)),
        publisher,
        watch: &watch,
    };
    let published = execute::carry_out_release(plan, &mut release, ledger)?;
    tell(session, manifest, &note.tag, &published);
    Ok(())
}

fn tell(session: &Session, manifest: &Manifest, tag: &str, published: &Published) {
    let released = format!(
        "Released {} {} (tag {tag})",
        manifest.project.name, manifest.version
    );
    let ui = &session.ui;
    match published {
        Published::Kept => ui.status(&format!("{released}.")),
        Published::Pushed(remote) => ui.status(&format!("{released}, pushed to {remote}.")),
        Published::Refused { remote, message } => {
            ui.warn(&format!("{remote} did not take it: {message}"));
            ui.status(&format!(
                "{released}, here only. Next: git hostout resume pushes it."
            ));
        }
        Published::Unreachable { remote, message } => {
            ui.warn(&format!("{remote} does not answer: {message}"));
            ui.status(&format!(
                "{released}, here only. Next: git hostout resume pushes it."
            ));
        }
    }
}
