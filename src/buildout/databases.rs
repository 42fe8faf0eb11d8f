//! Where a buildout keeps its data.

use super::Inspected;
use crate::release::{Snapshot, normalize};

/// The databases of a buildout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Databases {
    /// File storages of ZODB, relative to the buildout directory where they are inside.
    pub storages: Vec<String>,
    /// Their blobs.
    pub blobs: Vec<String>,
    /// A part that keeps its data where we cannot reach it.
    pub foreign: Option<String>,
    /// The scripts of collective.recipe.backup, where they can do all of it.
    pub snapshot: Option<Snapshot>,
}

/// Distributions without which nobody talks to `PostgreSQL`.
const ADAPTERS: &[&str] = &[
    "asyncpg",
    "pg8000",
    "psycopg",
    "psycopg-binary",
    "psycopg-c",
    "psycopg2",
    "psycopg2-binary",
    "relstorage",
];

/// The first of some distributions that says that data is kept in `PostgreSQL`.
pub fn adapter<'n>(mut names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    names.find(|name| ADAPTERS.contains(&normalize(name).as_str()))
}

/// The distributions that the parts ask for by name, without those that these need.
pub fn wanted(inspected: &Inspected) -> impl Iterator<Item = &str> {
    let parts = inspected.parts.iter();
    let words = parts.flat_map(|part| inspected.words(part, "eggs"));
    words.filter_map(|word| word.split(['[', '=', '<', '>', '!', '~', ';']).next())
}

/// The databases that the parts name. Defaults are those of plone.recipe.zope2instance 9 and plone.recipe.zeoserver 4.
pub fn databases(inspected: &Inspected) -> Databases {
    let mut found = Databases::default();
    for part in &inspected.parts {
        let own = match inspected.recipe(part) {
            "plone.recipe.zeoserver" => true,
            // A client's data is the server's.
            "plone.recipe.zope2instance" => !on(inspected.option(part, "zeo-client")),
            _ => continue,
        };
        if !inspected.option(part, "rel-storage").is_empty() {
            found.foreign = Some(part.clone());
        } else if own {
            let at = |option, default| place(inspected, inspected.option(part, option), default);
            found
                .storages
                .push(at("file-storage", "filestorage/Data.fs"));
            found.blobs.push(at("blob-storage", "blobstorage"));
        }
    }
    for places in [&mut found.storages, &mut found.blobs] {
        places.sort();
        places.dedup();
    }
    let mut parts = inspected.parts.iter();
    if let Some(part) = parts.find(|part| inspected.recipe(part) == "collective.recipe.backup") {
        backed_up(inspected, part, &mut found);
    }
    found
}

/// What a part of collective.recipe.backup says, 5 or 6: where the data is when no part of Zope's tells, and its scripts,
/// where they back up all of it and can put it back. They know one storage only, and call `bin/repozo`, which another
/// part has to make.
fn backed_up(inspected: &Inspected, part: &str, found: &mut Databases) {
    let option = |name| inspected.option(part, name);
    if found.storages.is_empty() && found.foreign.is_none() {
        let blobs = [option("blob-storage"), option("blob_storage")];
        let blobs = blobs.iter().filter(|blobs| !blobs.trim().is_empty());
        found.blobs = blobs.map(|blobs| path(inspected, blobs, "")).collect();
        let storage = match option("datafs") {
            "" => "var/filestorage/Data.fs",
            storage => storage,
        };
        found.storages = vec![path(inspected, storage, "")];
    }
    let is = |name, default: bool| match option(name) {
        "" => default,
        value => on(value),
    };
    let all = found.storages.len() == 1
        && is("enable_snapshotrestore", true)
        && is("blob_timestamps", true)
        && !is("only_blobs", false)
        && (found.blobs.is_empty() || is("backup_blobs", true));
    if all
        && inspected
            .parts
            .iter()
            .any(|part| makes_repozo(inspected, part))
    {
        found.snapshot = Some(snapshot(inspected, part));
    }
}

fn makes_repozo(inspected: &Inspected, part: &str) -> bool {
    match inspected.recipe(part) {
        "plone.recipe.zeoserver" => true,
        "zc.recipe.egg" => match inspected.words(part, "scripts").as_slice() {
            [] => inspected.words(part, "eggs").contains(&"ZODB"),
            scripts => scripts.contains(&"repozo"),
        },
        _ => false,
    }
}

/// The names that the recipe gives to its scripts and folders: bare ones where the part is called `backup`.
fn snapshot(inspected: &Inspected, part: &str) -> Snapshot {
    let (backup, restore, blobs) = match part {
        "backup" => (
            "snapshotbackup".to_owned(),
            "snapshotrestore".to_owned(),
            "blobstoragesnapshot".to_owned(),
        ),
        part => (
            format!("{part}-snapshot"),
            format!("{part}-snapshotrestore"),
            format!("{part}-blobstoragesnapshot"),
        ),
    };
    let prefix = match inspected.option(part, "locationprefix") {
        "" => "var".to_owned(),
        prefix => path(inspected, prefix, ""),
    };
    let at = |option, default: &str| match inspected.option(part, option) {
        "" => path(inspected, &format!("{default}s"), &prefix),
        location => path(inspected, location, &prefix),
    };
    Snapshot {
        locations: vec![
            at("snapshotlocation", &backup),
            at("blobsnapshotlocation", &blobs),
        ],
        backup: format!("bin/{backup}"),
        restore: format!("bin/{restore}"),
    }
}

