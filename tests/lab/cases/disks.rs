//! A host's disk that is small, or full in the middle of a deployment: said with the place, and the next one works.

use super::{Need, cases};
use crate::support::{Host, Project, tree};
use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

cases![Need::Root; of_a_host_in_an_upload_and_in_a_build, a_disk_that_is_too_small_is_told_before_anything_is_sent, on_a_full_disk_a_switch_is_possible_and_a_backup_takes_only_itself_away, one_that_is_full_before_the_switch_leaves_no_lock, what_our_own_switch_left_on_a_full_disk_is_gone_on_from];

/// A small file system of its own below a sandbox; it goes with this value.
struct Disk(PathBuf);

impl Disk {
    /// Mounts one at `path`. Takes root: nobody else mounts where other processes see it.
    #[track_caller]
    fn of(path: &Path, megabytes: u32) -> Self {
        fs::create_dir_all(path).unwrap();
        let size = format!("size={megabytes}m");
        let mount = ["-t", "tmpfs", "-o", &size, "tmpfs"];
        let mounted = Command::new("mount").args(mount).arg(path).output();
        assert!(mounted.is_ok_and(|output| output.status.success()));
        Self(path.to_owned())
    }

    /// Fills it with one file, up to the last `kilobytes`.
    fn fill(&self, file: &str, kilobytes: usize) {
        let mut stat = Command::new("stat");
        let seen = stat.args(["-f", "--format=%a %S"]).arg(&self.0).output();
        let seen = String::from_utf8(seen.unwrap().stdout).unwrap();
        let numbers: Vec<usize> = seen.split_whitespace().flat_map(str::parse).collect();
        let length = numbers[0] * numbers[1] - kilobytes * 1_024;
        fs::write(self.0.join(file), vec![0; length]).unwrap();
    }

    /// Fills it with one file while others write too, and takes what they give back, as long as `work` lasts; only where that
    /// is `wanted`.
    fn keep_full<T>(&self, file: &str, wanted: bool, work: impl FnOnce() -> T) -> T {
        let over = AtomicBool::new(!wanted);
        let mut filling = File::create(self.0.join(file)).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    for size in [1 << 20, 4 << 10] {
                        while filling.write_all(&vec![0; size]).is_ok() {}
                    }
                }
            });
            let result = work();
            over.store(true, Ordering::Relaxed);
            result
        })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount")
            .args(["--lazy"])
            .arg(&self.0)
            .status();
        assert!(unmounted.is_ok_and(|status| status.success()));
    }
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

    // What is left then is too little for the upload, or enough for it and too little for what is unpacked.
    for (step, left) in [("upload", 4), ("prepare", 45)] {
        let mut deploying = host.start(&deploy);
        deploying.until_it_says("web1: upload");
        deploying.signal("STOP");
        disk.fill("filling", left << 10);
        deploying.signal("CONT");
        deploying.until_it_says(&format!("web1: {step}"));
        let run = disk.keep_full("rest", step == "prepare", || deploying.end());
        let run = run.exits(21).says(&[
            "No space left on device",
            "make room, or remove old releases (git hostout prune)",
            "0.1.0 is live",
        ]);
        assert_eq!(host.live().as_deref(), Some("0.1.0"), "{step}");
        assert_eq!(remains(&host), Vec::<String>::new(), "{step}");
        let stage = host.status();
        assert!(stage["hosts"][0]["lock"].is_null(), "{stage}\n{run}");
        assert_eq!(
            host.project.git(&["rev-parse", "hostout"]),
            before,
            "{step}\n{run}"
        );
        for file in ["filling", "rest"] {
            fs::remove_file(host.path.join(file)).unwrap();
        }
    }
    host.hostout(&deploy).exits(0);
    assert_eq!(host.live().as_deref(), Some("0.1.1"));
}

fn a_disk_that_is_too_small_is_told_before_anything_is_sent() {
    let project = Project::released_single();
    let _disk = Disk::of(&project.host, 20);
    project
        .hostout(&["deploy", "local", "--yes"])
        .exits(11)
        .says(&["MB free at", "needed"]);
    assert_eq!(tree(&project.host, 1), "", "nothing was sent");
}

