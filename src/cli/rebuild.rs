//! A release made again, from git and its manifest: to compare (`verify --rebuild`), or to have what this machine lacks.

use super::session::{Session, Workspace};
use crate::{
    assemble::{self, Again, Job, Rebuilt, Upgrade},
    buildout::User,
    config,
    error::Error,
    facts::Check,
    ledger::{Ledger, Released},
    observe, pack,
    plan::{self, Remade},
    process::Folder,
    release::{BuildTool, Digest, Manifest},
};
use gix::ObjectId;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Makes `released` again in scratch folders and memory, and compares. The configuration is the one that was released,
/// not today's.
pub(super) fn run(
    session: &Session,
    work: &Workspace,
    ledger: &Ledger,
    released: &Released,
) -> Result<Vec<Check>, Error> {
    let scratch = Folder::new("hostout-again-").map_err(Error::Output)?;
    let store = pack::Store::open(scratch.path().join("store"))?;
    let rebuilt = match make(session, work, ledger, released, &store)? {
        Ok(rebuilt) => rebuilt,
        Err(why) => return Ok(vec![Check::failed("rebuilt release", why)]),
    };
    let release = rebuilt.release.map_err(|error| said(&Error::from(error)));
    let remade = Remade {
        eggs: &rebuilt.eggs,
        release: match &release {
            Ok(made) => Ok((&made.manifest, &made.versions_cfg)),
            Err(why) => Err(why),
        },
    };
    Ok(plan::compare(
        &released.manifest,
        &released.versions_cfg,
        &remade,
    ))
}

/// Gets artifacts that are not on this machine: eggs and tarball are made again, pins fetched, all into the content store,
/// where only the right bytes have the right name. What cannot be had stays missing, and is told.
pub(super) fn obtain(
    session: &Session,
    work: &Workspace,
    ledger: &Ledger,
    released: &Released,
) -> Result<(), Error> {
    session.ui.status(&format!(
        "{} has artifacts that are not on this machine: they are made again and fetched",
        released.manifest.version
    ));
    match make(session, work, ledger, released, &session.store()?)? {
        Ok(Rebuilt { release: Ok(_), .. }) => {}
        Ok(Rebuilt {
            release: Err(error),
            ..
        }) => session.ui.warn(&said(&Error::from(error))),
        Err(why) => session.ui.warn(&why),
    }
    Ok(())
}

/// Makes `released` again, its files into `store`; or why that cannot be done.
fn make(
    session: &Session,
    work: &Workspace,
    ledger: &Ledger,
    released: &Released,
    store: &pack::Store,
) -> Result<Result<Rebuilt, String>, Error> {
    let manifest = &released.manifest;
    let head = ObjectId::from_hex(manifest.commit.as_bytes()).ok();
    let Some(head) = head.filter(|head| work.repo.has_object(*head)) else {
        return Ok(Err(format!(
            "commit {} is not in this clone: git fetch --unshallow",
            manifest.commit
        )));
    };
    let project = match project(work, head)? {
        Ok(project) => project,
        Err(why) => return Ok(Err(why)),
    };
    let (tools, epochs) = before(ledger, manifest)?;
    let show = session.watch();
    let repo = work.repo.clone().with_object_memory();
    let rebuilt = assemble::rebuild(&Job {
        repo: &repo,
        head,
        directory: &work.below(&project.buildout.directory),
        file: &work.place.name,
        project: &project,
        id: ledger.project_id().to_string(),
        previous: Some(released),
        version: &manifest.version,
        again: Some(&Again {
            recorded: manifest,
            tools: &tools,
            epochs: &epochs,
            shelf: &session.store()?,
        }),
        upgrade: &Upgrade::None,
        known: &|_| Ok(BTreeSet::new()),
        cache: &session.cache(),
        store,
        user: &User::current(),
        watch: &|event| show.on(event),
    });
    Ok(rebuilt.map_err(|error| said(&Error::from(error))))
}

/// What `hostout.toml` said in the released commit; or why that cannot be known.
fn project(work: &Workspace, head: ObjectId) -> Result<Result<config::Project, String>, Error> {
    let name = &work.place.name;
    let Some(id) = observe::project_tree(&work.repo, head, name)? else {
        return Ok(Err(format!("commit {head} has no {name}")));
    };
    let text = match work.repo.find_object(id) {
        Ok(object) => String::from_utf8_lossy(&object.data).into_owned(),
        Err(error) => return Ok(Err(error.to_string())),
    };
    Ok(config::Project::parse(name, &text).map_err(|error| error.to_string()))
}

type Before = (BTreeMap<String, Vec<BuildTool>>, BTreeMap<Digest, i64>);

/// Of the releases that eggs and pins are from: their build tools by release commit, their times by artifact.
fn before(ledger: &Ledger, manifest: &Manifest) -> Result<Before, Error> {
    let mut wanted: BTreeSet<Digest> = manifest
        .pin
        .iter()
        .filter(|pin| pin.built_from.is_some())
        .flat_map(|pin| &pin.artifacts)
        .map(|artifact| artifact.sha256)
        .collect();
    let older = manifest
        .egg
        .iter()
        .any(|egg| egg.built_from != manifest.release_commit);
    let (mut tools, mut epochs) = (BTreeMap::new(), BTreeMap::new());
    if !older && wanted.is_empty() {
        return Ok((tools, epochs));
    }
    let versions: Vec<semver::Version> = ledger.releases().into_iter().cloned().collect();
    for version in versions.iter().rev() {
        let Some(released) = ledger.release(version)? else {
            continue;
        };
        let epoch = released.manifest.time.parse::<Timestamp>().ok();
        let artifacts = released.manifest.pin.iter().flat_map(|pin| &pin.artifacts);
        for artifact in artifacts {
            if let Some(epoch) = epoch
                && wanted.remove(&artifact.sha256)
            {
                epochs.insert(artifact.sha256, epoch.as_second());
            }
        }
        tools.insert(
            released.manifest.release_commit,
            released.manifest.build_tool,
        );
    }
    Ok((tools, epochs))
}

/// An error with everything that it says below its message.
fn said(error: &Error) -> String {
    let more = error.lines().into_iter().chain(error.causes());
    more.fold(error.to_string(), |text, line| {
        format!("{text}; {}", line.trim())
    })
}
