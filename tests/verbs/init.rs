//! `git hostout init`

use crate::support::{Project, Sandbox, refs, sshd::Sshd, tree};
use std::fs;

const STAGE: [&str; 6] = ["--stage", "local", "--host", "local", "--path", "/srv/shop"];

#[test]
fn starts_a_project() {
    let project = without_file();
    let arguments: Vec<&str> = ["init"].into_iter().chain(STAGE).collect();
    project
        .hostout(&arguments)
        .exits(0)
        .says(&["git hostout release"])
        .matches(
            &project.sandbox,
            "init-fresh",
            &[
                project.read("hostout.toml"),
                refs(&project.sandbox, &project.directory),
                project.git(&["ls-tree", "-r", "--name-only", "hostout"]),
            ],
        );

    let file = project.read("hostout.toml");
    assert!(file.contains("[stage.local]"), "{file}");
    assert!(file.contains("path = \"/srv/shop\""), "{file}");
    let entry = project.git(&["cat-file", "commit", "hostout"]);
    assert!(entry.contains("gpgsig -----BEGIN SSH SIGNATURE"), "{entry}");
    let listed = project.git(&["ls-tree", "-r", "--name-only", "hostout"]);
    for path in ["README.md", "keys/allowed_signers", "policy.toml"] {
        assert!(listed.lines().any(|line| line == path), "{path}: {listed}");
    }
    let signers = project.ledger_file("keys/allowed_signers");
    assert!(signers.contains("ssh-ed25519 "), "{signers}");
}

#[test]
fn without_a_key_one_is_made_on_a_bare_home() {
    let project = without_file();
    let home = project.sandbox.path("home");
    fs::remove_dir_all(home.join(".ssh")).unwrap();
    let git = |arguments: &[&str]| project.git(&[&["config", "--global"], arguments].concat());
    git(&["--unset", "user.signingkey"]);
    git(&["--unset", "gpg.format"]);
    assert!(!home.join(".config").exists());
    let arguments: Vec<&str> = ["init"].into_iter().chain(STAGE).collect();
    project
        .hostout(&arguments)
        .exits(0)
        .says(&["Signing key, made for this", "Keep a copy of"]);
    assert!(home.join(".config/git-hostout/signing_ed25519").is_file());
    project.git(&["config", "--unset", "hostout.signingKey"]);
    project
        .hostout(&["init"])
        .exits(0)
        .says(&["Signing key, made by an earlier init: "]);
    project.commit("Say how it is deployed");
    project.hostout(&["check"]).exits(0);
}

#[test]
fn what_cannot_be_signed_for_writes_nothing() {
    let project = without_file();
    let home = project.sandbox.path("home");
    let arguments: Vec<&str> = ["init"].into_iter().chain(STAGE).collect();
    fs::remove_dir_all(home.join(".ssh")).unwrap();
    let run = project.hostout(&arguments).exits(11);
    run.says(&["cannot sign with", "is it there", "hostout.signingKey"]);

    project.git(&["config", "--global", "--unset", "user.signingkey"]);
    fs::write(home.join(".config"), "no folder").unwrap();
    project.hostout(&arguments).exits(11).says(&["cannot make"]);
    assert!(!project.directory.join("hostout.toml").exists());
}

#[test]
fn a_second_stage_is_the_one_to_go_on_with() {
    let project = Project::single();
    project.hostout(&["init"]).exits(0);
    let second = [
        "init", "--stage", "far", "--host", "local", "--path", "/srv/far",
    ];
    project
        .hostout(&second)
        .exits(0)
        .says(&["Added stage far", "git hostout deploy far"]);
    let third = [
        "init",
        "--stage",
        "live",
        "--host",
        "deploy@web1",
        "--path",
        "/srv/live",
    ];
    project.hostout(&third).exits(0).says(&[
        "  git hostout bootstrap live\n    (only where the server is not set up yet)\n  git hostout check live\n",
    ]);
    let fourth = [
        "init",
        "--stage",
        "top",
        "--host",
        "root@web1",
        "--path",
        "/srv/top",
    ];
    project.hostout(&fourth).exits(0).says(&[
        "root@web1: root is who deploys, so that services run as root; write deploy@web1 in hosts of [stage.top], and \
         `git hostout bootstrap top` makes that user",
    ]);
}

