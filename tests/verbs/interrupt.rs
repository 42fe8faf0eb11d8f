//! Ctrl-C, kill and lost connections: what is live is whole, and the next command goes on.

use crate::support::{Host, Project, Running};
use std::{fs, os::unix::fs::PermissionsExt as _, process::Command, thread, time::Duration};

/// A host with 0.1.0 live and 0.1.1 released.
fn with_a_second_release() -> Host {
    let host = Host::released();
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    host.project.greet("Good day");
    host.hostout(&["release", "--yes"]).exits(0);
    host
}

/// Makes the next switch take some seconds: the old site refuses to end for a while.
fn slow_switch(host: &Host, seconds: u32) {
    let hook = format!(
        "\n[hooks]\nmigrate = {{ argv = [\"sleep\", \"{seconds}\"], timeout = \"60s\" }}\n"
    );
    let text = host.project.read("hostout.toml") + &hook;
    host.project.write("hostout.toml", &text);
    host.project.commit("Migrate slowly");
    host.hostout(&["release", "--yes"]).exits(0);
}

fn no_lock_is_left(host: &Host) {
    let stage = host.status();
    assert!(stage["hosts"][0]["lock"].is_null(), "{stage}");
}

fn deploying(host: &Host) -> Running {
    host.start(&["deploy", "far", "--yes"])
}

#[test]
fn a_release_that_is_interrupted_leaves_nothing() {
    let host = Host::of(crate::support::Project::single(), "");
    host.project.commit("Deploy to a host");
    host.hostout(&["init"]).exits(0);
    let before = host.project.git(&["for-each-ref"]);
    let mut release = host.start(&["release", "--yes"]);
    thread::sleep(Duration::from_millis(1500));
    release.signal("INT");
    let ended = release.end();
    assert!(ended.interrupted(), "{ended}");
    assert_eq!(host.project.git(&["for-each-ref"]), before);
    host.hostout(&["resume"]).exits(0);
    host.hostout(&["release", "--yes"]).exits(0);
    assert_eq!(host.project.git(&["tag"]), "v0.1.0");
}

#[test]
fn a_deployment_that_is_interrupted_before_the_switch_leaves_the_old_release() {
    let host = with_a_second_release();
    let tip = host.project.git(&["rev-parse", "hostout"]);
    for word in ["upload", "prepare"] {
        let mut deploy = deploying(&host);
        deploy.until_it_says(&format!("web1: {word}")).signal("INT");
        deploy.end().exits(130).says(&[
            "what was live is live",
            // It may be another one's that HEAD has by then.
            "Next: git hostout deploy far 0.1.1\n",
        ]);
        assert_eq!(host.live().as_deref(), Some("0.1.0"), "{word}");
        no_lock_is_left(&host);
    }
    assert_eq!(host.project.git(&["rev-parse", "hostout"]), tip);
    assert!(host.project.page().contains("Hello, world!"));
    let mut some = host.start(&["deploy", "far", "--hosts", "w*", "--yes"]);
    some.until_it_says("web1: prepare").signal("INT");
    some.end()
        .exits(130)
        .says(&["Next: git hostout deploy far 0.1.1 --hosts 'w*'\n"]);
    host.hostout(&["resume", "far"]).exits(0).says(&["nothing"]);
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    assert!(host.project.page().contains("Good day, world!"));
}

/// It answers, and gives signs of life: nothing but a person ends that.
#[test]
fn a_remote_that_never_comes_to_an_end_is_left_by_the_second_ctrl_c() {
    let project = Project::released_single();
    let sandbox = &project.sandbox;
    let remote = sandbox.path("remote.git");
    let address = remote.display().to_string();
    sandbox.git(sandbox.root(), &["init", "--bare", "--quiet", &address]);
    project.git(&["remote", "add", "origin", &address]);
    let begun = sandbox.path("begun");
    let hook = remote.join("hooks/pre-receive");
    let script = format!("#!/bin/sh\n: > {}\nexec sleep 600\n", begun.display());
    fs::write(&hook, script).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let words = ["deploy", "local", "--yes"];
    let nowhere = sandbox.path("nowhere");
    let mut deploy = Running::with_hosts(sandbox, &project.directory, &nowhere, &words);
    deploy
        .until("it is pushed", || begun.exists())
        .signal("INT");
    thread::sleep(Duration::from_millis(700));
    deploy.signal("INT");
    deploy.end().exits(130).says(&[
        "origin does not answer: interrupted; `git hostout resume` pushes the ledger later",
        "No host of local was switched",
    ]);
    assert_eq!(project.live(), None);
    fs::remove_file(&hook).unwrap();
    project.hostout(&words).exits(0);
}

