//! Which files and URLs a configuration is made of: `extends` and `optional-extends`, as `zc.buildout.buildout._open` follows them.

use super::{
    Error,
    cfg::{self, Cfg, Op},
    merge::Sections,
    redact,
    redact::has_password,
};
use crate::release::Digest;
use std::{collections::BTreeMap, fmt};

/// How [`Graph::read`] reaches files, addresses and conditions.
pub struct Sources<'a> {
    /// The bytes of a file of the released tree, its path relative to the buildout directory (`../` may lead out of it).
    pub file: &'a dyn Fn(&str) -> Option<Vec<u8>>,
    /// The bytes behind a URL.
    pub fetch: &'a dyn Fn(&str) -> Result<Vec<u8>, Error>,
    /// Whether the condition of a section holds.
    pub holds: &'a dyn Fn(&str) -> Result<bool, Error>,
    /// Files that live on hosts only (`[shared] files`); where one is missing an empty one is taken.
    pub stand_ins: &'a [String],
}

/// A configuration, everything it extends, and what comes out when it is merged.
#[derive(Clone, Default)]
pub struct Graph {
    /// The configuration's own path.
    pub config: String,
    /// The files, relative to the buildout directory, in the order buildout opens them.
    pub files: Vec<String>,
    /// What was fetched, in the same order.
    pub urls: Vec<Fetched>,
    /// The merged sections, not substituted; `inspect` gives what buildout itself sees.
    pub sections: Sections,
    /// The text of each file and URL.
    pub(super) texts: BTreeMap<String, String>,
    /// Which word of a file's `extends` means which file or URL: `(file, word) -> target`.
    pub(super) links: BTreeMap<(String, String), String>,
}

/// A configuration that was fetched.
#[derive(Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Its address; may hold user info, see [`Graph::passwords`].
    pub url: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Their sha256.
    pub sha256: Digest,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, relative to the buildout directory.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
}

/// Without texts: they may hold passwords.
impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut graph = f.debug_struct("Graph");
        graph
            .field("config", &self.config)
            .field("files", &self.files);
        graph.field("urls", &self.urls).finish_non_exhaustive()
    }
}

/// With the address redacted.
impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", redact(&self.url), self.sha256)
    }
}

impl Graph {
    /// Reads `config`, a path relative to the buildout directory, and everything it extends.
    ///
    /// # Errors
    /// For files that are missing, outside the repository, no configuration, or that extend themselves.
    pub fn read(sources: &Sources<'_>, config: &str) -> Result<Self, Error> {
        let mut graph = Self {
            config: normal("", config).unwrap_or_default(),
            ..Self::default()
        };
        let start = normal("", config).ok_or_else(|| Error::Outside {
            from: "production".to_owned(),
            file: config.to_owned(),
        })?;
        graph.open(sources, "hostout.toml", &start, &mut Vec::new())?;
        Ok(graph)
    }

    /// The lines of the project's own files that hold a URL with a password.
    pub fn passwords(&self) -> Vec<Place> {
        let texts = self
            .files
            .iter()
            .filter_map(|file| Some((file, self.texts.get(file)?)));
        let lines = texts.flat_map(|(file, text)| {
            let lines = text.lines().enumerate();
            let found = lines.filter(|(_, line)| has_password(line));
            found.map(|(index, _)| Place {
                file: file.clone(),
                line: index + 1,
            })
        });
        lines.collect()
    }

    fn open(
        &mut self,
        sources: &Sources<'_>,
        from: &str,
        name: &str,
        seen: &mut Vec<String>,
    ) -> Result<(), Error> {
        if seen.iter().any(|earlier| earlier == name) {
            return Err(Error::Recursive {
                file: redact(name).into_owned(),
                chain: redact(&seen.join(", ")).into_owned(),
            });
        }
        let cfg = self.parse(sources, from, name)?;
        let mut failed = None;
        let mut holds = |expression: &str| {
            (sources.holds)(expression).unwrap_or_else(|error| {
                failed.get_or_insert(error);
                false
            })
        };
        let own = Sections::of(&cfg, name, &mut holds);
        if let Some(error) = failed {
            return Err(error);
        }
        seen.push(name.to_owned());
        for option in ["extends", "optional-extends"] {
            for word in own.text("buildout", option).split_whitespace() {
                let target = target(name, word).ok_or_else(|| Error::Outside {
                    from: redact(name).into_owned(),
                    file: word.to_owned(),
                })?;
                if option == "optional-extends"
                    && !is_url(&target)
                    && (sources.file)(&target).is_none()
                {
                    continue;
                }
                self.links
                    .insert((name.to_owned(), word.to_owned()), target.clone());
                self.open(sources, name, &target, seen)?;
            }
        }
        seen.pop();
        self.sections.update(&own);
        Ok(())
    }

