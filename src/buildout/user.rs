//! What the user has set up on this machine: index, find-links and credentials. Never versions.
//!
//! From `~/.buildout/default.cfg` (or `$BUILDOUT_HOME`) come `index`, `find-links`, `allow-hosts` and `socket-timeout` of
//! `[buildout]`; where it has no index, pip's configuration gives one. pip itself and netrc are reached through links, see `sandbox`.

use super::{
    Error,
    graph::{Graph, Sources},
    redact,
};
use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt::{self, Write as _},
    fs,
    path::PathBuf,
};

/// The environment of the user who runs this program.
#[derive(Clone)]
pub struct User {
    vars: BTreeMap<OsString, OsString>,
}

/// Settings that apply to buildout runs. May hold passwords: it has no `Debug` that shows them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Options of `[buildout]` by name.
    pub options: BTreeMap<String, String>,
    /// Further indexes (pip's `extra-index-url`).
    pub extra_indexes: Vec<String>,
}

/// The options of `default.cfg` that are honoured.
const HONOURED: [&str; 4] = ["index", "find-links", "allow-hosts", "socket-timeout"];

impl User {
    /// The one that runs this program.
    pub fn current() -> Self {
        Self {
            vars: std::env::vars_os().collect(),
        }
    }

    /// The same with a variable changed.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.vars.insert(name.into(), value.into());
        self
    }

    /// A variable that is set and not empty.
    pub fn var(&self, name: &str) -> Option<&OsStr> {
        let value = self.vars.get(OsStr::new(name))?;
        (!value.is_empty()).then_some(value)
    }

    /// All variables.
    pub fn vars(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.vars
            .iter()
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// A path below the home directory.
    pub fn home(&self, path: &str) -> Option<PathBuf> {
        Some(PathBuf::from(self.var("HOME")?).join(path))
    }

    /// Below `$XDG_<KIND>_HOME`, else below its default in the home directory.
    pub fn xdg(&self, kind: &str, default: &str, path: &str) -> Option<PathBuf> {
        let base = self.var(&format!("XDG_{kind}_HOME")).map(PathBuf::from);
        Some(base.or_else(|| self.home(default))?.join(path))
    }

    /// What `default.cfg` says, then what `pip config list` printed.
    ///
    /// # Errors
    /// For a `default.cfg` that is no configuration.
    pub fn settings(&self, pip_config: &str) -> Result<Settings, Error> {
        let mut settings = self.default_cfg()?;
        settings.add_pip(pip_config);
        Ok(settings)
    }

    fn default_cfg(&self) -> Result<Settings, Error> {
        let home = self.var("BUILDOUT_HOME").map(PathBuf::from);
        let Some(folder) = home.or_else(|| self.home(".buildout")) else {
            return Ok(Settings::default());
        };
        if !folder.join("default.cfg").exists() {
            return Ok(Settings::default());
        }
        // A configuration that can't be reached is one without index, not a reason to stop.
        let sources = Sources {
            file: &|path| Some(fs::read(folder.join(path)).unwrap_or_default()),
            fetch: &|_| Ok(Vec::new()),
            holds: &|_| Ok(true),
            stand_ins: &[],
        };
        let graph = Graph::read(&sources, "default.cfg")?;
        let mut settings = Settings::default();
        for name in HONOURED {
            if let Some(value) = graph.sections.get("buildout", name) {
                let text = substitute(&graph, "buildout", &value.text, 0);
                settings.options.insert(name.to_owned(), text);
            }
        }
        Ok(settings)
    }
}

