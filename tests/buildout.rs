//! Real runs of zc.buildout: what is seen, what is resolved, and that hosts can run what is generated.

use hostout::buildout::{
    Bootstrap, EggWheel, Error, Graph, HostCfg, Inspected, Python, Request, Resolved, Scratch,
    Settings, Sources, User, Wishes, Workdir, acting_outside, canonical, flatten, hostout_cfg,
    resolve, services, versions_cfg,
};
use hostout::release::{Digest, Origin, Services};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
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

    /// A project of one file, run by a buildout that unpacks fast.
    fn small(prod: &str) -> Self {
        let tree = tempfile::tempdir().unwrap();
        let text = format!(
            "[buildout]\nparts = app\n[versions]\nzc.buildout = 4.2.0\n[app]\nrecipe = zc.recipe.egg\n{prod}"
        );
        fs::write(tree.path().join("prod.cfg"), text).unwrap();
        Self {
            tree,
            user: User::current(),
            stand_ins: Vec::new(),
        }
    }

    /// Resolves without eggs of its own.
    fn resolved(&self, kept: &[(String, String)]) -> Result<(tempfile::TempDir, Resolved), Error> {
        let out = tempfile::tempdir().unwrap();
        let resolved = self.seen().resolve(self, &[], out.path(), kept)?;
        Ok((out, resolved))
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

#[test]
fn a_kept_pin_stays_until_a_requirement_forbids_it() {
    let kept = [
        ("Colorama".to_owned(), "0.4.5".to_owned()),
        ("six".to_owned(), "1.15.0".to_owned()),
    ];
    let (_out, resolved) = Project::small("eggs =\n    colorama\n    six\n")
        .resolved(&kept)
        .unwrap();
    assert_eq!(versions(&resolved)["colorama"], "0.4.5");
    assert!(resolved.released.is_empty());

    let (_out, resolved) = Project::small("eggs =\n    colorama\n    six >= 1.16\n")
        .resolved(&kept)
        .unwrap();
    assert_eq!(versions(&resolved)["colorama"], "0.4.5");
    assert_ne!(versions(&resolved)["six"], "1.15.0");
    assert_eq!(resolved.released, [("six".to_owned(), "1.15.0".to_owned())]);

    let project = Project::small("eggs = six\n[versions]\nsix = 1.16.0\n");
    let (_out, resolved) = project.resolved(&kept).unwrap();
    assert_eq!(versions(&resolved)["six"], "1.16.0");
}

#[test]
fn what_cannot_be_found_is_named_with_the_file_that_wants_it() {
    let error = Project::small("eggs = six\n[versions]\nsix = 99.0\n")
        .resolved(&[])
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "six==99.0: no such distribution was found, wanted by part app, pinned in prod.cfg line 9"
    );
    let error = Project::small("eggs = six < 1\n[versions]\nsix = 1.16.0\n")
        .resolved(&[])
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "six<1: not allowed by the pin `six = 1.16.0` of prod.cfg line 9, wanted by part app"
    );
}

