//! `git hostout verify`

use crate::support::{History, Project, Run, sign_by_gpg};
use hostout::release::{Digest, Manifest};
use serde_json::Value;
use std::{fs, os::unix::fs::PermissionsExt as _};

/// `single` with a first release: nothing is started, so it is quick.
fn holds(project: &Project) -> Value {
    let run = project.hostout(&["verify", "0.1.0", "--json"]).exits(0);
    let json = run.json();
    assert_eq!(json["ok"], true, "{run}");
    assert_eq!(json["version"], "0.1.0");
    json
}

/// The names of the failed checks; every word of `details` has to stand in one of them.
#[track_caller]
fn fails(project: &Project, details: &[&str]) -> Vec<String> {
    let run = project.hostout(&["verify", "0.1.0", "--json"]).exits(11);
    let json = run.json();
    assert_eq!(json["ok"], false, "{run}");
    let checks = json["checks"].as_array().unwrap();
    let failed: Vec<&Value> = checks.iter().filter(|check| check["ok"] == false).collect();
    let text = failed.iter().map(ToString::to_string).collect::<String>();
    for detail in details {
        assert!(text.contains(detail), "{detail} is not in {run}");
    }
    let names = failed.iter().map(|check| check["name"].as_str().unwrap());
    names.map(str::to_owned).collect()
}

/// Commits `change` on the ledger by hand: `change` runs in a work tree of it.
fn commit_to_ledger(project: &Project, serial: &str, how: &[&str], change: impl Fn(&Project)) {
    let head = project.git(&["rev-parse", "--abbrev-ref", "HEAD"]);
    project.git(&["checkout", "--quiet", "hostout"]);
    change(project);
    project.git(&["add", "--all"]);
    let message = format!("tidy up\n\nHostout-Serial: {serial}\nHostout-Id: 0123456789abcdef\n");
    let commit = ["commit", "--quiet", "--allow-empty", "--message", &message];
    project.git(&[how, &commit].concat());
    project.git(&["checkout", "--quiet", &head]);
}

const MANIFEST: &str = "releases/0.1/0.1.0/manifest.toml";
const UNSIGNED: &[&str] = &["-c", "commit.gpgSign=false"];
const SIGNED: &[&str] = &["-c", "commit.gpgSign=true"];

fn edit_manifest(project: &Project) {
    project.edit(MANIFEST, "format = 1", "format = 1 # edited");
}

/// A key that the ledger does not know, as git's options.
fn stranger(project: &Project) -> [String; 4] {
    let key = project.sandbox.path("stranger");
    let mut keygen = project
        .sandbox
        .command("ssh-keygen", project.sandbox.root());
    keygen
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key);
    assert!(keygen.status().unwrap().success());
    let key = format!("user.signingKey={}", key.display());
    ["-c".into(), key, "-c".into(), "commit.gpgSign=true".into()]
}

#[test]
fn a_good_release_verifies_in_one_line() {
    let project = Project::released_single();
    let run = project.hostout(&["verify"]).exits(0).says(&["0.1.0 holds"]);
    assert_eq!(run.stdout.lines().count(), 1, "{run}");
    let json = holds(&project);
    let names: Vec<&str> = json["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| check["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "introduction",
            "seen",
            "entries",
            "serials",
            "additions",
            "roles",
            "keys",
            "manifest",
            "project",
            "tag",
            "tag name",
            "tag target",
            "tag project",
            "tag manifest",
            "tag entry",
            "tag signature",
            "release commit",
            "artifacts",
        ]
    );
    project
        .hostout(&["verify", "-v"])
        .exits(0)
        .says(&["signed by ada@example.org with SHA256:", "tag target"]);
    project
        .hostout(&["verify", "9.9.9"])
        .exits(11)
        .says(&["9.9.9"]);
}

#[test]
fn neither_the_users_nor_the_repositorys_configuration_is_believed() {
    let project = Project::released_single();
    let signers = project.sandbox.path("signers");
    fs::write(&signers, "").unwrap();
    let path = signers.display().to_string();
    project.git(&["config", "gpg.ssh.allowedSignersFile", &path]);
    holds(&project);
}

