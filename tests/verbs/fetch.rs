//! `fetch = "host"`: hosts take wheels from their own index.

use crate::support::{Project, Run, free_port};
use hostout::release::{Artifact, Manifest, Origin, normalize};
use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
    time::Duration,
};

/// A package index on loopback: a folder with a folder for each name (PEP 503).
struct Index {
    folder: PathBuf,
    port: u16,
    child: Child,
}

impl Index {
    fn of(project: &Project, files: &[(String, Artifact)]) -> Self {
        let folder = project.sandbox.path("index");
        for (name, artifact) in files {
            let place = folder.join("simple").join(normalize(name));
            fs::create_dir_all(&place).unwrap();
            fs::copy(object(artifact), place.join(&artifact.file)).unwrap();
        }
        let port = free_port();
        let mut server = project.sandbox.command("python3", &folder);
        server
            .args([
                "-m",
                "http.server",
                "--bind",
                "127.0.0.1",
                &port.to_string(),
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = server.spawn().unwrap();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            thread::sleep(Duration::from_millis(20));
        }
        Self {
            folder,
            port,
            child,
        }
    }

    fn place(&self, (name, artifact): &(String, Artifact)) -> PathBuf {
        let folder = self.folder.join("simple").join(normalize(name));
        folder.join(&artifact.file)
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Where the tests' shared cache has an artifact.
fn object(artifact: &Artifact) -> PathBuf {
    let store = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache/git-hostout/store");
    let name = artifact.sha256.to_string();
    store.join(&name[..2]).join(&name[2..])
}

/// The wheels that an index has, by the names of their distributions, without pip.
fn public(manifest: &Manifest) -> Vec<(String, Artifact)> {
    let pins = manifest.pin.iter();
    pins.filter(|pin| pin.origin == Origin::Index && pin.name != "pip")
        .map(|pin| (pin.name.clone(), pin.artifacts[0].clone()))
        .collect()
}

/// `git hostout deploy local` from a machine that has nothing of what the index has.
fn deploy(project: &Project, manifest: &Manifest, arguments: &[&str]) -> Run {
    let cache = project.sandbox.path("cache2");
    let there: Vec<_> = public(manifest)
        .into_iter()
        .map(|(_, artifact)| artifact.sha256)
        .collect();
    for (digest, artifact) in manifest.artifacts() {
        if !there.contains(&digest) {
            let name = digest.to_string();
            let place = cache.join("git-hostout/store").join(&name[..2]);
            fs::create_dir_all(&place).unwrap();
            fs::copy(object(&artifact), place.join(&name[2..])).unwrap();
        }
    }
    let cache = cache.display().to_string();
    let arguments = [&["deploy", "local"], arguments].concat();
    let variables = [("XDG_CACHE_HOME", cache.as_str())];
    project
        .sandbox
        .hostout_with(&project.directory, &arguments, &variables)
}

#[test]
fn hosts_take_what_their_index_has_and_check_it() {
    let project = Project::released_single();
    project.edit(
        "hostout.toml",
        "hosts = [\"local\"]",
        "hosts = [\"local\"]\nfetch = \"host\"",
    );
    let manifest = project.manifest("0.1.0");
    let files = public(&manifest);
    assert!(files.len() > 3, "{files:?}");
    let index = Index::of(&project, &files);
    let settings = project.sandbox.path("home/.config/pip");
    fs::create_dir_all(&settings).unwrap();
    let url = format!(
        "[global]\nindex-url = http://127.0.0.1:{}/simple\n",
        index.port
    );
    fs::write(settings.join("pip.conf"), url).unwrap();

    let all = manifest.artifacts().len();
    let dry = deploy(&project, &manifest, &["--dry-run"]).exits(0);
    let fetches = format!("the host fetches {} artifacts, ", files.len());
    let sends = format!("{} artifacts, ", all - files.len());
    dry.says(&[&fetches, &sends]);

    // Somebody replaced a file.
    let (good, replaced) = (
        fs::read(object(&files[0].1)).unwrap(),
        index.place(&files[0]),
    );
    // It is a link to what may not be written.
    fs::remove_file(&replaced).unwrap();
    fs::write(&replaced, [&good[..], b"evil"].concat()).unwrap();
    deploy(&project, &manifest, &["--yes"]).exits(21).says(&[
        "and did not fetch",
        &files[0].1.file,
        "pip's configuration on the host says which index it asks; or take `fetch` out of the stage, and all is sent",
        "HASHES",
    ]);
    assert_eq!(project.live(), None);
    fs::write(&replaced, good).unwrap();
    let run = deploy(&project, &manifest, &["--yes"]).exits(0);
    assert!(!run.stderr.contains("made again"), "{run}");
    assert_eq!(project.live().as_deref(), Some("0.1.0"));

    // What is there is not fetched again.
    drop(index);
    project.write("src/acme/single/new.py", "");
    project.git(&["commit", "--quiet", "--all", "-m", "Fetch on hosts"]);
    project.git(&["add", "src"]);
    project.git(&["commit", "--quiet", "-m", "Change it"]);
    fs::remove_file(settings.join("pip.conf")).unwrap();
    project.hostout(&["release", "--yes"]).exits(0);
    let run = project.hostout(&["deploy", "local", "--yes"]).exits(0);
    assert!(!run.stderr.contains("the host fetches"), "{run}");
}
