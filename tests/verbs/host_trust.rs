//! Hosts that know whom to believe, and keys that may only deploy what is signed; what a host refuses by itself is in
//! `tests/agent/test_trust.py`.

use crate::support::Host;
use serde_json::Value;
use std::fs;

/// What the host knows.
fn trust(host: &Host) -> Value {
    let text = fs::read_to_string(host.path.join(".hostout/trust/trust.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// From now on the login key may only do what the agent lets it do.
fn limit(host: &Host) {
    let (path, public) = (host.path.display(), host.sshd.path("id.pub"));
    let public = fs::read_to_string(public).unwrap();
    let line = format!(
        "restrict,command=\"python3 -I {path}/.hostout/agent --path {path} limited\" {public}"
    );
    fs::write(host.sshd.path("authorized_keys"), line).unwrap();
}

#[test]
fn a_key_that_may_only_deploy_deploys_what_is_signed() {
    let host = Host::quiet();
    let project = &host.project;
    host.hostout(&["deploy", "far", "--dry-run"])
        .exits(0)
        .says(&["trust ", "keys and policy number 0"]);
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    let id = project.git(&["rev-list", "--max-parents=0", "hostout"]);
    assert_eq!(trust(&host)["project"], id.as_str());
    assert_eq!(
        (&trust(&host)["stage"], &trust(&host)["generation"]),
        (&"far".into(), &0.into())
    );

    limit(&host);
    host.hostout(&["release", "0.2.0", "--yes"]).exits(0);
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    assert_eq!(host.live().as_deref(), Some("0.2.0"));
    host.hostout(&["rollback", "far", "--yes"]).exits(0);
    assert_eq!(host.live().as_deref(), Some("0.1.0"));
    assert_eq!(host.status()["hosts"][0]["release"], "0.1.0");
    host.hostout(&["prune", "far", "--keep", "1", "--yes"])
        .exits(11)
        .says(&["this key may only deploy to", "and not prune"]);
    let mut ssh = project.sandbox.command("ssh", &project.directory);
    ssh.arg("-F")
        .arg(host.sshd.config())
        .args(["web1", "touch owned"]);
    let answer = ssh.output().unwrap();
    assert!(String::from_utf8_lossy(&answer.stdout).contains("this key may only deploy to"));
    assert!(!answer.status.success());

    // Other keys and a withdrawal reach the host by way of those that it knows; then it refuses by itself.
    let ben = project.sign_as("ben");
    project.sign_as_ada();
    let add = [
        "keys", "add", &ben, "--name", "ben", "--role", "all", "--yes",
    ];
    project.hostout(&add).exits(0);
    host.hostout(&["withdraw", "0.2.0", "--yes", "-m", "leaks"])
        .exits(0)
        .says(&[
            "tell      the hosts of far, as far as they answer",
            "web1 (far) knows it.",
        ]);
    assert!(trust(&host)["withdrawn"]["0.2.0"].is_string());
    assert_eq!(trust(&host)["generation"], 1);
    project.sign_as("ben");
    // Without its ssh configuration the host does not answer.
    let untold =
        "web1 (far) was not told, and goes by what it knew until its next deployment: can't ";
    project
        .hostout(&["keys", "remove", "ada@example.org", "--yes"])
        .exits(0)
        .says(&[untold]);
    host.hostout(&["release", "0.3.0", "--yes"]).exits(0);
    host.hostout(&["deploy", "far", "--yes"])
        .exits(0)
        .says(&["trust ", "keys and policy number 2"]);
    let known = trust(&host);
    assert_eq!(known["generation"], 2);
    assert!(known["withdrawn"]["0.2.0"].is_string());
    // The release of a key that is gone: the host was told that it counts.
    host.hostout(&["rollback", "far", "--yes"]).exits(0);
    assert_eq!(host.live().as_deref(), Some("0.1.0"));

    // Somebody with the ssh key alone sends a release that nobody signed.
    let agent = format!(
        "python3 -I {0}/.hostout/agent --path {0}",
        host.path.display()
    );
    let manifest = project.ledger_file("releases/0.2/0.2.0/manifest.toml");
    let signature = project.ledger_file("releases/0.2/0.2.0/manifest.toml.sig");
    let prepare = |text: &str, signature: &str| {
        let request = serde_json::json!({
            "format": 1, "manifest": text, "signature": signature, "version": "0.2.0", "id": "a1",
            "manifest-sha256": hostout::release::Digest::of(text.as_bytes()).to_string(),
            "lock": {"token": "t"},
        });
        let file = project.sandbox.path("request");
        let request = request.to_string();
        fs::write(&file, format!("{} prepare\n{request}", request.len())).unwrap();
        let mut ssh = project.sandbox.command("ssh", &project.directory);
        ssh.arg("-F").arg(host.sshd.config());
        ssh.args(["web1", &format!("{agent} serve")]);
        ssh.stdin(fs::File::open(&file).unwrap());
        String::from_utf8(ssh.output().unwrap().stdout).unwrap()
    };
    let said = prepare(&manifest, &signature);
    assert!(said.contains("release 0.2.0 was withdrawn"), "{said}");
    let other = manifest.replace("0.2.0", "0.2.1");
    let said = prepare(&other, &signature);
    assert!(
        said.contains("is not signed by a key") || said.contains("bad-request"),
        "{said}"
    );
    assert_eq!(host.live().as_deref(), Some("0.1.0"));
}

#[test]
fn a_long_history_goes_ahead_of_the_deployment_by_an_ordinary_key() {
    let host = Host::quiet();
    let project = &host.project;
    let noise = project.directory.join("noise");
    let script = format!("head -c 26000000 /dev/urandom > '{}'", noise.display());
    let mut command = project.sandbox.command("sh", &project.directory);
    assert!(command.args(["-c", &script]).status().unwrap().success());
    project.commit("Keep a long file");
    project.git(&["rm", "--quiet", "noise"]);
    project.commit("Or not");
    host.hostout(&["release", "0.2.0", "--yes"]).exits(0);
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    let bundle = host.path.join(".hostout/project.bundle");
    let heads = || project.git(&["bundle", "list-heads", &bundle.display().to_string()]);
    assert!(fs::metadata(&bundle).unwrap().len() > 26_000_000);
    assert!(heads().contains("refs/tags/v0.2.0"), "{}", heads());

    fs::remove_file(&bundle).unwrap();
    limit(&host);
    host.hostout(&["deploy", "far", "0.1.0", "--yes"])
        .exits(0)
        .says(&["web1 keeps no copy of the ledger's newest entries: this key may only deploy to"]);
    assert!(!bundle.exists());
    assert_eq!(host.live().as_deref(), Some("0.1.0"));
}

#[test]
fn a_host_that_cannot_check_is_said_and_the_policy_decides() {
    let host = Host::quiet();
    // An agent finds its programs on a path of its own: what stands first there is old.
    let project = &host.project;
    let trusted = host
        .hostout(&["deploy", "far", "--dry-run", "--json"])
        .exits(0);
    assert!(
        !trusted.stdout.contains("cannot check signatures"),
        "{trusted}"
    );
    project.write("policy.toml", "format = 1\nunchecked = \"refuse\"\n");
    project
        .hostout(&["policy", "--set", "policy.toml", "--yes"])
        .exits(0);
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    assert_eq!(trust(&host)["policy"]["unchecked"], "refuse");

    // A path that belongs to another stage.
    host.add_stage("near", "web1", &host.path, "");
    project.git(&["commit", "--quiet", "--all", "--message", "Add a stage"]);
    host.hostout(&["deploy", "near", "0.1.0", "--yes"])
        .exits(11)
        .says(&["this path belongs to stage far, and this is for near"]);
    let twins = [
        format!(
            "web1: {} there is both far's and near's",
            host.path.display()
        ),
        "a path belongs to one stage: name another path in [stage.near]".to_owned(),
    ];
    let twins = twins.each_ref().map(String::as_str);
    host.hostout(&["bootstrap", "near"]).exits(11).says(&twins);
    host.hostout(&["check", "near"])
        .exits(11)
        .says(&twins)
        .says(&["this path belongs to stage far, and this is for near"]);

    // What belongs to another project is so before there is a release, too.
    project.git(&["reset", "--quiet", "--hard", "HEAD~"]);
    project.git(&["branch", "--quiet", "-D", "hostout"]);
    project.git(&["config", "--remove-section", "hostout.hostout"]);
    host.hostout(&["init"]).exits(0);
    let run = host.hostout(&["check", "far"]).exits(11);
    run.says(&[
        "web1: this path belongs to project ",
        "git hostout bootstrap far --new-trust",
    ]);
}
