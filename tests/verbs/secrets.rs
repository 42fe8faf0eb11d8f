//! One secret in every place where a secret may stand; afterwards it stands there, and nowhere else.

use crate::support::{
    Host, Index, Project, Run, shared_cache,
    sshd::{Sshd, keygen},
    write_wheel,
};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

const SECRET: &str = "s3ntinel-of-all-secrets";

/// Names every file below some folders, changed since a time, that holds the secret: as it is, as basic authentication has
/// it, in an archive, or in an object of git.
const SCAN: &str = r"
import base64, gzip, io, os, sys, zipfile, zlib
secret, since, *roots = sys.argv[1:]
needles = [secret.encode(), base64.b64encode(b'me:' + secret.encode()).rstrip(b'=')]

def holds(data):
    if any(needle in data for needle in needles):
        return True
    if data[:2] == b'\x1f\x8b':
        return holds(gzip.decompress(data))
    if data[:2] == b'PK':
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return any(holds(archive.read(name)) for name in archive.namelist())
    if data[:1] == b'\x78':
        try:
            return holds(zlib.decompress(data))
        except zlib.error:
            pass
    return False

for root in roots:
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if secret in name:
                print(path)
            elif os.path.isfile(path) and not os.path.islink(path) and os.stat(path).st_ctime >= float(since):
                with open(path, 'rb') as file:
                    if holds(file.read()):
                        print(path)
print('looked')
";

/// Looks at the command lines of all processes, again and again.
struct Passer {
    over: Arc<AtomicBool>,
    saw: JoinHandle<Vec<String>>,
}

impl Passer {
    fn look() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&over);
        let saw = thread::spawn(move || {
            let mut saw = Vec::new();
            while !ends.load(Ordering::Relaxed) {
                for entry in fs::read_dir("/proc").unwrap().flatten() {
                    let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
                    let line = String::from_utf8_lossy(&line).replace('\0', " ");
                    if line.contains(SECRET) && !saw.contains(&line) {
                        saw.push(line);
                    }
                }
                thread::sleep(Duration::from_millis(2));
            }
            saw
        });
        Self { over, saw }
    }

    fn go(self) -> Vec<String> {
        self.over.store(true, Ordering::Relaxed);
        self.saw.join().unwrap()
    }
}

/// A file that may hold the secret, for its owner only.
fn write(path: &Path, text: &str, mode: u32) -> PathBuf {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    path.to_owned()
}

/// A project whose packages come from an index with a password, by three ways, and whose host asks for a passphrase and a
/// password. Gives it with the files that may hold the secret.
fn project(index: &Index) -> (Host, Vec<PathBuf>) {
    let project = Project::single();
    for (name, text) in [
        ("hostout.toml", "[shared]\nfiles = [\"secret.cfg\"]\n"),
        (".gitignore", "secret.cfg\n"),
    ] {
        let before = fs::read_to_string(project.directory.join(name)).unwrap_or_default();
        project.write(name, &(before + "\n" + text));
    }
    project.edit(
        "buildout.cfg",
        "eggs = acme.single",
        "eggs = acme.single\n    acme.third\n    acme.fourth\n    acme.fifth",
    );
    let home = |name: &str| project.sandbox.path("home").join(name);
    let login = format!("me:{SECRET}@");
    let by_netrc = index.url("", "/simple/acme-fifth/");
    let by_netrc = by_netrc.replace("127.0.0.1", "localhost");
    let links = index.url(&login, "/simple/acme-third/");
    let default = format!("[buildout]\nfind-links =\n    {links}\n    {by_netrc}\n");
    let extra = index.url(&login, "/simple");
    let pip = format!("[global]\nextra-index-url = {extra}\n");
    let netrc = format!("machine localhost login me password {SECRET}\n");
    let askpass = format!("#!/bin/sh\necho '{SECRET}'\n");
    let mut known = vec![
        write(&home(".buildout/default.cfg"), &default, 0o600),
        write(&home(".config/pip/pip.conf"), &pip, 0o600),
        write(&home(".netrc"), &netrc, 0o600),
        write(&home("askpass"), &askpass, 0o700),
        write(&project.directory.join("secret.cfg"), SECRET, 0o600),
    ];
    let mut host = Host::of(project, "");
    let settings = "PasswordAuthentication yes\nAuthenticationMethods publickey,password";
    host.sshd = Sshd::with_password(settings, SECRET);
    let id = host.sshd.path("id");
    for key in [&id, &host.project.sandbox.path("home/.ssh/id_ed25519")] {
        fs::remove_file(key).unwrap();
        fs::remove_file(key.with_extension("pub")).unwrap();
        keygen(key, SECRET);
    }
    fs::copy(id.with_extension("pub"), host.sshd.path("authorized_keys")).unwrap();
    known.push(host.path.join("shared/secret.cfg"));
    (host, known)
}

