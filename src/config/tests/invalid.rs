//! One mistake per file in `fixtures/configs/invalid`; what is said about it stands beside it.

use crate::config::{Error, Project};
use std::fmt::Write as _;
use std::path::Path;

fn report(text: &str) -> String {
    let Err(Error::Invalid(problems)) = Project::parse("hostout.toml", text) else {
        return "no mistake\n".to_owned();
    };
    let mut report = String::new();
    for problem in problems {
        writeln!(report, "{problem}").unwrap();
        if let Some(excerpt) = problem.excerpt() {
            writeln!(report, "{excerpt}").unwrap();
        }
        if let Some(hint) = problem.hint {
            writeln!(report, "hint: {hint}").unwrap();
        }
    }
    report
}

/// `HOSTOUT_UPDATE_EXPECTED=1` writes what is said now; read it before you commit it.
#[test]
fn every_mistake_is_named_with_its_place() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/configs/invalid");
    let update = std::env::var_os("HOSTOUT_UPDATE_EXPECTED").is_some();
    let mut wrong = String::new();
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let found = report(&std::fs::read_to_string(&path).unwrap());
        let beside = path.with_extension("expected");
        if update {
            std::fs::write(&beside, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&beside).unwrap_or_default();
        if found != expected || found == "no mistake\n" {
            writeln!(wrong, "{}\n{found}", path.display()).unwrap();
        }
        seen += 1;
    }
    assert!(seen > 30, "only {seen} files were found");
    assert!(wrong.is_empty(), "not as expected:\n{wrong}");
}

#[test]
fn all_mistakes_are_reported_at_once_in_order() {
    let text = "[project]\nnmae = \"x\"\n[stage.a]\nhosts = []\nkeep = 0\n";
    let places: Vec<String> = report(text)
        .lines()
        .filter_map(|line| line.strip_prefix("hostout.toml:"))
        .map(|line| line.split(' ').next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(places, ["1:2:", "2:1:", "3:8:", "4:9:", "5:8:"]);
}

#[test]
fn no_password_is_repeated() {
    let text =
        "[project]\nname = \"x\"\n[stage.a]\nhosts = [\"u:s3cret@web\"]\npath = \"/srv/x\"\n";
    let error = Project::parse("hostout.toml", text).unwrap_err();
    assert!(format!("{error}").contains("holds a password"));
    assert!(!format!("{error} {error:?} {:?}", error.hint()).contains("s3cret"));
}
