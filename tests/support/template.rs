//! Projects that were released once, for tests that only go on from there.
//!
//! A release is real work of ten seconds, and most tests of the other verbs begin after the first. Repository, hostout.toml and
//! ledger name their folder and port, so that a copy must lie where the original lay: in a *slot*, a folder and a port that
//! one test has at a time. What each slot holds after the release is saved, and put back for the next test that asks for it.

use super::{
    Project, Sandbox,
    sandbox::{remove_tree, stop_all},
};
use hostout::release::Digest;
use std::{
    env,
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::UNIX_EPOCH,
};

/// A folder and a port that nobody else has as long as this is kept.
pub struct Slot {
    number: u16,
    root: PathBuf,
    port: u16,
    /// Locked as long as it is open.
    #[expect(dead_code, reason = "kept, not read")]
    lock: File,
}

impl Slot {
    /// The first that is free, its folder gone with all that ran there.
    fn take() -> Self {
        let locks = target().join("slots");
        fs::create_dir_all(&locks).unwrap();
        // Another checkout on the same machine has other ones. Ports are below those that systems give to clients.
        let ours = Digest::of(locks.as_os_str().as_encoded_bytes()).to_string();
        let first = 16_000 + u16::from_str_radix(&ours[..4], 16).unwrap() % 160 * 100;
        for number in 0..100 {
            let lock = File::create(locks.join(format!("{number:02}"))).unwrap();
            let port = first + number;
            if lock.try_lock().is_err() {
                continue;
            }
            let root = env::temp_dir().join(format!("h.{}{number:02}", &ours[..6]));
            stop_all(&root);
            if root.exists() {
                remove_tree(&root);
            }
            if TcpListener::bind(("127.0.0.1", port)).is_ok() {
                return Self {
                    number,
                    root,
                    port,
                    lock,
                };
            }
        }
        panic!("no slot is free: see {}", locks.display());
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

/// The project that `start` makes of a fixture, with its first release. All that are called `name` are alike.
pub fn released(name: &str, fixture: &str, start: impl FnOnce(Sandbox, u16) -> Project) -> Project {
    let slot = Slot::take();
    let saved = templates().join(format!("{name}-{:02}", slot.number));
    let (clock, tree, port) = (saved.join("clock"), saved.join("tree"), slot.port);
    if let Ok(time) = fs::read_to_string(&clock) {
        copy(&tree, slot.root());
        let sandbox = Sandbox::go_on(slot, time.parse().unwrap());
        return Project::copied(sandbox, port, fixture);
    }
    let project = start(Sandbox::in_slot(slot), port);
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);
    if saved.exists() {
        remove_tree(&saved);
    }
    fs::create_dir_all(&saved).unwrap();
    copy(project.sandbox.root(), &tree);
    // Last: it says that the rest is complete.
    fs::write(clock, project.sandbox.clock().to_string()).unwrap();
    project
}

/// What was saved by this very program of these very fixtures; what others saved is removed.
fn templates() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let binary = fs::metadata(env!("CARGO_BIN_EXE_git-hostout")).unwrap();
        let built = binary.modified().unwrap().duration_since(UNIX_EPOCH);
        let mut about = format!("{built:?} {}\n", binary.len()).into_bytes();
        about.extend(include_bytes!("project.rs"));
        about.extend(include_bytes!("sandbox.rs"));
        about.extend(include_bytes!("template.rs"));
        // Where slots are, and so what their projects name.
        about.extend(env::temp_dir().as_os_str().as_encoded_bytes());
        read(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"),
            &mut about,
        );
        let all = target().join("templates");
        let ours = all.join(Digest::of(&about).short());
        fs::create_dir_all(&ours).unwrap();
        for entry in fs::read_dir(&all).unwrap().flatten() {
            if entry.path() != ours {
                remove_tree(&entry.path());
            }
        }
        ours
    })
}

fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// Everything in a folder: names and bytes.
fn read(folder: &Path, about: &mut Vec<u8>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(Result::unwrap).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        about.extend(entry.file_name().as_encoded_bytes());
        if entry.file_type().unwrap().is_dir() {
            read(&entry.path(), about);
        } else {
            about.extend(fs::read(entry.path()).unwrap());
        }
    }
}

/// With modes, times and links.
fn copy(from: &Path, to: &Path) {
    let mut command = Command::new("cp");
    let status = command
        .args(["-a", "--reflink=auto"])
        .arg(from)
        .arg(to)
        .status();
    assert!(
        status.unwrap().success(),
        "{} to {}",
        from.display(),
        to.display()
    );
}

#[test]
fn a_copy_of_a_released_project_is_the_project() {
    let first = Project::released_single();
    let (root, tip) = (
        first.sandbox.root().to_owned(),
        first.git(&["rev-parse", "hostout"]),
    );
    // The slot is taken: this is another one.
    let second = Project::released_single();
    assert_ne!(second.sandbox.root(), root);
    assert_ne!(second.port, first.port);
    first.commit_empty("A change");
    drop(first);
    assert!(!root.exists());
    drop(second);
    let again = Project::released_single();
    again.hostout(&["verify"]).exits(0);
    assert_eq!(again.git(&["status", "--porcelain"]), "");
    assert_eq!(again.git(&["log", "--format=%s"]), "Start the project");
    if again.sandbox.root() == root {
        assert_eq!(again.git(&["rev-parse", "hostout"]), tip);
    }
}
