//! Artifacts that others have: the shared store of `hostout.toml`, and what hosts were sent.

use super::{
    hosts,
    session::{Session, Workspace},
};
use crate::{
    config::{Host, SharedStore, Stage},
    error::Error,
    event::Watch,
    execute::{Elsewhere, Member},
    pack,
    plan::Sharing,
    release::{Artifact, Digest, Manifest},
    transport::Transport,
};
use std::collections::{BTreeMap, BTreeSet};

/// The shared store, that we are connected to.
pub(super) struct Shared {
    store: SharedStore,
    transport: Box<dyn Transport>,
}

impl Shared {
    /// Connects to it; nothing where `hostout.toml` names none.
    pub(super) fn connect(session: &Session, work: &Workspace) -> Result<Option<Self>, Error> {
        let Some(store) = work.project.release.store.clone() else {
            return Ok(None);
        };
        let transport = hosts::connect(session, &host(&store.destination))?;
        Ok(Some(Self { store, transport }))
    }

    /// For taking and giving.
    pub(super) fn elsewhere<'a>(
        &'a mut self,
        store: &'a pack::Store,
        watch: Watch<'a>,
    ) -> Elsewhere<'a> {
        Elsewhere {
            name: self.store.to_string(),
            transport: self.transport.as_mut(),
            folder: self.store.path.clone(),
            store,
            watch,
        }
    }

    /// What it has of a release, and what it lacks.
    pub(super) fn sharing(
        &mut self,
        session: &Session,
        manifest: &Manifest,
    ) -> Result<Sharing, Error> {
        let (show, store) = (session.watch(), session.store()?);
        let watch = |event| show.on(event);
        let artifacts = manifest.artifacts();
        let digests = artifacts.keys().copied().collect();
        let there = self.elsewhere(&store, &watch).have(&digests)?;
        let lacks: Vec<Artifact> = artifacts
            .into_values()
            .filter(|artifact| !there.contains(&artifact.sha256))
            .collect();
        Ok(Sharing {
            name: self.store.to_string(),
            there: there.len(),
            lacks,
        })
    }

    /// Takes what this machine lacks of `manifest`.
    pub(super) fn fetch(&mut self, session: &Session, manifest: &Manifest) -> Result<(), Error> {
        let (show, store) = (session.watch(), session.store()?);
        let watch = |event| show.on(event);
        let wanted = lacking(&store, manifest.artifacts().into_keys());
        let wanted = sized(manifest, &wanted);
        take(session, &mut self.elsewhere(&store, &watch), &wanted)
    }
}

/// Whether the shared store, where there is one, can be used.
pub(super) fn check(session: &Session, work: &Workspace) -> Result<(), Error> {
    let store = session.store()?;
    if let Some(mut shared) = Shared::connect(session, work)? {
        shared.elsewhere(&store, &|_| ()).have(&BTreeSet::new())?;
    }
    Ok(())
}

fn host(destination: &str) -> Host {
    Host {
        destination: destination.to_owned(),
        roles: Vec::new(),
        host_key: None,
    }
}

/// Those that this machine lacks.
pub(super) fn lacking(
    store: &pack::Store,
    digests: impl IntoIterator<Item = Digest>,
) -> BTreeSet<Digest> {
    let digests = digests.into_iter();
    digests
        .filter(|digest| store.path(digest).is_none())
        .collect()
}

/// `wanted` of `manifest`, each with its size: no more than that is taken from another machine.
pub(super) fn sized(manifest: &Manifest, wanted: &BTreeSet<Digest>) -> BTreeMap<Digest, u64> {
    let artifacts = manifest.artifacts().into_values();
    artifacts
        .filter(|artifact| wanted.contains(&artifact.sha256))
        .map(|artifact| (artifact.sha256, artifact.size))
        .collect()
}

fn take(
    session: &Session,
    from: &mut Elsewhere<'_>,
    wanted: &BTreeMap<Digest, u64>,
) -> Result<(), Error> {
    if wanted.is_empty() {
        return Ok(());
    }
    let (name, count) = (from.name.clone(), from.fetch(wanted)?);
    if count > 0 {
        let files = if count == 1 { "artifact" } else { "artifacts" };
        session
            .ui
            .status(&format!("{count} {files} fetched from {name}."));
    }
    Ok(())
}

/// Takes `wanted` out of the shared store. One that does not answer is told and passed over: there are other ways.
pub(super) fn from_store(
    session: &Session,
    work: &Workspace,
    wanted: &BTreeMap<Digest, u64>,
) -> Result<(), Error> {
    if wanted.is_empty() {
        return Ok(());
    }
    let store = session.store()?;
    let show = session.watch();
    let watch = |event| show.on(event);
    let taken = match Shared::connect(session, work) {
        Ok(Some(mut shared)) => take(session, &mut shared.elsewhere(&store, &watch), wanted),
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    passed_over(session, taken)
}

/// Takes `wanted` from hosts that were sent them: those of this stage, then those of all others.
pub(super) fn from_hosts(
    session: &Session,
    work: &Workspace,
    stage: &Stage,
    members: &mut [Member],
    wanted: &BTreeMap<Digest, u64>,
) -> Result<(), Error> {
    let store = session.store()?;
    for member in members {
        let host = &member.host.destination;
        from_host(
            session,
            stage,
            host,
            member.transport.as_mut(),
            &store,
            wanted,
        )?;
    }
    let others = work.project.stages.iter();
    for other in others.filter(|other| other.name != stage.name) {
        for host in &other.hosts {
            if lacking(&store, wanted.keys().copied()).is_empty() {
                return Ok(());
            }
            match hosts::connect(session, host) {
                Ok(mut transport) => {
                    let name = &host.destination;
                    from_host(session, other, name, transport.as_mut(), &store, wanted)?;
                }
                Err(error) => passed_over(session, Err(error))?,
            }
        }
    }
    Ok(())
}

fn from_host(
    session: &Session,
    stage: &Stage,
    host: &str,
    transport: &mut dyn Transport,
    store: &pack::Store,
    wanted: &BTreeMap<Digest, u64>,
) -> Result<(), Error> {
    let show = session.watch();
    let watch = |event| show.on(event);
    let folder = format!("{}/store", stage.path);
    let mut elsewhere = Elsewhere {
        name: format!("{host}:{folder}"),
        transport,
        folder,
        store,
        watch: &watch,
    };
    let lacking = lacking(store, wanted.keys().copied());
    let mut wanted = wanted.clone();
    wanted.retain(|digest, _| lacking.contains(digest));
    passed_over(session, take(session, &mut elsewhere, &wanted))
}

/// A place that cannot be used is no reason to stop: Ctrl-C is.
fn passed_over(session: &Session, taken: Result<(), Error>) -> Result<(), Error> {
    use crate::execute::Error::{Store, Unreachable};
    match taken {
        Err(error @ (Error::Unreachable(_) | Error::Execute(Store { .. } | Unreachable(_)))) => {
            session.ui.warn(&error.to_string());
            Ok(())
        }
        taken => taken,
    }
}
