//! Real eggs of every backend, read, bumped, cloned and built with real tools: the slow tests of this room.

use super::*;
use crate::eggs::{EggSource, Error, Project, TemporaryClone, child, edit, next};
use crate::release::BuildTool;
use gix::ObjectId;
use pep440_rs::Version;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::OnceLock;

const EPOCH: i64 = 1_767_225_600;

/// One builder for all tests, so that build tools are fetched once. Statics are never dropped: its cache lies beside
/// the test program and is emptied by the next run.
fn builder() -> &'static Builder {
    static BUILDER: OnceLock<Builder> = OnceLock::new();
    BUILDER.get_or_init(|| {
        let cache = std::env::current_exe().unwrap().with_extension("tools");
        if cache.exists() {
            fs::remove_dir_all(&cache).unwrap();
        }
        Builder::new(cache, "python3").unwrap()
    })
}

/// A committed egg in the folder `egg` of a repository.
struct Fixture {
    _folder: tempfile::TempDir,
    repo: gix::Repository,
    head: ObjectId,
}

type Files<'a> = &'a [(&'a str, &'a str)];

impl Fixture {
    fn new(files: Files<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = folder.path().join("egg").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let git = |arguments: &[&str]| {
            let mut command = child::bare(Path::new("git"), folder.path());
            command.args(["-c", "user.name=A", "-c", "user.email=a@example.org"]);
            command.current_dir(folder.path()).args(arguments);
            let what = format!("{arguments:?}");
            child::run(&mut command, |output| Error::Command { what, output }).unwrap();
        };
        git(&["init", "-q"]);
        git(&["add", "."]);
        git(&["commit", "-qm", "An egg", "--date=2026-01-01T00:00:00Z"]);
        let repo = gix::open(folder.path()).unwrap();
        let head = repo.head_id().unwrap().detach();
        Self {
            _folder: folder,
            repo,
            head,
        }
    }

    fn file(&self, path: &str) -> Option<Vec<u8>> {
        let tree = self.repo.find_commit(self.head).unwrap().tree().unwrap();
        let entry = tree.lookup_entry_by_path(path).unwrap()?;
        Some(entry.object().unwrap().data.clone())
    }

    fn egg(&self) -> EggSource {
        Project::read(&|path| self.file(path), "egg").unwrap()
    }

    /// Builds the egg as `version` in a clone whose files look like `mode` made them.
    fn build(&self, version: &Version, mode: u32, tools: &[BuildTool]) -> Result<Built, Error> {
        let egg = self.egg();
        let edits = edit(&egg, version, &|path| self.file(path))?;
        let clone = TemporaryClone::new(&self.repo, self.head, &edits.files)?;
        restrict(clone.path(), mode);
        let (epoch, checkout) = (EPOCH, clone.path());
        builder().build(&Job {
            egg: &egg,
            checkout,
            version,
            epoch,
            pretend: &edits.pretend,
            tools,
        })
    }
}

/// What another umask and another day make of a checkout.
fn restrict(folder: &Path, mode: u32) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            restrict(&entry.path(), mode);
        } else if !entry
            .path()
            .components()
            .any(|part| part.as_os_str() == ".git")
        {
            fs::set_permissions(entry.path(), fs::Permissions::from_mode(mode)).unwrap();
            let file = fs::File::options().write(true).open(entry.path()).unwrap();
            let time = std::time::UNIX_EPOCH
                + std::time::Duration::from_secs(1_000_000_000 + u64::from(mode));
            file.set_modified(time).unwrap();
        }
    }
}

/// Reads, bumps, and builds twice; the wheel has to hold `members` (name and text) and nothing from elsewhere.
fn check(files: Files<'_>, last: &str, wanted: &str, members: Files<'_>) -> Built {
    let fixture = Fixture::new(files);
    let egg = fixture.egg();
    let version = next(
        egg.version.as_ref(),
        last.parse().ok().as_ref(),
        &|_| false,
        None,
    );
    assert_eq!(version.to_string(), wanted);
    let [built, again] = [0o644, 0o600].map(|mode| fixture.build(&version, mode, &[]).unwrap());
    assert_eq!(built.artifact, again.artifact);
    assert_eq!(
        built.artifact.sha256,
        crate::release::Digest::of(&built.bytes)
    );
    assert_eq!(
        (built.info.name.as_str(), &built.info.version),
        ("acme.shop", &version)
    );
    assert!(built.artifact.reproducible && !built.tools.is_empty());
    has(&built, members);
    built
}

fn has(built: &Built, members: Files<'_>) {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&built.bytes)).unwrap();
    for (name, text) in members {
        let found = std::io::read_to_string(archive.by_name(name).unwrap()).unwrap();
        assert_eq!(found, *text, "{name}");
    }
}

const INIT: (&str, &str) = ("src/acme_shop/__init__.py", "\"\"\"A shop.\"\"\"\n");
const PACKED_INIT: (&str, &str) = ("acme_shop/__init__.py", INIT.1);

