//! Stages of several hosts: all at once or batch by batch, and what a host that fails means for the others.

use super::{
    cases,
    site::{PATH, Site},
};
use crate::{
    lab::{Lab, wait_for},
    support::{Backend, Balancer, Visitors, free_port},
};

cases![
    hosts_go_forward_and_back_together,
    a_host_that_cannot_go_back_with_the_others_is_down,
    a_first_release_stays_where_it_is_well,
    one_that_is_kept_though_a_host_is_not_healthy_is_whole,
    a_rolling_deployment_that_halts_is_resumed,
    one_whose_client_is_killed_between_two_hosts_is_resumed,
    a_rollback_of_what_was_cut_off_on_some_hosts_takes_the_others_back,
    a_rollback_of_what_was_cut_off_on_all_hosts_goes_no_further,
    a_rollback_goes_from_the_newest_release_that_a_host_runs,
    a_host_that_is_away_stays_behind,
    no_request_is_lost_over_two_hosts,
];

/// Fails after the start of a release on every host with this file.
const BROKEN: &str = "/home/deploy/broken";

/// Three hosts and 0.1.0, deployed to none; `rollout` are lines of the stage's table.
fn released(rollout: &str) -> Site {
    let hook = format!(
        "{rollout}\n[stage.far.hooks]\nafter-start = [\"sh\", \"-c\", \"test ! -e {BROKEN}\"]\n"
    );
    Site::released_to(Lab::start(3), &["web1", "web2", "web3"], &hook)
}

/// Three hosts with 0.1.0 live and 0.1.1 released.
fn fleet(rollout: &str) -> Site {
    let site = released(rollout);
    site.hostout(&["deploy", "far", "--yes"]).exits(0);
    assert_eq!(lives(&site), ["0.1.0"; 3]);
    site.project.greet("Good day");
    site.hostout(&["release", "--yes"]).exits(0);
    site
}

fn lives(site: &Site) -> Vec<String> {
    (0..3).map(|index| site.live_on(index)).collect()
}

/// Every host answers with what is live on it, and no lock is left.
fn whole(site: &Site) {
    for (index, live) in lives(site).iter().enumerate() {
        let page = site.lab.host(index).page(site.project.port).unwrap();
        let greeting = if live == "0.1.0" { "Hello" } else { "Good day" };
        assert!(page.contains(greeting), "{live}: {page}");
        let lock = format!("{PATH}/.hostout/lock");
        site.lab.host(index).run(&["test", "!", "-e", &lock]);
    }
}

fn hosts_go_forward_and_back_together() {
    let site = fleet("");
    site.lab.host(1).run(&["touch", BROKEN]);
    site.hostout(&["deploy", "far", "--yes"]).exits(22).says(&[
        "3 hosts at the same time",
        "a host that fails goes back, and all others with it",
        "web1: go back to 0.1.0",
        "On web2, 0.1.0 is live again; on web1, 0.1.0 is live again; on web3, 0.1.0 is live again",
    ]);
    assert_eq!(lives(&site), ["0.1.0"; 3]);
    whole(&site);

    site.lab.host(1).run(&["rm", BROKEN]);
    site.hostout(&["deploy", "far", "--yes"]).exits(0);
    assert_eq!(lives(&site), ["0.1.1"; 3]);
    whole(&site);
    site.hostout(&["status", "far", "--exit-code"]).exits(0);
    site.hostout(&["rollback", "far", "--yes"]).exits(0);
    assert_eq!(lives(&site), ["0.1.0"; 3]);
}

