//! What hosts need to know to run a release: wishes made definite by what buildout sees.

use super::Result;
use crate::{
    buildout::{self, Inspected},
    config::{Combination, DataKind, ServicesWish},
    plan::Refusal,
    release::{Data, Services},
};

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
        }),
        DataKind::None => Ok(Data::None),
        DataKind::Auto => match database(inspected) {
            None => Ok(Data::None),
            Some((part, recipe)) => {
                let mut refusal = Refusal::default();
                refusal.add(
                    format!(
                        "part {part} ({recipe}) keeps a database, and git-hostout has no backup of its own for it yet"
                    ),
                    "in [data]: kind = \"command\" with a `backup` command, or kind = \"none\" to go without",
                );
                Err(refusal.into())
            }
        },
    }
}

fn database(inspected: &Inspected) -> Option<(&str, &str)> {
    const DATABASES: [&str; 2] = ["plone.recipe.zope2instance", "plone.recipe.zeoserver"];
    inspected
        .parts
        .iter()
        .map(|part| (part.as_str(), inspected.recipe(part)))
        .find(|(_, recipe)| DATABASES.contains(recipe))
}
