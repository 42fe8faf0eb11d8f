//! An old ledger is served: somebody keeps a clone from hearing of what came later.

use crate::support::{Host, Project, Two};
use std::fs;

#[test]
fn an_old_ledger_is_not_deployed_by_for_longer_than_the_policy_says() {
    let two = Two::of(Host::of(Project::single(), "").only());
    let (host, project) = (&two.host, &two.host.project);
    project.write("policy.toml", "format = 1\n[stage.far]\nmax-age = \"2h\"\n");
    let set = ["policy", "--set", "policy.toml", "--yes"];
    project
        .hostout(&set)
        .exits(0)
        .says(&["far: one person is enough, a ledger heard of in the last 2 hours"]);
    fs::remove_file(project.directory.join("policy.toml")).unwrap();
    let looks = ["withdraw", "0.1.0", "-m", "looks only", "--dry-run"];
    two.there(&looks).exits(0);

    // The remote as it was then is all that the second clone is shown from now on.
    let remote = project.sandbox.path("remote.git");
    let (old, now) = (remote.with_extension("old"), remote.with_extension("now"));
    let copy = |from: &std::path::Path, to: &std::path::Path| {
        let mut command = project.sandbox.command("cp", project.sandbox.root());
        let done = command.arg("-a").arg(from).arg(to).status().unwrap();
        assert!(done.success());
    };
    copy(&remote, &old);
    project
        .hostout(&["withdraw", "0.1.0", "-m", "leaks", "--yes"])
        .exits(0);
    fs::rename(&remote, &now).unwrap();
    fs::rename(&old, &remote).unwrap();

    let config = host.sshd.config().display().to_string();
    let deploy = |seconds: u64, more: &[&str]| {
        let clock = (project.sandbox.clock() + seconds).to_string();
        let variables = [("HOSTOUT_SSH_CONFIG", &*config), ("HOSTOUT_CLOCK", &*clock)];
        let words = [&["deploy", "far", "--yes"], more].concat();
        project.sandbox.hostout_with(&two.other, &words, &variables)
    };
    let tip = project.sandbox.git(&remote, &["rev-parse", "hostout"]);
    // For so long it may go unnoticed; then it does not, whether something old is served or nothing at all.
    deploy(3600, &["--dry-run"]).exits(0);
    let late = || {
        deploy(3 * 3600, &[]).exits(11).says(&[
            "the newest entry that was heard of origin is 3 hours old",
            "the policy takes 2 hours for far: it may be an old ledger",
            &tip[..12],
        ]);
    };
    late();
    fs::rename(&remote, &old).unwrap();
    late();
    assert_eq!(host.live(), None);

    // What is true is heard of as soon as it is served.
    fs::rename(&now, &remote).unwrap();
    deploy(0, &[])
        .exits(11)
        .says(&["release 0.1.0 was withdrawn: Ada Example, 2026-01-02: leaks"]);

    // A host that was told is a second witness: it refuses by itself what an old ledger still allows.
    project.hostout(&["release", "0.2.0", "--yes"]).exits(0);
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    fs::rename(&remote, &now).unwrap();
    fs::rename(&old, &remote).unwrap();
    let third = project.sandbox.path("third");
    let from = remote.display().to_string();
    let words = ["clone", "--quiet", &from, &third.display().to_string()];
    project.sandbox.git(project.sandbox.root(), &words);
    let variables = [("HOSTOUT_SSH_CONFIG", &*config)];
    project
        .sandbox
        .hostout_with(&third, &["deploy", "far", "0.1.0", "--yes"], &variables)
        .exits(11)
        .says(&["web1: runs 0.2.0 by deployment"]);
    project
        .sandbox
        .hostout_with(
            &third,
            &["rollback", "far", "--to", "0.1.0", "--yes"],
            &variables,
        )
        .exits(11)
        .says(&["release 0.1.0 was withdrawn"]);
    assert_eq!(host.live().as_deref(), Some("0.2.0"));
    // The clone that has seen more is told outright.
    project
        .hostout(&["approve", "0.2.0", "--for", "far", "--yes"])
        .exits(11)
        .says(&["the ledger of origin was put back or replaced"]);
}
