//! A repository that works against us: its configuration, and objects whose ids say something else than they hold.

use crate::support::{Project, Run};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// A program that leaves a trace, and says that all is well.
fn trap(project: &Project, name: &str) -> (PathBuf, String) {
    let (program, trace) = (
        project.sandbox.path(&format!("traps/{name}")),
        project.sandbox.path(&format!("traps/{name}.ran")),
    );
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    let text = format!(
        "#!/bin/sh\ntouch '{}'\necho 'Good \"git\" signature for ada@example.org with ED25519 key SHA256:x'\ncat\nexit 0\n",
        trace.display()
    );
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    (trace, program.display().to_string())
}

fn verify(project: &Project, clone: &Path, more: &[&str]) -> Run {
    let words = [&["verify", "0.1.0"], more].concat();
    project.sandbox.hostout(clone, &words)
}

#[test]
fn a_repositorys_configuration_changes_no_byte_and_runs_nothing() {
    let project = Project::released_single();
    let clone = project.sandbox.path("hostile");
    let from = format!("file://{}", project.directory.display());
    let git = |arguments: &[&str]| project.sandbox.git(&clone, arguments);
    let to = clone.display().to_string();
    project.git(&["clone", "--quiet", &from, &to]);
    verify(&project, &clone, &[]).exits(0);

    let (filtered, filter) = trap(&project, "filter");
    let (watched, watch) = trap(&project, "fsmonitor");
    let (packed, pack) = trap(&project, "tar");
    let (differed, differ) = trap(&project, "diff");
    let (hooked, _) = trap(&project, "hooks/post-checkout");
    for hook in ["post-commit", "reference-transaction", "pre-auto-gc"] {
        let hooks = project.sandbox.path("traps/hooks");
        fs::copy(hooks.join("post-checkout"), hooks.join(hook)).unwrap();
    }
    let hooks = project.sandbox.path("traps/hooks").display().to_string();
    for (key, value) in [
        ("core.autocrlf", "true"),
        ("core.eol", "crlf"),
        ("core.fsmonitor", &watch),
        ("core.hooksPath", &hooks),
        ("diff.external", &differ),
        ("filter.evil.clean", &filter),
        ("filter.evil.smudge", &filter),
        ("filter.evil.required", "true"),
        ("tar.umask", "0777"),
        ("tar.tar.gz.command", &pack),
    ] {
        git(&["config", key, value]);
    }
    fs::create_dir_all(clone.join(".git/info")).unwrap();
    let attributes = |text: &str| fs::write(clone.join(".git/info/attributes"), text).unwrap();
    attributes("* filter=evil text eol=crlf ident export-subst\n*.py export-ignore\n");
    verify(&project, &clone, &["--rebuild"]).exits(0);
    // The same commit is released again, there and here: the same release commit and the same files.
    project.commit_empty("Again");
    project.hostout(&["release", "0.2.0", "--yes"]).exits(0);
    let ours = project.manifest("0.2.0");
    let head = project.git(&["rev-parse", "HEAD"]);
    let fetch = [
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "core.fsmonitor=false",
    ];
    git(&[
        &fetch[..],
        &["fetch", "--quiet", "--no-tags", "origin", "main"],
    ]
    .concat());
    git(&[
        &fetch[..],
        &["update-ref", "--no-deref", "refs/heads/main", &head],
    ]
    .concat());
    git(&["remote", "remove", "origin"]);
    for trace in [&filtered, &watched, &hooked] {
        fs::remove_file(trace).ok();
    }
    // With a filter for its files a work tree holds something else than HEAD, as git itself says.
    attributes("* text eol=crlf ident export-subst\n*.py export-ignore\n");
    project
        .sandbox
        .hostout(&clone, &["release", "0.2.0", "--yes", "--no-push"])
        .exits(0);
    let text = project.sandbox.git_bytes(
        &clone,
        &["show", "hostout:releases/0.2/0.2.0/manifest.toml"],
    );
    let theirs = hostout::release::Manifest::from_toml(&String::from_utf8(text).unwrap()).unwrap();
    assert_eq!(theirs.release_commit, ours.release_commit);
    assert_eq!(theirs.tarball, ours.tarball);
    assert_eq!(theirs.egg, ours.egg);
    for trace in [filtered, watched, packed, differed, hooked] {
        assert!(!trace.exists(), "{}", trace.display());
    }
}

