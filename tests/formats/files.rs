//! Files of the ledger and of an unfinished release.

use super::sample;
use crate::support::Project;
use hostout::{
    execute::Unfinished,
    release::{
        Data, Digest, Elsewhere, Ended, Environment, FormatError, Health, Intent, Manifest,
        Outcome, Pin, Program, Services, SourceKind, Started, Statuses, from_toml, to_toml,
    },
};
use semver::Version;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{collections::BTreeMap, fs};

/// The sample, after it was seen to be written back with the same values and nothing else.
#[track_caller]
pub(super) fn frozen<T: DeserializeOwned + Serialize>(name: &str) -> T {
    let text = sample(name);
    let value: T = from_toml(&text).unwrap();
    let table = |text: &str| text.parse::<toml_edit::DocumentMut>().unwrap();
    let written = to_toml(&value).unwrap();
    let values =
        |text: &str| toml_edit::de::from_document::<serde_json::Value>(table(text)).unwrap();
    assert_eq!(values(&written), values(&text), "{name}");
    let newer = text.replacen("format = 1", "format = 2", 1);
    let refused = from_toml::<T>(&newer).err();
    assert!(matches!(refused, Some(FormatError::Newer(2))), "{name}");
    value
}

fn digest(digit: &str) -> Digest {
    digit.repeat(64).parse().unwrap()
}

#[test]
fn a_manifest_means_what_it_meant() {
    let manifest: Manifest = frozen("manifest.toml");
    assert_eq!(manifest.version, Version::new(1, 4, 2));
    assert_eq!(manifest.commit, "a".repeat(40));
    assert_eq!(manifest.release_commit, "b".repeat(40));
    assert_eq!(manifest.project.id, "0".repeat(40));
    assert_eq!(manifest.previous.as_ref().unwrap().manifest, digest("1"));
    assert_eq!(manifest.tarball.tar_sha256, digest("3"));

    let buildout = manifest.buildout_for("production", &[]).unwrap();
    assert_eq!(
        (buildout.config.as_str(), buildout.run.as_str()),
        ("prod.cfg", "hostout.cfg")
    );
    assert_eq!(buildout.host_parts, ["crontab"]);
    let services = Services::Command {
        start: "bin/start".to_owned(),
        stop: "bin/stop".to_owned(),
        status: Some("bin/status".to_owned()),
        log: Some("var/log/app.log".to_owned()),
    };
    assert_eq!(buildout.services, services);
    assert_eq!(
        buildout.health.http.as_deref(),
        Some("http://127.0.0.1:8080/")
    );
    assert_eq!(buildout.health.timeout, 60);
    let health = &buildout.health;
    assert_eq!(health.status, Statuses(200, 204));
    assert_eq!(health.text.as_deref(), Some("Welcome"));
    assert_eq!(health.header.as_deref(), Some("X-Site: shop"));
    assert_eq!(health.tcp.as_deref(), Some("127.0.0.1:8100"));
    assert_eq!(
        (health.interval, health.successes, health.stable),
        (2, 3, 30)
    );
    let check = health.command.as_ref().unwrap();
    assert_eq!((check.argv[0].as_str(), check.timeout), ("bin/check", 20));
    let data = Data::Command {
        backup: "bin/dump".to_owned(),
        restore: None,
        keep: 7,
    };
    assert_eq!(buildout.data, data);
    let migrate = buildout.hooks.migrate.as_ref().unwrap();
    assert_eq!(
        (migrate.argv.as_slice(), migrate.timeout),
        (&["bin/upgrade".to_owned(), "--all".to_owned()][..], 300)
    );
    assert_eq!(buildout.shared.files, ["secret.cfg"]);
    let zeo = manifest
        .buildout_for("staging", &["zeo".to_owned()])
        .unwrap();
    assert_eq!(zeo.name, "staging.zeo");
    assert_eq!(zeo.data, Data::None { chosen: false });
    let zodb = Data::Zodb {
        storages: vec!["var/filestorage/Data.fs".to_owned()],
        blobs: vec!["var/blobstorage".to_owned()],
        keep: 3,
        snapshot: None,
    };
    assert_eq!(manifest.buildout_for("staging", &[]).unwrap().data, zodb);

    let egg = &manifest.egg[0];
    assert_eq!(
        (egg.name.as_str(), egg.version.to_string()),
        ("acme.shop", "1.2".to_owned())
    );
    assert_eq!((egg.source.kind, egg.changed), (SourceKind::Project, true));
    assert!(egg.artifacts[0].reproducible);
    let pin = &manifest.pin[0];
    assert_eq!(pin.built_from.as_ref().unwrap().sha256, digest("5"));
    assert!(!pin.artifacts[0].reproducible);
    let files = |buildout: &str| -> Vec<String> {
        let artifacts = manifest.artifacts_for(buildout).into_iter();
        artifacts.map(|artifact| artifact.file).collect()
    };
    assert_eq!(
        files("staging.zeo"),
        ["acme.shop-1.2-py3-none-any.whl", "shop-1.4.2.tar.gz"]
    );
    assert_eq!(files("default").len(), 3);
}

