//! `fetch = "host"`: hosts take wheels from their own index.

use crate::support::{
    Project, Run,
    compiled::{here, pin, project},
    free_port,
};
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

    /// Makes it pip's only one: the file that says so.
    fn asked_by_all(&self, project: &Project) -> PathBuf {
        let folder = project.sandbox.path("home/.config/pip");
        fs::create_dir_all(&folder).unwrap();
        let settings = folder.join("pip.conf");
        let url = format!("http://127.0.0.1:{}/simple", self.port);
        fs::write(&settings, format!("[global]\nindex-url = {url}\n")).unwrap();
        settings
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
    let settings = index.asked_by_all(&project);

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
    fs::remove_file(settings).unwrap();
    project.hostout(&["release", "--yes"]).exits(0);
    let run = project.hostout(&["deploy", "local", "--yes"]).exits(0);
    assert!(!run.stderr.contains("the host fetches"), "{run}");
}

/// Asks hosts to fetch, from the next commit on.
fn fetching(project: &Project) {
    let text = "hosts = [\"local\"]\nfetch = \"host\"";
    project.edit("hostout.toml", "hosts = [\"local\"]", text);
}

/// What this machine is not.
const FOREIGN: &str = "cp313-musllinux_1_2_aarch64";

#[test]
fn a_host_outside_the_targets_fetches_what_the_release_names() {
    let project = project("3.0.2", &[FOREIGN], "six==1.16.0");
    fetching(&project);
    project.commit("Let hosts fetch");
    let asks = "ask for wheels that hosts fetch";
    project
        .hostout(&["release", "--yes"])
        .exits(0)
        .says(&[asks]);
    let markupsafe = pin(&project, "0.1.0", "markupsafe");
    let [artifact] = &*markupsafe.artifacts else {
        panic!("{markupsafe:?}");
    };
    let named = markupsafe.fetchable.clone().unwrap();
    assert!(named.iter().all(|wheel| wheel.sha256 != artifact.sha256));
    for part in ["cp311-cp311-manylinux", "macosx", "aarch64"] {
        let some = named.iter().any(|wheel| wheel.file.contains(part));
        assert!(some, "{part}: {named:?}");
    }
    assert!(named.iter().all(|wheel| !wheel.file.contains("-win")));
    // What only other machines want is a fact, too; `six` is pinned for one of them.
    let elsewhere = project.manifest("0.1.0").elsewhere;
    let six = elsewhere.iter().find(|want| want.by == "acme.single");
    let six = six.map(|want| (&*want.requirement, &*want.marker));
    assert_eq!(six, Some(("six==1.16.0", "python_version >= \"3.13\"")));
    // What every machine takes has no others.
    assert_eq!(pin(&project, "0.1.0", "six").fetchable, None);

    project.hostout(&["check", "local"]).exits(0);
    let dry = project.hostout(&["deploy", "local", "--dry-run", "--json"]);
    let json = dry.exits(0).json().to_string();
    let (python, _) = here()
        .split_once('-')
        .map(|(python, rest)| (python.to_owned(), rest.to_owned()))
        .unwrap();
    let own = named
        .iter()
        .find(|wheel| json.contains(&wheel.sha256.to_string()));
    let own = own.unwrap();
    assert!(
        own.file.contains(&format!("-{python}-{python}-manylinux")),
        "{own:?}"
    );
    let others = named.iter().filter(|wheel| json.contains(&wheel.file));
    assert_eq!(others.count(), 1, "{json}");

    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    assert_eq!(project.live().as_deref(), Some("0.1.0"));
    let digest = own.sha256.to_string();
    let object = project.host.join("store").join(&digest[..2]);
    assert!(object.join(&digest[2..]).exists());

    // It is a fact of the release: nobody asks an index again.
    project.hostout(&["verify", "--rebuild"]).exits(0);
    project.write("src/acme/single/new.py", "");
    project.commit("Change it");
    let run = project.hostout(&["release", "--yes"]).exits(0);
    assert!(!run.stderr.contains(asks), "{run}");
    assert_eq!(pin(&project, "0.1.1", "markupsafe"), markupsafe);
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    project.hostout(&["rollback", "local", "--yes"]).exits(0);
    assert_eq!(project.live().as_deref(), Some("0.1.0"));
}

#[test]
fn the_ways_out_work_for_a_host_outside_the_targets() {
    let project = project("3.0.2", &[FOREIGN], "six==1.16.0");
    project.hostout(&["release", "--yes"]).exits(0);
    let refused = |ways: &[&str]| {
        let run = project.hostout(&["deploy", "local", "--yes"]).exits(11);
        run.says(&[") has no wheel of MarkupSafe 3.0.2"]).says(ways);
        assert!(!project.host.exists());
    };
    refused(&[
        "or add `fetch = \"host\"` to [stage.local] and release: then it fetches them itself",
    ]);
    // Whoever does half of it is told the other half.
    fetching(&project);
    project.commit("Let hosts fetch");
    refused(&[
        "release again: with `fetch = \"host\"` in hostout.toml a release names the wheels that hosts fetch",
    ]);

    // An index without hashes is of no use, and of no harm.
    let index = Index::of(&project, &public(&project.manifest("0.1.0")));
    let mut download = project.sandbox.command("python3", &index.folder);
    download.args([
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "markupsafe==3.0.2",
    ]);
    let place = index.folder.join("simple/markupsafe");
    assert!(
        download
            .arg("--dest")
            .arg(place)
            .status()
            .unwrap()
            .success()
    );
    let settings = index.asked_by_all(&project);
    project.hostout(&["release", "--yes"]).exits(0).says(&[
        "no index says the sha256 of the wheels of MarkupSafe 3.0.2: hosts that are like none of the targets cannot fetch it",
    ]);
    assert_eq!(pin(&project, "0.1.1", "markupsafe").fetchable, None);
    refused(&["release again"]);
    fs::remove_file(settings).unwrap();
    project.write("src/acme/single/new.py", "");
    project.commit("Ask another index");
    project.hostout(&["release", "--yes"]).exits(0);
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    assert_eq!(project.live().as_deref(), Some("0.1.2"));
}
