//! Whatever is cut at whichever step of a deployment, the site is whole after `git hostout resume`.
//!
//! A step is held by a program that the step itself runs: a recipe of buildout, a hook, the backup's or the services'
//! command, the health check. Steps that run none cannot be held: `switch` and `prune`, which are renames and removals, and `at-boot`. What
//! lies between two steps is cut in `tests/agent/test_recovery.py`.

use super::{
    cases,
    site::{PATH, Site},
};
use crate::lab::{Host, Lab};
use std::{
    env,
    io::{self, Write as _},
    thread,
    time::Duration,
};

cases![each_step_with_each_cut];

/// Runs every cell; without it a fifth of them, each step and each cut among them.
const ALL: &str = "HOSTOUT_TEST_MATRIX";

/// In their order.
const STEPS: [&str; 10] = [
    "prepare",
    "backup",
    "before-stop",
    "stop",
    "host-parts",
    "migrate",
    "start",
    "after-start",
    "probe",
    "after-healthy",
];

/// Waits at the step that `/tmp/hold` names for as long as it does so; both are gone with the power. A health check
/// counts while its own release is new.
const GATE: &str = r#"#!/bin/sh
test "$(cat /tmp/hold 2> /dev/null)" = "$1 $(basename "$(pwd -P)")" || exit 0
touch /tmp/held
while test -e /tmp/hold; do sleep 0.05; done
"#;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Cut {
    /// The job and whoever follows it there are killed.
    Agent,
    /// The host's power goes, and comes back.
    Power,
    /// The client is killed.
    Client,
    /// The connection is gone, and for a second there is no way to make another.
    Cable,
    /// The host's disk is full until the deployment has ended.
    Disk,
}

const CUTS: [Cut; 5] = [Cut::Agent, Cut::Power, Cut::Client, Cut::Cable, Cut::Disk];

/// The two releases that take turns, and what their pages say.
const RELEASES: [(&str, &str); 2] = [
    ("0.1.1", "Good day, world!"),
    ("0.1.2", "Good evening, world!"),
];

/// A recipe that waits at the gate of hosts; where buildout resolves there is none.
const SETUP: &str = "\
from setuptools import setup

setup(
    name='acme.gate',
    version='1.0',
    py_modules=['acme_gate'],
    entry_points={'zc.buildout': ['default = acme_gate:Gate']},
)
";
const RECIPE: &str = "\
import contextlib
import subprocess


class Gate:
    def __init__(self, buildout, name, options):
        pass

    def install(self):
        with contextlib.suppress(OSError):
            subprocess.call(['gate', 'prepare'])
        return []
";
const PARTS: &str = "
[gate]
recipe = acme.gate

[told]
recipe = plone.recipe.command
command = gate host-parts
update-command = gate host-parts
";