#[test]
fn a_client_that_is_killed_holds_up_nobody() {
    let host = with_a_second_release();
    let lock = host.path.join(".hostout/lock/owner");
    let mut deploy = deploying(&host);
    deploy
        .until("the lock is taken", || lock.exists())
        .signal("KILL");
    deploy.end();
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    assert!(host.project.page().contains("Good day, world!"));
    no_lock_is_left(&host);
}

#[test]
fn a_switch_goes_on_to_its_end_with_us_or_without_us() {
    let host = with_a_second_release();
    slow_switch(&host, 4);
    let switched = || host.live().as_deref() == Some("0.1.2");
    let mut deploy = deploying(&host);
    deploy.until("it is switched", switched).signal("INT");
    deploy
        .end()
        .exits(0)
        .says(&["goes on by itself", "0.1.2 (tag v0.1.2) is live on far"]);
    assert_eq!(host.newest()["result"], "healthy");

    host.project.greet("Good night");
    host.hostout(&["release", "--yes"]).exits(0);
    let mut deploy = deploying(&host);
    deploy
        .until("it is switched", || host.live().as_deref() == Some("0.1.3"))
        .signal("INT");
    deploy.until_it_says("goes on by itself");
    thread::sleep(Duration::from_millis(700));
    deploy.signal("INT");
    deploy.end().exits(130).says(&[
        "the job on web1 goes on by itself",
        "git hostout resume far",
    ]);
    host.hostout(&["resume", "far"]).exits(0).says(&["healthy"]);
    assert_eq!(host.newest()["result"], "healthy");
    assert!(host.project.page().contains("Good night, world!"));
    assert_eq!(host.status()["hosts"][0]["drift"], serde_json::json!([]));
    no_lock_is_left(&host);
}

#[test]
fn a_connection_that_is_lost_is_made_again() {
    let host = with_a_second_release();
    slow_switch(&host, 4);
    let mut deploy = deploying(&host);
    deploy.until("it is switched", || host.live().as_deref() == Some("0.1.2"));
    host.sshd.signal_sessions("KILL");
    deploy.end().exits(0).says(&[
        "web1: the connection was lost; what was begun there goes on by itself. Connecting again",
        "web1: connected again",
        "is live on far",
    ]);
    assert_eq!(host.newest()["result"], "healthy");
    assert_eq!(host.status()["hosts"][0]["drift"], serde_json::json!([]));
    no_lock_is_left(&host);

    // One that lets in and answers nothing is no host on which nothing was changed.
    host.project.greet("Good night");
    host.hostout(&["release", "--yes"]).exits(0);
    let mut deploy = deploying(&host);
    deploy.until("it is switched", || host.live().as_deref() == Some("0.1.3"));
    let config = host.sshd.path("sshd_config");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("MaxSessions 0\n{text}")).unwrap();
    host.sshd.signal_listener("HUP");
    host.sshd.signal_sessions("KILL");
    deploy
        .end()
        .exits(24)
        .says(&["web1: connected again", "cannot be told"]);
    fs::write(&config, text).unwrap();
    host.sshd.signal_listener("HUP");
    // A remote that does not answer holds nothing up.
    host.project.git(&["remote", "add", "origin", "nowhere"]);
    let mut resume = host.hostout(&["resume"]);
    while host.newest()["result"] != "healthy" {
        thread::sleep(Duration::from_millis(500));
        resume = host.hostout(&["resume"]);
    }
    resume
        .exits(20)
        .says(&["ended: healthy", "origin cannot be reached"]);

    // One that dies while nobody speaks is made again, too.
    let sandbox = &host.project.sandbox;
    let [remote, held] = ["remote.git", "held"].map(|name| sandbox.path(name));
    let address = remote.display().to_string();
    sandbox.git(sandbox.root(), &["init", "--bare", "--quiet", &address]);
    host.project.git(&["remote", "set-url", "origin", &address]);
    host.hostout(&["resume"]).exits(0);
    let hook = remote.join("hooks/pre-receive");
    let script = format!("#!/bin/sh\ntouch {}\nsleep 3\n", held.display());
    fs::write(&hook, script).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let mut back = host.start(&["rollback", "far", "--to", "0.1.0", "--yes"]);
    back.until("its start is pushed", || held.exists());
    host.sshd.signal_sessions("KILL");
    back.end()
        .exits(0)
        .says(&["web1: connected again", "0.1.0 (tag v0.1.0) is live on far"]);
}

