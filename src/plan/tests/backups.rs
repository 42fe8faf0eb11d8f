//! What is said about the data, and whether there is room for it.

use super::{
    deployments::{decide, planned, request},
    sample::{digest, host, manifest, room},
};
use crate::{
    facts::{Backup, Current, Host, Room},
    release::{Data, Intent, Manifest, Snapshot},
};
use semver::Version;
use std::collections::BTreeSet;

/// The sample release with other data; it migrates.
fn with(data: &Data) -> Manifest {
    let mut manifest = manifest();
    let migrate = manifest.buildout[0].hooks.migrate.clone();
    assert!(migrate.is_some());
    for buildout in &mut manifest.buildout {
        buildout.data = data.clone();
        buildout.hooks.migrate.clone_from(&migrate);
    }
    manifest
}

fn need(bytes: u64, room: Room) -> Backup {
    Backup {
        as_live: false,
        kind: "zodb".to_owned(),
        bytes,
        inodes: 10,
        room,
    }
}

/// The lines about the data in the plan for one host.
fn said(data: &Data, host: Host) -> Vec<String> {
    let plan = planned(&request(Intent::Deploy), &with(data), &[host]).to_string();
    let about = |line: &&str| line.contains("backup");
    plan.lines()
        .filter(about)
        .map(|line| line.trim().to_owned())
        .collect()
}

fn zodb(snapshot: Option<Snapshot>) -> Data {
    Data::Zodb {
        storages: vec!["var/filestorage/Data.fs".to_owned()],
        blobs: vec!["var/blobstorage".to_owned()],
        keep: 3,
        snapshot,
    }
}

#[test]
fn every_plan_says_what_becomes_of_the_data() {
    let snapshot = Snapshot {
        backup: "bin/snapshotbackup".to_owned(),
        restore: "bin/snapshotrestore".to_owned(),
        locations: Vec::new(),
    };
    let command = |restore: Option<&str>| Data::Command {
        backup: "bin/dump".to_owned(),
        restore: restore.map(str::to_owned),
        keep: 3,
    };
    let database = Data::Postgresql {
        database: "service=shop".to_owned(),
        keep: 3,
    };
    let mut as_live = host("web1");
    as_live.backup = Some(Backup {
        as_live: true,
        ..need(1, room("/srv/shop", 1_000))
    });
    let mut bare = host("web1");
    bare.current = Current::Nothing;
    let all = [
        said(&Data::None { chosen: true }, host("web1")),
        said(&Data::None { chosen: false }, host("web1")),
        said(&Data::None { chosen: false }, as_live),
        said(&zodb(None), host("web1")),
        said(&zodb(Some(snapshot)), host("web1")),
        said(&command(Some("bin/load")), host("web1")),
        said(&command(None), host("web1")),
        said(&database, host("web1")),
        said(&zodb(None), bare),
    ];
    insta::assert_snapshot!(all.map(|lines| lines.join("\n")).join("\n"));
}

/// What is refused on a host, by what it has.
fn refused(host: Host, data: &Data) -> Vec<String> {
    let hosts = [host];
    match decide(
        &request(Intent::Deploy),
        &with(data),
        &hosts,
        None,
        &BTreeSet::new(),
    ) {
        Ok(_) => Vec::new(),
        Err(refusal) => refusal
            .reasons
            .into_iter()
            .map(|reason| reason.what)
            .collect(),
    }
}

const GB: u64 = 1_000_000_000;

#[test]
fn a_backup_and_putting_it_back_count_on_its_own_file_system() {
    let other = |bytes| Room {
        device: 2,
        ..room("/srv/shop/backups", bytes)
    };
    let mut elsewhere = host("web1");
    elsewhere.backup = Some(need(GB, other(2 * GB)));
    assert_eq!(refused(elsewhere.clone(), &zodb(None)), [""; 0]);
    elsewhere.backup = Some(need(GB, other(2 * GB - 1)));
    assert_eq!(
        refused(elsewhere, &zodb(None)),
        ["web1: 1999 MB free at /srv/shop/backups, about 2000 MB needed"]
    );
}

#[test]
fn places_on_one_file_system_share_what_is_free() {
    let mut full = host("web1");
    full.room.bytes = 2 * GB;
    full.temp = Some(room("/tmp", 2 * GB));
    full.backup = Some(need(GB, room("/srv/shop/backups", 2 * GB)));
    let refusals = refused(full.clone(), &zodb(None));
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    assert!(refusals[0].starts_with("web1: 2000 MB free at /srv/shop, about 2"));
    full.temp = Some(Room {
        device: 3,
        ..room("/tmp", 1)
    });
    full.backup = None;
    assert_eq!(
        refused(full, &zodb(None)),
        ["web1: 0 MB free at /tmp, about 10 MB needed"]
    );
}

#[test]
fn inodes_run_out_too_where_they_are_counted() {
    let mut full = host("web1");
    full.room.inodes = Some(100);
    let refusals = refused(full.clone(), &zodb(None));
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    assert!(refusals[0].starts_with("web1: 100 inodes free at /srv/shop, about "));
    full.room.inodes = None;
    assert_eq!(refused(full, &zodb(None)), [""; 0]);
}

#[test]
fn a_switch_to_what_is_there_is_possible_on_a_full_disk() {
    let mut full = host("web1");
    full.complete.insert(Version::new(1, 4, 2), digest());
    full.missing.clear();
    full.room = room("/srv/shop", 0);
    full.temp = Some(room("/tmp", 0));
    assert_eq!(refused(full.clone(), &Data::None { chosen: true }), [""; 0]);
    full.backup = Some(need(GB, room("/srv/shop/backups", 0)));
    assert_eq!(
        refused(full, &zodb(None)).len(),
        1,
        "but not without its backup"
    );
}
