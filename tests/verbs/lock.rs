//! Locks: who holds one, who waits, who is refused, what is left of those who are gone.

use crate::support::{Host, Project, Run, Running, Two};
use std::{env, fs, io::Write as _, process::Command};

/// A host on which nothing runs, with 0.1.0 live and 0.1.1 released; its preparation takes until `go` is there.
fn slow() -> Host {
    let host = Host::quiet();
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    let go = host.project.sandbox.path("go").display().to_string();
    let wait = format!("until [ -e {go} ]; do sleep 0.1; done");
    let hook = format!(
        "\n[hooks]\nmigrate = {{ argv = [\"sh\", \"-c\", \"{wait}\"], timeout = \"120s\" }}\n"
    );
    let text = host.project.read("hostout.toml") + &hook;
    host.project.write("hostout.toml", &text);
    host.project.commit("Migrate until it is said");
    host.hostout(&["release", "--yes"]).exits(0);
    host
}

fn go(host: &Host) {
    fs::write(host.project.sandbox.path("go"), "").unwrap();
}

/// A deployment of 0.1.1 that has switched and waits.
fn at_work(host: &Host) -> Running {
    let mut deploy = host.start(&["deploy", "far", "--yes", "-m", "spring"]);
    deploy.until("it is switched", || host.live().as_deref() == Some("0.1.1"));
    deploy
}