#[test]
fn a_manifest_from_before_backups_were_counted_keeps_three() {
    let text = sample("manifest.toml").replace("keep = 7\n", "");
    let manifest = Manifest::from_toml(&text).unwrap();
    assert!(matches!(
        manifest.buildout[0].data,
        Data::Command { keep: 3, .. }
    ));
}

/// The data tables of manifests: `[buildout.data]`.
#[test]
fn data_of_every_kind_means_what_it_meant() {
    let text = sample("data.toml");
    let all: BTreeMap<String, Data> = toml_edit::de::from_str(&text).unwrap();
    let written = toml_edit::ser::to_string(&all).unwrap();
    let values = |text: &str| toml_edit::de::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(values(&written), values(&text));
    let restores = |name: &str| all[name].restores();
    assert_eq!(all["none"], Data::None { chosen: false });
    assert_eq!(all["chosen"], Data::None { chosen: true });
    assert!(!restores("chosen"));
    for name in ["command", "copied", "snapshots", "postgresql"] {
        assert!(restores(name), "{name}");
    }
    let Data::Zodb {
        snapshot: Some(snapshot),
        ..
    } = &all["snapshots"]
    else {
        panic!("{all:?}");
    };
    assert_eq!(snapshot.locations.len(), 2);
}

/// The programs of manifests: `[[buildout.program]]`, which those from before they were told lack.
#[test]
fn programs_mean_what_they_meant() {
    let text = sample("programs.toml");
    let all: BTreeMap<String, Vec<Program>> = toml_edit::de::from_str(&text).unwrap();
    let written = toml_edit::ser::to_string(&all).unwrap();
    let values = |text: &str| toml_edit::de::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(values(&written), values(&text));
    let [daemon, client] = &*all["program"] else {
        panic!("{all:?}");
    };
    assert_eq!((&*daemon.name, daemon.client), ("supervisord", false));
    assert_eq!((&*client.name, client.client), ("instance1", true));
    assert_eq!(client.made_of, digest("2"));
    let older = Manifest::from_toml(&sample("manifest.toml")).unwrap();
    assert_eq!(older.buildout[0].program, []);
}

#[derive(Debug, Serialize, Deserialize)]
struct Pins {
    pin: Vec<Pin>,
    elsewhere: Vec<Elsewhere>,
}

/// Wheels that a release does not ship: `[[pin.fetchable]]`, and what other machines want: `[[elsewhere]]`; which manifests lack where no stage says `fetch = "host"`.
#[test]
fn pins_name_wheels_that_hosts_fetch() {
    let text = sample("pins.toml");
    let all: Pins = toml_edit::de::from_str(&text).unwrap();
    let written = toml_edit::ser::to_string_pretty(&all).unwrap();
    let values = |text: &str| toml_edit::de::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(values(&written), values(&text), "{written}");
    let [lxml, btrees, six] = &*all.pin else {
        panic!("{all:?}");
    };
    let named: Vec<(Digest, Option<u64>)> = lxml
        .fetchable
        .iter()
        .flatten()
        .map(|wheel| (wheel.sha256, wheel.size))
        .collect();
    assert_eq!(named, [(digest("2"), Some(5_200_000)), (digest("3"), None)]);
    // An index that has no other is something else than one that nobody asked.
    assert_eq!(
        (&btrees.fetchable, &six.fetchable),
        (&Some(Vec::new()), &None)
    );

    let mut manifest = Manifest::from_toml(&sample("manifest.toml")).unwrap();
    let before = manifest.to_toml().unwrap();
    assert!(!before.contains("fetchable"), "{before}");
    assert!(!before.contains("elsewhere"), "{before}");
    manifest.pin.clone_from(&all.pin);
    manifest.elsewhere.clone_from(&all.elsewhere);
    assert_eq!(
        Manifest::from_toml(&manifest.to_toml().unwrap()).unwrap(),
        manifest
    );
    assert_eq!(manifest.contradictions(), [""; 0]);
    let there = Environment::of("3.13.0", "cp313-linux_x86_64").unwrap();
    assert_eq!(
        manifest.unfulfilled("default", &there),
        [(&all.elsewhere[0], None)]
    );
    let wheels = manifest.pin[0].fetchable.as_mut().unwrap();
    let file = wheels[0].file.clone();
    wheels[1].file.clone_from(&file);
    let told = format!("{file} has two contents");
    assert_eq!(manifest.contradictions(), [told]);
}