fn a_host_that_cannot_go_back_with_the_others_is_down() {
    let site = fleet("");
    site.lab.host(1).run(&["touch", BROKEN]);
    let supervisord = format!("{PATH}/releases/0.1.0/bin/supervisord");
    let edit = |words: &str| site.lab.host(0).run(&["sed", "-i", words, &supervisord]);
    edit("2i raise SystemExit('it does not start')");
    site.hostout(&["deploy", "far", "--yes"]).exits(23).says(&[
        "web1: another host could not follow; putting back 0.1.0 failed too",
        "| it does not start",
        "web2: ",
        "On web1, 0.1.0 is live, or its services are down; on web2, 0.1.0 is live again; on web3, 0.1.0 is live again",
        "Next: git hostout deploy far 0.1.0",
    ]);
    let log = site.hostout(&["log", "far", "--json"]).exits(0).json();
    assert_eq!(log["entries"][0]["result"], "failed");
    edit("2d");
    site.hostout(&["deploy", "far", "0.1.0", "--yes"])
        .exits(0)
        .says(&["live and healthy already on web2, web3"]);
    assert_eq!(lives(&site), ["0.1.0"; 3]);
    whole(&site);
}

fn a_first_release_stays_where_it_is_well() {
    let site = released("");
    site.lab.host(1).run(&["touch", BROKEN]);
    site.hostout(&["deploy", "far", "--yes"]).exits(23).says(&[
        "web1: nothing else was live before, so that 0.1.0 stays",
        "web3: nothing else was live before, so that 0.1.0 stays",
    ]);
    assert_eq!([site.live_on(0), site.live_on(2)], ["0.1.0"; 2]);
    site.lab.host(1).run(&["rm", BROKEN]);
    site.hostout(&["deploy", "far", "--yes"]).exits(0);
    assert_eq!(lives(&site), ["0.1.0"; 3]);
    whole(&site);
}

fn one_that_is_kept_though_a_host_is_not_healthy_is_whole() {
    let site = fleet(
        "strategy = \"rolling\"\non-failure = \"halt\"\n\n[stage.far.health]\n\
         command = [\"test\", \"!\", \"-e\", \"/home/deploy/ill\"]\ntimeout = \"3s\"\n",
    );
    site.lab.host(1).run(&["touch", "/home/deploy/ill"]);
    let keep = [
        "deploy",
        "far",
        "--keep",
        "-m",
        "the page is wrong",
        "--yes",
    ];
    site.hostout(&keep).exits(25).says(&[
        "On web2, 0.1.1 is live and not healthy, as --keep asked; on web1, 0.1.1 is live; on web3, 0.1.1 is live",
        "Next: git hostout rollback far",
    ]);
    assert_eq!(lives(&site), ["0.1.1"; 3]);
    whole(&site);
    site.hostout(&["resume", "far"])
        .exits(0)
        .says(&["There is nothing to resume."]);
    let newest = || site.hostout(&["log", "far", "--json"]).exits(0).json()["entries"][0].clone();
    assert_eq!(newest()["result"], "failed");

    // Found well again it is one to go back to.
    site.lab.host(1).run(&["rm", "/home/deploy/ill"]);
    site.hostout(&["deploy", "far", "--yes"])
        .exits(0)
        .says(&["is healthy now"]);
    assert_eq!(newest()["result"], "healthy");
    assert_eq!(newest()["reason"], "the page is wrong");
    site.hostout(&["deploy", "far", "--yes"])
        .exits(0)
        .says(&["live and healthy on far already"]);
    site.project.commit_empty("Again");
    site.hostout(&["release", "0.1.2", "--yes"]).exits(0);
    site.hostout(&["deploy", "far", "--yes"]).exits(0);
    site.hostout(&["rollback", "far", "--yes"]).exits(0);
    assert_eq!(lives(&site), ["0.1.1"; 3]);
}

