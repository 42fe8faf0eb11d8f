use super::*;

/// An egg of these files in the folder `egg`.
fn read(files: &[(&str, &str)]) -> Result<EggSource> {
    let get = |path: &str| {
        let found = files.iter().find(|(name, _)| path == format!("egg/{name}"));
        found.map(|(_, text)| text.as_bytes().to_vec())
    };
    Project::read(&get, "egg")
}

/// name, version (`-` = the VCS has it), site.
fn facts(files: &[(&str, &str)]) -> (String, String, VersionSite) {
    let egg = read(files).unwrap_or_else(|error| panic!("{files:?}: {error}"));
    let version = egg
        .version
        .map_or_else(|| "-".into(), |version| version.to_string());
    (egg.name, version, egg.site)
}

fn file(file: &str) -> VersionSite {
    VersionSite::File { file: file.into() }
}

fn attr(file: &str, name: &str) -> VersionSite {
    VersionSite::Attr {
        file: file.into(),
        name: name.into(),
    }
}

fn toml(key: &[&str]) -> VersionSite {
    let key = key.iter().map(|&part| part.to_owned()).collect();
    VersionSite::Toml {
        file: "pyproject.toml".into(),
        key,
    }
}

fn scm(pretend: &[&str]) -> VersionSite {
    VersionSite::Scm {
        pretend: pretend.iter().map(|&name| name.to_owned()).collect(),
    }
}

const SCM: [&str; 2] = [
    "SETUPTOOLS_SCM_PRETEND_VERSION_FOR_ACME_SHOP",
    "SETUPTOOLS_SCM_PRETEND_VERSION",
];
const HATCHLING: &str =
    "[build-system]\nrequires = [\"hatchling\"]\nbuild-backend = \"hatchling.build\"\n";
const DYNAMIC: &str = "[project]\nname = \"Acme.Shop\"\ndynamic = [\"version\"]\n";

#[test]
fn setup_py() {
    let site = VersionSite::SetupPy {
        file: "setup.py".into(),
    };
    for source in [
        "from setuptools import setup\nsetup(name='Acme.Shop', version='1.0.dev0')\n",
        "import setuptools\nversion = \"1.0.dev0\"\nsetuptools.setup(version=version, name=\"Acme.Shop\")\n",
        "NAME = 'Acme.Shop'\nVERSION = V = '1.0.dev0'\nsetup(name=NAME, version=VERSION,)\n",
    ] {
        assert_eq!(
            facts(&[("setup.py", source)]),
            ("Acme.Shop".into(), "1.0.dev0".into(), site.clone())
        );
    }
}

#[test]
fn setup_py_that_reads_a_file() {
    for expression in [
        "open('version.txt').read().strip()",
        "open(os.path.join('src', 'version.txt'), encoding='utf-8').read()",
        "Path('./version.txt').read_text()",
        "read('version.txt')",
    ] {
        let source = format!("setup(name='Acme.Shop', version={expression})");
        let path = if expression.contains("src") {
            "src/version.txt"
        } else {
            "version.txt"
        };
        let found = facts(&[("setup.py", &source), (path, "2.0\n")]);
        assert_eq!(
            found,
            ("Acme.Shop".into(), "2.0".into(), file(path)),
            "{expression}"
        );
    }
    let found = facts(&[
        (
            "setup.py",
            "setup(name='a', version=get_version('src', 'a', '__init__.py'))",
        ),
        ("src/a/__init__.py", "__version__ = '3'\n"),
    ]);
    assert_eq!(
        found,
        (
            "a".into(),
            "3".into(),
            attr("src/a/__init__.py", "__version__")
        )
    );
}

#[test]
fn setup_py_that_imports() {
    for source in [
        "import a\nsetup(name='a', version=a.__version__)",
        "from a import b, __version__\nsetup(name='a', version=__version__)",
    ] {
        let found = facts(&[("setup.py", source), ("a.py", "__version__ = '3'\n")]);
        assert_eq!(found, ("a".into(), "3".into(), attr("a.py", "__version__")));
    }
}

