//! The code's shape: what a room may name, how it introduces itself, how long its files are.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Rooms in which nothing happens: values in, values out.
const PURE: [&str; 6] = ["config", "release", "facts", "plan", "host", "event"];

/// What would be a file system, process, network, clock, environment, terminal or repository.
const EFFECTS: [&str; 22] = [
    "Instant",
    "SystemTime",
    "Timestamp::now",
    "Zoned::now",
    "console",
    "getrandom",
    "gix",
    "indicatif",
    "rustix",
    "signal_hook",
    "ssh2",
    "std::env",
    "std::fs",
    "std::io::stderr",
    "std::io::stdin",
    "std::io::stdout",
    "std::net",
    "std::os",
    "std::process",
    "std::thread",
    "tar",
    "tempfile",
];

/// What is below an effect's name and yet none: whether text is a ref name is a question about text.
const HARMLESS: [&str; 1] = ["gix::validate"];

/// What is seen and meant, without decisions.
const VALUES: &[&str] = &["release", "config", "host", "facts", "event"];
/// What does one thing each.
const CRAFTS: &[&str] = &[
    "process",
    "pack",
    "source",
    "eggs",
    "buildout",
    "ledger",
    "transport",
];

/// What each room may name of the others, from the core to the edge.
const ARROWS: [(&str, &[&[&str]]); 20] = [
    ("release", &[]),
    ("event", &[]),
    ("process", &[]),
    ("config", &[&["release"]]),
    ("host", &[&["release"]]),
    ("facts", &[&["release", "host"]]),
    ("plan", &[&["facts", "config", "release", "host"]]),
    ("pack", &[&["release", "event", "process"]]),
    ("source", &[&["release", "event", "process", "pack"]]),
    (
        "eggs",
        &[&["release", "event", "process", "pack", "source"]],
    ),
    (
        "buildout",
        &[&["release", "event", "process", "pack", "source", "eggs"]],
    ),
    ("ledger", &[&["release", "event", "process", "source"]]),
    (
        "transport",
        &[&["release", "event", "config", "host", "process"]],
    ),
    ("assemble", &[VALUES, CRAFTS, &["plan"]]),
    ("observe", &[VALUES, CRAFTS]),
    (
        "execute",
        &[VALUES, CRAFTS, &["plan", "observe", "assemble"]],
    ),
    ("ui", &[VALUES, &["plan", "process"]]),
    (
        "error",
        &[VALUES, CRAFTS, &["plan", "observe", "assemble", "execute"]],
    ),
    (
        "cli",
        &[
            VALUES,
            CRAFTS,
            &["plan", "observe", "assemble", "execute", "ui", "error"],
        ],
    ),
    ("main", &[&["cli", "ui", "error"]]),
];

/// The lines of the longest file.
const LONGEST: usize = 500;
/// The lines of the middle one.
const MEDIAN: usize = 150;

#[test]
fn pure_rooms_name_no_effect() {
    let mut found = Vec::new();
    for file in sources().iter().filter(|file| PURE.contains(&&*file.room)) {
        for path in &file.named {
            if HARMLESS.iter().any(|harmless| starts_with(path, harmless)) {
                continue;
            }
            let effect = |effect: &&&str| starts_with(path, effect);
            if let Some(effect) = EFFECTS.iter().find(effect) {
                found.push(format!("{} names {effect}: {path}", file.name));
            }
        }
    }
    assert!(found.is_empty(), "not pure:\n{}", found.join("\n"));
}

/// Whose children and files are no affair of the register of `process`: on a host, or a proxy on the way there, they end with
/// their connection; a file gets its real name at once; the last two are there for tests only.
const UNREGISTERED: [&str; 5] = [
    "transport/local.rs",
    "transport/stream.rs",
    "execute/unfinished.rs",
    "ledger/testing.rs",
    "ui/terminal.rs",
];

#[test]
fn children_and_scratch_folders_end_with_us() {
    const SCRATCH: [&str; 4] = ["tempdir", "Builder", "NamedTempFile", "TempDir"];
    let mut found = Vec::new();
    let sources = sources();
    let others = sources.iter().filter(|file| file.room != "process");
    let others = others.filter(|file| !is_test(&file.name));
    for file in others.filter(|file| !UNREGISTERED.contains(&&*file.name)) {
        let scratch = SCRATCH.map(|name| format!("tempfile::{name}"));
        let names = |path: &String| scratch.iter().any(|name| starts_with(path, name));
        let starts = |line: &str| {
            line.contains(".spawn()")
                || line.trim() == ".output()"
                || line.contains("ommand.output()")
        };
        if file.named.iter().any(names) || code(&file.text).lines().any(starts) {
            found.push(file.name.clone());
        }
    }
    assert!(
        found.is_empty(),
        "not in the register:\n{}",
        found.join("\n")
    );
}

