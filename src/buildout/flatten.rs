//! Configurations that are not in the buildout directory, put into it: what was fetched, and files of the repository above it.
//!
//! A fetched file becomes `.hostout/extends/<first 12 digits of its sha256>-<its name>`; the words of `extends` that named it, in
//! the project's files and in fetched ones, become relative paths. Nothing else of a file changes, so that a copy gives back
//! what was fetched, and its sha256 proves it.

use super::{
    Error, cfg,
    graph::{Graph, extending_lines, is_url},
    redact,
};
use crate::release::{Digest, Extends};
use std::collections::BTreeMap;

/// The folder of flattened configurations, in the buildout directory.
pub const EXTENDS: &str = ".hostout/extends";

/// The files to put over the buildout directory so that nothing is fetched: `(path, bytes)`, new ones and rewritten ones.
///
/// # Errors
/// None that reading the graph has not met before.
pub fn flatten(graph: &Graph) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let mut files = BTreeMap::new();
    for (name, text) in &graph.texts {
        let path = place(graph, name);
        let rewritten = rewrite(graph, name, &path, text)?;
        if path != *name || rewritten != *text {
            files.insert(path, rewritten.into_bytes());
        }
    }
    Ok(files)
}

/// Where a file or URL lies in the buildout directory after flattening.
fn place(graph: &Graph, name: &str) -> String {
    if !is_url(name) && !name.starts_with("../") {
        return name.to_owned();
    }
    let text = graph.texts.get(name).map_or("", String::as_str);
    copy(name, &Digest::of(text.as_bytes()))
}

/// Where the copy of a file or URL with this sha256 lies.
fn copy(name: &str, sha256: &Digest) -> String {
    let end = name.find(['?', '#']).unwrap_or(name.len());
    let base = name[..end].rsplit('/').next().unwrap_or(name);
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '-'
        }
    };
    let base: String = base.chars().map(plain).collect();
    format!("{EXTENDS}/{}-{base}", sha256.short())
}

/// What was fetched from `url`, made again from the flattened copies of a release: `read` gives a file by its path relative
/// to the buildout directory, `all` is what the release recorded. Nothing where that doesn't hash to what was recorded.
pub fn unflatten(
    url: &str,
    all: &[Extends],
    read: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Option<Vec<u8>> {
    let recorded = all.iter().find(|one| one.url == redact(url))?;
    let path = copy(url, &recorded.sha256);
    let text = String::from_utf8(read(&path)?).ok()?;
    let base = url.rsplit_once('/').map_or("", |(base, _)| base);
    let words = |near: bool| -> BTreeMap<String, &str> {
        let word = |one: &'_ Extends| {
            let rest = one.url.strip_prefix(base)?.strip_prefix('/')?;
            near.then_some(one.url.len() - rest.len())
        };
        let words = all.iter().map(|one| {
            let there = relative(&path, &copy(&one.url, &one.sha256));
            (there, &one.url[word(one).unwrap_or(0)..])
        });
        words.collect()
    };
    // Whether addresses were written in full is not recorded, but the sha256 tells.
    [true, false].into_iter().find_map(|near| {
        let words = words(near);
        let new = |word: &str| words.get(word).map(|word| (*word).to_owned());
        let bytes = replace(url, &text, &new).ok()?.into_bytes();
        (Digest::of(&bytes) == recorded.sha256).then_some(bytes)
    })
}

fn rewrite(graph: &Graph, name: &str, path: &str, text: &str) -> Result<String, Error> {
    replace(name, text, &|word| {
        let target = graph.links.get(&(name.to_owned(), word.to_owned()))?;
        let there = place(graph, target);
        (path != name || *target != there).then(|| relative(path, &there))
    })
}

/// A configuration with other words in its `extends`, where there are any.
fn replace(name: &str, text: &str, new: &dyn Fn(&str) -> Option<String>) -> Result<String, Error> {
    let cfg = cfg::parse(text).map_err(|source| Error::Syntax {
        file: name.to_owned(),
        source,
    })?;
    let ranges: Vec<(usize, usize)> = extending_lines(&cfg).collect();
    let extends = |line: usize| {
        ranges
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&line))
    };
    let mut out = String::with_capacity(text.len());
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if extends(index + 1) && !line.starts_with(['#', ';']) {
            for word in line.split_inclusive(char::is_whitespace) {
                // `extends=a.cfg` is one word
                let (head, word) = word.split_at(
                    word.find('=')
                        .filter(|_| {
                            word.starts_with("extends=") || word.starts_with("optional-extends=")
                        })
                        .map_or(0, |at| at + 1),
                );
                let trimmed = word.trim_end();
                out.push_str(head);
                match new(trimmed) {
                    Some(other) => out.push_str(&other),
                    None => out.push_str(trimmed),
                }
                out.push_str(&word[trimmed.len()..]);
            }
        } else {
            out.push_str(line);
        }
    }
    Ok(out)
}

