//! `git hostout completions`

use crate::support::Host;
use std::path::Path;

/// Types at a real bash: each of its words when the prompt is seen again, the last one with a Tab and as an argument of `echo`.
const TYPIST: &str = r#"
import os, pty, select, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
def until(text):
    seen = b""
    while text not in seen:
        if not select.select([fd], [], [], 60)[0]:
            sys.exit("never %r in %r" % (text, seen))
        seen += os.read(fd, 4096)
    return seen.rpartition(text)[0]
os.write(fd, b"PS1='rea''dy> '; bind 'set enable-bracketed-paste off'\n")
until(b"ready> ")
for line in sys.argv[1:-1]:
    os.write(fd, line.encode() + b"\n")
    until(b"ready> ")
os.write(fd, sys.argv[-1].encode() + b"\t")
# the line is complete when it is printed by what it was completed for
os.write(fd, b"\x01echo 'done:' \x05 ; echo 'th''e end'\n")
print(until(b"the end").decode().rpartition("done: ")[2].strip())
"#;

/// What bash makes of `typed` and Tab.
fn completed(host: &Host, typed: &str) -> String {
    let mut bash = host
        .project
        .sandbox
        .command("python3", &host.project.directory);
    bash.env("TERM", "dumb");
    let git = "/usr/share/bash-completion/completions/git";
    let load = format!("source {git}");
    let mut lines = vec!["source <(git hostout completions bash)", typed];
    if Path::new(git).exists() {
        lines.insert(0, &load);
    }
    let output = bash.args(["-c", TYPIST]).args(lines).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn bash_completes_verbs_stages_hosts_files_and_versions() {
    let host = Host::quiet();
    for (typed, whole) in [
        ("git-hostout rollb", "git-hostout rollback"),
        ("git-hostout deploy fa", "git-hostout deploy far"),
        ("git-hostout deploy far 0", "git-hostout deploy far 0.1.0"),
        ("git-hostout ssh far we", "git-hostout ssh far web1"),
        ("git hostout status fa", "git hostout status far"),
        ("git hostout show 0", "git hostout show 0.1.0"),
    ] {
        let by_git = typed.starts_with("git ");
        if by_git && !Path::new("/usr/share/bash-completion/completions/git").exists() {
            continue;
        }
        assert_eq!(completed(&host, typed), whole);
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

    for (shell, word) in [
        ("bash", "complete -o nospace"),
        ("zsh", "#compdef git-hostout"),
        ("fish", "complete --keep-order"),
    ] {
        let script = host.project.hostout(&["completions", shell]).exits(0);
        assert!(script.stdout.contains(word), "{script}");
    }
    host.project.hostout(&["completions", "csh"]).exits(2);
}
