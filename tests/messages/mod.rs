//! Every message that a person can see stands in some snapshot or in some test's assertion, where it can be read aloud.
//!
//! Read are the string literals that are given to what tells something (see [`TELLS`]); of each, all words outside of
//! `{}` must stand in one piece of text, in their order.

mod excused;
mod literals;

use crate::architecture::{is_test, parts, rust_files};
use excused::EXCUSED;
use literals::literals;
use std::{collections::BTreeSet, fs, path::Path};

/// What is given to these is seen by people: messages of errors and what to do about them, reasons of a refusal with
/// their remedies, what is said while something runs, questions.
const TELLS: [&str; 16] = [
    "#[error",
    "fn hint",
    "refusal.add",
    "Error::Usage",
    "Failure::new",
    ".hint",
    ".note",
    ".warn",
    ".status",
    ".plain",
    ".ask",
    ".ask_in_person",
    ".secret",
    "Event::Begin",
    "Event::Detail",
    "Event::Warning",
];

/// How much may stand for a `{}`, in bytes.
const LONGEST_VALUE: usize = 400;

/// A message as it stands in the code.
struct Message {
    place: String,
    text: String,
}

#[test]
fn every_message_stands_in_a_snapshot_or_an_assertion() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (messages, seen) = (messages(root), Seen::of(root));
    assert!(messages.len() > 300, "only {} were found", messages.len());
    let is_excused = |message: &&Message| excused().any(|text| text == message.text);
    let unseen: Vec<String> = messages
        .iter()
        .filter(|message| !is_excused(message) && !seen.holds(&message.text))
        .map(|message| format!("{}: {}", message.place, message.text))
        .collect();
    assert!(unseen.is_empty(), "in no test:\n{}", unseen.join("\n"));
}

#[test]
fn nothing_is_excused_in_vain() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (messages, seen) = (messages(root), Seen::of(root));
    let said: BTreeSet<&str> = messages.iter().map(|message| &*message.text).collect();
    for text in excused() {
        assert!(said.contains(text), "nobody says `{text}`");
        assert!(!seen.holds(text), "`{text}` is seen");
    }
}

fn excused() -> impl Iterator<Item = &'static str> {
    EXCUSED.iter().flat_map(|(_, texts)| texts.iter().copied())
}

/// Every message of the code; what has no space in it is a name.
fn messages(root: &Path) -> Vec<Message> {
    let mut found = Vec::new();
    for (name, text) in sources(&root.join("src")) {
        let (code, _) = parts(&text);
        for literal in literals(code) {
            let tells = |within: &&str| TELLS.iter().any(|tells| within.ends_with(tells));
            if literal.within.iter().any(tells) && literal.text.trim().contains(' ') {
                found.push(Message {
                    place: format!("src/{name}:{}", literal.line),
                    text: literal.text,
                });
            }
        }
    }
    found
}