fn owner(host: &Host) -> serde_json::Value {
    let text = fs::read_to_string(host.path.join(".hostout/lock/owner")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Leaves the lock of a client at another machine that is gone for `seconds` longer than its lease.
fn left_by_another(host: &Host, seconds: f64) {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let up = fs::read_to_string("/proc/uptime").unwrap();
    let up: f64 = up.split(' ').next().unwrap().parse().unwrap();
    let owner = serde_json::json!({
        "token": "t", "by": "Ben Example <ben@example.org>", "from": "elsewhere", "machine": "m", "pid": 7,
        "plan": "Deploy single 0.1.1 to far", "since": "2026-01-01T00:00:00Z", "lease": 120.0, "step": "prepare",
        "boot": boot.trim(), "until": up - seconds,
    });
    let lock = host.path.join(".hostout/lock");
    fs::create_dir_all(&lock).unwrap();
    fs::write(lock.join("owner"), owner.to_string()).unwrap();
}

#[test]
fn everybody_sees_who_holds_it_and_what_for() {
    let host = slow();
    let deploy = at_work(&host);
    let words = [
        "Ada Example",
        "at step migrate",
        "Deploy single 0.1.1 to far",
    ];
    let stage = host.status();
    let lock = stage["hosts"][0]["lock"].as_str().unwrap();
    for word in words {
        assert!(lock.contains(word), "{stage}");
    }
    // What goes on has no end yet, and that is no fault.
    assert_eq!(stage["hosts"][0]["drift"], serde_json::json!([]));
    host.hostout(&["status", "far"]).exits(0).says(&words);
    for verb in ["deploy", "rollback"] {
        let run = host.hostout(&[verb, "far", "--yes"]).exits(12);
        run.says(&words).says(&["--wait", "Nothing was changed"]);
    }
    let unlock = ["unlock", "far", "--reason", "she is at lunch"];
    let run = host.hostout(&unlock).exits(12).says(&words);
    run.says(&[
        "longer while they go on",
        "wait for them, as deploy and rollback do with --wait",
    ]);
    host.hostout(&["deploy", "far", "--yes", "--wait=1s"])
        .exits(12)
        .says(&["Waiting: web1 is locked by Ada Example"]);
    // A clock that was set does not end it.
    assert!(owner(&host)["until"].as_f64().unwrap() < 1e9);

    let mut waiting = host.start_in(
        &host.project.directory,
        &["rollback", "far", "--to", "0.1.0", "--yes", "--wait"],
    );
    waiting.until_it_says("Waiting: ");
    go(&host);
    deploy.end().exits(0);
    waiting.end().exits(0).says(&["0.1.0 (tag v0.1.0) is live"]);
    assert_eq!(host.live().as_deref(), Some("0.1.0"));
    assert!(host.status()["hosts"][0]["lock"].is_null());
}

#[test]
fn a_lock_that_somebody_left_ends_by_itself_or_by_unlock() {
    let host = Host::quiet();
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    host.project.commit_empty("Again");
    host.hostout(&["release", "0.1.1", "--yes"]).exits(0);
    let unlock = ["unlock", "far", "-m", "his laptop is lost"];

    left_by_another(&host, -60.0);
    host.hostout(&["deploy", "far", "--yes"])
        .exits(12)
        .says(&["Ben Example", "elsewhere"]);
    host.hostout(&unlock)
        .exits(12)
        .says(&["Ben Example", "s more"]);
    host.hostout(&["unlock", "far"])
        .exits(2)
        .says(&["--reason"]);

    left_by_another(&host, 1.0);
    host.hostout(&["status", "far"])
        .exits(0)
        .says(&["what is left of Ben Example", "at step prepare"]);
    host.hostout(&["unlock", "far", "-m", "look", "--dry-run"])
        .exits(0)
        .says(&["Ben Example"]);
    assert!(host.path.join(".hostout/lock").exists());
    host.hostout(&unlock).exits(0).says(&[
        "Ben Example",
        "elsewhere",
        "since 2026",
        "at step prepare",
        "far is unlocked.",
    ]);
    let told = fs::read_to_string(host.path.join(".hostout/unlocked")).unwrap();
    assert!(
        told.contains("his laptop is lost") && told.contains("Ada Example"),
        "{told}"
    );
    host.hostout(&unlock)
        .exits(0)
        .says(&["Nobody holds a lock"]);

    left_by_another(&host, 1.0);
    host.hostout(&["deploy", "far", "--yes"])
        .exits(0)
        .says(&["took over the lock of Ben Example"]);
    assert_eq!(host.live().as_deref(), Some("0.1.1"));
    assert!(host.status()["hosts"][0]["lock"].is_null());
}

/// The host that has the release needs no deployment by which a lock there would be taken over.
#[test]
fn a_lock_that_somebody_left_where_all_is_live_is_ended_by_deploy_and_by_resume() {
    let host = Host::quiet();
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    let left = "what is left of Ben Example";
    for verb in [&["deploy", "far", "--yes"][..], &["resume", "far"]] {
        left_by_another(&host, 1.0);
        host.hostout(verb).exits(0).says(&[left]);
        assert!(!host.path.join(".hostout/lock").exists(), "{verb:?}");
    }
    host.hostout(&["resume", "far"])
        .exits(0)
        .says(&["There is nothing to resume."]);
    left_by_another(&host, -60.0);
    host.hostout(&["resume", "far"])
        .exits(0)
        .says(&["There is nothing to resume."]);
    assert!(host.path.join(".hostout/lock").exists());
}

#[test]
fn unlock_writes_down_how_a_deployment_ended_that_was_left() {
    let host = slow();
    let mut deploy = at_work(&host);
    deploy.signal("KILL");
    deploy.end();
    host.hostout(&["unlock", "far", "-m", "she went home"])
        .exits(12)
        .says(&["until deployment ", ", which goes on there, ends"])
        .says(&["git hostout unlock far --reason"]);
    go(&host);
    // Its job ends by itself, and gives the lock back.
    let free = || !host.path.join(".hostout/lock").exists();
    let start = std::time::Instant::now();
    while !free() && start.elapsed().as_secs() < 60 {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    host.hostout(&["unlock", "far", "-m", "she went home"])
        .exits(0)
        .says(&[": look how deployment ", "healthy"]);
    assert_eq!(host.newest()["result"], "healthy");
    let message = host.project.git(&["log", "-1", "--format=%B", "hostout"]);
    assert!(message.contains("she went home"), "{message}");
}

#[test]
fn a_job_that_goes_on_without_its_client_is_waited_for_as_long_as_asked() {
    let host = slow();
    let mut deploy = at_work(&host);
    deploy.signal("KILL");
    deploy.end();
    for verb in [["deploy", "far"], ["rollback", "far"]] {
        let begin = std::time::Instant::now();
        let wait = [&verb[..], &["--yes", "--wait=3s"]].concat();
        host.hostout(&wait).exits(12).says(&[
            "Waiting: web1 is locked by Ada Example",
            "until deployment ",
            ", which goes on there, ends",
        ]);
        assert!(begin.elapsed().as_secs() < 60);
    }
    // Without --wait it is followed to its end, as `resume` does, and that is said.
    let mut follows = host.start(&["deploy", "far", "--yes"]);
    follows.until_it_says("goes on there without its client: waiting for its end");
    go(&host);
    follows.end().exits(0).says(&["ended: healthy"]);
    assert_eq!(host.newest()["result"], "healthy");
}

#[test]
fn unlock_says_what_was_cut_off_and_is_not_put_right_by_it() {
    let host = slow();
    let mut deploy = at_work(&host);
    deploy.signal("KILL");
    deploy.end();
    let job = format!("path {} serve", host.path.display());
    let killed = Command::new("pkill").args(["-KILL", "-f", &job]).status();
    assert!(killed.unwrap().success());
    let told = [
        "was cut off, and is not put right by this",
        "Next: git hostout resume far",
    ];
    for words in ["far is unlocked.", "Nobody holds a lock on far."] {
        host.hostout(&["unlock", "far", "-m", "all of it is gone"])
            .exits(0)
            .says(&told)
            .says(&[words]);
    }
}

/// A client that is told to end while it holds the lock; `meanwhile` happens to its connection.
fn cancelled(meanwhile: impl Fn(&Host)) {
    let host = slow();
    let lock = host.path.join(".hostout/lock/owner");
    let mut deploy = host.start(&["deploy", "far", "--yes"]);
    deploy
        .until("the lock is taken", || lock.exists())
        .signal("TERM");
    meanwhile(&host);
    // In time before the switch, or after it: then the job is waited for.
    go(&host);
    let run = deploy.end();
    let stage = host.status();
    assert!(
        stage["hosts"][0]["lock"].is_null(),
        "{stage}\n{}",
        run.stderr
    );
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    assert_eq!(host.live().as_deref(), Some("0.1.1"));
}

#[test]
fn a_cancelled_client_leaves_nothing() {
    cancelled(|_| ());
}

#[test]
fn a_cancelled_client_that_is_cut_off_leaves_nothing() {
    cancelled(|host| host.sshd.signal_sessions("KILL"));
}

/// How often two deploy at once; `HOSTOUT_TEST_RACES=100` for more.
fn rounds() -> usize {
    let wanted = env::var("HOSTOUT_TEST_RACES").ok();
    wanted.map_or(6, |text| text.parse().unwrap())
}

/// Jobs that did not end before another one began, by what their first and last hooks wrote.
fn overlaps(host: &Host) -> Vec<String> {
    let text = fs::read_to_string(host.project.sandbox.path("order")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let pairs = lines.chunks(2);
    pairs
        .filter(|pair| {
            let [begin, end] = pair else { return true };
            begin.strip_prefix("begin ") != end.strip_prefix("end ")
        })
        .map(|pair| pair.join(", "))
        .collect()
}

#[test]
fn of_two_at_once_one_waits_its_turn_or_goes() {
    let host = Host::of(Project::single(), "").only();
    let order = host.project.sandbox.path("order").display().to_string();
    let hook = |word: &str, name: &str| {
        let script = format!("sleep 0.1; echo {word} $HOSTOUT_ID >> {order}");
        format!("{name} = {{ argv = [\"sh\", \"-c\", \"{script}\"], timeout = \"60s\" }}\n")
    };
    let hooks = hook("begin", "before-stop") + &hook("end", "after-healthy");
    let text = host.project.read("hostout.toml") + "\n[hooks]\n" + &hooks;
    host.project.write("hostout.toml", &text);
    let two = Two::of(host);
    let host = &two.host;
    host.project.commit_empty("Again");
    host.hostout(&["release", "0.1.1", "--yes"]).exits(0);
    for version in ["0.1.1", "0.1.0"] {
        host.hostout(&["deploy", "far", version, "--yes"]).exits(0);
    }
    // The second clone hears of the release.
    two.there(&["resume"]).exits(0);
    two.there(&["deploy", "far", "0.1.1", "--yes"]).exits(0);

    let (mut done, mut refused) = (0, 0);
    for round in 0..rounds() {
        let version = ["0.1.0", "0.1.1"][round % 2];
        let words = ["deploy", "far", version, "--yes"];
        let first = host.start(&words);
        let second = host.start_in(&two.other, &words);
        let runs = [first.end(), second.end()];
        let [one, other] = &runs;
        for run in &runs {
            match run.code() {
                Some(0) => done += 1,
                Some(12) => refused += 1,
                _ => panic!("round {round}: {one}{other}"),
            }
        }
        assert!(
            runs.iter().any(Run::succeeded),
            "round {round}: {one}{other}"
        );
        assert_eq!(host.live().as_deref(), Some(version), "round {round}");
    }
    assert_eq!(overlaps(host), Vec::<String>::new());
    let stage = host.status();
    assert!(stage["hosts"][0]["lock"].is_null(), "{stage}");
    // Not captured: the number of rounds is always shown.
    let told = format!(
        "{} rounds: {done} exited with 0, {refused} with 12, none overlapped\n",
        rounds()
    );
    std::io::stderr().write_all(told.as_bytes()).unwrap();
}