#[test]
fn tags_that_are_not_the_releases_are_named() {
    let project = Project::released_single();
    let good = project.git(&["rev-parse", "v0.1.0"]);
    let reset = || project.git(&["update-ref", "refs/tags/v0.1.0", &good]);

    project.git(&["tag", "--force", "-a", "-m", "moved", "v0.1.0", "HEAD"]);
    let names = fails(&project, &["points to", "another tag object"]);
    assert!(names.contains(&"tag signature".to_owned()), "{names:?}");
    reset();

    // The release's own tag under another release's name, and the other way round.
    project.hostout(&["release", "0.2.0", "--yes"]).exits(0);
    let other = project.git(&["rev-parse", "v0.2.0"]);
    project.git(&["update-ref", "refs/tags/v0.1.0", &other]);
    let names = fails(&project, &["made as tag v0.2.0 and copied"]);
    assert!(names.contains(&"tag name".to_owned()), "{names:?}");
    assert!(!names.contains(&"tag signature".to_owned()), "{names:?}");
    reset();

    let text = project.git(&["cat-file", "tag", "v0.1.0"]);
    let message: String = text
        .lines()
        .skip_while(|line| !line.is_empty())
        .skip(1)
        .take_while(|line| !line.starts_with("-----BEGIN"))
        .map(|line| match line.strip_prefix("Hostout-Project: ") {
            Some(id) => format!("Hostout-Project: {}\n", "0".repeat(id.len())),
            None => format!("{line}\n"),
        })
        .collect();
    let target = project.git(&["rev-parse", "v0.1.0^{}"]);
    project.git(&["tag", "--force", "-s", "-m", &message, "v0.1.0", &target]);
    let names = fails(&project, &["belongs to another project"]);
    assert_eq!(names, ["tag project", "tag entry"]);
    reset();

    let tree = project.git(&["rev-parse", "HEAD^{tree}"]);
    project.git(&["tag", "--force", "-s", "-m", "a tree", "v0.1.0", &tree]);
    let names = fails(&project, &["v0.1.0", "does not point to a commit"]);
    assert_eq!(names, ["tag"]);
    project.git(&["update-ref", "refs/tags/v0.1.0", &tree]);
    assert_eq!(fails(&project, &["is no annotated tag"]), ["tag"]);
    reset();

    project.git(&["tag", "--delete", "v0.1.0"]);
    assert_eq!(fails(&project, &["tag v0.1.0 is not here"]), ["tag"]);
    reset();
    holds(&project);
}

#[test]
fn a_deployment_checks_first() {
    let project = Project::released_single();
    project.git(&["tag", "--force", "-a", "-m", "moved", "v0.1.0", "HEAD"]);
    project
        .hostout(&["deploy", "local", "--yes"])
        .exits(11)
        .says(&["0.1.0 does not verify", "points to"]);
    assert_eq!(project.live(), None);
}

#[test]
fn nothing_is_released_on_top_of_a_ledger_that_does_not_verify() {
    let project = Project::released_single();
    commit_to_ledger(&project, "2", UNSIGNED, edit_manifest);
    let edited = project.git(&["rev-parse", "hostout"]);
    for verb in [&["release", "0.2.0", "--yes"][..], &["check"]] {
        let run = project.hostout(verb).exits(11);
        run.says(&["is not signed"]);
    }
    assert_eq!(project.git(&["rev-parse", "hostout"]), edited);
    assert_eq!(project.git(&["tag"]), "v0.1.0");
}

#[test]
fn a_manifest_edited_in_the_ledger_is_named() {
    let project = Project::released_single();
    let good = project.git(&["rev-parse", "hostout"]);
    commit_to_ledger(&project, "2", UNSIGNED, edit_manifest);
    let names = fails(&project, &["is not signed", "below releases/"]);
    assert_eq!(
        names[..4],
        ["entries", "additions", "manifest", "tag manifest"]
    );

    project.git(&["update-ref", "refs/heads/hostout", &good]);
    let options = stranger(&project);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    commit_to_ledger(&project, "2", &options, edit_manifest);
    let names = fails(&project, &["below releases/"]);
    assert_eq!(names[..3], ["entries", "additions", "manifest"]);

    // By somebody who may sign: entries are only ever added all the same.
    project.git(&["update-ref", "refs/heads/hostout", &good]);
    commit_to_ledger(&project, "2", SIGNED, edit_manifest);
    let names = fails(&project, &[]);
    assert_eq!(names[..2], ["additions", "manifest"]);

    project.git(&["update-ref", "refs/heads/hostout", &good]);
    holds(&project);
}

#[test]
fn a_deleted_entry_a_gap_and_a_merge_are_named() {
    let project = Project::released_single();
    let good = project.git(&["rev-parse", "hostout"]);
    let reset = || project.git(&["update-ref", "refs/heads/hostout", &good]);
    commit_to_ledger(&project, "2", SIGNED, |project| {
        fs::remove_dir_all(project.directory.join("releases")).unwrap();
    });
    let names = fails(&project, &["changes or removes an entry"]);
    assert_eq!(names, ["additions", "release"]);
    reset();

    commit_to_ledger(&project, "3", SIGNED, |_| ());
    assert_eq!(fails(&project, &["its serial is 3 after 1"]), ["serials"]);
    reset();

    let tree = project.git(&["rev-parse", "hostout^{tree}"]);
    let message = "merge\n\nHostout-Serial: 2\nHostout-Id: 0123456789abcdef\n";
    let merge = [
        "commit-tree",
        "-S",
        &tree,
        "-p",
        "hostout",
        "-p",
        "HEAD",
        "-m",
        message,
    ];
    let merge = project.git(&merge);
    project.git(&["update-ref", "refs/heads/hostout", &merge]);
    assert_eq!(fails(&project, &["it is a merge"]), ["ledger"]);
    reset();
    holds(&project);
}

