//! A whole life on a host over ssh.

use crate::support::{Host, Project, free_port, page, remove_tree};

#[test]
fn a_whole_cycle() {
    let host = Host::released();
    host.hostout(&["check", "far"])
        .exits(0)
        .says(&["web1 is ready"]);
    assert!(!host.path.exists(), "a check leaves nothing");
    host.hostout(&["deploy", "far", "--yes"])
        .exits(0)
        .says(&["0.1.0 (tag v0.1.0) is live on far"]);
    assert!(host.project.page().contains("Hello, world!"));
    host.hostout(&["deploy", "far", "--yes"])
        .exits(0)
        .says(&["is live and healthy on far already"]);
    host.project.write("src/acme.greeting/CHANGES.rst", "");
    host.hostout(&["deploy", "far", "--yes"]).exits(0).says(&[
        "0.1.0 is live and healthy on far already.",
        "1 file differs from HEAD: what is not committed and released is not part of 0.1.0",
    ]);

    host.project.git(&["checkout", "--", "src"]);
    host.project.greet("Good day");
    host.hostout(&["release", "--yes"]).exits(0);
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    assert!(host.project.page().contains("Good day, world!"));
    host.hostout(&["rollback", "far", "--yes"]).exits(0);
    assert!(host.project.page().contains("Hello, world!"));
    assert_eq!(host.live().as_deref(), Some("0.1.0"));

    // Older than what is live: said in the plan, and `--yes` answers it.
    host.hostout(&["deploy", "far", "0.1.1", "--yes"]).exits(0);
    let plan = host.hostout(&["deploy", "far", "0.1.0", "--dry-run"]);
    plan.exits(0)
        .says(&["0.1.0 is older than 0.1.1, which is live on web1"]);
    host.hostout(&["deploy", "far", "0.1.0"]).exits(13);
    assert_eq!(host.live().as_deref(), Some("0.1.1"));

    // What the host lost is shipped again.
    host.project.sandbox.stop_all();
    remove_tree(&host.path);
    host.hostout(&["rollback", "far", "--yes"]).exits(0);
    assert!(host.project.page().contains("Hello, world!"));

    let stage = host.status();
    assert_eq!(stage["release"], "0.1.0", "{stage}");
    let seen = &stage["hosts"][0];
    assert_eq!(seen["host"], "web1", "{stage}");
    assert_eq!(seen["healthy"], true, "{stage}");
    assert_eq!(seen["drift"], serde_json::json!([]), "{stage}");
    assert!(seen["lock"].is_null(), "{stage}");
    let json = host.hostout(&["log", "far", "--json"]).exits(0).json();
    let kinds: Vec<_> = json["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| entry["kind"].as_str())
        .collect();
    assert_eq!(
        kinds,
        ["rollback", "deploy", "rollback", "deploy", "deploy"]
    );
}

#[test]
fn a_local_and_a_far_stage_side_by_side() {
    let project = Project::hello();
    let second = free_port();
    project.edit("staging.cfg", "8081", &second.to_string());
    let more = format!(
        "buildout = \"staging.cfg\"\nprotected = true\n\n[stage.far.health]\nhttp = \"http://127.0.0.1:{second}/\"\n"
    );
    let host = Host::of(project, &more).release();
    host.hostout(&["deploy", "far", "--yes"])
        .exits(13)
        .says(&["--confirm far"]);
    assert!(!host.path.exists());
    host.hostout(&["deploy", "far", "--confirm", "far"])
        .exits(0);
    host.hostout(&["deploy", "local", "--yes"]).exits(0);
    for port in [host.project.port, second] {
        assert!(page(port).unwrap().contains("Hello, world!"), "{port}");
    }
    assert_eq!(host.project.manifest("0.1.0").buildout.len(), 2);
    host.hostout(&["rollback", "--yes"])
        .exits(2)
        .says(&["far", "local"]);

    // One host away does not hide the other.
    host.sshd.configure("Port 1");
    let run = host.hostout(&["status", "--json"]).exits(0);
    let json = run.json();
    let reachable = |name: &str| {
        let stages = json["stages"].as_array().unwrap();
        let stage = stages.iter().find(|stage| stage["stage"] == name);
        stage.unwrap()["hosts"][0]["reachable"] == true
    };
    assert!(reachable("local") && !reachable("far"), "{json}");
    host.hostout(&["status", "--exit-code"]).exits(20).says(&[
        "unreachable",
        "healthy",
        "\n  web1: can't connect to 127.0.0.1:1: ",
    ]);
}

#[test]
fn an_unhealthy_release_is_put_back_kept_or_not_asked() {
    let host = Host::released();
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    let module = "src/acme.welcome/src/acme/welcome/__init__.py";
    host.project.edit(
        module,
        "from acme.greeting",
        "raise SystemExit('no words today')\nfrom acme.greeting",
    );
    host.project.commit("Break it");
    host.hostout(&["release", "--yes"]).exits(0);

    host.hostout(&["deploy", "far", "--yes"])
        .exits(22)
        .says(&["no words today", "0.1.0 is live again"]);
    assert!(host.project.page().contains("Hello, world!"));
    assert_eq!(host.newest()["result"], "reverted");

    let nothing = format!("http://127.0.0.1:{}/", free_port());
    let unhealthy = ["deploy", "far", "--yes", "--keep", "--health", &nothing];
    host.hostout(&unhealthy)
        .exits(2)
        .says(&["--health", "needs a reason", "-m"]);
    host.hostout(&[&unhealthy[..], &["-m", "look at it live"]].concat())
        .exits(25)
        .says(&["0.1.1 is live and not healthy", "git hostout rollback far"]);
    assert_eq!(host.live().as_deref(), Some("0.1.1"));
    host.hostout(&["rollback", "far", "--yes"]).exits(0);
    assert!(host.project.page().contains("Hello, world!"));

    // Processes only: the page may be anywhere.
    host.project
        .edit(module, "raise SystemExit('no words today')\n", "");
    host.project
        .edit("hostout.toml", "timeout = \"30s\"", "timeout = \"5s\"");
    let port = format!(":{}/", host.project.port);
    host.project.edit("hostout.toml", &port, ":9/");
    host.project.commit("Repair it, and look at the wrong port");
    host.hostout(&["release", "--yes"]).exits(0);
    host.hostout(&["deploy", "far", "--yes"]).exits(22);
    host.hostout(&[
        "deploy",
        "far",
        "--yes",
        "--health",
        "none",
        "-m",
        "wrong port",
    ])
    .exits(0);
    assert!(host.project.page().contains("Hello, world!"));
}