#[test]
fn a_key_that_cannot_sign_leaves_no_file_behind() {
    let project = without_file();
    let public = fs::read_to_string(project.sandbox.path("home/.ssh/id_ed25519.pub")).unwrap();
    let key = format!("key::{}", public.trim());
    project.git(&["config", "--global", "user.signingkey", &key]);
    let arguments: Vec<&str> = ["init"].into_iter().chain(STAGE).collect();
    let run = project.hostout(&arguments).exits(11);
    run.says(&["cannot sign with", "Nothing was changed"]);
    assert!(!project.directory.join("hostout.toml").exists());
}

#[test]
fn a_key_of_theirs_is_taken_only_with_a_yes() {
    let project = without_file();
    project.git(&["config", "--global", "--unset", "user.signingkey"]);
    let arguments: Vec<&str> = ["init"].into_iter().chain(STAGE).collect();
    project.hostout(&arguments).exits(13).says(&[
        "there is nobody to ask",
        "add --yes to sign with ",
        "/.ssh/id_ed25519; for another key: git config hostout.signingKey FILE",
    ]);
    assert!(!project.directory.join("hostout.toml").exists());
    project
        .hostout(&[&arguments[..], &["--yes"]].concat())
        .exits(0)
        .says(&["Signing key: ", "/.ssh/id_ed25519"]);
}

#[test]
fn twice_changes_nothing() {
    let project = without_file();
    let arguments: Vec<&str> = ["init"].into_iter().chain(STAGE).collect();
    project.hostout(&arguments).exits(0);
    let state = || {
        let sandbox = &project.sandbox;
        let file = project.read("hostout.toml");
        (file, refs(sandbox, &project.directory))
    };
    let before = state();
    let objects = project.git(&["rev-parse", "hostout"]);
    project.hostout(&arguments).exits(0);
    project
        .hostout(&["init"])
        .exits(0)
        .says(&["Ledger: branch hostout is there."]);
    assert_eq!(state(), before);
    assert_eq!(project.git(&["rev-parse", "hostout"]), objects);
}

#[test]
fn adds_a_missing_stage_and_keeps_comments() {
    let project = Project::single();
    project.edit("hostout.toml", "[services]", "# Nothing runs.\n[services]");
    let more = ["init", "--stage", "next", "--host", "local", "--path"];
    let arguments: Vec<&str> = more.into_iter().chain(["/srv/next"]).collect();
    // What to type next is for the folder where one is.
    project
        .sandbox
        .hostout(&project.directory.join("src"), &arguments)
        .exits(0)
        .says(&["\n  git add :/hostout.toml\n"]);
    project
        .sandbox
        .git(&project.directory.join("src"), &["add", ":/hostout.toml"]);
    project
        .hostout(&arguments)
        .exits(0)
        .says(&["\n  git add hostout.toml\n"]);
    let file = project.read("hostout.toml");
    assert!(file.contains("# Nothing runs.\n[services]"), "{file}");
    assert!(file.contains("[stage.local]"), "{file}");
    assert!(file.contains("[stage.next]"), "{file}");

    let other: Vec<&str> = more.into_iter().chain(["/srv/other"]).collect();
    project
        .hostout(&other)
        .exits(11)
        .says(&["next", "/srv/next"]);
    assert_eq!(project.read("hostout.toml"), file);
}

