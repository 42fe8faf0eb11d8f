//! Every class of failure with an example: what a person reads, and what `--json` prints.

use super::*;
use crate::{config::Project, execute::Deployed, plan::parse_version};
use std::fmt::Write as _;

mod rooms;

fn refused(count: usize) -> Error {
    let mut refusal = Refusal::default();
    for file in ["setup.py", "prod.cfg"].iter().take(count) {
        refusal.add(
            format!("{file} has changes that are not committed"),
            "git commit --all or git stash them",
        );
    }
    refusal.into()
}

fn deployed(live: Live) -> Error {
    execute::Error::Deployed(Box::new(Deployed {
        host: "web1".to_owned(),
        message: "1.4.2 did not answer within 60 s".to_owned(),
        live,
        others: Vec::new(),
        output: vec!["ImportError: No module named shop".to_owned()],
        hint: Some("look at its log".to_owned()),
        stage: "staging".to_owned(),
    }))
    .into()
}

/// One or more of each class.
fn examples() -> Vec<Error> {
    let wrong = "[project]\nname = \"shop\"\n[services]\nkidn = \"auto\"\n";
    vec![
        Error::Output(io::Error::from(io::ErrorKind::StorageFull)),
        Error::Usage("name the stage; there are staging, production".to_owned()),
        parse_version("1.2").unwrap_err().into(),
        Project::parse("hostout.toml", wrong).unwrap_err().into(),
        config::Error::UnknownStage {
            name: "stagin".to_owned(),
            known: vec!["staging".to_owned()],
        }
        .into(),
        refused(1),
        refused(2),
        ledger::Error::NoKey.into(),
        release::FormatError::Newer(2).into(),
        Error::Locked {
            host: "web1".to_owned(),
            holder: "Ben (prepare)".to_owned(),
            stage: "staging".to_owned(),
        },
        ledger::Error::StageTaken {
            stage: "staging".to_owned(),
            by: "deploy staging 1.4.2 started by Ben".to_owned(),
        }
        .into(),
        Error::Declined,
        Error::NotATerminal {
            flag: "--confirm production".to_owned(),
        },
        Error::Unreachable(transport::Error::Unreachable {
            host: "web1".to_owned(),
            message: "connection refused".to_owned(),
            hint: Some("ssh web1 shows more".to_owned()),
            refused: None,
        }),
        Error::Unseen("web1 of stage staging cannot be reached".to_owned()),
        deployed(Live::Untouched(Some("1.4.1".to_owned()))),
        deployed(Live::Untouched(None)),
        deployed(Live::Reverted("1.4.1".to_owned())),
        deployed(Live::Switched(Some("1.4.2".to_owned()))),
        deployed(Live::Unknown),
        deployed(Live::Kept("1.4.2".to_owned())),
        Error::Unhealthy("web1 of stage staging: not healthy".to_owned()),
        Error::Stopped(Stopped {
            nothing: "Nothing was released",
            next: "release".to_owned(),
        }),
        execute::Error::from(ledger::Error::NoKey).into(),
        execute::Error::Interrupted.into(),
        execute::Error::Unpushed {
            remote: "origin".to_owned(),
        }
        .into(),
    ]
}

#[test]
fn every_class_has_an_example_and_a_code_of_its_own() {
    for class in Class::ALL {
        let example = |error: &Error| error.class() == class;
        assert!(examples().iter().any(example), "{class:?}");
        let same = |other: &&Class| other.code() == class.code();
        assert_eq!(Class::ALL.iter().filter(same).count(), 1, "{class:?}");
    }
}

#[test]
fn every_failure_says_what_is_live() {
    for error in examples() {
        assert!(error.live().ends_with(|c: char| c != ' '), "{error:?}");
    }
}

/// A failure as it stands on the terminal.
fn read(error: &Error) -> String {
    let mut text = format!("[{}] {error}\n", error.class().code());
    for line in error.lines() {
        writeln!(text, "{line}").unwrap();
    }
    for cause in error.causes() {
        writeln!(text, "caused by: {cause}").unwrap();
    }
    for hint in error.hints() {
        writeln!(text, "hint: {hint}").unwrap();
    }
    writeln!(text, "{}\n", error.live()).unwrap();
    text
}

#[test]
fn what_a_person_reads() {
    insta::assert_snapshot!(examples().iter().map(read).collect::<String>());
}

#[test]
fn what_a_program_reads() {
    let documents: Vec<Document> = examples().iter().map(Error::document).collect();
    insta::assert_snapshot!(serde_json::to_string_pretty(&documents).unwrap());
}