#[test]
fn setuptools_setup_py() {
    let setup = "from setuptools import setup, find_packages\nversion = '0.3.dev0'\n\
        setup(name='acme.shop', version=version, package_dir={'': 'src'}, packages=find_packages('src'))\n";
    check(&[("setup.py", setup), INIT], "-", "0.3", &[PACKED_INIT]);
}

#[test]
fn setuptools_setup_cfg_and_attr() {
    let cfg = "[metadata]\nname = acme.shop\nversion = attr: acme_shop.__version__\n\
        [options]\npackage_dir =\n    = src\npackages = find:\n[options.packages.find]\nwhere = src\n";
    let init = |version| format!("import no.such.module\n__version__ = '{version}'\n");
    let (old, new) = (init("1.0"), init("1.0.1"));
    let files = [
        ("setup.cfg", cfg),
        ("setup.py", "import setuptools\nsetuptools.setup()\n"),
        (INIT.0, &old),
    ];
    check(&files, "1.0", "1.0.1", &[(PACKED_INIT.0, &new)]);
}

#[test]
fn the_previous_releases_tools_are_used_again() {
    let text = "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n\
        [project]\nname = \"acme.shop\"\nversion = \"1.0\"\n";
    let fixture = Fixture::new(&[("pyproject.toml", text), INIT]);
    let version = "1.0".parse().unwrap();
    let old = BuildTool {
        name: "setuptools".into(),
        version: "80.9.0".into(),
        sha256: crate::release::Digest::of(b""),
    };
    let built = fixture
        .build(&version, 0o644, std::slice::from_ref(&old))
        .unwrap();
    let [tool] = built.tools.as_slice() else {
        panic!("{:?}", built.tools)
    };
    assert_eq!((&tool.name, &tool.version), (&old.name, &old.version));
    assert_ne!(tool.sha256, old.sha256);
    let again = fixture.build(&version, 0o644, &built.tools).unwrap();
    assert_eq!((again.artifact, again.tools), (built.artifact, built.tools));
    // Requirements may be addresses with a password.
    for entry in fs::read_dir(&builder().cache).unwrap() {
        let environment = entry.unwrap().path();
        for file in ["requirements.txt", "constraints.txt", "report.json"] {
            let left = environment.join(file);
            assert!(!left.exists(), "{}", left.display());
        }
    }
}

#[test]
fn a_pin_that_is_ruled_out_is_dropped() {
    let text = "[build-system]\nrequires = [\"setuptools>=81\"]\nbuild-backend = \"setuptools.build_meta\"\n\
        [project]\nname = \"acme.shop\"\nversion = \"1.0\"\n";
    let fixture = Fixture::new(&[("pyproject.toml", text), INIT]);
    let old = BuildTool {
        name: "setuptools".into(),
        version: "80.9.0".into(),
        sha256: crate::release::Digest::of(b""),
    };
    let built = fixture
        .build(&"1.0".parse().unwrap(), 0o644, &[old])
        .unwrap();
    let version: Version = built.tools[0].version.parse().unwrap();
    assert!(version >= Version::new([81]), "{version}");
}

#[test]
fn setuptools_scm_keeps_the_data_that_only_git_knows() {
    let text = "[build-system]\nrequires = [\"setuptools>=64\", \"setuptools-scm>=8\"]\nbuild-backend = \"setuptools.build_meta\"\n\
        [project]\nname = \"acme.shop\"\ndynamic = [\"version\"]\n[tool.setuptools_scm]\nroot = \"..\"\n";
    let data = ("src/acme_shop/templates/front.pt", "<html/>\n");
    let files = [("pyproject.toml", text), INIT, data];
    check(
        &files,
        "1.4",
        "1.4.1",
        &[PACKED_INIT, ("acme_shop/templates/front.pt", data.1)],
    );
}

const HATCHLING: &str = "[build-system]\nrequires = [\"hatchling\", \"hatch-vcs\"]\nbuild-backend = \"hatchling.build\"\n\
    [project]\nname = \"acme.shop\"\n";

#[test]
fn hatchling() {
    let wheel = "[tool.hatch.build.targets.wheel]\npackages = [\"src/acme_shop\"]\n";
    let text = format!("{HATCHLING}version = \"2.0\"\n{wheel}");
    check(
        &[("pyproject.toml", &text), INIT],
        "1.9",
        "2.0",
        &[PACKED_INIT],
    );
    let text = format!(
        "{HATCHLING}dynamic = [\"version\"]\n{wheel}[tool.hatch.version]\nsource = \"vcs\"\nraw-options = {{ root = \"..\" }}\n"
    );
    check(
        &[("pyproject.toml", &text), INIT],
        "2.0",
        "2.0.1",
        &[PACKED_INIT],
    );
}

#[test]
fn flit() {
    let text = "[build-system]\nrequires = [\"flit_core\"]\nbuild-backend = \"flit_core.buildapi\"\n\
        [project]\nname = \"acme.shop\"\ndynamic = [\"version\", \"description\"]\n[tool.flit.module]\nname = \"acme_shop\"\n";
    let init = |version| format!("\"\"\"A shop.\"\"\"\n__version__ = \"{version}\"\n");
    let (old, new) = (init("0.1.dev0"), init("0.1"));
    check(
        &[("pyproject.toml", text), (INIT.0, &old)],
        "-",
        "0.1",
        &[(PACKED_INIT.0, &new)],
    );
}

