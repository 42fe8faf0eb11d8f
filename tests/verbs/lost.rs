//! What is lost and comes back: the ledger from a host, the keys by the one that was put away.

use crate::support::{Host, Run};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// An empty repository: nothing is left of clone and remote.
fn nothing(host: &Host, name: &str) -> PathBuf {
    let sandbox = &host.project.sandbox;
    let clone = sandbox.path(name);
    let words = ["init", "--quiet", &clone.display().to_string()];
    sandbox.git(sandbox.root(), &words);
    clone
}

fn there(host: &Host, clone: &Path, arguments: &[&str]) -> Run {
    let config = host.sshd.config().display().to_string();
    let variables = [("HOSTOUT_SSH_CONFIG", &*config)];
    let sandbox = &host.project.sandbox;
    sandbox.hostout_with(clone, arguments, &variables)
}

fn regain(host: &Host, clone: &Path) -> Run {
    let path = host.path.display().to_string();
    let words = ["init", "--from-host", "web1", "--path", &path, "--yes"];
    there(host, clone, &words)
}

#[test]
fn a_host_gives_back_the_ledger_and_all_releases_when_clone_and_remote_are_lost() {
    let host = Host::quiet();
    let (project, sandbox) = (&host.project, &host.project.sandbox);
    let bundle = host.path.join(".hostout/project.bundle");
    let heads = || project.git(&["bundle", "list-heads", &bundle.display().to_string()]);
    host.hostout(&["deploy", "far", "--dry-run"])
        .exits(0)
        .says(&["hosts keep a copy of the ledger: .hostout/project.bundle"]);
    assert!(!bundle.exists(), "a dry run");
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    let first = fs::read(&bundle).unwrap();
    project.commit_empty("Again");
    host.hostout(&["release", "0.2.0", "--yes"]).exits(0);
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    // The end of a deployment comes to the host with the next one: until then it knows that itself.
    let started = project.git(&["rev-parse", "hostout~1"]);
    let tags = ["v0.1.0", "v0.2.0"].map(|tag| project.git(&["rev-parse", tag]));
    assert_eq!(
        heads(),
        format!(
            "{started} refs/heads/hostout\n{} refs/tags/v0.1.0\n{} refs/tags/v0.2.0",
            tags[0], tags[1]
        )
    );

    let clone = nothing(&host, "again");
    there(&host, &clone, &["init", "--from-host", "web1"])
        .exits(2)
        .says(&["hostout.toml names no host web1", "Add --path PATH"]);
    there(&host, &clone, &["init", "--path", "/srv/shop"])
        .exits(2)
        .says(&["--path goes with --stage, or with --from-host"]);
    regain(&host, &clone).exits(0).says(&[
        "Get ledger hostout back from web1.",
        "this clone meets the project for the first time: are these its keys?",
        "releases 0.2.0, 0.1.0",
        "ada@example.org SHA256:",
        "Ledger: branch hostout is back, with 6 entries and the tags of its releases.",
        "Next, for a branch that begins with what was released last:",
        "git switch --create main v0.2.0~1",
    ]);
    assert_eq!(sandbox.git(&clone, &["for-each-ref", "refs/hostout"]), "");
    sandbox.git(&clone, &["fsck", "--strict"]);
    sandbox.git(
        &clone,
        &["switch", "--quiet", "--create", "main", "v0.2.0~1"],
    );
    there(&host, &clone, &["init"])
        .exits(0)
        .says(&["Ledger: branch hostout is there."]);
    there(&host, &clone, &["verify"]).exits(0);
    there(&host, &clone, &["verify", "0.1.0"]).exits(0);
    there(&host, &clone, &["init", "--from-host", "web1"])
        .exits(0)
        .says(&["Ledger: branch hostout has all that web1 keeps of it."]);
    // Work goes on: how the last deployment ended, the host tells.
    there(&host, &clone, &["rollback", "far", "--yes"]).exits(0);
    assert_eq!(host.live().as_deref(), Some("0.1.0"));
    sandbox.git(
        &clone,
        &["commit", "--quiet", "--allow-empty", "-m", "Go on"],
    );
    there(&host, &clone, &["release", "0.3.0", "--yes"]).exits(0);
    there(&host, &clone, &["deploy", "far", "--yes"]).exits(0);
    assert_eq!(host.live().as_deref(), Some("0.3.0"));
    there(&host, &clone, &["verify"]).exits(0);
    let tip = sandbox.git(&clone, &["rev-parse", "hostout~1"]);
    assert!(heads().starts_with(&tip), "{}", heads());

    what_is_not_the_hosts_ledger_is_not_believed(&host, &bundle, &first);
}

