//! Disks of this machine that fill up in the middle of a release: said with the place, and the next one works. Disks of
//! hosts are in `tests/lab/cases/disks.rs`.

use crate::support::{Project, Run, sshd};

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