    fn parse(&mut self, sources: &Sources<'_>, from: &str, name: &str) -> Result<Cfg, Error> {
        let shown = || redact(name).into_owned();
        if !self.texts.contains_key(name) {
            let bytes = if is_url(name) {
                let bytes = (sources.fetch)(name)?;
                self.urls.push(Fetched {
                    url: name.to_owned(),
                    sha256: Digest::of(&bytes),
                    bytes: bytes.clone(),
                });
                bytes
            } else if let Some(bytes) = (sources.file)(name) {
                self.files.push(name.to_owned());
                bytes
            } else if sources.stand_ins.iter().any(|file| file == name) {
                Vec::new()
            } else {
                return Err(Error::Missing {
                    from: redact(from).into_owned(),
                    file: name.to_owned(),
                });
            };
            let text = String::from_utf8(bytes).map_err(|_| Error::Encoding { file: shown() })?;
            self.texts.insert(name.to_owned(), text);
        }
        let text = self.texts.get(name).map_or("", String::as_str);
        cfg::parse(text).map_err(|source| Error::Syntax {
            file: shown(),
            source,
        })
    }
}

/// The lines of a file's `extends` options, as `(first, last)` counted from 1.
pub(super) fn extending_lines(cfg: &Cfg) -> impl Iterator<Item = (usize, usize)> {
    let sections = cfg
        .sections
        .iter()
        .filter(|section| section.name == "buildout");
    let options = sections.flat_map(|section| &section.options);
    options
        .filter(|option| {
            option.op == Op::Set && ["extends", "optional-extends"].contains(&option.name.as_str())
        })
        .map(|option| (option.line, option.end))
}

pub(super) fn is_url(name: &str) -> bool {
    name.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c))
    })
}

/// What `word` in the `extends` of `from` means.
fn target(from: &str, word: &str) -> Option<String> {
    if is_url(word) {
        return Some(word.to_owned());
    }
    let base = from.rsplit_once('/').map_or("", |(base, _)| base);
    if is_url(from) {
        return (!word.starts_with('/')).then(|| format!("{base}/{word}"));
    }
    normal(base, word)
}

/// `base/path` without `.` and inner `..`; nothing for absolute paths.
fn normal(base: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)]) -> Result<Graph, Error> {
        let find = |name: &str| files.iter().find(|(file, _)| *file == name);
        let sources = Sources {
            file: &|name| {
                find(name)
                    .filter(|_| !is_url(name))
                    .map(|(_, text)| text.as_bytes().to_vec())
            },
            fetch: &|url| Ok(find(url).unwrap().1.as_bytes().to_vec()),
            holds: &|_| Ok(true),
            stand_ins: &["secret.cfg".to_owned()],
        };
        Graph::read(&sources, "prod.cfg")
    }

    #[test]
    fn follows_files_folders_and_addresses() {
        let graph = read(&[
            ("prod.cfg", "[buildout]\nextends = etc/base.cfg\n  https://h/r/plone.cfg secret.cfg\nparts += c"),
            ("etc/base.cfg", "[buildout]\nextends = ../../common.cfg\noptional-extends = none.cfg\nparts = a"),
            ("../common.cfg", "[versions]\nzc.buildout = 5.2.0"),
            ("https://h/r/plone.cfg", "[buildout]\nextends = versions.cfg\nparts += b"),
            ("https://h/r/versions.cfg", "[versions]\nzc.buildout = 6.0.1"),
        ])
        .unwrap();
        assert_eq!(graph.files, ["prod.cfg", "etc/base.cfg", "../common.cfg"]);
        let urls: Vec<&str> = graph.urls.iter().map(|f| f.url.as_str()).collect();
        assert_eq!(urls, ["https://h/r/plone.cfg", "https://h/r/versions.cfg"]);
        assert_eq!(graph.sections.text("buildout", "parts"), "a\nb\nc");
        assert_eq!(graph.sections.versions()["zc.buildout"], "6.0.1");
        let pin = graph.sections.get("versions", "zc.buildout").unwrap();
        assert_eq!(
            (pin.file.as_str(), pin.line),
            ("https://h/r/versions.cfg", 2)
        );
    }

    #[test]
    fn says_which_file_wants_what_is_not_there() {
        let error = read(&[("prod.cfg", "[buildout]\nextends = base.cfg")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "prod.cfg: `base.cfg` is not in the released commit"
        );
        let error = read(&[("prod.cfg", "[buildout]\nextends = /etc/base.cfg")]).unwrap_err();
        assert!(matches!(error, Error::Outside { .. }));
        let error = read(&[("prod.cfg", "[buildout]\nextends = ./prod.cfg")]).unwrap_err();
        assert!(matches!(error, Error::Recursive { .. }));
    }

    #[test]
    fn finds_passwords_in_tracked_files() {
        let graph = read(&[("prod.cfg", "[buildout]\n\nindex = https://a:b@h/simple")]).unwrap();
        assert_eq!(
            graph.passwords(),
            [Place {
                file: "prod.cfg".to_owned(),
                line: 3
            }]
        );
    }
}