#[test]
fn a_program_that_finds_every_signature_good_is_not_asked() {
    let project = Project::released_single();
    let (trace, program) = trap(&project, "keygen");
    // An entry by somebody whose key is not in the ledger.
    let stranger = project.sandbox.path("home/.ssh/stranger");
    crate::support::sshd::keygen(&stranger, "");
    let key = format!("user.signingKey={}", stranger.display());
    let tree = project.git(&["rev-parse", "hostout^{tree}"]);
    let message = "tidy up\n\nHostout-Serial: 2\nHostout-Id: 0123456789abcdef\n";
    let made = project.git(&[
        "-c",
        &key,
        "commit-tree",
        "-S",
        &tree,
        "-p",
        "hostout",
        "-m",
        message,
    ]);
    project.git(&["update-ref", "refs/heads/hostout", &made]);
    for key in ["gpg.ssh.program", "gpg.program", "gpg.openpgp.program"] {
        project.git(&["config", key, &program]);
    }
    verify(&project, &project.directory, &[])
        .exits(11)
        .says(&["is not signed by a key"]);
    project
        .hostout(&["deploy", "local", "--yes"])
        .exits(11)
        .says(&["does not verify"]);
    assert!(!trace.exists());
    assert_eq!(project.live(), None);
}

/// Puts other bytes where an object lies, under its id: what somebody does who has found two with one SHA-1.
fn swap(project: &Project, name: &str, from: &str, to: &str) {
    let id = project.git(&["rev-parse", name]);
    let file = format!(".git/objects/{}/{}", &id[..2], &id[2..]);
    let path = project.directory.join(&file);
    assert!(path.exists(), "{name} is in no file of its own");
    let code = "import os, sys, zlib\n\
                path, old, new = sys.argv[1:]\n\
                data = zlib.decompress(open(path, 'rb').read()).partition(b'\\0')[2]\n\
                assert old.encode() in data, data\n\
                data = data.replace(old.encode(), new.encode())\n\
                os.unlink(path)\n\
                open(path, 'wb').write(zlib.compress(b'blob %d\\0' % len(data) + data))\n";
    let mut python = project.sandbox.command("python3", &project.directory);
    let done = python.args(["-c", code, &file, from, to]).status().unwrap();
    assert!(done.success());
}

#[test]
fn what_has_the_id_of_a_file_and_not_its_bytes_is_found_by_sha256() {
    let file = "src/acme/single/__init__.py";
    for (name, from, to, says) in [
        (
            "hostout:releases/0.1/0.1.0/manifest.toml",
            "version = \"0.1.0\"",
            "version = \"0.1.0\" # or not",
            "manifest",
        ),
        (
            "hostout:releases/0.1/0.1.0/versions.cfg",
            "[versions]",
            "[versions]\nevil = 6.6",
            "versions.cfg",
        ),
    ] {
        let project = Project::released_single();
        swap(&project, name, from, to);
        verify(&project, &project.directory, &[])
            .exits(11)
            .says(&[says]);
        assert_eq!(project.live(), None);
    }

    // Code is what its artifact's sha256 says: hosts get those bytes, and making it again finds what was swapped.
    let project = Project::released_single();
    swap(&project, &format!("v0.1.0:{file}"), "enough", "stolen!");
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    let single = project.host.join("current/bin/single");
    let mut command = project
        .sandbox
        .command(&single.display().to_string(), &project.host);
    let said = command.output().unwrap().stdout;
    assert_eq!(said, b"One folder is enough.\n");
    verify(&project, &project.directory, &["--rebuild"])
        .exits(11)
        .says(&["acme.single"]);
}
