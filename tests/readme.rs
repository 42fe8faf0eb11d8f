//! README.md is true: its console blocks are run, one after another, in one folder; its tables are those of the program.

use crate::support::{Sandbox, free_port};
use clap::CommandFactory as _;
use hostout::{cli::Cli, error::Class};
use std::{collections::BTreeSet, fs, path::Path};

/// A block is run when it opens with this; every line of it that begins with `$ ` is a command that must succeed.
const OPENS: &str = "```console\n";

#[test]
fn what_the_readme_types_works() {
    let sandbox = Sandbox::new();
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = readme();
    let commands: Vec<String> = readme
        .split(OPENS)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("$ "))
        .map(without_questions)
        .collect();
    assert!(commands.len() > 5, "{commands:?}");
    // The sample's own port may be taken here.
    let port = free_port().to_string();
    let other_port = format!("cd hello\nsed -i s/8080/{port}/ base.cfg hostout.toml\n");
    let fixtures = top.join("fixtures").display().to_string();
    let script = format!("set -euxo pipefail\n{}\n", commands.join("\n"))
        .replace("127.0.0.1:8080", &format!("127.0.0.1:{port}"))
        .replace("cd hello\n", &other_port)
        .replace("git-hostout/fixtures", &fixtures);
    let home = sandbox.path("home");
    let mut bash = sandbox.command("bash", &home);
    let output = bash.args(["-c", &script]).output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The reader answers the plan's question; nobody does here.
fn without_questions(line: &str) -> String {
    let asks = ["release", "deploy", "rollback"]
        .iter()
        .any(|verb| line.starts_with(&format!("git hostout {verb}")));
    if asks {
        format!("{line} --yes")
    } else {
        line.to_owned()
    }
}

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// The part of the text below a heading, up to the next one.
fn below(heading: &str) -> String {
    let readme = readme();
    let (_, rest) = readme.split_once(&format!("\n{heading}\n")).unwrap();
    rest.split("\n#").next().unwrap().to_owned()
}

/// The first cells of the table below a heading.
fn first_cells(heading: &str) -> Vec<String> {
    let text = below(heading);
    let rows = text.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.map(|row| row.split(" |").next().unwrap().trim_matches('`').to_owned());
    cells.skip(1).collect()
}

#[test]
fn the_exit_codes_are_those_of_the_program() {
    let mut codes = vec!["0".to_owned()];
    codes.extend(Class::ALL.map(|class| class.code().to_string()));
    assert_eq!(first_cells("### Exit codes"), codes);
}

#[test]
fn the_verbs_and_their_flags_are_those_of_the_program() {
    let program = Cli::command();
    let verbs: Vec<&str> = program
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    let rows = first_cells("## Verbs");
    let named: Vec<&str> = rows
        .iter()
        .map(|row| row.split([' ', '`']).next().unwrap())
        .collect();
    assert_eq!(named, verbs);

    let of = |command: &clap::Command| -> BTreeSet<String> {
        let flags = command.get_arguments().filter_map(clap::Arg::get_long);
        flags.map(|flag| format!("--{flag}")).collect()
    };
    let mut flags = of(&program);
    for verb in program.get_subcommands() {
        flags.extend(of(verb));
        flags.extend(verb.get_subcommands().flat_map(of));
    }
    let text = below("## Verbs");
    let words = text.split(|c: char| c != '-' && !c.is_ascii_alphanumeric());
    let told: BTreeSet<String> = words
        .filter(|word| word.starts_with("--") && word.len() > 2 && !word.starts_with("---"))
        .map(str::to_owned)
        .collect();
    assert_eq!(told, flags);
}

/// Who tries it out does not get a database and three shells.
#[test]
fn a_demo_installs_only_what_it_needs() {
    let would = |goal: &str| {
        let root = env!("CARGO_MANIFEST_DIR");
        let mut make = std::process::Command::new("make");
        let output = make.args(["--dry-run", "-C", root, goal]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    for goal in ["demo", "setup"] {
        let steps = would(goal);
        assert!(steps.contains("setup.sh ") && steps.contains(" curl "));
        for package in ["postgresql", "fish", "mmdebstrap", "openssh-server"] {
            assert!(!steps.contains(package), "{goal}: {package}");
            assert!(would("setup-tests").contains(package), "{package}");
        }
    }
}
