//! `git hostout bootstrap`: what is told before any server is asked, and how `deploy` offers it. What it makes is
//! tested on whole machines (`tests/lab`).

use crate::support::{Host, Project, at_a_terminal_with, sshd::user};

#[test]
fn what_is_refused_and_what_is_offered() {
    let host = Host::of(Project::single(), "").only();
    for (stage, place, path) in [
        ("ghostly", "ghost@web1", "/srv/ghost"),
        ("rooted", "root@web1", "/srv/rooted"),
        ("homely", "ghost@web1", "~/shop"),
        ("here", "local", "/srv/here"),
    ] {
        host.project.add_stage_on(&[place], stage, path, "");
    }
    host.hostout(&["bootstrap", "far", "--new-trust"])
        .exits(11)
        .says(&[
            "there is no ledger here whose keys hosts could believe from now on",
            "start a new one: git hostout init",
        ]);
    let host = host.release();
    host.hostout(&["bootstrap", "rooted"]).exits(11).says(&[
        "root@web1: root is who deploys, and services must not run as root",
        "name another user in hosts: deploy@HOST; bootstrap makes it",
    ]);
    let rooted = "root@web1: root is who deploys, so that services run as root; write deploy@web1 in hosts of [stage.rooted]";
    host.hostout(&["check", "rooted"]).says(&[rooted]);
    if user() == "root" {
        host.hostout(&["deploy", "rooted", "--dry-run"])
            .exits(0)
            .says(&[rooted]);
    }
    host.hostout(&["bootstrap", "homely"]).exits(11).says(&[
        "ghost@web1: ~/shop is below a home that is not made yet",
        "set path = \"/srv/…\" in [stage.homely]",
    ]);
    host.hostout(&["bootstrap", "here"])
        .exits(2)
        .says(&["the only host of here is this machine, which needs no bootstrap"]);

    host.hostout(&["deploy", "ghostly", "--yes"]).exits(20).says(&[
        "login as ghost was refused",
        "hint: if the server is not set up yet: git hostout bootstrap ghostly; else put your public key into",
    ]);
    host.hostout(&["check", "ghostly"])
        .exits(20)
        .says(&["if the server is not set up yet: git hostout bootstrap ghostly"]);
    host.hostout(&["status", "ghostly"])
        .exits(0)
        .says(&["    if the server is not set up yet: git hostout bootstrap ghostly"]);
    let config = host.sshd.config().display().to_string();
    at_a_terminal_with(
        &host.project.sandbox,
        &host.project.directory,
        &["deploy", "ghostly"],
        &[("HOSTOUT_SSH_CONFIG", &config)],
        "Make it ready, as root?",
        "n\n",
    )
    .exits(20)
    .says(&["User 'ghost' not found or unable to connect to ghost@web1."]);

    // A runtime user is the host's affair first of all.
    let text = host.project.read("hostout.toml");
    host.project.write(
        "hostout.toml",
        &text.replacen(
            "\n[stage.far]\n",
            "\n[stage.far]\nruntime-user = \"shop-run\"\n",
            1,
        ),
    );
    host.hostout(&["deploy", "far", "--yes"]).exits(11).says(&[
        "web1: services are to run as shop-run, which it is not ready for",
        "git hostout bootstrap far",
    ]);
    host.project.write("hostout.toml", &text);

    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    host.hostout(&["logs", "far"])
        .exits(0)
        .says(&["web1: what runs names no log file, or has written none yet"]);
}
