//! Configurations that are not in the buildout directory, put into it: what was fetched, and files of the repository above it.
//!
//! A fetched file becomes `.hostout/extends/<first 12 digits of its sha256>-<its name>`; the words of `extends` that named it, in
//! the project's files and in fetched ones, become relative paths. Nothing else of a file changes.

use super::{
    Error, cfg,
    graph::{Graph, extending_lines, is_url},
};
use crate::release::Digest;
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
    format!("{EXTENDS}/{}-{base}", Digest::of(text.as_bytes()).short())
}

fn rewrite(graph: &Graph, name: &str, path: &str, text: &str) -> Result<String, Error> {
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
                let target = graph.links.get(&(name.to_owned(), trimmed.to_owned()));
                match target.map(|target| place(graph, target)) {
                    Some(there)
                        if path != name || target.is_some_and(|target| *target != there) =>
                    {
                        out.push_str(&relative(path, &there));
                    }
                    _ => out.push_str(trimmed),
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
}
