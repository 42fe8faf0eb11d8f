//! Projects that are resolved.

use hostout::buildout::{
    Bootstrap, EggWheel, Error, Graph, Inspected, Python, Request, Resolved, Scratch, Settings,
    Sources, User, Wishes, Workdir, flatten, resolve,
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

pub(super) static PYTHON: LazyLock<Python> = LazyLock::new(|| Python::find("python3.11").unwrap());

pub(super) fn cache() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("buildout-cache")
}

/// The example project in a folder of its own.
pub(super) struct Project {
    pub(super) tree: tempfile::TempDir,
    pub(super) user: User,
    pub(super) stand_ins: Vec<String>,
}

impl Project {
    pub(super) fn hello(buildout: &str) -> Self {
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
    pub(super) fn small(prod: &str) -> Self {
        let tree = tempfile::tempdir().unwrap();
        let text = format!(
            "[buildout]\nparts = app\n[versions]\nzc.buildout = 4.2.0\nsetuptools = 75.8.2\npip = 25.0.1\nwheel = 0.45.1\npackaging = 24.2\n[app]\nrecipe = zc.recipe.egg\n{prod}"
        );
        fs::write(tree.path().join("prod.cfg"), text).unwrap();
        Self {
            tree,
            user: User::current(),
            stand_ins: Vec::new(),
        }
    }

    /// Resolves without eggs of its own.
    pub(super) fn resolved(
        &self,
        kept: &[(String, String)],
    ) -> Result<(tempfile::TempDir, Resolved), Error> {
        let out = tempfile::tempdir().unwrap();
        let resolved = self.seen().resolve(self, &[], out.path(), kept)?;
        Ok((out, resolved))
    }

    pub(super) fn append(&self, file: &str, text: &str) {
        let path = self.tree.path().join(file);
        let before = fs::read_to_string(&path).unwrap_or_default();
        fs::write(path, before + text).unwrap();
    }

    pub(super) fn graph(&self) -> Graph {
        let sources = Sources {
            file: &|path| fs::read(self.tree.path().join(path)).ok(),
            fetch: &|url| PYTHON.fetch(url),
            holds: &|expression| PYTHON.holds(expression),
            stand_ins: &self.stand_ins,
        };
        Graph::read(&sources, "prod.cfg").unwrap()
    }

    pub(super) fn seen(&self) -> Seen {
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
pub(super) struct Seen {
    pub(super) graph: Graph,
    pub(super) scratch: Scratch,
    pub(super) work: Workdir,
    pub(super) inspected: Inspected,
    pub(super) settings: Settings,
}

impl Seen {
    /// Builds the wheels of the develop eggs, all at version 1.1.
    pub(super) fn eggs(&self, out: &Path) -> Vec<EggWheel> {
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

    pub(super) fn resolve(
        &self,
        project: &Project,
        eggs: &[EggWheel],
        out: &Path,
        kept: &[(String, String)],
    ) -> Result<Resolved, Error> {
        self.resolve_with(project, eggs, out, kept, &[])
    }

    pub(super) fn resolve_with(
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
            downloads: &BTreeMap::new(),
            stored: &[],
            canonical: &|bytes| bytes,
            epoch: 1_700_000_000,
            user: &project.user,
            settings: &self.settings,
            out,
            progress: &|_| (),
        })
    }
}

pub(super) fn wheels(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

pub(super) fn versions(resolved: &Resolved) -> BTreeMap<&str, &str> {
    resolved
        .dists
        .iter()
        .map(|dist| (dist.name.as_str(), dist.version.as_str()))
        .collect()
}