#[test]
fn arrows_point_from_the_edge_to_the_core() {
    let rooms: Vec<&str> = ARROWS.iter().map(|(room, _)| *room).collect();
    let mut found = Vec::new();
    for file in sources().iter().filter(|file| file.room != "lib") {
        let allowed = ARROWS.iter().find(|(room, _)| *room == file.room);
        let Some((_, allowed)) = allowed else {
            found.push(format!("{}: its room is in no table of arrows", file.name));
            continue;
        };
        for path in &file.named {
            let mut words = path.split("::");
            let ours = matches!(words.next(), Some("crate" | "hostout"));
            let target = words.next().unwrap_or_default();
            if ours
                && target != file.room
                && rooms.contains(&target)
                && !allowed.iter().any(|rooms| rooms.contains(&target))
            {
                found.push(format!("{} names {path}", file.name));
            }
            let supers = path.split("::").take_while(|word| *word == "super").count();
            if supers >= file.depth() {
                found.push(format!("{}: `{path}`, write `crate::`", file.name));
            }
        }
    }
    assert!(found.is_empty(), "wrong arrows:\n{}", found.join("\n"));
}

#[test]
fn every_room_introduces_itself() {
    let mut found = Vec::new();
    for file in sources()
        .iter()
        .filter(|file| file.is_mod() && !is_test(&file.name))
    {
        let docs: Vec<&str> = file
            .text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .collect();
        let opens = docs.first().is_some_and(|line| line.ends_with('.'));
        let has = |word: &str| docs.iter().any(|line| line.contains(word));
        if !opens || !["**Invariant:**", "**Not here:**", "**To add"].map(has)[..].eq(&[true; 3]) {
            found.push(file.name.clone());
        }
    }
    assert!(
        found.is_empty(),
        "without what lives here, invariant, not here, to add:\n{}",
        found.join("\n")
    );
}

#[test]
fn files_are_short() {
    let mut lengths: Vec<(usize, String)> = sources()
        .iter()
        .map(|file| (file.text.lines().count(), file.name.clone()))
        .collect();
    lengths.sort();
    let long: Vec<_> = lengths
        .iter()
        .filter(|(lines, _)| *lines > LONGEST)
        .collect();
    assert!(long.is_empty(), "over {LONGEST} lines: {long:?}");
    let (median, _) = lengths[lengths.len() / 2];
    assert!(median <= MEDIAN, "the median is {median} lines");
}

#[test]
fn a_dry_run_forks_in_one_place() {
    let forks: Vec<String> = sources()
        .into_iter()
        .filter(|source| code(&source.text).contains("::DryRun"))
        .map(|source| source.name)
        .collect();
    assert_eq!(forks, ["cli/carry_out.rs"]);
}

/// A verb does nothing with its flag but hand it on to where the fork is; the agent has its own, for what it would prune.
#[test]
fn nobody_else_asks_whether_it_is_a_dry_run() {
    let mut asked = Vec::new();
    for source in sources() {
        let code = code(&source.text).replace("Mode::of(args.dry_run)", "");
        let code = code.replace("Mode::of(options.dry_run)", "");
        let code = code.replace("Mode::of(self.dry_run)", "");
        let code = code.replace("dry_run: args.dry_run,", "");
        let code = code.replace("dry_run: args.common.dry_run,", "");
        let code = code.replace("dry_run: deploying.dry_run,", "");
        let lines = code.lines().map(str::trim);
        let flag = |line: &&str| line.contains("dry_run") && !line.ends_with("dry_run: bool,");
        for line in lines.filter(flag) {
            if !source.name.starts_with("host/") && line != "dry_run: false," {
                asked.push(format!("{}: {line}", source.name));
            }
        }
    }
    let own = "cli/carry_out.rs: ";
    asked.retain(|line| !line.starts_with(own));
    assert!(asked.is_empty(), "{}", asked.join("\n"));
}

#[test]
fn the_table_of_exit_codes_has_no_wildcard() {
    let text = fs::read_to_string("src/error.rs").unwrap();
    let functions = text.split("\nfn ").chain(text.split("    pub fn "));
    let classes: Vec<&str> = functions
        .filter(|function| {
            function
                .split('{')
                .next()
                .is_some_and(|head| head.contains("-> Class"))
        })
        .collect();
    assert!(classes.len() > 5, "{}", classes.len());
    for class in classes {
        let body = class.split("\n}").next().unwrap_or(class);
        let body = body.split("\n    }\n").next().unwrap_or(body);
        assert!(!body.contains("_ =>"), "{body}");
    }
}

#[test]
fn every_test_file_is_mounted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut forgotten = Vec::new();
    for path in rust_files(&root) {
        let own = path.parent().unwrap();
        // A folder with a `main.rs` is a target of its own.
        let (folder, name) = if path.ends_with("mod.rs") && !own.join("main.rs").exists() {
            (own.parent().unwrap(), own.file_name().unwrap())
        } else {
            (own, path.file_stem().unwrap())
        };
        // A folder with a `Cargo.toml` is a package of its own.
        if name == "main" || own.join("Cargo.toml").exists() {
            continue;
        }
        let line = format!("mod {};", name.display());
        let by_path = format!("#[path = \"{}.rs\"]", name.display());
        let mounts = |parent: &str| {
            let text = fs::read_to_string(folder.join(parent)).unwrap_or_default();
            let mut lines = text.lines().map(|line| line.trim_start_matches("pub "));
            lines.any(|found| found == line || found == by_path)
        };
        if !["main.rs", "mod.rs"].into_iter().any(mounts) {
            forgotten.push(path.display().to_string());
        }
    }
    assert!(forgotten.is_empty(), "never run:\n{}", forgotten.join("\n"));
}

