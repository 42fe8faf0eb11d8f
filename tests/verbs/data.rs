//! Backups before a switch, and what comes back after a migration that failed: a real ZODB, its blobs, the scripts of
//! collective.recipe.backup. `PostgreSQL` is the agent's own tests' (`tests/agent/test_postgresql.py`).

use crate::support::{Project, page, page_at, tree};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// `fixtures/guestbook`, released and live, with one word in its data.
fn guestbook(more: &str) -> Project {
    let project = Project::from_fixture("guestbook");
    project.edit("hostout.toml", "8080", &project.port.to_string());
    let text = project.read("hostout.toml");
    project.write("hostout.toml", &format!("{text}\n{more}"));
    let project = project.add_stage_and_commit();
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    assert_eq!(ask(&project, "?add=one"), "one=one");
    project
}

/// What the page says at `query`.
fn ask(project: &Project, query: &str) -> String {
    page_at(project.port, &format!("/{query}")).unwrap()
}

/// A release whose migration changes the data, then ends as `last` says.
fn migrating(project: &Project, last: &str) {
    project.edit(
        "src/acme/guestbook/__init__.py",
        "    \"\"\"What an upgrade does to the data.\"\"\"\n",
        &format!(
            "    with opened() as database:\n        add(database, \"migrated\")\n    {last}\n"
        ),
    );
    project.commit("Migrate");
    project.hostout(&["release", "--yes"]).exits(0);
}

