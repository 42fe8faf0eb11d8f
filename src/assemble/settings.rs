//! What hosts need to know to run a release: wishes made definite by what buildout sees.

use super::{Error, Job, Result, configs::Configs};
use crate::{
    buildout::{self, Inspected},
    config::{Combination, DataKind, ServicesWish},
    plan::Refusal,
    release::{Data, Services},
};

/// Everything that hosts would need to know and cannot, all at once.
pub(super) fn check(job: &Job<'_>, configs: &Configs) -> Result<()> {
    let mut refusal = Refusal::default();
    for combination in &job.project.combinations {
        let Some(seen) = configs.production.get(&combination.config) else {
            continue;
        };
        let services = services(combination, &seen.inspected).map(|_| ());
        let wanted = buildout::wanted(&seen.inspected);
        let data = data(combination, &seen.inspected, wanted).map(|_| ());
        for verdict in [services, data] {
            match verdict {
                Err(Error::Refused(found)) => refusal.reasons.extend(found.reasons),
                verdict => verdict?,
            }
        }
    }
    Ok(refusal.into_result()?)
}

/// How the combination's processes are started and stopped.
pub(super) fn services(combination: &Combination, inspected: &Inspected) -> Result<Services> {
    let found = buildout::services(inspected);
    Ok(match &combination.services {
        ServicesWish::Auto => found,
        ServicesWish::None => Services::None,
        ServicesWish::Supervisor => Services::Supervisor,
        ServicesWish::Zope => {
            if let Services::Zope { scripts } = found {
                Services::Zope { scripts }
            } else {
                let mut refusal = Refusal::default();
                refusal.add(
                    format!(
                        "{} has no part of plone.recipe.zope2instance or plone.recipe.zeoserver",
                        combination.config
                    ),
                    "set kind = \"auto\" in [services], or another kind",
                );
                return Err(refusal.into());
            }
        }
        ServicesWish::Command {
            start,
            stop,
            status,
            log,
        } => Services::Command {
            start: start.clone(),
            stop: stop.clone(),
            status: status.clone(),
            log: log.clone(),
        },
    })
}

/// How the combination's data is backed up. Data that is found and cannot be backed up is a refusal, not a silence.
/// `distributions` are those that are known to be part of the release.
pub(super) fn data<'n>(
    combination: &Combination,
    inspected: &Inspected,
    distributions: impl Iterator<Item = &'n str>,
) -> Result<Data> {
    let keep = combination.data.keep;
    match &combination.data.kind {
        DataKind::Command { backup, restore } => {
            return Ok(Data::Command {
                backup: backup.clone(),
                restore: restore.clone(),
                keep,
            });
        }
        DataKind::Postgresql { database } => {
            return Ok(Data::Postgresql {
                database: database.clone(),
                keep,
            });
        }
        DataKind::None => return Ok(Data::None { chosen: true }),
        DataKind::Zodb | DataKind::Auto => {}
    }
    let auto = combination.data.kind == DataKind::Auto;
    let databases = buildout::databases(inspected);
    if let Some(part) = databases.foreign {
        return Err(unknown(&format!(
            "part {part} keeps its data in a relational database"
        )));
    }
    if let Some(name) = buildout::adapter(distributions).filter(|_| auto) {
        return Err(unknown(&format!(
            "{name} is part of the release: data is in PostgreSQL"
        )));
    }
    if !databases.storages.is_empty() {
        return Ok(Data::Zodb {
            storages: databases.storages,
            blobs: databases.blobs,
            keep,
            snapshot: databases.snapshot.filter(|_| auto),
        });
    }
    if auto {
        return Ok(Data::None { chosen: false });
    }
    let config = &combination.config;
    Err(unknown(&format!(
        "no part of {config} names a file storage"
    )))
}

/// A refusal of what cannot be backed up without being told how.
fn unknown(what: &str) -> Error {
    let mut refusal = Refusal::default();
    refusal.add(
        format!("{what}, and nothing says how it is backed up"),
        "in [data]: kind = \"postgresql\" with `database`, kind = \"command\" with a `backup` command, or kind = \"none\" to go without",
    );
    refusal.into()
}