fn a_rolling_deployment_that_halts_is_resumed() {
    let site = fleet("strategy = \"rolling\"\npause = \"1s\"\non-failure = \"halt\"\n");
    site.lab.host(1).run(&["touch", BROKEN]);
    site.hostout(&["deploy", "far", "--yes"]).exits(23).says(&[
        "rolling: 1, then 1, then 1 hosts",
        "here: wait 1 s",
        "On web2, 0.1.0 is live again; on web1, 0.1.1 is live; on web3, 0.1.0 is live, untouched",
        "git hostout resume far",
    ]);
    let log = site.hostout(&["log", "far", "--json"]).exits(0).json();
    assert_eq!(log["entries"][0]["result"], "failed");
    site.hostout(&["status", "far", "--exit-code"]).exits(0);
    assert_eq!(lives(&site), ["0.1.1", "0.1.0", "0.1.0"]);
    whole(&site);

    // What goes on is a deployment of its own.
    let halt = "on-failure = \"halt\"\n";
    site.project
        .edit("hostout.toml", halt, &format!("{halt}protected = true\n"));
    for words in [&["--no-input"][..], &["--yes", "--no-input"]] {
        site.hostout(&[&["resume", "far"], words].concat())
            .exits(13)
            .says(&["--confirm far"]);
    }
    assert_eq!(lives(&site), ["0.1.1", "0.1.0", "0.1.0"]);
    let resume = ["resume", "far", "--confirm", "far", "-m", "once more"];
    site.hostout(&resume).exits(23).says(&[
        "live and healthy already on web1",
        "On web2, 0.1.0 is live again; on web3, 0.1.0 is live, untouched; on web1, 0.1.1 is live",
        "git hostout resume far",
    ]);
    let log = site.hostout(&["log", "far", "--json"]).exits(0).json();
    assert_eq!(log["entries"][0]["reason"], "once more");

    site.lab.host(1).run(&["rm", BROKEN]);
    site.hostout(&resume)
        .exits(0)
        .says(&["live and healthy already on web1"]);
    assert_eq!(lives(&site), ["0.1.1"; 3]);
    whole(&site);
    site.hostout(&["resume", "far"]).exits(0).says(&["nothing"]);

    // Nobody asked for the third one.
    site.lab.host(1).run(&["touch", BROKEN]);
    site.project.commit("Protect the stage");
    site.hostout(&["release", "0.1.2", "--yes"]).exits(0);
    let some = ["deploy", "far", "--hosts", "web[12]", "--confirm", "far"];
    site.hostout(&some)
        .exits(23)
        .says(&["git hostout resume far"]);
    assert_eq!(lives(&site), ["0.1.2", "0.1.1", "0.1.1"]);
    site.lab.host(1).run(&["rm", BROKEN]);
    site.hostout(&resume)
        .exits(0)
        .says(&["is live on web1, web2 of far"]);
    assert_eq!(lives(&site), ["0.1.2", "0.1.2", "0.1.1"]);
    whole(&site);
}

fn one_whose_client_is_killed_between_two_hosts_is_resumed() {
    let site = fleet("strategy = \"rolling\"\npause = \"8s\"\n");
    let mut deploy = site.start(&["deploy", "far", "--yes"]);
    deploy.until_it_says("here: wait 8 s");
    // What goes on has no end yet, and is no fault anywhere.
    let status = site.hostout(&["status", "far", "--exit-code", "--json"]);
    let status = status.exits(0).json()["stages"][0]["hosts"].clone();
    let seen = |host: usize| {
        (
            status[host]["release"].clone(),
            status[host]["drift"].clone(),
        )
    };
    for (host, release) in ["0.1.1", "0.1.0", "0.1.0"].into_iter().enumerate() {
        assert_eq!(
            seen(host),
            (release.into(), serde_json::json!([])),
            "{status}"
        );
    }
    deploy.signal("KILL");
    deploy.end();
    site.hostout(&["status", "far"])
        .exits(0)
        .says(&["has no end in the ledger"]);
    // As another machine finds it when the leases are over.
    let owner = format!("{PATH}/.hostout/lock/owner");
    let over = "s/\"machine\": \"[^\"]*\"/\"machine\": \"m\"/; s/\"until\": [0-9.]*/\"until\": 0/";
    let script = format!("test ! -e {owner} || sed -i '{over}' {owner}");
    site.lab.host(0).run(&["test", "-e", &owner]);
    for index in 0..3 {
        site.lab.host(index).run(&["sh", "-c", &script]);
    }
    assert_eq!(lives(&site), ["0.1.1", "0.1.0", "0.1.0"]);
    let then =
        "then: 0.1.1 goes to web2, web3; that is planned, and asked about, when this is done";
    site.hostout(&["resume", "far", "--dry-run"])
        .exits(0)
        .says(&[then]);
    site.hostout(&["resume", "far", "--no-input"])
        .exits(13)
        .says(&[then, "Deploy hello 0.1.1 to far", "--yes"])
        .says(&["what is left of"]);
    assert_eq!(lives(&site), ["0.1.1", "0.1.0", "0.1.0"]);
    site.hostout(&["resume", "far", "--yes"]).exits(0);
    assert_eq!(lives(&site), ["0.1.1"; 3]);
    whole(&site);
}