fn what_is_not_the_hosts_ledger_is_not_believed(host: &Host, bundle: &Path, first: &[u8]) {
    let sandbox = &host.project.sandbox;
    let whole = fs::read(bundle).unwrap();
    // One that was there before is a true one, and says less than the host did.
    fs::write(bundle, first).unwrap();
    regain(host, &nothing(host, "older")).exits(0).says(&[
        "web1 runs 0.3.0 by deployment ",
        "which this ledger does not tell",
    ]);

    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(bundle, &damaged).unwrap();
    let clone = nothing(host, "damaged");
    let refused = |words: &[&str]| {
        regain(host, &clone).exits(11).says(words);
        assert_eq!(sandbox.git(&clone, &["for-each-ref"]), "");
    };
    refused(&["the ledger that web1 keeps"]);

    let other = crate::support::Project::released_single();
    let file = other.sandbox.path("other.bundle").display().to_string();
    other.git(&["bundle", "create", "--quiet", &file, "hostout", "v0.1.0"]);
    fs::copy(&file, bundle).unwrap();
    let root = other.git(&["rev-list", "--max-parents=0", "hostout"]);
    refused(&["the ledger that web1 keeps is of project", &root]);

    // The same project, with a tag that was moved, and with an entry that nobody might sign.
    let project = &host.project;
    let file = project.sandbox.path("moved.bundle").display().to_string();
    let copy = project.sandbox.path("copy");
    let from = project.directory.display().to_string();
    let words = ["clone", "--quiet", &from, &copy.display().to_string()];
    sandbox.git(sandbox.root(), &words);
    sandbox.git(&copy, &["branch", "hostout", "origin/hostout"]);
    sandbox.git(&copy, &["tag", "--force", "v0.1.0", "v0.2.0"]);
    let bundled = ["bundle", "create", "--quiet", &file, "hostout", "--tags"];
    sandbox.git(&copy, &bundled);
    fs::copy(&file, bundle).unwrap();
    refused(&["tag v0.1.0 of web1 was made as tag v0.2.0 and copied there"]);
    sandbox.git(
        &copy,
        &["fetch", "--quiet", "--force", "origin", "tag", "v0.1.0"],
    );
    let tree = sandbox.git(&copy, &["rev-parse", "hostout^{tree}"]);
    let message = "tidy up\n\nHostout-Serial: 6\nHostout-Id: 0123456789abcdef\n";
    let words = ["commit-tree", &tree, "-p", "hostout", "-m", message];
    let made = sandbox.git(&copy, &words);
    sandbox.git(&copy, &["update-ref", "refs/heads/hostout", &made]);
    sandbox.git(&copy, &bundled);
    fs::copy(&file, bundle).unwrap();
    refused(&["is not signed"]);

    fs::remove_file(bundle).unwrap();
    refused(&[
        "web1 keeps no ledger at",
        "name the stage's path with --path, or another host that was deployed to",
    ]);
    // The next deployment brings all of it again.
    fs::remove_dir_all(host.path.join("current")).ok();
    fs::write(bundle, &whole).unwrap();
    regain(host, &clone).exits(0);
}

#[test]
fn a_recovery_key_lets_deployments_go_on_when_all_signing_keys_are_lost() {
    let host = Host::quiet();
    let project = &host.project;
    let put_away = project.sandbox.path("put-away/key").display().to_string();
    host.hostout(&["init", "--recovery-key", &put_away])
        .exits(0);
    host.hostout(&["deploy", "far", "--yes"]).exits(0);

    // Disk, clone and keys are gone; what was put away is not.
    for name in ["id_ed25519", "id_ed25519.pub"] {
        fs::remove_file(project.sandbox.path("home/.ssh").join(name)).unwrap();
    }
    fs::remove_dir_all(&project.directory).unwrap();
    let clone = nothing(&host, "again");
    regain(&host, &clone).exits(0);
    let git = |arguments: &[&str]| project.sandbox.git(&clone, arguments);
    git(&["switch", "--quiet", "--create", "main", "v0.1.0~1"]);
    let new = project.sandbox.path("home/.ssh/new");
    crate::support::sshd::keygen(&new, "");
    let public = format!("{}.pub", new.display());
    git(&["config", "user.signingKey", &public]);
    let hostout = |arguments: &[&str]| there(&host, &clone, arguments);
    git(&["commit", "--quiet", "--allow-empty", "-m", "Go on"]);
    let release = ["release", "0.2.0", "--yes"];
    hostout(&release)
        .exits(11)
        .says(&["needs the role release, and has nothing"]);
    git(&["config", "user.signingKey", &put_away]);
    hostout(&release)
        .exits(11)
        .says(&["needs the role release, and has recovery"]);
    let add = ["keys", "add", &public, "--name", "ada@example.org"];
    hostout(&[&add[..], &["--role", "all", "--yes"]].concat()).exits(0);
    git(&["config", "user.signingKey", &public]);
    hostout(&release).exits(0);
    hostout(&["deploy", "far", "--yes"])
        .exits(0)
        .says(&["keys and policy number 2"]);
    assert_eq!(host.live().as_deref(), Some("0.2.0"));
    hostout(&["rollback", "far", "--yes"]).exits(0);
    assert_eq!(host.live().as_deref(), Some("0.1.0"));
    // The lost keys may do nothing more once they are taken away, and the host knows it with the next deployment.
    hostout(&["keys", "list"]).exits(0).says(&["recovery"]);
    hostout(&["verify", "0.2.0"]).exits(0);
}
