//! What a release's services consist of, and what each of them is made of: by that a later release knows which of them it need
//! not start anew.
//!
//! A program is made of the options of the parts that its command line names, of the distributions that those use, and of
//! the line itself. Where something on its line cannot be traced to a part, it is made of everything.

use super::{Inspected, services::named};
use crate::release::{Digest, Program, Services, normalize};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of a buildout.
#[derive(Clone, Copy)]
pub struct Made<'a> {
    /// Its configuration.
    pub inspected: &'a Inspected,
    /// The canonical names of the distributions that each part uses.
    pub used: &'a BTreeMap<String, BTreeSet<String>>,
    /// Every distribution's version, by canonical name.
    pub versions: &'a BTreeMap<String, String>,
}

/// Stands for the buildout directory, which differs from release to release.
const HERE: &str = "${directory}";
/// By which supervisord itself is known among its programs.
const DAEMON: &str = "supervisord";
const CLIENT: &str = "plone.recipe.zope2instance";
const SERVER: &str = "plone.recipe.zeoserver";

/// The programs of `services`, in the order in which they start; none where they cannot be told apart.
pub fn programs(made: &Made<'_>, services: &Services) -> Vec<Program> {
    match services {
        Services::Supervisor => made.supervised(),
        Services::Zope { scripts } => scripts
            .iter()
            .map(|script| {
                let owner = made.owner(script);
                Program {
                    name: script.clone(),
                    client: owner.is_some_and(|part| made.inspected.recipe(part) == CLIENT),
                    made_of: made.of(
                        "",
                        owner.map(|part| BTreeSet::from([part.to_owned()])).as_ref(),
                    ),
                }
            })
            .collect(),
        Services::None | Services::Command { .. } => Vec::new(),
    }
}

/// A line of `programs` or `eventlisteners`.
struct Line<'a> {
    name: &'a str,
    command: &'a str,
    whole: String,
}

impl<'a> Line<'a> {
    /// `PRIORITY NAME [(OPTIONS)] COMMAND …`, or `NAME [(OPTIONS)] EVENTS COMMAND …`, as the recipe reads them.
    fn read(line: &'a str, listens: bool, whole: String) -> Option<Self> {
        let mut words = line.split_whitespace();
        if !listens {
            words.next()?;
        }
        let name = words.next()?;
        let mut command = words.next()?;
        if command.starts_with('(') {
            while !command.ends_with(')') {
                command = words.next()?;
            }
            command = words.next()?;
        }
        if listens {
            command = words.next()?;
        }
        Some(Self {
            name,
            command,
            whole,
        })
    }
}

