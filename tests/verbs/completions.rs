//! `git hostout completions`

use crate::support::Host;
use std::path::Path;

/// Types at a real shell, the first word: each of its words when the prompt is seen again, the last one with a Tab and as
/// an argument of `echo`.
const TYPIST: &str = r#"
import os, pty, select, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], [sys.argv[1], "-i"])
def until(text):
    seen = b""
    while text not in seen:
        if not select.select([fd], [], [], 60)[0]:
            sys.exit("never %r in %r" % (text, seen))
        seen += os.read(fd, 4096)
    return seen.rpartition(text)[0]
os.write(fd, b"PS1='rea''dy> '; PROMPT_COMMAND=''\n")
until(b"ready> ")
for line in sys.argv[2:-1]:
    os.write(fd, line.encode() + b"\n")
    until(b"ready> ")
os.write(fd, sys.argv[-1].encode() + b"\t")
# the line is complete when it is printed by what it was completed for
os.write(fd, b"\x01echo 'done:' \x05 ; echo 'th''e end'\n")
print(until(b"the end").decode().rpartition("done: ")[2].strip())
"#;

/// git's own completion for bash.
const GIT: &str = "/usr/share/bash-completion/completions/git";

/// A part of a line, and what it is completed to.
const WORDS: [(&str, &str); 8] = [
    ("git-hostout rollb", "git-hostout rollback"),
    ("git-hostout deploy fa", "git-hostout deploy far"),
    ("git-hostout deploy far 0", "git-hostout deploy far 0.1.0"),
    ("git-hostout ssh far we", "git-hostout ssh far web1"),
    (
        "git-hostout deploy --from fa",
        "git-hostout deploy --from far",
    ),
    (
        "git-hostout approve 0.1.0 --for fa",
        "git-hostout approve 0.1.0 --for far",
    ),
    ("git hostout status fa", "git hostout status far"),
    ("git hostout show 0", "git hostout show 0.1.0"),
];

/// What a program prints that is given `words`.
fn printed(host: &Host, program: &str, words: &[&str]) -> String {
    let project = &host.project;
    let mut command = project.sandbox.command(program, &project.directory);
    let output = command.env("TERM", "dumb").args(words).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// What `shell` makes of `typed` and Tab, prepared by `lines`.
fn completed(host: &Host, shell: &str, lines: &[&str], typed: &str) -> String {
    let words = [&["-c", TYPIST, shell], lines, &[typed]].concat();
    printed(host, "python3", &words)
}

#[test]
fn bash_completes_verbs_stages_hosts_files_and_versions() {
    let host = Host::quiet();
    let load = format!("source {GIT}");
    let source = "source <(git hostout completions bash)";
    let mut lines = vec!["bind 'set enable-bracketed-paste off'", source];
    let has_git = Path::new(GIT).exists();
    if has_git {
        lines.insert(1, &load);
    }
    let alone = WORDS.iter().filter(|(typed, _)| !typed.starts_with("git "));
    let words: Vec<_> = if has_git {
        WORDS.iter().collect()
    } else {
        alone.collect()
    };
    for (typed, whole) in words {
        assert_eq!(completed(&host, "bash", &lines, typed), *whole);
    }
    // Outside of a project there is nothing to offer, and nothing is said.
    let mut bash = host
        .project
        .sandbox
        .command("git-hostout", host.project.sandbox.root());
    let asked = bash
        .env("COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", "2")
        .args(["--", "git-hostout", "deploy", ""]);
    let output = asked.output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
}

#[test]
fn hosts_are_those_of_the_stage_that_is_named() {
    let host = Host::quiet();
    host.project
        .add_stage_on(&["web7", "web8"], "other", "/srv/other", "");
    for (stage, hosts) in [("far", "web1"), ("other", "web7\nweb8")] {
        let project = &host.project;
        let mut asked = project.sandbox.command("git-hostout", &project.directory);
        asked
            .env("COMPLETE", "bash")
            .env("_CLAP_COMPLETE_INDEX", "3")
            .env("_CLAP_IFS", "\n")
            .args(["--", "git-hostout", "ssh", stage, ""]);
        let output = asked.output().unwrap();
        let offered = String::from_utf8(output.stdout).unwrap();
        let words: Vec<_> = offered
            .lines()
            .filter(|word| !word.starts_with('-'))
            .collect();
        assert_eq!(words.join("\n"), hosts, "{stage}");
    }
}

#[test]
fn zsh_completes_the_same() {
    let host = Host::quiet();
    // Without a file of settings it would offer to make one.
    std::fs::write(host.project.sandbox.path("home/.zshrc"), "").unwrap();
    let lines = [
        "unset zle_bracketed_paste",
        "autoload -U compinit; compinit -u",
        "source <(git hostout completions zsh)",
    ];
    for (typed, whole) in WORDS {
        assert_eq!(completed(&host, "zsh", &lines, typed), whole);
    }
}

#[test]
fn fish_completes_the_same() {
    let host = Host::quiet();
    let code = "git hostout completions fish | source; complete -C $argv[1]";
    for (typed, whole) in WORDS {
        let offered = printed(&host, "fish", &["-c", code, typed]);
        let word = whole.rsplit(' ').next().unwrap();
        let first = offered.split_whitespace().next();
        assert_eq!(first, Some(word), "{typed}: {offered}");
    }
}

#[test]
fn no_other_shell_is_known() {
    Host::quiet()
        .project
        .hostout(&["completions", "csh"])
        .exits(2);
}