fn on(value: &str) -> bool {
    ["on", "yes", "true", "1"].contains(&value.trim().to_lowercase().as_str())
}

/// Where a recipe of Zope keeps data: those put relative paths below var.
fn place(inspected: &Inspected, value: &str, default: &str) -> String {
    let value = value.trim();
    path(
        inspected,
        if value.is_empty() { default } else { value },
        "var",
    )
}

/// A path as a host sees it: below the release, or absolute as it stands; a relative one is below `base`.
fn path(inspected: &Inspected, value: &str, base: &str) -> String {
    let value = value.trim();
    let inside = value.strip_prefix(&inspected.directory);
    let inside = inside.or_else(|| value.strip_prefix("${buildout:directory}"));
    match inside {
        Some(inside) => inside.trim_start_matches('/').to_owned(),
        None if value.starts_with('/') || base.is_empty() => value.to_owned(),
        None => format!("{base}/{value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn inspected(parts: &[(&str, &[(&str, &str)])]) -> Inspected {
        let options = |options: &[(&str, &str)]| -> BTreeMap<String, String> {
            options
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        };
        Inspected {
            directory: "/b".to_owned(),
            parts: parts.iter().map(|(part, _)| (*part).to_owned()).collect(),
            sections: parts
                .iter()
                .map(|(part, all)| ((*part).to_owned(), options(all)))
                .collect(),
            ..Inspected::default()
        }
    }

    #[test]
    fn a_client_of_zeo_has_no_data_of_its_own() {
        let zeo = (
            "zeo",
            &[
                ("recipe", "plone.recipe.zeoserver"),
                ("file-storage", "/b/var/x/Data.fs"),
            ][..],
        );
        let client = (
            "client",
            &[
                ("recipe", "plone.recipe.zope2instance"),
                ("zeo-client", "on"),
            ][..],
        );
        let found = databases(&inspected(&[zeo, client]));
        assert_eq!(found.storages, ["var/x/Data.fs"]);
        assert_eq!(found.blobs, ["var/blobstorage"]);
        assert_eq!(found.foreign, None);
    }

    #[test]
    fn a_relational_database_is_not_ours_to_copy() {
        let part = (
            "site",
            &[
                ("recipe", "plone.recipe.zope2instance"),
                ("rel-storage", "type postgresql"),
            ][..],
        );
        assert_eq!(
            databases(&inspected(&[part])).foreign.as_deref(),
            Some("site")
        );
    }

    const BACKUP: (&str, &[(&str, &str)]) = (
        "backup",
        &[
            ("recipe", "collective.recipe.backup"),
            ("datafs", "var/data/Data.fs"),
            ("blob-storage", "/b/var/data/blobs"),
        ],
    );

    #[test]
    fn scripts_that_back_up_everything_are_taken_where_they_can_work() {
        let repozo = (
            "scripts",
            &[
                ("recipe", "zc.recipe.egg:scripts"),
                ("scripts", "repozo runzeo"),
            ][..],
        );
        let found = databases(&inspected(&[repozo, BACKUP]));
        assert_eq!(found.storages, ["var/data/Data.fs"]);
        assert_eq!(found.blobs, ["var/data/blobs"]);
        let snapshot = found.snapshot.unwrap();
        assert_eq!(snapshot.backup, "bin/snapshotbackup");
        assert_eq!(snapshot.restore, "bin/snapshotrestore");
        assert_eq!(
            snapshot.locations,
            ["var/snapshotbackups", "var/blobstoragesnapshots"]
        );
        assert_eq!(
            databases(&inspected(&[BACKUP])).snapshot,
            None,
            "no bin/repozo"
        );
        let blobs_only = [BACKUP.1, &[("only_blobs", "true")]].concat();
        let found = databases(&inspected(&[repozo, ("backup", &blobs_only)]));
        assert_eq!((found.snapshot, found.storages.len()), (None, 1));
    }

    #[test]
    fn names_and_places_of_another_part_are_its_own() {
        let server = ("zeo", &[("recipe", "plone.recipe.zeoserver")][..]);
        let nightly = (
            "nightly",
            &[
                ("recipe", "collective.recipe.backup"),
                ("locationprefix", "/b/var/kept"),
                ("blobsnapshotlocation", "/mnt/blobs"),
            ][..],
        );
        let snapshot = databases(&inspected(&[server, nightly])).snapshot.unwrap();
        assert_eq!(snapshot.restore, "bin/nightly-snapshotrestore");
        assert_eq!(
            snapshot.locations,
            ["var/kept/nightly-snapshots", "/mnt/blobs"]
        );
    }

    #[test]
    fn what_talks_to_postgresql_is_known_by_its_distribution() {
        let part = (
            "app",
            &[
                ("recipe", "zc.recipe.egg"),
                ("eggs", "shop Psycopg2_binary>=2.9"),
            ][..],
        );
        assert_eq!(
            adapter(wanted(&inspected(&[part]))),
            Some("Psycopg2_binary")
        );
        assert_eq!(adapter(["shop", "psycopgish"].into_iter()), None);
    }
}