#[test]
fn a_connection_that_is_lost_in_a_switch_loses_nothing() {
    let host = with_a_second_release();
    slow_switch(&host, 3);
    let mut deploy = deploying(&host);
    deploy.until("it is switched", || host.live().as_deref() == Some("0.1.2"));
    // Nobody is let in for so long that the client gives up.
    host.sshd.signal_listener("STOP");
    host.sshd.signal_sessions("KILL");
    deploy.end().exits(24).says(&[
        "git hostout status far",
        "cannot be told",
        "Connecting again",
    ]);
    host.sshd.signal_listener("CONT");
    let stage = host.status();
    let drift = stage["hosts"][0]["drift"].to_string();
    assert!(drift.contains("has no end in the ledger"), "{stage}");

    // The next one waits for the job, writes its end, and goes on.
    host.hostout(&["deploy", "far", "--yes"])
        .exits(0)
        .says(&["ended: healthy", "is live and healthy on far already"]);
    assert!(host.project.page().contains("Good day, world!"));
    assert_eq!(host.status()["hosts"][0]["drift"], serde_json::json!([]));
    assert_eq!(host.newest()["result"], "healthy");
    host.hostout(&["rollback", "far", "--yes"]).exits(0);
    assert!(host.project.page().contains("Hello, world!"));
}

/// Each hook waits while `hold` names it, and says so.
const HOOKS: &str = r"
[hooks]
before-stop = ['sh', '-c', 'SCRIPT']
migrate = ['sh', '-c', 'SCRIPT']
after-start = ['sh', '-c', 'SCRIPT']
";

#[test]
fn a_job_that_dies_is_put_right_by_its_own_client() {
    let host = Host::quiet();
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    let [hold, held] = ["hold", "held"].map(|name| host.project.sandbox.path(name));
    fs::write(&hold, "").unwrap();
    let script = format!(
        "test \"$HOSTOUT_HOOK\" != \"$(cat {})\" || {{ touch {}; sleep 60; }}",
        hold.display(),
        held.display()
    );
    let release = |version: &str, hooks: &str| {
        let text = host.project.read("hostout.toml");
        let before = text
            .split_once("\n[hooks]")
            .map_or(&*text, |(before, _)| before);
        host.project
            .write("hostout.toml", &format!("{before}{hooks}"));
        host.project.commit("Hooks");
        host.hostout(&["release", version, "--yes"]).exits(0);
    };
    let hooks = HOOKS.replace("SCRIPT", &script);
    release("0.1.1", &hooks.replace("migrate", "# migrate"));
    release("0.1.2", &hooks);
    // Both the job and whoever follows it there, or the job alone.
    let everyone = ["-KILL", "-f"].as_slice();
    let newest = ["-KILL", "-n", "-f"].as_slice();
    let agent = format!("path {} serve", host.path.display());
    let kill = |whom: &[&str]| {
        let killed = Command::new("pkill").args(whom).arg(&agent).status();
        assert!(killed.unwrap().success());
    };
    // Nobody saw it die: rolling back undoes it, and goes no further.
    fs::write(&hold, "after-start").unwrap();
    let mut deploy = host.start(&["deploy", "far", "0.1.1", "--yes"]);
    deploy.until("after-start", || held.exists()).signal("KILL");
    deploy.end();
    kill(everyone);
    fs::remove_file(&held).unwrap();
    let words = "far runs 0.1.0 again, as before the deployment that was cut off.";
    let rollback = ["rollback", "far", "--yes"];
    host.hostout(&rollback).exits(0).says(&[words]);
    assert_eq!(host.live().as_deref(), Some("0.1.0"));
    assert_eq!(host.newest()["result"], "reverted");
    no_lock_is_left(&host);
    host.hostout(&rollback)
        .exits(11)
        .says(&["no earlier healthy release"]);

    for (version, hook, whom, code, live) in [
        ("0.1.1", "before-stop", everyone, 21, "0.1.0"),
        ("0.1.1", "after-start", newest, 22, "0.1.0"),
        ("0.1.1", "after-start", everyone, 22, "0.1.0"),
        // Nothing tells how migrated data is put back.
        ("0.1.2", "migrate", newest, 23, "0.1.2"),
    ] {
        fs::write(&hold, hook).unwrap();
        let mut deploy = host.start(&["deploy", "far", version, "--yes"]);
        deploy.until(hook, || held.exists());
        kill(whom);
        deploy
            .end()
            .exits(code)
            .says(&["it is put right", &format!("cut off at {hook}")]);
        assert_eq!(host.live().as_deref(), Some(live), "{hook}");
        no_lock_is_left(&host);
        fs::remove_file(&held).unwrap();
    }
    host.hostout(&["resume", "far"]).exits(0).says(&["nothing"]);
}
