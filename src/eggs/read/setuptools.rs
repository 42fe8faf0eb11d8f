//! `setup.py` and `setup.cfg`. What `setup()` is given goes before `setup.cfg`, as in setuptools.

use super::backends::by_scm;
use super::places::{attribute, in_module, whole_file};
use super::pyproject::BuildSystem;
use super::{Folder, Found, PythonValue, Result, VersionSite, cfg_value, keywords, resolved};

const SETUP_PY: &str = "setup.py";
const SETUP_CFG: &str = "setup.cfg";

pub(super) fn read(folder: &Folder<'_>, system: &BuildSystem) -> Result<Found> {
    let cfg = folder.text(SETUP_CFG)?;
    let py = folder.text(SETUP_PY)?;
    if cfg.is_none() && py.is_none() {
        return match folder.bytes("pyproject.toml") {
            Some(_) => Ok(Found::default()),
            None => Err(super::Error::NotAnEgg {
                path: folder.path.into(),
            }),
        };
    }
    let cfg = cfg.unwrap_or_default();
    let entry = |section, key| cfg_value(&cfg, section, key).map(|range| cfg[range].to_owned());
    let arguments = Arguments::of(folder, py.unwrap_or_default());
    let name = match arguments.get("name") {
        Some(value) => Some(arguments.text(value).ok_or_else(|| {
            folder.undetermined(SETUP_PY, "name", "setup() is given a computed one")
        })?),
        None => entry("metadata", "name"),
    };
    let scm = arguments.get("use_scm_version").is_some() || system.wants("setuptools-scm");
    let version = match (arguments.version()?, entry("metadata", "version")) {
        (Some(found), _) => Some(found),
        (None, Some(text)) => Some(in_cfg(folder, &cfg, &text)?),
        (None, None) if arguments.get("pbr").is_some() => Some((
            String::new(),
            VersionSite::Scm {
                pretend: vec!["PBR_VERSION".into()],
            },
        )),
        (None, None) if scm => Some(by_scm(name.as_deref().unwrap_or_default())),
        (None, None) => None,
    };
    let requires_python = arguments
        .get("python_requires")
        .and_then(|value| arguments.text(value));
    Ok(Found {
        name,
        version,
        requires_python: requires_python.or_else(|| entry("options", "python_requires")),
    })
}

/// What `setup()` is given.
struct Arguments<'a> {
    folder: &'a Folder<'a>,
    source: String,
    keywords: Vec<(String, PythonValue)>,
}

impl<'a> Arguments<'a> {
    fn of(folder: &'a Folder<'a>, source: String) -> Self {
        let keywords = keywords(&source, "setup").unwrap_or_default();
        Self {
            folder,
            source,
            keywords,
        }
    }

    fn get(&self, name: &str) -> Option<PythonValue> {
        let keyword = self.keywords.iter().find(|(keyword, _)| keyword == name);
        keyword.map(|(_, value)| resolved(&self.source, value.clone()))
    }

    fn text(&self, value: PythonValue) -> Option<String> {
        match value {
            PythonValue::Text(range) => Some(self.source[range].to_owned()),
            _ => None,
        }
    }

    fn version(&self) -> Result<Option<(String, VersionSite)>> {
        let why = match self.get("version") {
            None => return Ok(None),
            Some(PythonValue::Text(range)) => {
                let site = VersionSite::SetupPy {
                    file: SETUP_PY.into(),
                };
                return Ok(Some((self.source[range].to_owned(), site)));
            }
            Some(PythonValue::Name(name)) => match self.imported(&name)? {
                Some(found) => return Ok(Some(found)),
                None => format!("setup() is given `{name}`, which comes from elsewhere"),
            },
            Some(PythonValue::Computed(strings)) => match self.read_from(&strings)? {
                Some(found) => return Ok(Some(found)),
                None => "setup() is given a computed one".to_owned(),
            },
        };
        Err(self.folder.undetermined(SETUP_PY, "version", why))
    }

    /// `shop.__version__` after `import shop`, `__version__` after `from shop import __version__`.
    fn imported(&self, name: &str) -> Result<Option<(String, VersionSite)>> {
        let import = |line: &str| {
            let (module, names) = line.strip_prefix("from ")?.split_once(" import ")?;
            let here = names.split(',').any(|imported| imported.trim() == name);
            here.then(|| format!("{}.{name}", module.trim()))
        };
        let attr = if name.contains('.') {
            Some(name.to_owned())
        } else {
            self.source.lines().find_map(import)
        };
        attr.map_or(Ok(None), |attr| attribute(self.folder, &attr, &[]))
    }

    /// `open("version.txt").read()`, `read("src", "pkg", "__init__.py")` and their many forms: the strings of the
    /// expression name a file that holds a version. The build shows whether that was right.
    fn read_from(&self, strings: &[String]) -> Result<Option<(String, VersionSite)>> {
        // longest first: ("src", "version.txt") before "version.txt"; "utf-8" may stand behind them
        let lengths = (1..=strings.len()).rev();
        let paths = lengths.flat_map(|length| strings.windows(length).map(|parts| parts.join("/")));
        for path in paths {
            let path = path.trim_start_matches("./");
            let Ok(Some(text)) = self.folder.text(path) else {
                continue;
            };
            if text.trim().parse::<pep440_rs::Version>().is_ok() {
                return whole_file(self.folder, path).map(Some);
            }
            if let Some(found) = in_module(self.folder, path, "__version__")? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

fn in_cfg(folder: &Folder<'_>, cfg: &str, text: &str) -> Result<(String, VersionSite)> {
    if let Some(attr) = text.strip_prefix("attr:") {
        let find = |section, key| cfg_value(cfg, section, key).map(|range| cfg[range].trim());
        let root = find("options", "package_dir").and_then(|dirs| {
            let entries = dirs.lines().filter_map(|line| line.split_once('='));
            entries
                .filter(|(package, _)| package.trim().is_empty())
                .map(|(_, dir)| dir.trim())
                .next()
        });
        let roots = [root, find("options.packages.find", "where")];
        let roots: Vec<String> = roots.into_iter().flatten().map(str::to_owned).collect();
        let attr = attr.trim();
        let missing =
            || folder.undetermined(SETUP_CFG, "version", format!("{attr} is no plain string"));
        return attribute(folder, attr, &roots)?.ok_or_else(missing);
    }
    if let Some(file) = text.strip_prefix("file:") {
        return whole_file(folder, file.trim());
    }
    Ok((
        text.to_owned(),
        VersionSite::Cfg {
            file: SETUP_CFG.into(),
        },
    ))
}