#[test]
fn setup_py_that_computes_is_undetermined() {
    for source in [
        "setup(name='a', version='1.' + minor())",
        "from a import version\nsetup(name='a', version=version)",
        "setup(name='a' + 'b', version='1.0')",
        "setup(name='a')",
        "setup(**settings)",
    ] {
        let error = read(&[("setup.py", source)]).unwrap_err();
        assert!(
            matches!(error, Error::Undetermined { .. }) && error.hint().is_some(),
            "{source}: {error}"
        );
    }
}

#[test]
fn setup_cfg() {
    let cfg = VersionSite::Cfg {
        file: "setup.cfg".into(),
    };
    let head = "[metadata]\nname = Acme.Shop\n";
    let found = facts(&[
        ("setup.cfg", &format!("{head}version = 1.0\n")),
        ("setup.py", "import setuptools; setuptools.setup()"),
    ]);
    assert_eq!(found, ("Acme.Shop".into(), "1.0".into(), cfg));
    let found = facts(&[
        ("setup.cfg", &format!("{head}version = file: VERSION\n")),
        ("VERSION", "1.1\n"),
    ]);
    assert_eq!(found, ("Acme.Shop".into(), "1.1".into(), file("VERSION")));
    let found = facts(&[
        (
            "setup.cfg",
            &format!(
                "{head}version = attr: shop.__version__\n[options]\npackage_dir =\n    = lib\n"
            ),
        ),
        ("lib/shop/__init__.py", "__version__ = '1.2'\n"),
    ]);
    assert_eq!(
        found,
        (
            "Acme.Shop".into(),
            "1.2".into(),
            attr("lib/shop/__init__.py", "__version__")
        )
    );
}

#[test]
fn what_setup_is_given_goes_before_setup_cfg() {
    let cfg = "[metadata]\nname = other\nversion = 9\n[options]\npython_requires = >=3.9\n";
    let egg = read(&[
        ("setup.cfg", cfg),
        ("setup.py", "setup(name='a', version='1')"),
    ])
    .unwrap();
    assert_eq!(
        (egg.name.as_str(), egg.version.unwrap().to_string().as_str()),
        ("a", "1")
    );
    assert_eq!(egg.requires_python.as_deref(), Some(">=3.9"));
    assert_eq!(egg.backend, "setuptools.build_meta:__legacy__");
    assert_eq!(egg.requires, ["setuptools"]);
}

#[test]
fn setuptools_scm() {
    let old = "setup(name='acme.shop', use_scm_version=True, setup_requires=['setuptools_scm'])";
    assert_eq!(
        facts(&[("setup.py", old)]),
        ("acme.shop".into(), "-".into(), scm(&SCM))
    );
    let new = format!(
        "[build-system]\nrequires = [\"setuptools>=64\", \"setuptools_scm[toml]>=8\"]\nbuild-backend = \"setuptools.build_meta\"\n{DYNAMIC}"
    );
    assert_eq!(
        facts(&[("pyproject.toml", &new)]),
        ("Acme.Shop".into(), "-".into(), scm(&SCM))
    );
    let untagged = format!("{new}[tool.setuptools_scm]\nfallback_version = \"1.0.0\"\n");
    assert_eq!(
        facts(&[("pyproject.toml", &untagged)]),
        ("Acme.Shop".into(), "1.0.0".into(), scm(&SCM))
    );
}

#[test]
fn static_in_pyproject() {
    for head in [
        "",
        HATCHLING,
        "[build-system]\nrequires = [\"uv_build\"]\nbuild-backend = \"uv_build\"\n",
    ] {
        let text = format!("{head}[project]\nname = \"Acme.Shop\"\nversion = \"1.0\"\n");
        let found = facts(&[("pyproject.toml", &text)]);
        assert_eq!(
            found,
            (
                "Acme.Shop".into(),
                "1.0".into(),
                toml(&["project", "version"])
            )
        );
    }
    let poetry = "[tool.poetry]\nname = \"shop\"\nversion = \"1.0\"\n[build-system]\nrequires = [\"poetry-core\"]\nbuild-backend = \"poetry.core.masonry.api\"\n";
    let found = facts(&[("pyproject.toml", poetry)]);
    assert_eq!(
        found,
        (
            "shop".into(),
            "1.0".into(),
            toml(&["tool", "poetry", "version"])
        )
    );
}

