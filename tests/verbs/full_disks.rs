//! Disks that fill up in the middle of a release or a deployment: said with the place, and the next one works.

use crate::support::{Disk, Host, Project, Run, sshd, tree};
use std::fs;

/// Releases while the file system of `$2`, its own and seen by this script only, has room for what is there and nothing
/// else; then takes what filled it away, and releases again.
const SCRIPT: &str = r#"
set -e
cp -a "$2" "$1"
mount -t tmpfs -o size=8m none "$2"
cp -a "$1/." "$2"
dd if=/dev/zero of="$2/filling" bs=4k 2>/dev/null || true
set +e
git for-each-ref > "$1.before"
git hostout release --yes
echo "then $?"
rm -f "$2/filling"
git for-each-ref | cmp - "$1.before" && git fsck --strict --no-dangling --no-progress && echo whole
git hostout release --yes --no-push >/dev/null
echo "after $?"
git tag
"#;

/// What the script says when the disk of the folder `name` of the project's sandbox is full.
fn filled(name: &str) -> Run {
    let project = Project::single();
    project.hostout(&["init"]).exits(0);
    let (saved, place) = (project.sandbox.path("saved"), project.sandbox.path(name));
    std::fs::create_dir_all(&place).unwrap();
    // Mounting needs root, or a user namespace: without either the script ends here, and the test fails.
    let alone = if sshd::user() == "root" { "-m" } else { "-rm" };
    let mut command = project.sandbox.command("unshare", &project.directory);
    command
        .args([alone, "sh", "-c", SCRIPT, "sh"])
        .args([&saved, &place]);
    let run = Run::new(&["(a full disk)"], &command.output().unwrap());
    run.exits(0)
        .says(&["No space left on device", "whole", "after 0", "v0.1.0"])
}

#[test]
fn for_scratch_folders() {
    filled("tmp").says(&["then 11", "/tmp/hostout-"]);
}

#[test]
fn for_the_repository() {
    filled("single/.git").says(&["then 11"]);
}

/// What is on the host besides whole artifacts, eggs and releases.
fn remains(host: &Host) -> Vec<String> {
    let lines = tree(&host.path.join(".hostout/tmp"), 1);
    let mut found: Vec<String> = lines.lines().map(str::to_owned).collect();
    let mut look = |folder: &str, is_whole: &dyn Fn(&str) -> bool| {
        for entry in fs::read_dir(host.path.join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if !is_whole(&name) {
                found.push(format!("{folder}/{name}"));
            }
        }
    };
    for shard in fs::read_dir(host.path.join("store")).unwrap() {
        let name = shard.unwrap().file_name().into_string().unwrap();
        look(&format!("store/{name}"), &|name| name.len() == 62);
    }
    look("eggs", &|name| name.len() == 64);
    look("releases", &|name| {
        let complete = format!("releases/{name}/.hostout/complete");
        host.path.join(complete).exists()
    });
    found
}

#[test]
fn of_a_host_in_an_upload_and_in_a_build() {
    let host = Host::quiet();
    let disk = Disk::of(&host.path, 500);
    let deploy = ["deploy", "far", "--yes"];
    host.hostout(&deploy).exits(0);
    let large = host.project.directory.join("src/acme/single/large");
    fs::write(large, vec![0; 32 << 20]).unwrap();
    host.project.commit("Need some room");
    host.hostout(&["release", "0.1.1", "--yes"]).exits(0);
    let before = host.project.git(&["rev-parse", "hostout"]);
    let filling = host.path.join("filling");

    for (step, stop) in [("upload", true), ("prepare", false)] {
        let mut deploying = host.start(&deploy);
        deploying.until_it_says(&format!("web1: {step}"));
        if stop {
            deploying.signal("STOP");
            disk.fill("filling", 4_096);
            deploying.signal("CONT");
        } else {
            disk.fill_up("filling");
        }
        deploying.end().exits(21).says(&[
            "No space left on device",
            "make room, or remove old releases (git hostout prune)",
            "0.1.0 is live",
        ]);
        assert_eq!(host.live().as_deref(), Some("0.1.0"), "{step}");
        assert_eq!(remains(&host), Vec::<String>::new(), "{step}");
        assert!(host.status()["hosts"][0]["lock"].is_null(), "{step}");
        assert_eq!(host.project.git(&["rev-parse", "hostout"]), before);
        fs::remove_file(&filling).unwrap();
    }
    host.hostout(&deploy).exits(0);
    assert_eq!(host.live().as_deref(), Some("0.1.1"));
}