#[test]
fn adopts_the_ledger_of_the_remote() {
    let project = Project::single();
    let remote = project.sandbox.path("remote.git");
    fs::create_dir(&remote).unwrap();
    let sandbox: &Sandbox = &project.sandbox;
    sandbox.git(&remote, &["init", "--quiet", "--bare"]);
    let address = remote.display().to_string();
    project.git(&["remote", "add", "origin", &address]);
    project.git(&["push", "--quiet", "--set-upstream", "origin", "main"]);
    project.hostout(&["init"]).exits(0);
    project.git(&["push", "--quiet", "origin", "hostout"]);
    let ledger = project.git(&["rev-parse", "hostout"]);

    let second = sandbox.path("second");
    let to = second.display().to_string();
    project.git(&["clone", "--quiet", &address, &to]);
    sandbox.hostout(&second, &["init"]).exits(0);
    assert_eq!(sandbox.git(&second, &["rev-parse", "hostout"]), ledger);

    // A colleague whose key is not known yet hears of it here.
    sandbox.git(
        &second,
        &["config", "user.signingKey", &project.sign_as("ben")],
    );
    sandbox.hostout(&second, &["init"]).exits(0).says(&[
        "warning: a release will be refused: the signing key ",
        "needs the role release, and has nothing",
        "`git hostout keys add KEY --role release`",
    ]);
}

#[test]
fn needs_a_repository() {
    let sandbox = Sandbox::new();
    let empty = sandbox.path("empty");
    fs::create_dir(&empty).unwrap();
    sandbox
        .hostout(&empty, &["init"])
        .exits(11)
        .says(&["is in no git repository", "git init"]);
    assert_eq!(tree(&empty, 1), "");
}

fn without_file() -> Project {
    let project = Project::hello();
    fs::remove_file(project.directory.join("hostout.toml")).unwrap();
    project.commit("Forget how it is deployed");
    project
}

#[test]
fn an_option_that_cannot_be_is_named_and_nothing_is_written() {
    let project = without_file();
    let init = |words: [&str; 3]| {
        let [stage, host, path] = words;
        project.hostout(&["init", "--stage", stage, "--host", host, "--path", path])
    };
    init(["far", "local", "sites/far"])
        .exits(2)
        .says(&["error: --path `sites/far` must be absolute or begin with `~/`\n"]);
    init(["1.0", "local", "/srv/far"])
        .exits(2)
        .says(&["error: --stage `1.0` reads as a version\n"]);
    let run = init(["far", "ada:s3cret@web1", "/srv/far"]).exits(2);
    let run = run.says(&["error: --host `ada:***@web1` holds a password\n"]);
    assert!(!run.stderr.contains("s3cret"), "{run}");
    project
        .hostout(&["init", "--from-host", "web1", "--path", "srv"])
        .exits(2)
        .says(&["error: --path `srv` must be absolute or begin with `~/`\n"]);
    assert!(!project.directory.join("hostout.toml").exists());
}

#[test]
fn a_host_that_cannot_be_asked_for_its_wheels_is_asked_later() {
    let project = Project::single();
    fs::remove_file(project.directory.join("hostout.toml")).unwrap();
    project.commit("Forget how it is deployed");
    let host = format!("127.0.0.1:{}", project.port);
    let arguments = [
        "init", "--stage", "far", "--host", &host, "--path", "/srv/x",
    ];
    project
        .hostout(&arguments)
        .exits(0)
        .says(&["; `git hostout check far` asks it again"]);
    assert!(project.read("hostout.toml").contains("[stage.far]"));
}

#[test]
fn a_host_of_another_kind_names_the_wheels_it_takes() {
    let project = Project::single();
    fs::remove_file(project.directory.join("hostout.toml")).unwrap();
    project.commit("Forget how it is deployed");
    // To its programs this is a machine of 32 bits.
    let sshd = Sshd::start_with("ForceCommand setarch i686 sh -c \"$SSH_ORIGINAL_COMMAND\"");
    let config = sshd.config().display().to_string();
    let arguments = [
        "init", "--stage", "far", "--host", "web1", "--path", "/srv/x",
    ];
    let variables = [("HOSTOUT_SSH_CONFIG", config.as_str())];
    let run = project
        .sandbox
        .hostout_with(&project.directory, &arguments, &variables)
        .exits(0);
    run.says(&["web1 takes wheels for cp3", "_i686", ", this machine for "]);
    assert!(project.read("hostout.toml").contains("_i686\"]"));
}