/// The files of a folder, without those that are tests.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let files: Vec<(String, String)> = rust_files(folder)
        .iter()
        .map(|path| {
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    let helpers: Vec<String> = files
        .iter()
        .flat_map(|(name, text)| helpers(name, text))
        .collect();
    let is_code = |name: &String| !is_test(name) && !helpers.contains(name);
    files
        .into_iter()
        .filter(|(name, _)| is_code(name))
        .collect()
}

/// The files beside `name` that are there for tests only.
fn helpers(name: &str, text: &str) -> Vec<String> {
    let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
    text.split("#[cfg(test)]\nmod ")
        .skip(1)
        .filter_map(|rest| rest.split_once(';'))
        .map(|(module, _)| format!("{folder}/{module}.rs"))
        .collect()
}

/// What tests show.
struct Seen {
    /// Snapshots, in one line each.
    snapshots: Vec<String>,
    /// Strings of tests, in one line each; an assertion may hold a part of a message.
    assertions: Vec<String>,
}

impl Seen {
    fn of(root: &Path) -> Self {
        let mut snapshots = Vec::new();
        for folder in ["src", "tests", "fixtures"] {
            texts(&root.join(folder), &mut snapshots);
        }
        let mut assertions = Vec::new();
        for path in rust_files(&root.join("tests")) {
            if !path.starts_with(root.join("tests/messages")) {
                let text = fs::read_to_string(path).unwrap();
                assertions.extend(literals(&text).into_iter().map(|literal| literal.text));
            }
        }
        for path in rust_files(&root.join("src")) {
            let text = fs::read_to_string(&path).unwrap();
            let name = path
                .strip_prefix(root.join("src"))
                .unwrap()
                .display()
                .to_string();
            let tests = if is_test(&name) {
                &text
            } else {
                parts(&text).1
            };
            assertions.extend(literals(tests).into_iter().map(|literal| literal.text));
        }
        Self {
            snapshots: snapshots.iter().map(|text| in_one_line(text)).collect(),
            assertions: assertions.iter().map(|text| in_one_line(text)).collect(),
        }
    }

    fn holds(&self, message: &str) -> bool {
        let words = fixed_words(message);
        let shown = |text: &String| stands(&words, text);
        let part = |text: &String| is_part(text, &words);
        self.snapshots.iter().any(shown)
            || self.assertions.iter().any(|text| shown(text) || part(text))
    }
}

/// Whether `text` is a part of the message with these fixed words, or of two of its pieces with a value in between: of
/// three words or more that are fixed.
fn is_part(text: &str, pieces: &[String]) -> bool {
    if pieces.iter().any(|piece| piece.contains(text)) {
        return text.matches(' ').count() > 1;
    }
    let text: Vec<&str> = text.split(' ').collect();
    let words = |piece: &String| piece.split(' ').map(str::to_owned).collect::<Vec<_>>();
    pieces.windows(2).any(|pair| {
        let (before, after) = (words(&pair[0]), words(&pair[1]));
        let begins = (0..=text.len())
            .rev()
            .find(|n| before.ends_with(&owned(&text[..*n])));
        let ends = (0..=text.len()).find(|n| after.starts_with(&owned(&text[*n..])));
        begins.unwrap_or(0) + text.len() - ends.unwrap_or(text.len()) > 2
    })
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The snapshots of a folder and of what is below it.
fn texts(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts(&path, found);
        } else if path
            .extension()
            .is_some_and(|end| end == "snap" || end == "expected")
        {
            found.push(fs::read_to_string(path).unwrap());
        }
    }
}

/// The text as it was before it was folded to the width of a terminal.
fn in_one_line(text: &str) -> String {
    let words = text
        .lines()
        .map(|line| line.trim().trim_start_matches("| "));
    words
        .flat_map(str::split_whitespace)
        .collect::<Vec<_>>()
        .join(" ")
}

/// What stands between the `{}` of a format.
fn fixed_words(format: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut rest = format.replace("{{", "\u{1}").replace("}}", "\u{2}");
    while let Some((words, after)) = rest.split_once('{') {
        pieces.last_mut().unwrap().push_str(words);
        pieces.push(String::new());
        rest = after
            .split_once('}')
            .map_or("", |(_, rest)| rest)
            .to_owned();
    }
    pieces.last_mut().unwrap().push_str(&rest);
    let plain = |piece: String| in_one_line(&piece.replace('\u{1}', "{").replace('\u{2}', "}"));
    let pieces = pieces.into_iter().map(plain);
    pieces
        .filter(|piece| piece.contains(char::is_alphabetic))
        .collect()
}

/// Whether all of `words` stand in `text`, one after the other.
fn stands(words: &[String], text: &str) -> bool {
    let Some((first, others)) = words.split_first() else {
        return true;
    };
    text.match_indices(&**first).any(|(start, _)| {
        let mut end = start + first.len();
        others.iter().all(|words| {
            let found = text[end..]
                .find(&**words)
                .filter(|gap| *gap <= LONGEST_VALUE);
            end += found.unwrap_or_default() + words.len();
            found.is_some()
        })
    })
}