#[test]
fn it_stays_where_it_was_put() {
    let house = tempfile::tempdir().unwrap();
    let index = Index::start(house.path(), SECRET);
    let (host, mut known) = project(&index);
    let project = &host.project;
    for name in ["acme.third", "acme.fourth", "acme.fifth"] {
        write_wheel(&project.sandbox, house.path(), name, "", &[]);
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let config = host.sshd.config().display().to_string();
    let askpass = project.sandbox.path("home/askpass").display().to_string();
    let run = |arguments: &[&str], more: &[(&str, &str)]| -> Run {
        let variables = [
            ("HOSTOUT_SSH_CONFIG", &*config),
            ("HOSTOUT_PASSWORD", SECRET),
            ("SSH_ASKPASS", &*askpass),
            ("SSH_ASKPASS_REQUIRE", "force"),
        ];
        let variables = [&variables, more].concat();
        let run = project
            .sandbox
            .hostout_with(&project.directory, arguments, &variables);
        assert!(!run.to_string().contains(SECRET), "{run}");
        run
    };
    let passer = Passer::look();
    project.commit("Use packages of ours");
    run(&["-v", "init"], &[]).exits(0);
    run(&["-v", "release", "--yes"], &[]).exits(0);
    let pins = project.manifest("0.1.0").pin;
    for name in ["acme.third", "acme.fourth", "acme.fifth"] {
        assert!(pins.iter().any(|pin| pin.name == name), "{name}");
    }
    run(&["-v", "put", "far", "secret.cfg"], &[]).exits(0);
    run(&["-v", "deploy", "far", "--yes"], &[]).exits(0);
    assert_eq!(host.live().as_deref(), Some("0.1.0"));
    for words in [
        &["-v", "check", "far"] as &[&str],
        &["status", "--json"],
        &["log", "--json"],
        &["show", "--json"],
        &["show", "--provenance"],
        &["-v", "verify", "--rebuild"],
        &["deploy", "far", "--dry-run", "--json"],
    ] {
        run(words, &[]).exits(0);
    }

    // What fails has most to say.
    let wrong = format!("not-{SECRET}");
    run(&["-v", "check", "far"], &[("HOSTOUT_PASSWORD", &wrong)]).exits(20);
    let remote = index.url(&format!("me:{SECRET}@"), "/shop.git");
    let config = project.directory.join(".git/config");
    let before = fs::read_to_string(&config).unwrap();
    let named = format!("[remote \"origin\"]\n\turl = {remote}\n");
    fs::write(&config, before + &named).unwrap();
    known.push(config);
    project.write("src/acme/single/new.py", "");
    project.commit("Change it");
    run(&["-v", "release", "--yes"], &[]);
    run(&["-v", "resume"], &[]);
    run(&["-v", "deploy", "far", "--yes"], &[]).exits(0);
    project.git(&["remote", "remove", "origin"]);
    for (from, to) in [
        ("    acme.fifth", "    acme.fifth\n    acme.sixth"),
        ("parts = app", "parts = app nowhere"),
    ] {
        project.edit("buildout.cfg", from, to);
        project.commit("Break it");
        for words in [
            &["-v", "release", "--yes"] as &[&str],
            &["release", "--json"],
        ] {
            let run = run(words, &[]);
            assert!(!run.succeeded(), "{run}");
        }
    }
    index.stop();
    project.edit("buildout.cfg", "parts = app nowhere", "parts = app");
    project.commit("Ask nobody");
    run(&["-v", "release", "--yes"], &[]).exits(11);
    let mut saw = passer.go();
    // git itself hands its helper the address that its own configuration has.
    saw.retain(|line| !line.contains("remote-http"));
    assert!(saw.is_empty(), "{saw:#?}");

    let mut scan = project.sandbox.command("python3", &project.directory);
    scan.args(["-c", SCAN, SECRET, &since.as_secs().to_string()]);
    scan.arg(project.sandbox.root()).arg(shared_cache());
    let found = scan.output().unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    let mut found: Vec<&str> = found.lines().collect();
    assert_eq!(found.pop(), Some("looked"));
    found.retain(|file| !known.iter().any(|known| Path::new(file) == known));
    assert!(found.is_empty(), "{found:#?}");
}