#[test]
fn dynamic_in_pyproject() {
    let module = ("src/shop/__init__.py", "'''Shop'''\n__version__ = '1.3'\n");
    let by_attr = attr("src/shop/__init__.py", "__version__");
    let backends = [
        (
            "setuptools.build_meta",
            "[tool.setuptools.dynamic]\nversion = {attr = \"shop.__version__\"}\n",
            by_attr.clone(),
        ),
        (
            "setuptools.build_meta",
            "[tool.setuptools.dynamic]\nversion = {file = [\"VERSION\"]}\n",
            file("VERSION"),
        ),
        (
            "hatchling.build",
            "[tool.hatch.version]\npath = \"src/shop/__init__.py\"\n",
            by_attr.clone(),
        ),
        (
            "hatchling.build",
            "[tool.hatch.version]\nsource = \"vcs\"\n",
            scm(&SCM[1..]),
        ),
        (
            "flit_core.buildapi",
            "[tool.flit.module]\nname = \"shop\"\n",
            by_attr.clone(),
        ),
        (
            "poetry.core.masonry.api",
            "[tool.poetry]\nversion = \"1.3\"\n",
            toml(&["tool", "poetry", "version"]),
        ),
        (
            "pdm.backend",
            "[tool.pdm.version]\nsource = \"file\"\npath = \"src/shop/__init__.py\"\n",
            by_attr,
        ),
        (
            "pdm.backend",
            "[tool.pdm.version]\nsource = \"scm\"\n",
            scm(&["PDM_BUILD_SCM_VERSION"]),
        ),
    ];
    for (backend, tool, site) in backends {
        let text = format!(
            "[build-system]\nrequires = []\nbuild-backend = \"{backend}\"\n{DYNAMIC}{tool}"
        );
        let version = if matches!(site, VersionSite::Scm { .. }) {
            "-"
        } else {
            "1.3"
        };
        let found = facts(&[("pyproject.toml", &text), module, ("VERSION", "1.3\n")]);
        assert_eq!(found, ("Acme.Shop".into(), version.into(), site), "{tool}");
    }
}

#[test]
fn a_setup_cfg_beside_a_dynamic_project() {
    let found = facts(&[
        ("pyproject.toml", DYNAMIC),
        ("setup.cfg", "[metadata]\nversion = 1.4\n"),
    ]);
    assert_eq!(
        found,
        (
            "Acme.Shop".into(),
            "1.4".into(),
            VersionSite::Cfg {
                file: "setup.cfg".into()
            }
        )
    );
}

#[test]
fn refusals_name_the_file() {
    let cases: [(&[(&str, &str)], &str); 4] = [
        (
            &[("README", "")],
            "egg has no pyproject.toml, setup.cfg or setup.py",
        ),
        (
            &[("pyproject.toml", "[project\n")],
            "egg/pyproject.toml cannot be read",
        ),
        (
            &[(
                "pyproject.toml",
                "[project]\nname = \"a\"\nversion = \"one\"\n",
            )],
            "egg/pyproject.toml says version `one`",
        ),
        (
            &[("pyproject.toml", "[tool.black]\n")],
            "egg/pyproject.toml does not say the version",
        ),
    ];
    for (files, wanted) in cases {
        let error = read(files).unwrap_err().to_string();
        assert!(error.starts_with(wanted), "{error}");
    }
}

#[test]
fn changelogs_and_names() {
    let pyproject = (
        "pyproject.toml",
        "[project]\nname = \"a\"\nversion = \"1\"\n",
    );
    for name in [
        "CHANGES.rst",
        "CHANGELOG.md",
        "changes.txt",
        "HISTORY",
        "docs/HISTORY.txt",
    ] {
        assert_eq!(
            read(&[pyproject, (name, "")]).unwrap().changelog.as_deref(),
            Some(name)
        );
    }
    assert_eq!(read(&[pyproject]).unwrap().changelog, None);
    assert_eq!(normalize("Acme.Shop__Theme-x"), "acme-shop-theme-x");
}