#[test]
fn two_versions_in_one_configuration_are_refused() {
    let project = Project::small(
        "eggs = six == 1.16.0\n[other]\nrecipe = zc.recipe.egg\neggs = six == 1.15.0\n[buildout]\nparts += other\n",
    );
    let error = project.resolved(&[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "prod.cfg: uses six in the versions 1.16.0 and 1.15.0"
    );
}

#[test]
fn a_source_distribution_becomes_a_wheel() {
    let project = Project::small("eggs = hostout.test.spam\n[buildout]\nfind-links = links\n");
    let source = tempfile::tempdir().unwrap();
    fs::write(
        source.path().join("setup.py"),
        "from setuptools import setup\nsetup(name='hostout.test.spam', version='1.0', py_modules=[])\n",
    )
    .unwrap();
    let links = project.tree.path().join("links");
    let made = Command::new(&project.seen().scratch.python)
        .args(["setup.py", "--quiet", "sdist", "--dist-dir"])
        .arg(&links)
        .current_dir(source.path())
        .status()
        .unwrap();
    assert!(made.success());
    let (_out, resolved) = project.resolved(&[]).unwrap();
    let spam = resolved
        .dists
        .iter()
        .find(|dist| canonical(&dist.name) == "hostout-test-spam")
        .unwrap();
    assert_eq!(spam.origin, Origin::Sdist);
    assert!(
        spam.file
            .to_str()
            .unwrap()
            .ends_with("hostout_test_spam-1.0-py3-none-any.whl"),
        "{spam:?}"
    );
    let sdist = fs::read(&wheels(&links)[0]).unwrap();
    let built_from = spam.built_from.as_ref().unwrap();
    assert_eq!(built_from.sha256, Digest::of(&sdist));
    assert_eq!(
        built_from.url,
        wheels(&links)[0].file_name().unwrap().to_str().unwrap()
    );
}

#[test]
fn a_host_part_is_pinned_and_not_run() {
    let project = Project::small(
        "eggs = six\n[mark]\nrecipe = plone.recipe.command\ncommand = touch ${buildout:directory}/marked\n[buildout]\nparts += mark\n",
    );
    let seen = project.seen();
    assert_eq!(acting_outside(&seen.inspected), ["mark"]);
    let out = tempfile::tempdir().unwrap();
    let resolved = seen
        .resolve_with(&project, &[], out.path(), &[], &["mark".to_owned()])
        .unwrap();
    assert!(versions(&resolved).contains_key("plone.recipe.command"));
    assert!(!seen.work.path().join("marked").exists());
    seen.resolve(&project, &[], out.path(), &[]).unwrap();
    assert!(seen.work.path().join("marked").exists());
}

#[test]
fn no_other_package_takes_the_name_of_a_projects_egg() {
    let project = Project::hello("4.2.0");
    project.append("prod.cfg", "find-links = links\nparts = app\n");
    let out = tempfile::tempdir().unwrap();
    let built = out.path().join("built");
    fs::create_dir(&built).unwrap();
    let seen = project.seen();
    let eggs = seen.eggs(&built);
    // A later version, and the same version with other bytes.
    let links = seen.work.path().join("links");
    fs::create_dir(&links).unwrap();
    let greeting = eggs.iter().find(|egg| egg.name == "acme.greeting").unwrap();
    for name in [
        "acme.greeting-1.1-py3-none-any.whl",
        "acme.greeting-9.0-py3-none-any.whl",
    ] {
        fs::write(links.join(name), "not ours").unwrap();
    }
    let resolved = seen
        .resolve(&project, &eggs, &out.path().join("wheels"), &[])
        .unwrap();
    assert!(resolved.eggs_used.contains(&greeting.name));
    assert!(!versions(&resolved).contains_key("acme.greeting"));
}

#[test]
fn settings_of_the_user_say_where_and_never_which() {
    let (house, _) = Project::small("eggs = six\n").resolved(&[]).unwrap();
    let server = Server::start(house.path());
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".buildout")).unwrap();
    let index = server.url("me:secret@", "/simple");
    let default = format!("[buildout]\nindex = {index}\nversions = mine\n[mine]\nsix = 1.10.0\n");
    fs::write(home.path().join(".buildout/default.cfg"), default).unwrap();
    let mut project = Project::small("eggs = six\n");
    project.user = User::current().with("HOME", home.path());
    let (_out, resolved) = project.resolved(&[]).unwrap();
    assert_ne!(versions(&resolved)["six"], "1.10.0");
    let six = resolved
        .dists
        .iter()
        .find(|dist| dist.name == "six")
        .unwrap();
    assert!(
        six.url.starts_with(&server.url("", "/simple/six/")),
        "{}",
        six.url
    );

    // The same login from netrc.
    fs::write(
        home.path().join(".buildout/default.cfg"),
        format!("[buildout]\nindex = {}\n", server.url("", "/simple")),
    )
    .unwrap();
    fs::write(
        home.path().join(".netrc"),
        "machine 127.0.0.1 login me password secret\n",
    )
    .unwrap();
    // Python's netrc takes no file that others can read.
    fs::set_permissions(
        home.path().join(".netrc"),
        fs::Permissions::from_mode(0o600),
    )
    .unwrap();
    project.resolved(&[]).unwrap();

    // A failing run says nothing secret.
    fs::write(
        home.path().join(".buildout/default.cfg"),
        format!("[buildout]\nindex = {index}\n"),
    )
    .unwrap();
    project.append("prod.cfg", "    nothing.of.that.name\n");
    let error = format!("{:?}", project.resolved(&[]).unwrap_err());
    assert!(
        error.contains("nothing.of.that.name") && !error.contains("secret"),
        "{error}"
    );
}

#[test]
fn a_fetched_configuration_is_used_as_it_was_fetched() {
    let house = tempfile::tempdir().unwrap();
    fs::write(
        house.path().join("base.cfg"),
        "[buildout]\nextends = versions.cfg\n",
    )
    .unwrap();
    fs::write(
        house.path().join("versions.cfg"),
        "[versions]\nsix = 1.16.0\n",
    )
    .unwrap();
    let server = Server::start(house.path());
    let project = Project::small(&format!(
        "eggs = six\n[buildout]\nextends = {}\n",
        server.url("me:secret@", "/files/base.cfg")
    ));
    let seen = project.seen();
    assert_eq!(seen.graph.passwords().len(), 1);
    assert_eq!(seen.graph.urls.len(), 2);
    drop(server);
    let out = tempfile::tempdir().unwrap();
    let resolved = seen.resolve(&project, &[], out.path(), &[]).unwrap();
    assert_eq!(versions(&resolved)["six"], "1.16.0");
}

/// A web server on loopback that wants a login: `/simple/NAME/` lists the wheels of a folder, `/files/FILE` gives a file.
struct Server {
    port: u16,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let folder = folder.to_owned();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that hangs up is its own affair.
                drop(answer(stream.unwrap(), &folder));
            }
        });
        Self { port }
    }

    fn url(&self, login: &str, path: &str) -> String {
        format!("http://{login}127.0.0.1:{}{path}", self.port)
    }
}

fn answer(mut stream: TcpStream, folder: &Path) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().unwrap_or(Ok(String::new()))?;
    let path = request.split(' ').nth(1).unwrap_or("").to_owned();
    let mut allowed = false;
    for line in lines {
        let line = line?;
        // "me:secret" in base64
        allowed |= line == "Authorization: Basic bWU6c2VjcmV0";
        if line.is_empty() {
            break;
        }
    }
    let name = path
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or("")
        .to_owned();
    let (status, kind, body) = if !allowed {
        ("401 Unauthorized", "text/plain", b"login please".to_vec())
    } else if path.ends_with('/') {
        let files = wheels(folder)
            .into_iter()
            .map(|file| file.file_name().unwrap().to_str().unwrap().to_owned());
        let ours = files.filter(|file| canonical(file.split('-').next().unwrap()) == name);
        let links: String = ours
            .map(|file| format!("<a href=\"{file}\">{file}</a>"))
            .collect();
        ("200 OK", "text/html", links.into_bytes())
    } else if let Ok(bytes) = fs::read(folder.join(&name)) {
        ("200 OK", "application/octet-stream", bytes)
    } else {
        ("404 Not Found", "text/plain", b"no such file".to_vec())
    };
    let head = format!(
        "HTTP/1.0 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)
}