impl Made<'_> {
    /// supervisord itself first. Groups are not taken apart.
    fn supervised(&self) -> Vec<Program> {
        let parts = self.inspected.parts.iter();
        let mut parts =
            parts.filter(|part| self.inspected.recipe(part) == "collective.recipe.supervisor");
        let (Some(part), None) = (parts.next(), parts.next()) else {
            return Vec::new();
        };
        let option = |name| self.inspected.option(part, name);
        if !option("groups").trim().is_empty() {
            return Vec::new();
        }
        let lines = |name, listens| {
            let lines = option(name).lines().filter(|line| !line.trim().is_empty());
            lines.map(move |line| Line::read(line, listens, self.relative(line)))
        };
        let lines = lines("programs", false).chain(lines("eventlisteners", true));
        let Some(lines) = lines.collect::<Option<Vec<Line<'_>>>>() else {
            return Vec::new();
        };
        let zope = |line: &Line<'_>| {
            let owner = self.script(line.command).and_then(|name| self.owner(name));
            owner.is_some_and(|part| self.inspected.recipe(part) == CLIENT)
        };
        let any_zope = lines.iter().any(zope);
        let alike = |line: &Line<'_>| {
            let same = |other: &&Line<'_>| other.command == line.command;
            lines.iter().filter(same).count() > 1
        };
        let program = |line: &Line<'_>| Program {
            name: line.name.to_owned(),
            client: if any_zope { zope(line) } else { alike(line) },
            made_of: self.of(&line.whole, self.named(&line.whole).as_ref()),
        };
        let daemon = Program {
            name: DAEMON.to_owned(),
            client: false,
            made_of: self.of(DAEMON, Some(&BTreeSet::from([part.clone()]))),
        };
        let programs = lines.iter().map(program);
        std::iter::once(daemon).chain(programs).collect()
    }

    /// The parts that a line names; nothing where something in it is not a part's.
    fn named(&self, line: &str) -> Option<BTreeSet<String>> {
        let mut parts = BTreeSet::new();
        for rest in line.split(HERE).skip(1) {
            let end = |c: char| c.is_whitespace() || "[],;:'\"()".contains(c);
            let path = rest.split(end).next().unwrap_or_default();
            let mut names = path.split('/').skip(1);
            let part = match (names.next(), names.next()) {
                (None | Some("" | "var"), _) => continue,
                (Some("bin"), Some(script)) => self.owner(script)?,
                (Some("parts"), Some(part)) if self.inspected.sections.contains_key(part) => part,
                _ => return None,
            };
            parts.insert(part.to_owned());
        }
        Some(parts)
    }

    /// The name of a script of the buildout.
    fn script<'c>(&self, command: &'c str) -> Option<&'c str> {
        let bin = self.inspected.option("buildout", "bin-directory");
        let path = command.strip_prefix(&self.inspected.directory);
        let bin = bin.strip_prefix(&self.inspected.directory);
        path?.strip_prefix(bin.unwrap_or("/bin"))?.strip_prefix('/')
    }

    /// The part that makes a script.
    fn owner(&self, script: &str) -> Option<&str> {
        let makes = |part: &&String| match self.inspected.recipe(part) {
            CLIENT => named(self.inspected, part, "control-script") == script,
            SERVER => named(self.inspected, part, "zeo-script-name") == script,
            "zc.recipe.egg" => {
                let words = self.inspected.words(part, "scripts");
                let made = |word: &&str| word.split('=').next_back() == Some(script);
                words.iter().any(made)
            }
            _ => *part == script,
        };
        let mut parts = self.inspected.parts.iter();
        parts.find(makes).map(String::as_str)
    }

    /// The digest of everything in `parts`, nothing = in all of them, and of the line itself.
    fn of(&self, line: &str, parts: Option<&BTreeSet<String>>) -> Digest {
        let mut facts = BTreeSet::from([line.to_owned()]);
        let mut todo: Vec<String> = match parts {
            Some(parts) => parts.iter().cloned().collect(),
            None => self.inspected.sections.keys().cloned().collect(),
        };
        if parts.is_none() {
            let versions = self.versions.iter();
            facts.extend(versions.map(|(name, version)| format!("egg {name} {version}")));
        }
        let mut seen = BTreeSet::new();
        while let Some(part) = todo.pop() {
            if !seen.insert(part.clone()) {
                continue;
            }
            let none = (BTreeMap::new(), BTreeSet::new());
            let options = self.inspected.sections.get(&part).unwrap_or(&none.0);
            for (key, value) in options {
                // The programs of a supervisor are not part of itself.
                if line == DAEMON && ["programs", "eventlisteners"].contains(&key.as_str()) {
                    continue;
                }
                let value = self.relative(value);
                todo.extend(self.referred(&value));
                facts.insert(format!("option {part} {key} {value}"));
            }
            let recipe = normalize(self.inspected.recipe(&part));
            let used = self.used.get(&part).unwrap_or(&none.1);
            for name in used.iter().chain([&recipe]) {
                let version = self.versions.get(name).map_or("", String::as_str);
                facts.insert(format!("egg {name} {version}"));
            }
        }
        let facts: Vec<String> = facts.into_iter().collect();
        Digest::of(facts.join("\n").as_bytes())
    }

    /// Sections whose options stay as written in `value`, because only a recipe could tell them.
    fn referred(&self, value: &str) -> Vec<String> {
        let names = value.split("${").skip(1);
        let names = names.filter_map(|rest| Some(rest.split_once(':')?.0.to_owned()));
        names
            .filter(|name| self.inspected.sections.contains_key(name))
            .collect()
    }

    /// The text with [`HERE`] for the buildout directory, where that is a path's beginning: `/srv/shop-data` and
    /// `/mnt/srv/shop` are not in `/srv/shop`.
    fn relative(&self, text: &str) -> String {
        let directory = self.inspected.directory.as_str();
        let goes_on = |c: char| c.is_alphanumeric() || "-_.".contains(c);
        let mut relative = String::new();
        let mut rest = text.trim();
        while let Some((before, after)) = rest.split_once(directory) {
            relative.push_str(before);
            let inside = relative.ends_with(goes_on) || after.starts_with(goes_on);
            relative.push_str(if inside { directory } else { HERE });
            rest = after;
        }
        relative.push_str(rest);
        relative
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: &[(&str, &[(&str, &str)])] = &[
        ("buildout", &[("bin-directory", "/b/bin")]),
        ("app", &[("recipe", "zc.recipe.egg"), ("scripts", "serve")]),
        (
            "zeo",
            &[("recipe", SERVER), ("zeo-address", "127.0.0.1:8100")],
        ),
        ("one", &[("recipe", CLIENT), ("zeo", "${zeo:location}")]),
        (
            "supervisor",
            &[
                ("recipe", "collective.recipe.supervisor"),
                (
                    "programs",
                    "10 zeo (startsecs=1 user=x) /b/bin/zeo [fg] /b true\n20 one /b/bin/one [console]\n30 two /b/bin/serve",
                ),
                ("eventlisteners", "mem TICK_60 /usr/bin/mem [-a]"),
                ("file", "/b/var/s.sock"),
            ],
        ),
    ];

    /// The programs of `SITE` with an option of a part set to `value`, and version `version` of a distribution of `zeo`.
    fn site(part: &str, key: &str, value: &str, version: &str) -> Vec<Program> {
        let mut sections: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for (name, options) in SITE {
            let options = options.iter().map(|(k, v)| (k.to_string(), v.to_string()));
            sections.insert((*name).to_owned(), options.collect());
        }
        let options = sections.entry(part.to_owned()).or_default();
        options.insert(key.to_owned(), value.to_owned());
        let inspected = Inspected {
            directory: "/b".to_owned(),
            parts: ["app", "zeo", "one", "supervisor"]
                .map(str::to_owned)
                .into(),
            sections,
            ..Inspected::default()
        };
        let used = BTreeMap::from([("zeo".to_owned(), BTreeSet::from(["zodb".to_owned()]))]);
        let versions = BTreeMap::from([("zodb".to_owned(), version.to_owned())]);
        let made = Made {
            inspected: &inspected,
            used: &used,
            versions: &versions,
        };
        programs(&made, &Services::Supervisor)
    }

    /// Names of those that differ.
    fn changed(a: &[Program], b: &[Program]) -> Vec<String> {
        let pairs = a.iter().zip(b).filter(|(a, b)| a.made_of != b.made_of);
        pairs.map(|(a, _)| a.name.clone()).collect()
    }

    #[test]
    fn a_program_is_made_of_what_its_line_names() {
        let base = site("app", "x", "1", "1");
        let names: Vec<_> = base.iter().map(|p| (p.name.as_str(), p.client)).collect();
        let wanted = [
            ("supervisord", false),
            ("zeo", false),
            ("one", true),
            ("two", false),
            ("mem", false),
        ];
        assert_eq!(names, wanted);
        assert_eq!(changed(&base, &site("app", "x", "2", "1")), ["two"]);
        // A client refers to what only the recipe of `zeo` can tell.
        assert_eq!(changed(&base, &site("app", "x", "1", "2")), ["zeo", "one"]);
        let address = site("zeo", "zeo-address", "8200", "1");
        let before = site("zeo", "zeo-address", "8100", "1");
        assert_eq!(changed(&before, &address), ["zeo", "one"]);
        let socket = site("supervisor", "file", "/b/var/t.sock", "1");
        assert_eq!(
            changed(&site("supervisor", "file", "/b/var/s.sock", "1"), &socket),
            ["supervisord"]
        );
    }

    #[test]
    fn what_cannot_be_traced_is_made_of_everything() {
        let programs = |value: &str| {
            let line = "10 proxy /usr/sbin/haproxy [-f /b/etc/haproxy.cfg]\n20 a /b/bin/serve\n30 b /b/bin/serve";
            let set = site("supervisor", "programs", line, value);
            let clients: Vec<_> = set.iter().filter(|p| p.client).collect();
            assert_eq!(clients.len(), 2, "those that run the same script");
            set
        };
        assert_eq!(changed(&programs("1"), &programs("2")), ["proxy"]);
        assert_eq!(site("supervisor", "groups", "10 web a,b", "1"), []);
    }
}