impl Settings {
    /// Adds what `pip config list` printed: `index-url`, `extra-index-url` and `find-links`.
    fn add_pip(&mut self, listed: &str) {
        // Of one option in several places the environment wins, then the command's own section, then [global].
        let value = |option: &str| {
            let sections = [":env:.", "download.", "install.", "global."];
            let find = |section| {
                let key = format!("{section}{option}=");
                listed
                    .lines()
                    .find_map(|line| line.strip_prefix(key.as_str()))
            };
            let text = sections.into_iter().find_map(find)?.trim();
            let quote = text.chars().next().filter(|c| "'\"".contains(*c));
            let text = quote.map_or(text, |quote| text.trim_matches(quote));
            Some(text.replace("\\n", "\n"))
        };
        if let Some(index) = value("index-url") {
            self.options.entry("index".to_owned()).or_insert(index);
        }
        if let Some(links) = value("find-links") {
            let all = self.options.entry("find-links".to_owned()).or_default();
            for link in links.split_whitespace() {
                all.push('\n');
                all.push_str(link);
            }
        }
        let extra = value("extra-index-url").unwrap_or_default();
        self.extra_indexes
            .extend(extra.split_whitespace().map(str::to_owned));
    }

    /// As a configuration file.
    pub(super) fn to_cfg(&self) -> String {
        let mut text = "[buildout]\n".to_owned();
        for (name, value) in &self.options {
            let value = value.trim().replace('\n', "\n    ");
            // Writing into a String can't fail.
            if writeln!(text, "{name} = {value}").is_err() {
                break;
            }
        }
        text
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(&self.to_cfg()))
    }
}

/// `${section:option}` replaced from the same file, a few levels deep; what is not there stays.
fn substitute(graph: &Graph, section: &str, text: &str, depth: usize) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${").filter(|_| depth < 8) {
        let Some(length) = rest[start..].find('}') else {
            break;
        };
        let reference = &rest[start + 2..start + length];
        let (of, option) = reference.split_once(':').unwrap_or((section, reference));
        let of = if of.is_empty() { section } else { of };
        out.push_str(&rest[..start]);
        match graph.sections.get(of, option) {
            Some(value) => out.push_str(&substitute(graph, of, &value.text, depth + 1)),
            None => out.push_str(&rest[start..=start + length]),
        }
        rest = &rest[start + length + 1..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
fn options(text: &str, section: &str) -> Result<BTreeMap<String, String>, super::cfg::SyntaxError> {
    let all = super::cfg::parse(text)?
        .sections
        .into_iter()
        .filter(|s| s.name == section);
    Ok(all
        .flat_map(|s| s.options)
        .map(|o| (o.name, o.value))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(default_cfg: &str) -> (tempfile::TempDir, User) {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".buildout")).unwrap();
        fs::write(home.path().join(".buildout/default.cfg"), default_cfg).unwrap();
        let user = User {
            vars: BTreeMap::new(),
        }
        .with("HOME", home.path());
        (home, user)
    }

    #[test]
    fn takes_where_to_get_things_and_no_versions() {
        let (_home, user) = user(
            "[buildout]\nindex = https://${me:login}@h/simple\nversions = mine\neggs-directory = /e\nextensions = x\n[me]\nlogin = a:b\n[mine]\nx = 1",
        );
        let settings = user
            .settings("global.find-links='/w https://x/y'\n:env:.index-url='https://other'")
            .unwrap();
        assert_eq!(settings.options["index"], "https://a:b@h/simple");
        let cfg = options(&settings.to_cfg(), "buildout").unwrap();
        assert_eq!(cfg.keys().collect::<Vec<_>>(), ["find-links", "index"]);
        assert_eq!(cfg["find-links"], "/w\nhttps://x/y");
        assert!(!format!("{settings:?}").contains("a:b"));
    }

    #[test]
    fn pip_gives_the_index_where_buildout_has_none() {
        let (_home, user) = user("[buildout]\nnewest = false");
        let listed = "global.index-url='https://g/simple'\n:env:.index-url='https://e/simple'\nglobal.extra-index-url='\\nhttps://x\\nhttps://y'";
        let settings = user.settings(listed).unwrap();
        assert_eq!(settings.options["index"], "https://e/simple");
        assert_eq!(settings.extra_indexes, ["https://x", "https://y"]);
    }

    #[test]
    fn nothing_set_up_is_fine() {
        let user = User {
            vars: BTreeMap::new(),
        };
        assert_eq!(user.settings("").unwrap(), Settings::default());
    }
}
