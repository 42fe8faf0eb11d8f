//! Power that goes and comes back.

use super::{Need, cases};
use crate::lab::{Host, Init, Lab};

cases![
    a_power_cycle_ends_processes_and_keeps_files,
    cron_runs_at_each_boot;
    Need::Systemd; systemd_starts_its_units_at_each_boot,
];

/// How often the host has written that it booted.
fn boots(host: &Host) -> usize {
    crate::lab::wait_for(|| {
        let output = host.exec(&["cat", "/home/deploy/boots"]);
        output.status.success().then_some(output.stdout.len())
    })
    .unwrap()
}

fn a_power_cycle_ends_processes_and_keeps_files() {
    let lab = Lab::start(2);
    let host = lab.host(0);
    let key = || host.read("/etc/ssh/ssh_host_ed25519_key.pub");
    let before = key();
    host.run(&[
        "sh",
        "-c",
        "sleep 1234 > /dev/null 2>&1 & echo kept > /home/deploy/file; touch /tmp/gone /run/gone",
    ]);
    host.power_off();
    assert!(!host.greets());
    assert!(lab.host(1).greets());
    host.power_on();
    assert_eq!(host.read("/home/deploy/file"), "kept\n");
    assert_eq!(key(), before);
    assert!(!host.run(&["ps", "ax"]).contains("sleep 1234"));
    for path in ["/tmp/gone", "/run/gone"] {
        assert!(!host.exec(&["test", "-e", path]).status.success(), "{path}");
    }
    assert!(!host.exec(&["systemctl"]).status.success());
}

fn cron_runs_at_each_boot() {
    let lab = Lab::start_with(Init::Cron, 1);
    let host = lab.host(0);
    let line = "echo '@reboot printf x >> /home/deploy/boots' | crontab -u deploy -";
    host.run(&["sh", "-c", line]);
    host.power_cycle();
    assert_eq!(boots(host), 1);
}

fn systemd_starts_its_units_at_each_boot() {
    let lab = Lab::start_with(Init::Systemd, 1);
    let host = lab.host(0);
    let unit = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'printf x >> /home/deploy/boots'\n\
                [Install]\nWantedBy=multi-user.target\n";
    let write = "printf '%s' \"$1\" > /etc/systemd/system/boots.service && systemctl enable boots";
    host.run(&["sh", "-c", write, "sh", unit]);
    assert_eq!(
        host.exec(&["systemctl", "is-system-running"]).stdout,
        b"running\n"
    );
    for times in 1..=2 {
        host.power_cycle();
        assert_eq!(boots(host), times);
    }
    assert_eq!(host.run(&["ps", "-o", "comm=", "1"]), "systemd\n");
}
