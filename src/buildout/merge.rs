//! Joining configuration files as `zc.buildout.buildout._update` does.

use super::cfg::{Cfg, Op};
use std::collections::BTreeMap;

/// Merged sections: raw values by section and option, not substituted, macros not followed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Sections(BTreeMap<String, BTreeMap<(String, Op), Value>>);

/// A raw value and where it was written last.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    /// Its text.
    pub text: String,
    /// The file or URL.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
}

impl Sections {
    /// The sections of one file whose conditions hold.
    pub fn of(cfg: &Cfg, file: &str, holds: &mut dyn FnMut(&str) -> bool) -> Self {
        let mut sections = Self::default();
        for section in &cfg.sections {
            if !section.condition.as_deref().is_none_or(&mut *holds) {
                continue;
            }
            let options = sections.0.entry(section.name.clone()).or_default();
            for option in &section.options {
                let key = (option.name.clone(), option.op);
                if option.op == Op::Set {
                    options.remove(&(option.name.clone(), Op::Add));
                    options.remove(&(option.name.clone(), Op::Remove));
                } else if let Some(value) = options.get_mut(&key) {
                    value.text = join(value.text.trim_end(), &option.value);
                    continue;
                }
                let value = Value {
                    text: option.value.clone(),
                    file: file.to_owned(),
                    line: option.line,
                };
                options.insert(key, value);
            }
        }
        sections
    }

    /// Puts `later` on top.
    pub fn update(&mut self, later: &Self) {
        for (name, options) in &later.0 {
            let earlier = self.0.entry(name.clone()).or_default();
            for ((option, op), value) in options {
                let key = (option.clone(), Op::Set);
                let mut value = value.clone();
                // Set comes first in order, so a file's own `=` is what its `+=` and `-=` work on.
                let before = earlier.get(&key).map_or("", |value| value.text.as_str());
                value.text = match op {
                    Op::Set => value.text,
                    Op::Add => join(before, &value.text),
                    Op::Remove => without(before, &value.text),
                };
                earlier.insert(key, value);
            }
        }
    }

    /// An option's raw value.
    pub fn get(&self, section: &str, option: &str) -> Option<&Value> {
        self.0.get(section)?.get(&(option.to_owned(), Op::Set))
    }

    /// An option's text, empty when there is none.
    pub fn text(&self, section: &str, option: &str) -> &str {
        self.get(section, option).map_or("", |value| &value.text)
    }

    /// Whether there is a section of that name.
    pub fn has(&self, section: &str) -> bool {
        self.0.contains_key(section)
    }

    /// The names of all sections.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The options of a section.
    pub fn options<'a>(
        &'a self,
        section: &str,
    ) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
        let options = self.0.get(section).into_iter().flatten();
        options.filter_map(|((name, op), value)| (*op == Op::Set).then_some((name.as_str(), value)))
    }

    /// The name of the section that pins versions, from `[buildout] versions`.
    pub fn versions_section(&self) -> &str {
        self.get("buildout", "versions")
            .map_or("versions", |value| value.text.as_str())
    }

    /// The pins, as written.
    pub fn versions(&self) -> BTreeMap<String, String> {
        self.options(self.versions_section())
            .map(|(name, value)| (name.to_owned(), value.text.clone()))
            .collect()
    }
}

fn join(before: &str, added: &str) -> String {
    match (before, added) {
        ("", added) => added.to_owned(),
        (before, "") => before.to_owned(),
        (before, added) => format!("{before}\n{added}"),
    }
}

fn without(before: &str, removed: &str) -> String {
    let kept = before
        .lines()
        .filter(|line| !removed.lines().any(|gone| gone == *line));
    kept.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::cfg::parse;
    use super::*;

    fn merged(files: &[&str]) -> Sections {
        let mut all = Sections::default();
        for file in files {
            let cfg = parse(file).unwrap();
            all.update(&Sections::of(&cfg, "x.cfg", &mut |expression| {
                expression == "yes"
            }));
        }
        all
    }

    #[test]
    fn a_later_file_adds_and_removes_lines() {
        let all = merged(&[
            "[buildout]\nparts = a\n  b\ndevelop = src/*",
            "[buildout]\nparts -= a\nparts += c\ndevelop =",
        ]);
        assert_eq!(all.text("buildout", "parts"), "b\nc");
        assert_eq!(all.text("buildout", "develop"), "");
    }

    #[test]
    fn an_assignment_forgets_what_the_same_file_added() {
        let all = merged(&["[a]\nx = 1", "[a]\nx += 2\nx = 3\nx += 4"]);
        assert_eq!(all.text("a", "x"), "3\n4");
    }

    #[test]
    fn conditional_sections_count_when_they_hold() {
        let all = merged(&["[versions]\na = 1\n[versions:yes]\na = 2\n[versions:no]\na = 3"]);
        assert_eq!(all.versions()["a"], "2");
    }

    #[test]
    fn the_versions_section_may_be_named_otherwise() {
        let all = merged(&["[buildout]\nversions = release\n[release]\na = 1\n[versions]\nb = 2"]);
        assert_eq!(all.versions().into_keys().collect::<Vec<_>>(), ["a"]);
    }
}