/// A start waits for good on every host with this file.
const WAIT: &str = "/srv/hello/shared/wait";

/// Three hosts, on which the switch from 0.1.1 to 0.1.2 was cut off where `cut_off` says, and came to its end elsewhere.
fn cut_off(hosts: &[usize]) -> Site {
    let hook = format!(
        "[stage.far.hooks]\nafter-start = [\"sh\", \"-c\", \"test ! -e {WAIT} || {{ touch {WAIT}s; sleep 3600; }}\"]\n"
    );
    let site = Site::released_to(Lab::start(3), &["web1", "web2", "web3"], &hook);
    site.hostout(&["deploy", "far", "--yes"]).exits(0);
    site.project.greet("Good day");
    for _ in 0..2 {
        site.hostout(&["release", "--yes", "--bump", "patch"])
            .exits(0);
    }
    site.hostout(&["deploy", "far", "0.1.1", "--yes"]).exits(0);
    for &index in hosts {
        site.lab.host(index).run(&["touch", WAIT]);
    }
    let mut deploy = site.start(&["deploy", "far", "0.1.2", "--yes"]);
    let is_there = |index: usize, file: &str| {
        let seen = site.lab.host(index).exec(&["test", "-e", file]);
        seen.status.success()
    };
    deploy.until("all are switched", || {
        let waits = |index: &usize| is_there(*index, &format!("{WAIT}s"));
        hosts.iter().all(waits) && lives(&site) == ["0.1.2"; 3]
    });
    deploy.signal("KILL");
    deploy.end();
    for index in 0..3 {
        if hosts.contains(&index) {
            site.lab.host(index).power_off();
            site.lab.host(index).power_on();
            site.lab.host(index).run(&["rm", WAIT]);
        } else {
            let record = format!("{PATH}/.hostout/record");
            let ended = || {
                site.lab
                    .host(index)
                    .read(&record)
                    .contains("\"release\": \"0.1.2\"")
            };
            assert!(wait_for(|| ended().then_some(())).is_some());
        }
    }
    site
}

/// Also where the first host is among those that went back: it is not the one that says what the stage runs.
fn a_rollback_of_what_was_cut_off_on_some_hosts_takes_the_others_back() {
    let site = cut_off(&[0]);
    site.hostout(&["rollback", "far", "--yes"]).exits(0).says(&[
        "cut off at after-start; 0.1.1 was put back",
        "far runs 0.1.2.",
        "live and healthy already on web1",
    ]);
    assert_eq!(lives(&site), ["0.1.1"; 3]);
    whole(&site);
    site.hostout(&["status", "far", "--exit-code"]).exits(0);
}

fn a_rollback_of_what_was_cut_off_on_all_hosts_goes_no_further() {
    let site = cut_off(&[0, 1, 2]);
    site.hostout(&["rollback", "far", "--yes"])
        .exits(0)
        .says(&["far runs 0.1.1 again, as before the deployment that was cut off."]);
    assert_eq!(lives(&site), ["0.1.1"; 3]);
    whole(&site);
    site.hostout(&["rollback", "far", "--yes"]).exits(0);
    assert_eq!(lives(&site), ["0.1.0"; 3], "the next one does");
}