/// The path of `to` as seen from the folder of `from`.
fn relative(from: &str, to: &str) -> String {
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut ours = folder.split('/').filter(|part| !part.is_empty()).peekable();
    let mut theirs = to.split('/').peekable();
    while ours.peek().is_some() && ours.peek() == theirs.peek() {
        ours.next();
        theirs.next();
    }
    ours.map(|_| "..")
        .chain(theirs)
        .collect::<Vec<_>>()
        .join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buildout::Sources;

    fn flat(files: &[(&str, &str)]) -> BTreeMap<String, String> {
        let find = |name: &str| {
            files
                .iter()
                .find(|(file, _)| *file == name)
                .map(|(_, text)| text.as_bytes().to_vec())
        };
        let sources = Sources {
            file: &|name| find(name).filter(|_| !is_url(name)),
            fetch: &|url| Ok(find(url).unwrap()),
            holds: &|_| Ok(true),
            stand_ins: &[],
        };
        let flat = flatten(&Graph::read(&sources, "prod.cfg").unwrap()).unwrap();
        flat.into_iter()
            .map(|(path, bytes)| (path, String::from_utf8(bytes).unwrap()))
            .collect()
    }

    #[test]
    fn leaves_local_configurations_alone() {
        assert!(
            flat(&[
                ("prod.cfg", "[buildout]\nextends = etc/a.cfg"),
                ("etc/a.cfg", "")
            ])
            .is_empty()
        );
    }

    #[test]
    fn brings_fetched_files_and_outer_files_in() {
        let files = flat(&[
            (
                "prod.cfg",
                "[buildout]\r\nextends=etc/a.cfg\n# https://h/p.cfg\n\thttps://h/p.cfg  b.cfg\nindex = https://h/p.cfg\n",
            ),
            ("etc/a.cfg", "[buildout]\nextends = ../../c.cfg ../b.cfg"),
            ("b.cfg", ""),
            ("../c.cfg", "[c]"),
            ("https://h/p.cfg", "[buildout]\nextends = q/v.cfg"),
            ("https://h/q/v.cfg", "[versions]"),
        ]);
        let name =
            |text: &str, base: &str| format!("{}-{base}", Digest::of(text.as_bytes()).short());
        let (p, v, c) = (
            name("[buildout]\nextends = q/v.cfg", "p.cfg"),
            name("[versions]", "v.cfg"),
            name("[c]", "c.cfg"),
        );
        assert_eq!(
            files["prod.cfg"],
            format!(
                "[buildout]\r\nextends=etc/a.cfg\n# https://h/p.cfg\n\t.hostout/extends/{p}  b.cfg\nindex = https://h/p.cfg\n"
            )
        );
        assert_eq!(
            files["etc/a.cfg"],
            format!("[buildout]\nextends = ../.hostout/extends/{c} ../b.cfg")
        );
        assert_eq!(
            files[&format!(".hostout/extends/{p}")],
            format!("[buildout]\nextends = {v}")
        );
        assert_eq!(files[&format!(".hostout/extends/{v}")], "[versions]");
        assert_eq!(files[&format!(".hostout/extends/{c}")], "[c]");
        assert_eq!(files.len(), 5);
    }

    #[test]
    fn a_copy_gives_what_was_fetched_again_or_nothing() {
        let served = |word: &str| {
            [
                (
                    "prod.cfg",
                    "[buildout]\nextends = https://h/p.cfg".to_owned(),
                ),
                (
                    "https://h/p.cfg",
                    format!("[buildout]\n# q\nextends =  {word}\n"),
                ),
                ("https://h/q/v.cfg", "[versions]\n".to_owned()),
                ("https://o/w.cfg", "[words]\n".to_owned()),
            ]
        };
        for word in ["q/v.cfg", "https://h/q/v.cfg", "q/v.cfg\n https://o/w.cfg"] {
            let served = served(word);
            let texts: Vec<_> = served
                .iter()
                .map(|(name, text)| (*name, text.as_str()))
                .collect();
            let mut copies = flat(&texts);
            let all: Vec<Extends> = served[1..]
                .iter()
                .map(|(url, text)| Extends {
                    url: (*url).to_owned(),
                    sha256: Digest::of(text.as_bytes()),
                })
                .collect();
            let again = |copies: &BTreeMap<String, String>, url: &str| {
                let read = |path: &str| Some(copies.get(path)?.clone().into_bytes());
                let bytes = unflatten(url, &all, &read)?;
                Some(String::from_utf8(bytes).unwrap())
            };
            assert_eq!(
                again(&copies, "https://h/p.cfg").as_ref(),
                Some(&served[1].1)
            );
            assert_eq!(
                again(&copies, "https://h/q/v.cfg").as_ref(),
                Some(&served[2].1)
            );
            assert_eq!(again(&copies, "https://h/other.cfg"), None);
            for text in copies.values_mut() {
                text.push('#');
            }
            assert_eq!(again(&copies, "https://h/p.cfg"), None);
        }
    }
}