fn each_step_with_each_cut() {
    let site = site();
    let host = site.host();
    let all = env::var_os(ALL).is_some();
    let (mut ran, mut live) = (0, site.live());
    for (row, step) in STEPS.iter().enumerate() {
        for (column, cut) in CUTS.into_iter().enumerate() {
            if all || (row + column) % CUTS.len() == 0 {
                live = cell(&site, host, step, cut, &live);
                ran += 1;
            }
        }
    }
    let cells = STEPS.len() * CUTS.len();
    let line = format!("Crash matrix: {ran} of {cells} cells ran ({ALL}=1 runs all)\n");
    io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Goes from `old` to the other release, is cut at `step`, and gives what is live when that has been resumed.
fn cell(site: &Site, host: &Host, step: &str, cut: Cut, old: &str) -> String {
    let other = RELEASES.iter().find(|(version, _)| *version != old);
    let (new, _) = other.unwrap();
    if step == "prepare" {
        host.run(&["rm", "-rf", &format!("{PATH}/releases/{new}")]);
    }
    // Services are stopped by the old release's command, and backups run there where the new one's would.
    let place = if step == "stop" { old } else { new };
    let hold = format!("echo {step} {place} > /tmp/hold");
    host.run(&["sh", "-c", &hold]);
    let mut client = site.start(&["deploy", "far", new, "--yes"]);
    client.until(&format!("{step}, {cut:?}"), || {
        let held = host.exec(&["test", "-e", "/tmp/held"]);
        held.status.success()
    });
    match cut {
        Cut::Agent => {
            host.run(&["pkill", "-KILL", "-f", "path /srv/hello serv[e]"]);
        }
        Cut::Power => {
            host.power_off();
            client.signal("KILL");
            host.power_on();
            if step == "prepare" {
                // Nothing is cut off that anybody would put right, and a host that was never bootstrapped has no unit.
                let agent = format!("python3 -I {PATH}/.hostout/agent --path {PATH} boot");
                host.run(&["runuser", "-u", "deploy", "--", "sh", "-c", &agent]);
            }
        }
        Cut::Client => {
            client.signal("KILL");
        }
        Cut::Cable => {
            host.cut();
            host.kill_sessions();
        }
        Cut::Disk => host.full(),
    }
    host.run(&["rm", "-f", "/tmp/hold", "/tmp/held"]);
    if cut == Cut::Cable {
        thread::sleep(Duration::from_secs(1));
        host.reconnect();
    }
    let end = client.end();
    if cut == Cut::Disk {
        host.make_room();
    }

    let line = format!("{step}, {cut:?}: {:?}\n", end.code());
    io::stderr().write_all(line.as_bytes()).unwrap();
    site.hostout(&["resume", "far", "--no-input"]).exits(0);
    let live = site.live();
    let found = RELEASES.iter().find(|(version, _)| *version == live);
    let (_, words) = found.unwrap_or_else(|| panic!("{step}, {cut:?}: {live} is live"));
    site.is_whole(&live, words);
    live
}

/// Releases on one host, whose every step can be held.
fn site() -> Site {
    let lab = Lab::start(1);
    let host = lab.host(0);
    let write = "printf '%s' \"$1\" > /usr/local/bin/gate && chmod 755 /usr/local/bin/gate";
    host.run(&["sh", "-c", write, "sh", GATE]);
    let hooks = ["before-stop", "migrate", "after-start", "after-healthy"];
    let hooks = hooks.map(|hook| format!("{hook} = [\"gate\", \"{hook}\"]\n"));
    let tables = |port| {
        format!(
        "[stage.far.services]
kind = \"command\"
start = \"gate start; bin/waitress-serve --listen=127.0.0.1:{port} acme.welcome:app & echo $! > /tmp/pid\"
stop = \"gate stop; test ! -e /tmp/pid || {{ kill $(cat /tmp/pid); rm /tmp/pid; }}\"
status = \"kill -0 $(cat /tmp/pid)\"
[stage.far.data]
kind = \"command\"
backup = \"gate backup; echo data > $HOSTOUT_BACKUP/data\"
restore = \"true\"
[stage.far.health]
command = [\"gate\", \"probe\"]
stable = \"0s\"
[stage.far.hooks]
{}",
        hooks.concat()
    )
    };
    let site = Site::released_with(lab, &["web1"], tables);
    let project = &site.project;
    project.write("src/acme.gate/setup.py", SETUP);
    project.write("src/acme.gate/acme_gate.py", RECIPE);
    project.edit("base.cfg", "develop =\n", "develop =\n    src/acme.gate\n");
    project.edit(
        "base.cfg",
        "    supervisor\n\n",
        "    supervisor\n    gate\n    told\n\n",
    );
    project.write("base.cfg", &(project.read("base.cfg") + PARTS));
    project.edit(
        "hostout.toml",
        "[buildout]\n",
        "[buildout]\nhost-parts = [\"told\"]\n",
    );
    for word in ["Good day", "Good evening"] {
        project.greet(word);
        site.hostout(&["release", "--yes"]).exits(0);
    }
    for (version, _) in RELEASES {
        site.hostout(&["deploy", "far", version, "--yes"]).exits(0);
    }
    site
}