#[test]
fn a_ledger_that_lost_what_was_seen_is_named() {
    let project = Project::released_single();
    project.hostout(&["release", "0.2.0", "--yes"]).exits(0);
    holds(&project);
    project.git(&["update-ref", "refs/heads/hostout", "hostout~1"]);
    assert_eq!(fails(&project, &["no longer part of the ledger"]), ["seen"]);
}

#[test]
fn signers_replaced_by_somebody_who_may_not_are_named() {
    let project = Project::released_single();
    let options = stranger(&project);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let public = fs::read_to_string(project.sandbox.path("stranger.pub")).unwrap();
    commit_to_ledger(&project, "2", &options, |project| {
        project.write("keys/allowed_signers", &format!("mallory {public}"));
    });
    // By the rule of parents this one is right: the fault is where the keys were replaced.
    commit_to_ledger(&project, "3", &options, |_| ());
    let replaced = project.git(&["rev-parse", "hostout~1"]);
    let last = project.git(&["rev-parse", "hostout"]);
    let run = project.hostout(&["verify", "0.1.0", "--json"]).exits(11);
    assert!(
        run.stdout.contains(&replaced) && !run.stdout.contains(&format!("{last} is")),
        "{run}"
    );
    assert_eq!(fails(&project, &[]), ["entries"]);
}

#[test]
fn a_damaged_file_of_the_store_is_named_and_left_alone() {
    let project = Project::released_single();
    let manifest = project.manifest("0.1.0");
    let tarball = manifest.tarball.sha256.to_string();
    let cache = project.sandbox.path("cache");
    let verify = |code| -> Run {
        let cache = cache.display().to_string();
        let words = ["verify", "--json"];
        let variables = [("XDG_CACHE_HOME", cache.as_str())];
        let run = project
            .sandbox
            .hostout_with(&project.directory, &words, &variables);
        run.exits(code)
    };
    verify(0).says(&["0 here with their hashes"]);
    let (shard, rest) = tarball.split_at(2);
    let path = cache.join("git-hostout/store").join(shard).join(rest);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "flipped").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    verify(11).says(&["artifacts", &manifest.tarball.name, rest]);
    verify(11);
}

#[test]
fn a_clone_that_has_seen_nothing_takes_the_introduction_from_the_remote() {
    let project = Project::released_single();
    let clone = project.sandbox.path("clone");
    let (from, to) = (
        project.directory.display().to_string(),
        clone.display().to_string(),
    );
    project.git(&["clone", "--quiet", &from, &to]);
    let verify = || {
        project
            .sandbox
            .hostout(&clone, &["verify", "--json"])
            .exits(0)
    };
    let first = verify().says(&["met for the first time, taken from origin"]);
    assert_eq!(first.json()["checks"][0]["ok"], true);
    let again = verify();
    assert!(!again.stdout.contains("first time"), "{again}");
    assert!(again.stdout.contains("2 of them checked before"), "{again}");
}

#[test]
fn an_openpgp_release_verifies() {
    let project = Project::single();
    sign_by_gpg(&project);
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);
    holds(&project);
    commit_to_ledger(&project, "2", UNSIGNED, edit_manifest);
    assert_eq!(fails(&project, &[])[0], "entries");
}

/// Signed by somebody who may, and yet nothing that a host should be asked to take.
#[test]
fn a_manifest_that_contradicts_itself_or_its_files_is_named() {
    let project = Project::released_single();
    let forge = |version: &str, change: &dyn Fn(&mut Manifest)| {
        let history = History::of(&project);
        history.forge(version.parse().unwrap(), change);
        let run = project
            .hostout(&["deploy", "local", version, "--yes"])
            .exits(11);
        assert!(!project.host.exists(), "{run}");
        run
    };
    forge("0.2.0", &|manifest| {
        let pin = manifest.pin[0].clone();
        manifest.pin.push(pin);
    })
    .says(&["0.2.0 does not verify", " is twice in default"]);
    forge("0.2.1", &|manifest| {
        let mut other = manifest.egg[0].artifacts[0].clone();
        other.sha256 = Digest::of(b"other");
        manifest.egg[0].artifacts.push(other);
    })
    .says(&["0.2.1 does not verify", "none-any.whl has two contents"]);
    forge("0.2.2", &|manifest| manifest.tarball.size -= 1).says(&[
        " bytes, the manifest says ",
        "ask who released it: a release is never changed",
    ]);
    forge("0.2.3", &|manifest| {
        manifest.egg[0].artifacts[0].size = 10_000_000_000;
    })
    .says(&["bytes, the manifest says 10000000000"]);
    // What is on no machine cannot be looked at: there is no room for what it claims.
    forge("0.2.4", &|manifest| {
        manifest.pin[0].artifacts[0].sha256 = Digest::of(b"nowhere");
        for pin in &mut manifest.pin {
            pin.artifacts[0].size = i64::MAX.unsigned_abs();
        }
    });
    holds(&project);
}
