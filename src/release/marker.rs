//! Conditions of requirements: environment markers (PEP 508).

use super::Target;
use pep440_rs::{Version, VersionSpecifier};
use std::str::FromStr;

/// A host as markers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    python: String,
    system: String,
    machine: String,
}

impl Environment {
    /// A host by its python's version and its target; nothing for what is no target.
    pub fn of(python: &str, target: &str) -> Option<Self> {
        let target = Target::parse(target)?;
        let (system, machine) = target.machine();
        Some(Self {
            python: python.to_owned(),
            system: system.to_owned(),
            machine: machine.to_owned(),
        })
    }

    /// Whether a marker holds there; one that cannot be read does not.
    pub fn fulfils(&self, marker: &str) -> bool {
        let mut reader = Reader {
            words: words(marker),
            there: self,
        };
        reader
            .any()
            .filter(|_| reader.words.is_empty())
            .unwrap_or(false)
    }

    fn variable(&self, name: &str) -> Option<String> {
        let series: Vec<&str> = self.python.splitn(3, '.').take(2).collect();
        Some(match name {
            "python_version" => series.join("."),
            "python_full_version" | "implementation_version" => self.python.clone(),
            "os_name" => "posix".to_owned(),
            "sys_platform" => self.system.to_lowercase(),
            "platform_system" => self.system.clone(),
            "platform_machine" => self.machine.clone(),
            "platform_python_implementation" => "CPython".to_owned(),
            "implementation_name" => "cpython".to_owned(),
            "platform_release" | "platform_version" => String::new(),
            _ => return None,
        })
    }
}

/// A part of a marker.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    Text(String),
    Name(String),
    Sign(String),
}

fn words(marker: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = marker.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = |is: fn(char) -> bool| rest.find(|c: char| !is(c)).unwrap_or(rest.len());
        let end = match first {
            '"' | '\'' => {
                let inner = &rest[1..];
                let end = inner.find(first).unwrap_or(inner.len());
                words.push(Word::Text(inner[..end].to_owned()));
                (end + 2).min(rest.len())
            }
            '(' | ')' => {
                words.push(Word::Sign(first.to_string()));
                1
            }
            _ if first.is_ascii_alphanumeric() => {
                let end = length(|c| c.is_ascii_alphanumeric() || c == '_');
                words.push(Word::Name(rest[..end].to_owned()));
                end
            }
            _ => {
                let end = length(|c| "<>=!~".contains(c)).max(first.len_utf8());
                words.push(Word::Sign(rest[..end].to_owned()));
                end
            }
        };
        rest = rest[end..].trim_start();
    }
    words.reverse();
    words
}

/// Reads words from the end of the list.
struct Reader<'a> {
    words: Vec<Word>,
    there: &'a Environment,
}

impl Reader<'_> {
    fn takes(&mut self, name: &str) -> bool {
        let next =
            matches!(self.words.last(), Some(Word::Name(next) | Word::Sign(next)) if next == name);
        if next {
            self.words.pop();
        }
        next
    }

    /// One `or` another.
    fn any(&mut self) -> Option<bool> {
        let mut holds = self.all()?;
        while self.takes("or") {
            holds |= self.all()?;
        }
        Some(holds)
    }

    /// One `and` another.
    fn all(&mut self) -> Option<bool> {
        let mut holds = self.one()?;
        while self.takes("and") {
            holds &= self.one()?;
        }
        Some(holds)
    }

    fn one(&mut self) -> Option<bool> {
        if self.takes("(") {
            let holds = self.any()?;
            return self.takes(")").then_some(holds);
        }
        let left = self.value()?;
        let not = self.takes("not");
        if self.takes("in") {
            return Some(self.value()?.contains(&left) != not);
        }
        match self.words.pop() {
            Some(Word::Sign(sign)) if !not => compare(&left, &sign, &self.value()?),
            _ => None,
        }
    }

    fn value(&mut self) -> Option<String> {
        match self.words.pop()? {
            Word::Text(text) => Some(text),
            Word::Name(name) => self.there.variable(&name),
            Word::Sign(_) => None,
        }
    }
}

/// As versions where both are, else as texts.
fn compare(left: &str, sign: &str, right: &str) -> Option<bool> {
    let specifier = VersionSpecifier::from_str(&format!("{sign}{right}"));
    if let (Ok(version), Ok(specifier)) = (Version::from_str(left), specifier) {
        return Some(specifier.contains(&version));
    }
    Some(match sign {
        "==" | "===" => left == right,
        "!=" => left != right,
        "<" => left < right,
        "<=" => left <= right,
        ">" => left > right,
        ">=" => left >= right,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_hold_where_packaging_says_they_do() {
        let there = Environment::of("3.13.1", "cp313-musllinux_1_2_aarch64").unwrap();
        for (marker, holds) in [
            ("python_version >= \"3.13\"", true),
            ("python_version < '3.9'", false),
            ("'3.10' <= python_version", true),
            ("python_full_version < \"3.13.1\"", false),
            ("python_full_version <= \"3.11.0a6\"", false),
            ("python_version == \"3.*\"", true),
            ("python_version ~= \"3.12\"", true),
            ("python_version in \"3.12 3.13\"", true),
            ("python_version not in \"3.12 3.13\"", false),
            (
                "sys_platform == \"linux\" and platform_machine == \"aarch64\"",
                true,
            ),
            (
                "sys_platform == \"win32\" or (platform_machine != \"x86_64\" and os_name == \"posix\")",
                true,
            ),
            (
                "platform_system == \"Darwin\" or python_version > \"3\" and implementation_name == \"pypy\"",
                false,
            ),
            ("platform_python_implementation != \"PyPy\"", true),
            ("platform_release >= \"4\"", false),
            // What is none.
            ("", false),
            ("python_version", false),
            ("colour == \"red\"", false),
            ("(python_version > \"3\"", false),
            ("python_version > \"3\" xor os_name == \"nt\"", false),
            ("python_version not > \"3\"", false),
        ] {
            assert_eq!(there.fulfils(marker), holds, "{marker}");
        }
        assert_eq!(Environment::of("3.13.1", "pypy"), None);
    }
}
