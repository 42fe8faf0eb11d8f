//! Real runs of zc.buildout: what is seen, what is resolved, and that hosts can run what is generated.

use hostout::buildout::{
    Bootstrap, EggWheel, Error, Graph, HostCfg, Inspected, Python, Request, Resolved, Scratch,
    Settings, Sources, User, Wishes, Workdir, flatten, hostout_cfg, resolve, services,
    versions_cfg,
};
use hostout::release::Services;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};

static PYTHON: LazyLock<Python> = LazyLock::new(|| Python::find("python3.11").unwrap());

fn cache() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("buildout-cache")
}

/// The example project in a folder of its own.
struct Project {
    tree: tempfile::TempDir,
    user: User,
    stand_ins: Vec<String>,
}

impl Project {
    fn hello(buildout: &str) -> Self {
        let tree = tempfile::tempdir().unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/hello/.");
        let copied = Command::new("cp")
            .arg("-r")
            .arg(from)
            .arg(tree.path())
            .status()
            .unwrap();
        assert!(copied.success());
        let project = Self {
            tree,
            user: User::current(),
            stand_ins: vec!["secret.cfg".to_owned()],
        };
        project.append(
            "base.cfg",
            &format!("\n[versions]\nzc.buildout = {buildout}\n"),
        );
        project
    }

    fn append(&self, file: &str, text: &str) {
        let path = self.tree.path().join(file);
        let before = fs::read_to_string(&path).unwrap_or_default();
        fs::write(path, before + text).unwrap();
    }

    fn graph(&self) -> Graph {
        let sources = Sources {
            file: &|path| fs::read(self.tree.path().join(path)).ok(),
            fetch: &|url| PYTHON.fetch(url),
            holds: &|expression| PYTHON.holds(expression),
            stand_ins: &self.stand_ins,
        };
        Graph::read(&sources, "prod.cfg").unwrap()
    }

    fn seen(&self) -> Seen {
        let graph = self.graph();
        let bootstrap = Bootstrap::of(&graph.sections, Wishes::default()).unwrap();
        let scratch = Scratch::make(&cache(), &PYTHON, &bootstrap, &self.user).unwrap();
        let work = Workdir::copy(
            self.tree.path(),
            "",
            &flatten(&graph).unwrap(),
            &self.stand_ins,
        )
        .unwrap();
        let inspected = Inspected::read(&scratch, &work, "prod.cfg", &self.user).unwrap();
        let settings = scratch.settings(&self.user).unwrap();
        Seen {
            graph,
            scratch,
            work,
            inspected,
            settings,
        }
    }
}

/// What is known before resolving.
struct Seen {
    graph: Graph,
    scratch: Scratch,
    work: Workdir,
    inspected: Inspected,
    settings: Settings,
}

impl Seen {
    /// Builds the wheels of the develop eggs, all at version 1.1.
    fn eggs(&self, out: &Path) -> Vec<EggWheel> {
        let build = |path: &String| {
            let source = self.work.path().join(path);
            let setup = source.join("setup.py");
            let text = fs::read_to_string(&setup).unwrap();
            fs::write(&setup, text.replace("1.0.dev0", "1.1")).unwrap();
            let built = Command::new(&self.scratch.python)
                .args([
                    "-m",
                    "pip",
                    "wheel",
                    "--quiet",
                    "--no-deps",
                    "--no-build-isolation",
                    "--no-index",
                    "--wheel-dir",
                ])
                .args([out, &source])
                .status()
                .unwrap();
            assert!(built.success());
            let name = source.file_name().unwrap().to_str().unwrap().to_owned();
            let file = wheels(out).into_iter().find(|file| {
                let stem = file
                    .file_name()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .split('-')
                    .next()
                    .unwrap()
                    .to_owned();
                stem.replace('_', ".") == name
            });
            EggWheel {
                name,
                version: "1.1".to_owned(),
                file: file.unwrap(),
            }
        };
        self.inspected.develop.iter().map(build).collect()
    }

    fn resolve(
        &self,
        project: &Project,
        eggs: &[EggWheel],
        out: &Path,
        kept: &[(String, String)],
    ) -> Result<Resolved, Error> {
        self.resolve_with(project, eggs, out, kept, &[])
    }

    fn resolve_with(
        &self,
        project: &Project,
        eggs: &[EggWheel],
        out: &Path,
        kept: &[(String, String)],
        host_parts: &[String],
    ) -> Result<Resolved, Error> {
        resolve(&Request {
            scratch: &self.scratch,
            work: &self.work,
            graph: &self.graph,
            inspected: &self.inspected,
            parts: None,
            host_parts,
            eggs,
            kept,
            stored: &|_, _| None,
            canonical: &|bytes| bytes,
            epoch: 1_700_000_000,
            user: &project.user,
            settings: &self.settings,
            out,
            progress: &|_| (),
        })
    }
}