/// A host that went back alone is where the others are to go.
fn a_rollback_goes_from_the_newest_release_that_a_host_runs() {
    let site = fleet("on-failure = \"continue\"\n");
    site.hostout(&["deploy", "far", "--yes"]).exits(0);
    site.project.greet("Good evening");
    site.hostout(&["release", "--yes"]).exits(0);
    site.lab.host(0).run(&["touch", BROKEN]);
    site.hostout(&["deploy", "far", "--yes"])
        .exits(23)
        .says(&["git hostout rollback far"]);
    assert_eq!(lives(&site), ["0.1.1", "0.1.2", "0.1.2"]);
    site.lab.host(0).run(&["rm", BROKEN]);
    site.hostout(&["rollback", "far", "--yes"])
        .exits(0)
        .says(&["far runs 0.1.2.", "live and healthy already on web1"]);
    assert_eq!(lives(&site), ["0.1.1"; 3]);
    whole(&site);
}

fn a_host_that_is_away_stays_behind() {
    let site = fleet("strategy = \"canary\"\n");
    site.lab.host(2).power_off();
    site.hostout(&["deploy", "far", "--yes"])
        .exits(20)
        .says(&["web3"]);
    assert_eq!(site.live_on(0), "0.1.0");
    site.hostout(&["deploy", "far", "--yes", "--skip-unreachable"])
        .exits(0)
        .says(&[
            "web3 stays behind: ",
            "canary: 1, then 1 hosts",
            "is live on web1, web2 of far; web3 stays behind.",
        ]);
    site.hostout(&["deploy", "far", "--yes", "--skip-unreachable"])
        .exits(0)
        .says(&["is live and healthy on web1, web2 of far already; web3 stays behind."]);
    site.hostout(&["log", "far"])
        .exits(0)
        .says(&["healthy, but web3"]);
    let log = site.hostout(&["log", "far", "--json"]).exits(0).json();
    assert_eq!(log["entries"][0]["behind"], serde_json::json!(["web3"]));
    assert_eq!(site.live_on(1), "0.1.1");
    site.lab.host(2).power_on();
    site.hostout(&["status", "far"]).exits(0).says(&[
        "web3: stayed behind: runs 0.1.0, the others 0.1.1; git hostout resume far takes it there",
    ]);
    site.hostout(&["status", "far", "--exit-code"]).exits(25);
    site.hostout(&["resume", "far", "--yes"])
        .exits(0)
        .says(&["live and healthy already on web1, web2"]);
    assert_eq!(lives(&site), ["0.1.1"; 3]);
}

/// A host leaves the balancer before it stops, and comes back when it is healthy.
const DRAINED: &str = "/home/deploy/drained";

fn no_request_is_lost_over_two_hosts() {
    let hooks = format!(
        "strategy = \"rolling\"\npause = \"1s\"\n[stage.far.hooks]\n\
         before-stop = [\"sh\", \"-c\", \"touch {DRAINED}; sleep 1\"]\n\
         after-healthy = [\"rm\", \"-f\", \"{DRAINED}\"]\n"
    );
    let site = Site::released_to(Lab::start(2), &["web1", "web2"], &hooks);
    site.project
        .edit("base.cfg", "--listen=127.0.0.1:", "--listen=0.0.0.0:");
    site.project.commit("Listen to the balancer");
    site.hostout(&["release", "--yes"]).exits(0);
    site.hostout(&["deploy", "far", "--yes"]).exits(0);
    let backends = (0..2).map(|index| Backend {
        address: (site.lab.host(index).address, site.project.port).into(),
        drained: Box::new(site.lab.host(index).has(DRAINED)),
    });
    let port = free_port();
    let balancer = Balancer::start(port, backends.collect());
    site.project.greet("Good day");
    site.hostout(&["release", "--yes"]).exits(0);
    let visitors = Visitors::come(port);
    site.hostout(&["deploy", "far", "--yes"]).exits(0).says(&[
        "rolling: 1, then 1 hosts",
        "all services stop together: none of them is a client beside others",
    ]);
    assert_eq!([site.live_on(0), site.live_on(1)], ["0.1.2"; 2]);
    site.hostout(&["rollback", "far", "--yes"]).exits(0);
    let asked = visitors.go();
    assert!(asked > 300, "{asked} requests only");
    assert_eq!([site.live_on(0), site.live_on(1)], ["0.1.1"; 2]);
    drop(balancer);
}
