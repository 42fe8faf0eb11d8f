//! What a plan says of a host's data.

use crate::{
    facts::{Current, Host},
    release::{Buildout, Data},
};

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
