//! The console blocks of README.md are run, one after another, in one folder.

use crate::support::{Sandbox, free_port};
use std::{fs, path::Path};

/// A block is run when it opens with this; every line of it that begins with `$ ` is a command that must succeed.
const OPENS: &str = "```console\n";

#[test]
fn what_the_readme_types_works() {
    let sandbox = Sandbox::new();
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(top.join("README.md")).unwrap();
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