/// There is no job yet that would give the lock back, and no room to note that it is given back.
fn one_that_is_full_before_the_switch_leaves_no_lock() {
    let host = Host::quiet();
    let disk = Disk::of(&host.path, 500);
    let deploy = ["deploy", "far", "--yes"];
    host.hostout(&deploy).exits(0);
    let (project, sandbox) = (&host.project, &host.project.sandbox);
    let remote = sandbox.path("remote.git");
    let address = remote.display().to_string();
    sandbox.git(sandbox.root(), &["init", "--bare", "--quiet", &address]);
    project.git(&["remote", "add", "origin", &address]);
    host.hostout(&["resume"]).exits(0);
    project.commit_empty("Again");
    host.hostout(&["release", "0.1.1", "--yes"]).exits(0);
    // When the start of the deployment is pushed everything is prepared, and nothing switched.
    let filling = disk.0.join("filling");
    let script = format!(
        "#!/bin/sh\ncat /dev/zero > {} 2> /dev/null || true\n",
        filling.display()
    );
    let hook = remote.join("hooks/pre-receive");
    fs::write(&hook, script).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let run = host.hostout(&deploy).exits(21);
    let run = run.says(&["No space left on device", "0.1.0 is live, untouched"]);
    assert!(!run.stderr.contains("warning: "), "{run}");
    assert_eq!(run.stderr.matches("No space left").count(), 1, "{run}");
    fs::remove_file(&hook).unwrap();
    fs::remove_file(&filling).unwrap();
    let stage = host.status();
    assert!(stage["hosts"][0]["lock"].is_null(), "{stage}\n{run}");
    host.hostout(&deploy).exits(0);
    assert_eq!(host.live().as_deref(), Some("0.1.1"));
}

fn on_a_full_disk_a_switch_is_possible_and_a_backup_takes_only_itself_away() {
    let project = Project::single();
    let data = |kind: &str| format!("[data]\nkind = {kind}\n\n[services]");
    let command = data("\"command\"\nbackup = \"cp var/filler $HOSTOUT_BACKUP/\"");
    project.edit("hostout.toml", "[services]", &command);
    project.commit("Back up");
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);
    project.edit("hostout.toml", &command, &data("\"none\""));
    project.commit("Go without a backup");
    project
        .hostout(&["release", "--yes", "--bump", "patch"])
        .exits(0);
    let disk = Disk::of(&project.host, 250);
    let deploy = |version: &str| project.hostout(&["deploy", "local", version, "--yes"]);
    deploy("0.1.1").exits(0);
    fs::write(project.host.join("shared/var/filler"), "small").unwrap();
    deploy("0.1.0").exits(0);
    let backups = || tree(&project.host.join("backups"), 2);
    let before = backups();
    assert!(before.contains("-0.1.0/filler"), "{before}");

    disk.fill("shared/var/filler", 2_048);
    deploy("0.1.1").exits(0).says(&["0.1.1"]);
    deploy("0.1.0").exits(21).says(&[
        "the backup command ended with status 1: the disk of",
        "is full",
        "No space left on device",
        "make room",
    ]);
    assert_eq!(project.live().as_deref(), Some("0.1.1"));
    assert_eq!(backups(), before);
}

/// Fills the disk unless it may do without, and fails.
const MIGRATE: &str = "test -e var/fits || { dd if=/dev/zero of=var/filling bs=4k; exit 3; }";

/// Takes what room it can get, and fails for the rest.
const RESTORE: &str = "dd if=/dev/zero of=var/more bs=4k";

fn what_our_own_switch_left_on_a_full_disk_is_gone_on_from() {
    let host = Host::quiet();
    let disk = Disk::of(&host.path, 250);
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    let text = host.project.read("hostout.toml");
    let data = format!(
        "\n[data]\nkind = \"command\"\nbackup = \"echo data > $HOSTOUT_BACKUP/data\"\nrestore = \"{RESTORE}\"\n\
         \n[hooks]\nmigrate = [\"sh\", \"-c\", \"{MIGRATE}\"]\n"
    );
    host.project.write("hostout.toml", &(text + &data));
    host.project.commit("Migrate");
    host.hostout(&["release", "0.1.1", "--yes"]).exits(0);
    let deploy = ["deploy", "far", "0.1.1", "--yes"];
    let record = host.path.join(".hostout/record");
    let before = fs::read_to_string(&record).unwrap();
    let run = host.hostout(&deploy).exits(23);
    let run = run.says(&["the services stay down", "git hostout deploy far 0.1.1"]);
    assert_eq!(host.live().as_deref(), Some("0.1.1"));
    let written = fs::read_to_string(&record).unwrap();
    assert!(
        written.contains("\"release\": \"0.1.1\""),
        "{written}\n{run}"
    );

    for name in ["shared/var/filling", "shared/var/more"] {
        fs::remove_file(disk.0.join(name)).unwrap();
    }
    fs::write(disk.0.join("shared/var/fits"), "").unwrap();
    // Where the record could not be written all the same, the journal tells whose switch it was.
    fs::write(&record, before).unwrap();
    host.hostout(&deploy).exits(0);
    assert_eq!(host.live().as_deref(), Some("0.1.1"));
    assert_eq!(host.status()["hosts"][0]["drift"], serde_json::json!([]));
}