#[test]
fn poetry_core() {
    let text = "[tool.poetry]\nname = \"acme.shop\"\nversion = \"1.0rc1\"\ndescription = \"\"\nauthors = []\n\
        packages = [{ include = \"acme_shop\", from = \"src\" }]\n\
        [build-system]\nrequires = [\"poetry-core\"]\nbuild-backend = \"poetry.core.masonry.api\"\n";
    check(
        &[("pyproject.toml", text), INIT],
        "1.0rc1",
        "1.0rc2",
        &[PACKED_INIT],
    );
}

#[test]
fn pdm_backend() {
    let text = "[build-system]\nrequires = [\"pdm-backend\"]\nbuild-backend = \"pdm.backend\"\n\
        [project]\nname = \"acme.shop\"\ndynamic = [\"version\"]\n[tool.pdm.version]\nsource = \"file\"\npath = \"src/acme_shop/__init__.py\"\n";
    let (old, new) = ("__version__ = \"3\"\n", "__version__ = \"3.0.1\"\n");
    check(
        &[("pyproject.toml", text), (INIT.0, old)],
        "3",
        "3.0.1",
        &[(PACKED_INIT.0, new)],
    );
}

#[test]
fn uv_build() {
    let text = "[build-system]\nrequires = [\"uv_build\"]\nbuild-backend = \"uv_build\"\n\
        [project]\nname = \"acme.shop\"\nversion = \"1.0\"\n[tool.uv.build-backend]\nmodule-name = \"acme_shop\"\n";
    check(
        &[("pyproject.toml", text), INIT],
        "1.0",
        "1.0.1",
        &[PACKED_INIT],
    );
}

#[test]
fn a_c_extension_is_for_one_platform() {
    let setup = "from setuptools import setup, Extension\n\
        setup(name='acme.fast', version='1.0', ext_modules=[Extension('acme_fast', ['fast.c'])])\n";
    let code = "#include <Python.h>\nstatic struct PyModuleDef def = {PyModuleDef_HEAD_INIT, \"acme_fast\", NULL, -1, NULL};\n\
        PyMODINIT_FUNC PyInit_acme_fast(void) { return PyModule_Create(&def); }\n";
    let fixture = Fixture::new(&[("setup.py", setup), ("fast.c", code)]);
    let built = fixture.build(&"1.0".parse().unwrap(), 0o644, &[]).unwrap();
    assert!(!built.artifact.reproducible && !built.info.is_pure);
    assert!(
        built.artifact.file.contains("linux_"),
        "{}",
        built.artifact.file
    );
}

#[test]
fn builds_that_fail_say_why() {
    let fixture = Fixture::new(&[(
        "setup.py",
        "from setuptools import setup\nimport nosuch\nsetup(name='acme.shop', version='1.0')\n",
    )]);
    let error = fixture
        .build(&"1.0".parse().unwrap(), 0o644, &[])
        .unwrap_err();
    assert!(
        matches!(&error, Error::Build { output, .. } if output.contains("No module named 'nosuch'")),
        "{error}"
    );

    let setup = "from setuptools import setup\nsetup(name='acme.shop', version='1.0')\n";
    let fixture = Fixture::new(&[("setup.py", setup)]);
    let mut egg = fixture.egg();
    egg.name = "other".into();
    let clone = TemporaryClone::new(&fixture.repo, fixture.head, &[]).unwrap();
    let version: Version = "1.0".parse().unwrap();
    let job = Job {
        egg: &egg,
        checkout: clone.path(),
        version: &version,
        epoch: EPOCH,
        pretend: &[],
        tools: &[],
    };
    let error = builder().build(&job).unwrap_err();
    assert!(matches!(&error, Error::Mismatch { .. }), "{error}");

    let text = "[build-system]\nrequires = [\"setuptools<0.1\"]\n[project]\nname = \"acme.shop\"\nversion = \"1.0\"\n";
    let fixture = Fixture::new(&[("pyproject.toml", text)]);
    let error = fixture
        .build(&"1.0".parse().unwrap(), 0o644, &[])
        .unwrap_err();
    assert!(
        matches!(error, Error::Tools { .. }) && error.to_string().contains("setuptools<0.1"),
        "{error}"
    );
}

#[test]
fn the_users_environment_does_not_reach_the_build() {
    let setup = "import os, setuptools\n\
        assert not {name for name in os.environ if name.startswith('PIP_')}, os.environ\n\
        assert os.environ['TZ'] == 'UTC' and os.umask(0) == 0o022\n\
        setuptools.setup(name='acme.shop', version='1.0')\n";
    let fixture = Fixture::new(&[("setup.py", setup)]);
    fixture.build(&"1.0".parse().unwrap(), 0o644, &[]).unwrap();
}
