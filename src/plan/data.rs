//! What a plan says of a host's data.

use crate::{
    facts::{Current, Deployment, Host},
    release::{Buildout, Data, Outcome},
};
use semver::Version;

/// Whoever built a site on their own machine expects to see it.
pub fn empty(host: &Host, buildout: &Buildout) -> Option<String> {
    let first = matches!(host.current, Current::Nothing) && host.history.is_empty();
    let data = !matches!(buildout.data, Data::None { .. });
    (first && data).then(|| {
        format!(
            "{}: the first one there; the data here is no part of a release",
            host.name
        )
    })
}

/// How the data is backed up before the switch.
pub fn backup(host: &Host, buildout: &Buildout) -> String {
    let live = host.current.release();
    match (&buildout.data, live, &host.backup) {
        (Data::None { chosen: true }, ..) => "NONE (hostout.toml says so)".to_owned(),
        (_, Some(live), Some(backup)) if backup.as_live => {
            format!("{}, as {live} does it", backup.kind)
        }
        (Data::None { chosen: false }, ..) => "nothing, as no database was found".to_owned(),
        (_, None, _) => "none yet, nothing is live".to_owned(),
        (Data::Command { backup, .. }, ..) => format!("`{backup}`"),
        (
            Data::Zodb {
                snapshot: Some(snapshot),
                ..
            },
            ..,
        ) => snapshot.backup.clone(),
        (Data::Zodb { storages, .. }, ..) => {
            format!("a copy of {}, with its blobs", storages.join(", "))
        }
        (Data::Postgresql { database, .. }, ..) => format!("pg_dump of {database}"),
    }
}

/// What going back to `version` means for the data: it is not taken back with it.
pub fn kept(host: &Host, buildout: &Buildout, version: &Version) -> Option<String> {
    host.current.release()?;
    let has_data = !matches!(buildout.data, Data::None { .. }) || host.backup.is_some();
    has_data.then(|| {
        let left = match left_by(host, version) {
            Some(backup) => format!("what {version} left of it is in backups/{backup}"),
            None => format!("no backup of what {version} left of it is there"),
        };
        format!("{}: the data stays as it is now; {left}", host.name)
    })
}

/// The backup of the first deployment after `version` was live and healthy: the data as that release left it.
fn left_by<'h>(host: &'h Host, version: &Version) -> Option<&'h String> {
    let is_it =
        |past: &Deployment| past.version == *version && past.outcome == Some(Outcome::Healthy);
    let since = host.history.iter().position(is_it)?;
    host.history[..since].iter().rev().find_map(|past| {
        let name = format!("{}-{}", past.id, past.version);
        host.backups.iter().find(|backup| **backup == name)
    })
}

/// What a failure after `migrate` has begun would do to the data, where there is something to say.
pub fn revert(host: &Host, buildout: &Buildout) -> Option<String> {
    host.current.release()?;
    buildout.hooks.migrate.as_ref()?;
    let restores = buildout.data.restores()
        || host
            .backup
            .as_ref()
            .is_some_and(|backup| backup.as_live && backup.kind != "command");
    Some(if restores {
        "reverting after migrate restores this backup".to_owned()
    } else {
        "reverting after migrate needs you: no backup comes back".to_owned()
    })
}