fn wheels(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

fn versions(resolved: &Resolved) -> BTreeMap<&str, &str> {
    resolved
        .dists
        .iter()
        .map(|dist| (dist.name.as_str(), dist.version.as_str()))
        .collect()
}

/// Resolves, generates, and runs the result like a host: without net access, index or settings, from wheels only.
fn release_runs(buildout: &str, eggs_folder: &str) {
    let project = Project::hello(buildout);
    let seen = project.seen();
    assert_eq!(seen.scratch.buildout(), buildout);
    assert_eq!(
        seen.inspected.develop,
        ["src/acme.greeting", "src/acme.hello", "src/acme.spare"]
    );
    assert_eq!(
        seen.inspected.words("app", "eggs"),
        ["acme.hello", "waitress"]
    );
    assert_eq!(services(&seen.inspected), Services::Supervisor);

    let out = tempfile::tempdir().unwrap();
    let built = out.path().join("built");
    fs::create_dir(&built).unwrap();
    let eggs = seen.eggs(&built);
    let wheelhouse = out.path().join("wheels");
    let resolved = seen.resolve(&project, &eggs, &wheelhouse, &[]).unwrap();
    assert_eq!(resolved.eggs_used, ["acme.greeting", "acme.hello"]);
    assert_eq!(resolved.eggs_unused, ["acme.spare"]);
    let pins = versions(&resolved);
    assert_eq!(pins["zc.buildout"], buildout);
    assert_eq!(pins["waitress"], "3.0.2");
    for name in [
        "collective.recipe.supervisor",
        "packaging",
        "pip",
        "setuptools",
        "supervisor",
        "wheel",
        "zc.recipe.egg",
    ] {
        assert!(pins.contains_key(name), "{name} of {pins:?}");
    }
    assert_eq!(pins.contains_key("platformdirs"), buildout.starts_with('6'));
    assert!(
        resolved
            .dists
            .iter()
            .all(|dist| dist.file.extension().is_some_and(|e| e == "whl"))
    );
    let waitress = resolved
        .dists
        .iter()
        .find(|dist| dist.name == "waitress")
        .unwrap();
    assert!(
        waitress.url.starts_with("https://") && waitress.url.ends_with(".whl"),
        "{}",
        waitress.url
    );

    let mut pins: Vec<(String, String)> = resolved
        .dists
        .iter()
        .map(|d| (d.name.clone(), d.version.clone()))
        .collect();
    pins.extend(
        eggs.iter()
            .filter(|egg| resolved.eggs_used.contains(&egg.name))
            .map(|egg| (egg.name.clone(), egg.version.clone())),
    );
    let host = Host::make(&project, &seen, &resolved, &pins, &eggs, &wheelhouse);
    host.buildout().unwrap();
    let said = host.python(
        "from acme.hello import application; print(application({}, lambda *a: None)[0].decode())",
    );
    assert_eq!(said.trim(), "Hello, World");
    let found: Vec<PathBuf> = wheels(&host.release.join(eggs_folder));
    assert!(
        found.iter().any(|egg| egg
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("waitress-3.0.2-py3.11")),
        "{found:?}"
    );
    assert!(host.release.join("bin/supervisord").exists());
    host.buildout().unwrap();
}

/// A release directory like on a host.
struct Host {
    _root: tempfile::TempDir,
    release: PathBuf,
    wheels: PathBuf,
    python: PathBuf,
}

impl Host {
    fn make(
        project: &Project,
        seen: &Seen,
        resolved: &Resolved,
        pins: &[(String, String)],
        eggs: &[EggWheel],
        wheelhouse: &Path,
    ) -> Self {
        let root = tempfile::tempdir().unwrap();
        let release = root.path().join("releases/1.0.0");
        fs::create_dir_all(&release).unwrap();
        for file in &seen.graph.files {
            fs::copy(project.tree.path().join(file), release.join(file)).unwrap();
        }
        for (path, bytes) in flatten(&seen.graph).unwrap() {
            let path = release.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        fs::write(release.join("secret.cfg"), "[ports]\nhello = 8081\n").unwrap();
        fs::write(release.join("hostout-versions.cfg"), versions_cfg(pins)).unwrap();
        let cfg = hostout_cfg(&HostCfg {
            graph: &seen.graph,
            inspected: &seen.inspected,
            parts: None,
            host_parts: &[],
            versions: "hostout-versions.cfg",
            pins,
            spellings: &resolved.spellings,
            downloads: !resolved.downloads.is_empty(),
        });
        fs::write(release.join("hostout.cfg"), cfg).unwrap();
        let wheels = root.path().join("wheels");
        fs::create_dir(&wheels).unwrap();
        for file in resolved
            .dists
            .iter()
            .map(|dist| &dist.file)
            .chain(eggs.iter().map(|egg| &egg.file))
        {
            fs::copy(file, wheels.join(file.file_name().unwrap())).unwrap();
        }
        assert!(wheelhouse.exists());
        Self {
            release,
            wheels,
            python: seen.scratch.python.clone(),
            _root: root,
        }
    }

    /// Runs buildout where nothing but the wheels can be reached.
    fn buildout(&self) -> Result<(), String> {
        let output = Command::new("unshare")
            .args(["--net", "--map-root-user"])
            .arg(&self.python)
            .args([
                "-c",
                "import sys, zc.buildout.buildout as b; b.main(sys.argv[1:])",
                "-U",
                "-c",
                "hostout.cfg",
            ])
            .arg(format!("buildout:find-links={}", self.wheels.display()))
            .current_dir(&self.release)
            .env_clear()
            .env("HOME", &self.wheels)
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            Ok(())
        } else {
            Err(said)
        }
    }

    fn python(&self, code: &str) -> String {
        let output = Command::new(self.release.join("bin/py"))
            .args(["-c", code])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }
}

#[test]
fn buildout_4_1_4_is_resolved_and_runs_on_a_host() {
    release_runs("4.1.4", "eggs");
}

#[test]
fn buildout_4_1_12_is_resolved_and_runs_on_a_host() {
    release_runs("4.1.12", "eggs");
}

#[test]
fn buildout_4_2_0_is_resolved_and_runs_on_a_host() {
    release_runs("4.2.0", "eggs");
}

#[test]
fn buildout_5_2_0_is_resolved_and_runs_on_a_host() {
    release_runs("5.2.0", "eggs/v5");
}

#[test]
fn buildout_6_0_1_is_resolved_and_runs_on_a_host() {
    release_runs("6.0.1", "eggs/v5");
}