#[test]
fn an_ended_entry_names_its_backup_and_the_sum_of_it() {
    let with = |line: &str| {
        let text = sample("ended.toml");
        text.replace(
            "8e6f79f83626d68a-1.4.2\"\n",
            &format!("8e6f79f83626d68a-1.4.2\"\n{line}"),
        )
    };
    let sum = format!("backup-sha256 = \"{}\"\n", digest("7"));
    let ended: Ended = from_toml(&with(&sum)).unwrap();
    assert_eq!(ended.host[0].backup_sha256, Some(digest("7")));
    assert!(to_toml(&ended).unwrap().contains(&sum));
    let before: Ended = from_toml(&with("")).unwrap();
    assert_eq!(before.host[0].backup_sha256, None);
}

#[test]
fn a_manifest_from_before_health_said_more_is_asked_as_it_was() {
    let text = sample("manifest.toml");
    let (before, rest) = text.split_once("status = [200, 204]").unwrap();
    let (_, after) = rest.split_once("[buildout.data]").unwrap();
    let text = format!("{before}timeout = 60\n\n[buildout.data]{after}");
    let health = Manifest::from_toml(&text).unwrap().buildout[0]
        .health
        .clone();
    let asked = Health {
        http: Some("http://127.0.0.1:8080/".to_owned()),
        status: Statuses(200, 399),
        stable: 0,
        ..Health::default()
    };
    assert_eq!(health, asked);
}

#[test]
fn deployment_entries_mean_what_they_meant() {
    let started: Started = frozen("started.toml");
    assert_eq!(started.kind, Intent::Rollback);
    assert_eq!(started.hosts, ["deploy@web1.example.org:22", "local"]);
    assert_eq!(
        (started.stage.as_str(), started.path.as_str()),
        ("staging", "/srv/shop")
    );
    assert_eq!(
        (started.manifest, started.reason.as_str()),
        (digest("9"), "too formal")
    );

    assert_eq!(
        (started.health.as_deref(), started.keep),
        (Some("http://127.0.0.1:8080/ok"), true)
    );

    let ended: Ended = frozen("ended.toml");
    assert_eq!((ended.state, &ended.of), (Outcome::Reverted, &started.id));
    assert_eq!(ended.host[0].from, Some(Version::new(1, 4, 1)));
    assert_eq!(
        ended.host[0].backup.as_deref(),
        Some("8e6f79f83626d68a-1.4.2")
    );
    assert_eq!(
        (ended.host[1].result, &ended.host[1].to),
        (Outcome::Failed, &None)
    );
}

#[test]
fn an_unfinished_release_means_what_it_meant() {
    let note: Unfinished = frozen("unfinished.toml");
    assert_eq!(
        (note.version, note.tag.as_str()),
        (Version::new(1, 4, 2), "v1.4.2")
    );
    assert_eq!(
        (note.notes.as_str(), note.manifest.as_str()),
        ("acme.shop 1.2", "format = 1")
    );
    assert_eq!(note.versions_cfg, "[versions]\nlxml = 6.0.2\n");
}

#[test]
fn a_newer_note_is_refused_by_name_and_nothing_is_written() {
    let project = Project::single();
    project.hostout(&["init"]).exits(0);
    let folder = project.directory.join(".git/hostout/unfinished");
    fs::create_dir_all(&folder).unwrap();
    let newer = sample("unfinished.toml").replacen("format = 1", "format = 2", 1);
    fs::write(folder.join("hostout.toml"), &newer).unwrap();
    let refs = || project.git(&["for-each-ref"]);
    let before = refs();
    let run = project.hostout(&["resume", "--yes"]).exits(11);
    run.says(&[
        "hostout.toml",
        "format 2",
        "newer git-hostout",
        "Nothing was changed",
    ]);
    assert_eq!(refs(), before);
    assert_eq!(
        fs::read_to_string(folder.join("hostout.toml")).unwrap(),
        newer
    );
}