/// The newest backup's folder, which is whole by its own sums.
fn newest_backup(project: &Project) -> PathBuf {
    let record = fs::read(project.host.join(".hostout/record")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    let newest = record["backups"].as_array().unwrap().last().unwrap();
    let folder = project
        .host
        .join("backups")
        .join(newest["name"].as_str().unwrap());
    let sums = ["--quiet", "--check", ".hostout/SHA256SUMS"];
    let checked = Command::new("sha256sum")
        .args(sums)
        .current_dir(&folder)
        .status();
    assert!(checked.unwrap().success());
    folder
}

/// The newest ended entry of the ledger.
fn ended(project: &Project) -> String {
    let names = project.git(&["ls-tree", "-r", "--name-only", "hostout", "deployments/"]);
    let texts = names
        .lines()
        .filter(|name| Path::new(name).extension().is_some_and(|end| end == "toml"));
    let mut ended: Vec<String> = texts
        .map(|name| project.ledger_file(name))
        .filter(|text| text.contains("\nof = "))
        .collect();
    ended.sort_by_key(|text| {
        text.lines()
            .find(|line| line.starts_with("time"))
            .map(str::to_owned)
    });
    ended.pop().unwrap()
}

/// A migration that fails, with whichever backup: the old release is back, with the data it had.
fn back_with_its_data(project: &Project) {
    migrating(project, "sys.exit(3)");
    project
        .hostout(&["deploy", "local", "--dry-run"])
        .exits(0)
        .says(&["reverting after migrate restores this backup"]);
    project
        .hostout(&["deploy", "local", "--yes"])
        .exits(22)
        .says(&["migrate", "with its data"]);
    assert_eq!(project.live().as_deref(), Some("0.1.0"));
    assert_eq!(ask(project, ""), "one=one");
    assert_eq!(
        ask(project, "?add=two"),
        "one=one\ntwo=two",
        "it can be written"
    );
    let left = |folder: &str| tree(&project.host.join("shared/var").join(folder), 1);
    assert!(
        !left("filestorage").contains("before"),
        "{}",
        left("filestorage")
    );
    let entry = ended(project);
    let folder = newest_backup(project);
    let name = folder.file_name().unwrap().to_str().unwrap();
    assert!(entry.contains(&format!("backup = \"{name}\"")), "{entry}");
    let listing = fs::read(folder.join(".hostout/SHA256SUMS")).unwrap();
    let digest = hostout::release::Digest::of(&listing);
    assert!(
        entry.contains(&format!("backup-sha256 = \"{digest}\"")),
        "{entry}"
    );
}

#[test]
fn a_copy_of_zodb_comes_back_after_a_failed_migration() {
    let project = guestbook("[data]\nkind = \"zodb\"\n");
    project.edit("pyproject.toml", "remembers", "still remembers");
    project.commit("Say more");
    project.hostout(&["release", "--yes"]).exits(0);
    let dry = project.hostout(&["deploy", "local", "--dry-run"]).exits(0);
    dry.says(&["backup: a copy of var/filestorage/Data.fs, with its blobs"]);
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    let kept = newest_backup(&project);
    let record = project.host.join(".hostout/record");
    let text = fs::read_to_string(&record).unwrap();
    let left = format!(
        "local: the data stays as it is now; what 0.1.0 left of it is in backups/{}",
        kept.file_name().unwrap().to_str().unwrap()
    );
    let back = || {
        project
            .hostout(&["rollback", "local", "--dry-run"])
            .exits(0)
    };
    back().says(&[
        &left,
        "backup: a copy of var/filestorage/Data.fs, with its blobs",
    ]);
    let mut without: serde_json::Value = serde_json::from_str(&text).unwrap();
    without["backups"] = serde_json::json!([]);
    fs::write(&record, without.to_string()).unwrap();
    back().says(&["; no backup of what 0.1.0 left of it is there"]);
    fs::write(&record, text).unwrap();
    project.hostout(&["rollback", "local", "--yes"]).exits(0);
    back_with_its_data(&project);
    let backup = newest_backup(&project);
    assert!(backup.join("var/filestorage/Data.fs").is_file());
    let blobs = |root: &Path| tree(&root.join("var/blobstorage"), 20);
    assert!(blobs(&backup).contains(".blob"), "{}", blobs(&backup));
}

#[test]
fn the_snapshots_of_collective_recipe_backup_come_back_too() {
    let project = guestbook("");
    let manifest = project.manifest("0.1.0");
    let hostout::release::Data::Zodb {
        snapshot: Some(snapshot),
        ..
    } = &manifest.buildout[0].data
    else {
        panic!("{:?}", manifest.buildout[0].data);
    };
    assert_eq!(snapshot.backup, "bin/snapshotbackup");
    back_with_its_data(&project);
    let files = tree(&newest_backup(&project).join("var"), 20);
    for word in ["snapshotbackups", ".fsz", "blobstoragesnapshots", ".blob"] {
        assert!(files.contains(word), "{word}: {files}");
    }
}

#[test]
fn without_a_way_back_services_stay_down_and_both_ways_are_told() {
    let project = guestbook(
        "[data]\nkind = \"command\"\nbackup = \"cp var/filestorage/Data.fs $HOSTOUT_BACKUP/$HOSTOUT_ID-$HOSTOUT_RELEASE\"\n",
    );
    migrating(&project, "sys.exit(3)");
    project
        .hostout(&["deploy", "local", "--dry-run"])
        .exits(0)
        .says(&["reverting after migrate needs you"]);
    let run = project.hostout(&["deploy", "local", "--yes"]).exits(23);
    run.says(&[
        "nothing says how its backup is put back",
        "git hostout deploy local 0.1.1",
        "git hostout rollback local --to 0.1.0",
    ]);
    assert!(page(project.port).is_err(), "services are down");
    let backup = newest_backup(&project);
    let name = backup.file_name().unwrap().to_str().unwrap().to_owned();
    let data = project.host.join("shared/var/filestorage/Data.fs");
    let kept = backup.join(&name);
    assert!(fs::metadata(&data).unwrap().len() > fs::metadata(&kept).unwrap().len());

    // Back, by hand and the command that was told.
    fs::copy(&kept, &data).unwrap();
    fs::remove_file(data.with_extension("fs.index")).unwrap_or_default();
    project
        .hostout(&["rollback", "local", "--to", "0.1.0", "--yes"])
        .exits(0);
    assert_eq!(ask(&project, ""), "one=one");
}

/// The second try finds the release live that could not migrate: it must not run on data that it did not migrate.
#[test]
fn a_second_try_that_fails_leaves_the_data_as_it_found_it_and_tells_the_way_back_of_the_first() {
    let project = guestbook(
        "[data]\nkind = \"command\"\nbackup = \"cp var/filestorage/Data.fs $HOSTOUT_BACKUP/Data.fs\"\n\
         restore = \"echo $HOSTOUT_RELEASE >> var/restored; test -e var/can && cp $HOSTOUT_BACKUP/Data.fs var/filestorage/\"\n",
    );
    migrating(&project, "sys.exit(3)");
    let data = project.host.join("shared/var/filestorage/Data.fs");
    project.hostout(&["deploy", "local", "--yes"]).exits(23);
    let first = newest_backup(&project);
    let ways = [
        "to go on with 0.1.1: git hostout deploy local 0.1.1".to_owned(),
        format!(
            "to go back to 0.1.0: put its data back from {}, then git hostout rollback local --to 0.1.0",
            first.display()
        ),
    ];
    let ways = ways.each_ref().map(String::as_str);
    for can in [true, false] {
        let can_file = project.host.join("shared/var/can");
        if can {
            fs::write(&can_file, "").unwrap();
        } else {
            fs::remove_file(&can_file).unwrap();
        }
        let found = fs::read(&data).unwrap();
        let run = project.hostout(&["deploy", "local", "0.1.1", "--yes"]);
        let run = run.exits(23).says(&ways);
        if can {
            run.says(&["the data is again as this deployment found it; the services stay down"]);
            assert!(fs::read(&data).unwrap() == found, "restored");
        }
        assert!(page(project.port).is_err(), "services are down");
    }
    let restored = fs::read_to_string(project.host.join("shared/var/restored")).unwrap();
    assert_eq!(restored, "0.1.1\n0.1.1\n0.1.1\n");
    // The way back of the first is there still.
    fs::copy(first.join("Data.fs"), &data).unwrap();
    fs::remove_file(data.with_extension("fs.index")).unwrap_or_default();
    let back = ["rollback", "local", "--to", "0.1.0", "--yes"];
    project.hostout(&back).exits(0);
    assert_eq!(ask(&project, ""), "one=one");
}

#[test]
fn a_backup_that_fails_touches_nothing() {
    let project = guestbook(
        "[data]\nkind = \"command\"\nbackup = \"echo half > $HOSTOUT_BACKUP/dump; exit 3\"\n",
    );
    migrating(&project, "pass");
    project
        .hostout(&["deploy", "local", "--yes"])
        .exits(21)
        .says(&["the backup command ended with status 3"]);
    assert_eq!(project.live().as_deref(), Some("0.1.0"));
    assert_eq!(ask(&project, ""), "one=one", "it was never stopped");
    assert_eq!(tree(&project.host.join("backups"), 1), "");
}

#[test]
fn data_that_cannot_be_backed_up_is_a_refusal_until_something_is_said() {
    let adapter = "[app]\neggs += psycopg2-binary\n";
    let config = format!("[buildout]\nextends = buildout.cfg\n{adapter}");
    let project = Project::single_with(&[("prod.cfg", config.as_str())]);
    project.edit(
        "hostout.toml",
        "[services]",
        "[buildout]\nproduction = \"prod.cfg\"\n\n[services]",
    );
    project.commit("Use PostgreSQL");
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(11).says(&[
        "psycopg2-binary",
        ": data is in PostgreSQL, and nothing says how it is backed up",
        "kind = \"none\"",
    ]);
    project.edit(
        "hostout.toml",
        "[services]",
        "[data]\nkind = \"none\"\n\n[services]",
    );
    project.commit("Go without a backup");
    project.hostout(&["release", "--yes"]).exits(0);
    project
        .hostout(&["deploy", "local", "--dry-run"])
        .exits(0)
        .says(&["backup: NONE (hostout.toml says so)"]);
}