#[test]
fn use_trees_are_read_to_their_leaves() {
    let text = "use std::{fs, io::{self, Read as _}};\nuse crate::plan;\nlet now = jiff::Timestamp::now();";
    let named = named(text);
    for path in [
        "std::fs",
        "std::io::self",
        "std::io::Read",
        "crate::plan",
        "jiff::Timestamp::now",
    ] {
        assert!(named.iter().any(|found| found == path), "{path}: {named:?}");
    }
    assert!(starts_with("std::fs::read", "std::fs"));
    assert!(starts_with("jiff::Timestamp::now", "Timestamp::now"));
    assert!(!starts_with("std::fsx", "std::fs"));
    assert!(!starts_with("my::gix::x", "gix"));
}

/// A source file, and the paths that its code outside tests names.
struct Source {
    name: String,
    room: String,
    text: String,
    named: Vec<String>,
}

impl Source {
    fn is_mod(&self) -> bool {
        self.name.ends_with("/mod.rs")
    }

    /// How many modules deep it is; so many `super::` lead out of its room.
    fn depth(&self) -> usize {
        self.name.split('/').count() - usize::from(self.is_mod())
    }
}

fn sources() -> Vec<Source> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    rust_files(&folder)
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&folder).unwrap().display().to_string();
            let room = name.split('/').next().unwrap().trim_end_matches(".rs");
            let text = fs::read_to_string(&path).unwrap();
            Source {
                room: room.to_owned(),
                named: if is_test(&name) {
                    Vec::new()
                } else {
                    named(&code(&text))
                },
                name,
                text,
            }
        })
        .collect()
}

/// Whether a file is its neighbours' test module, or a part of one.
pub fn is_test(name: &str) -> bool {
    name.ends_with("/tests.rs") || name.contains("/tests/")
}

/// The Rust files of a folder and of what is below it, by name.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The text without the test module, which is the last thing in a file, and that module.
pub fn parts(text: &str) -> (&str, &str) {
    let opens = |start: &usize| {
        let line = text[*start..].lines().nth(1).unwrap_or_default();
        line.contains("mod ") && line.ends_with('{')
    };
    let mut marks = text.match_indices("#[cfg(test)]\n").map(|(start, _)| start);
    text.split_at(marks.find(opens).unwrap_or(text.len()))
}

/// The text without comments and without the test module.
fn code(text: &str) -> String {
    let lines = parts(text).0.lines().map(|line| {
        let end = line.find(" // ").unwrap_or(line.len());
        &line[..end]
    });
    lines
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Every path of two words or more, those of `use` trees written out in full.
fn named(code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    let mut rest = code;
    while let Some(start) = rest.find(|c: char| c.is_alphabetic() || c == '_') {
        rest = &rest[start..];
        let is_path = |c: char| !(c.is_alphanumeric() || c == '_' || c == ':');
        let end = rest.find(is_path).unwrap_or(rest.len());
        let path = rest[..end].trim_end_matches(':');
        rest = &rest[end..];
        if path == "use" {
            let end = rest.find(';').unwrap_or(rest.len());
            leaves("", &rest[..end], &mut paths);
            rest = &rest[end..];
        } else if path.contains("::") {
            paths.push(path.to_owned());
        }
    }
    paths
}

/// The leaves of a use tree (the Rust reference, "Use declarations"), each with `prefix` in front.
fn leaves(prefix: &str, tree: &str, paths: &mut Vec<String>) {
    let mut depth = 0;
    let is_comma = |c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    };
    for branch in tree.split(is_comma).map(str::trim) {
        if let Some((head, inner)) = branch.split_once('{') {
            let inner = inner.strip_suffix('}').unwrap_or(inner);
            leaves(&format!("{prefix}{}", head.trim()), inner, paths);
        } else if let Some(name) = branch.split_whitespace().next() {
            paths.push(format!("{prefix}{name}"));
        }
    }
}

/// Whether `path` is `effect` or below it. A name of the standard library's or jiff's types counts wherever it stands.
fn starts_with(path: &str, effect: &str) -> bool {
    let anywhere = effect.starts_with(char::is_uppercase);
    let mut words: Vec<&str> = path.split("::").collect();
    let wanted: Vec<&str> = effect.split("::").collect();
    while words.len() >= wanted.len() {
        if words.starts_with(&wanted) {
            return true;
        }
        if !anywhere {
            return false;
        }
        words.remove(0);
    }
    false
}
