//! Help, the man page, and words that are wrong.

use crate::support::{Project, Sandbox};

/// The verbs that work.
const VERBS: [&str; 16] = [
    "init", "check", "release", "deploy", "rollback", "status", "log", "show", "diff", "approve",
    "withdraw", "keys", "policy", "prune", "resume", "man",
];

#[test]
fn help_names_every_verb_and_each_verb_has_its_own() {
    let sandbox = Sandbox::new();
    let run = sandbox.hostout(sandbox.root(), &["-h"]).exits(0);
    for verb in VERBS {
        let listed = |line: &str| line.split_whitespace().next() == Some(verb);
        assert!(run.stdout.lines().any(listed), "{verb}: {run}");
        sandbox
            .hostout(sandbox.root(), &[verb, "--help"])
            .exits(0)
            .says(&["Usage:"]);
    }
    assert_eq!(run.stderr, "");
    run.matches(&sandbox, "help", &[]);
}

#[test]
fn the_man_page_is_one() {
    let sandbox = Sandbox::new();
    let run = sandbox.hostout(sandbox.root(), &["man"]).exits(0);
    assert!(run.stdout.contains(".TH "), "{run}");
    for verb in VERBS {
        assert!(run.stdout.contains(verb), "{verb}: {run}");
    }
}

#[test]
fn help_of_a_verb_is_had_by_either_word() {
    let project = Project::single();
    let one = project.hostout(&["help", "run"]).exits(0);
    let other = project.hostout(&["run", "--help"]).exits(0);
    assert_eq!(one.stdout, other.stdout);
}

#[test]
fn wrong_words_are_2() {
    let sandbox = Sandbox::new();
    for arguments in [
        &["no-such-verb"][..],
        &["deploy", "--no-such-flag"],
        &["diff", "0.1.0"],
        &[],
    ] {
        sandbox.hostout(sandbox.root(), arguments).exits(2);
    }
}

#[test]
fn a_wrong_file_is_10_with_line_and_nearest_key() {
    let project = Project::single();
    project.edit("hostout.toml", "[services]\nkind", "[services]\nkidn");
    let run = project.hostout(&["check"]).exits(10);
    run.says(&["hostout.toml", "kidn", "kind", "5"]);
    let run = project.hostout(&["check", "--json"]).exits(10);
    assert_eq!(run.json()["error"]["code"], 10);
}

#[test]
fn programs_get_a_document_of_wrong_words_too() {
    let sandbox = Sandbox::new();
    for arguments in [&["status", "--wrong", "--json"][..], &["--json", "bogus"]] {
        let run = sandbox.hostout(sandbox.root(), arguments).exits(2);
        let error = &run.json()["error"];
        assert_eq!(error["code"], 2, "{run}");
        assert!(
            error["message"].as_str().unwrap().contains(arguments[1]),
            "{run}"
        );
    }
}

#[test]
fn nothing_to_do_is_a_plan_without_steps() {
    let project = Project::released_single();
    let checked = project.hostout(&["check", "--json"]).exits(0).json();
    assert_eq!(checked["version"], "0.1.0");
    assert_eq!(checked["released"], true);
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    for words in [
        &["release"][..],
        &["deploy", "local"],
        &["prune", "local"],
        &["resume"],
        &["unlock", "local", "--reason", "none"],
    ] {
        let words = [words, &["--dry-run", "--json"]].concat();
        let run = project.hostout(&words).exits(0);
        assert_eq!(run.json()["steps"], serde_json::json!([]), "{run}");
    }
}
