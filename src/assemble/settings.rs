//! What hosts need to know to run a release: wishes made definite by what buildout sees.

use super::{Error, Job, Result, configs::Configs};
use crate::{
    buildout::{self, Inspected},
    config::{Combination, DataKind, ServicesWish},
    plan::Refusal,
    release::{Data, Services},
};

/// Everything that hosts would need to know and cannot, all at once and before anything is built.
pub(super) fn check(job: &Job<'_>, configs: &Configs) -> Result<()> {
    let mut refusal = Refusal::default();
    for combination in &job.project.combinations {
        let Some(seen) = configs.production.get(&combination.config) else {
            continue;
        };
        let services = services(combination, &seen.inspected).map(|_| ());
        for verdict in [services, data(combination, &seen.inspected).map(|_| ())] {
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
pub(super) fn data(combination: &Combination, inspected: &Inspected) -> Result<Data> {
    match &combination.data.kind {
        DataKind::Command { backup } => Ok(Data::Command {
            backup: backup.clone(),
            keep: combination.data.keep,
        }),
        DataKind::None => Ok(Data::None),
        DataKind::Zodb | DataKind::Auto => {
            let databases = buildout::databases(inspected);
            if let Some(part) = databases.foreign {
                let mut refusal = Refusal::default();
                refusal.add(
                    format!("part {part} keeps its data in a relational database, which git-hostout cannot back up by itself"),
                    "in [data]: kind = \"command\" with a `backup` command such as pg_dump, or kind = \"none\" to go without",
                );
                return Err(refusal.into());
            }
            if databases.storages.is_empty() {
                return Ok(Data::None);
            }
            Ok(Data::Zodb {
                storages: databases.storages,
                blobs: databases.blobs,
                keep: combination.data.keep,
            })
        }
    }
}
