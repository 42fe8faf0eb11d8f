//! Power that goes while a release is activated.

use super::{Need, cases, site::Site};
use crate::lab::{Host, Init, Lab, wait_for};

cases![
    the_next_command_puts_right_what_power_cut_off,
    a_line_of_cron_puts_it_right_at_boot;
    Need::Systemd; a_unit_of_systemd_puts_it_right_at_boot,
];

/// The hook waits for good, once it is told to; so it is known where the power goes. The data is backed up by then.
const HOOK: &str = "
[stage.far.data]
kind = \"command\"
backup = \"echo before > $HOSTOUT_BACKUP/data\"
restore = \"cp $HOSTOUT_BACKUP/data /srv/hello/restored\"
[stage.far.hooks]
migrate = [\"sh\", \"-c\", \"test ! -e /srv/hello/shared/wait || { touch /srv/hello/shared/waits; sleep 3600; }\"]
";

/// A host whose power went in a migration, and came back.
fn cut_off(site: &Site) -> &Host {
    let host = site.host();
    site.hostout(&["deploy", "far", "--yes"]).exits(0);
    site.project.greet("Good day");
    site.hostout(&["release", "--yes"]).exits(0);

    host.run(&["touch", "/srv/hello/shared/wait"]);
    let mut client = site.start(&["deploy", "far", "--yes"]);
    client.until("the migration", || {
        host.exec(&["test", "-e", "/srv/hello/shared/waits"])
            .status
            .success()
    });
    assert!(site.page().is_none());
    host.power_off();
    client.signal("KILL");
    client.end();
    host.power_on();
    host
}

fn the_next_command_puts_right_what_power_cut_off() {
    let site = Site::released(Lab::start(1), HOOK);
    let host = cut_off(&site);
    assert!(site.page().is_none(), "nobody starts it by itself");
    let told = ["was cut off; git hostout resume far puts it right"];
    site.hostout(&["status", "far"]).exits(0).says(&told);
    site.hostout(&["rollback", "far", "--dry-run"])
        .exits(0)
        .says(&["recover", "what comes after is planned"]);
    assert!(site.page().is_none(), "a dry run changes nothing");

    let resumed = site.hostout(&["resume", "far", "--no-input"]);
    resumed.exits(0).says(&[
        "cut off at migrate; 0.1.0 was put back with its data",
        "ended: reverted",
    ]);
    assert_eq!(host.read("/srv/hello/restored"), "before\n");
    site.is_whole("0.1.0", "Hello, world!");
    let again = site.hostout(&["resume", "far"]);
    again.exits(0).says(&["nothing to resume"]);

    host.run(&["rm", "/srv/hello/shared/wait"]);
    site.hostout(&["deploy", "far", "--yes"]).exits(0);
    site.is_whole("0.1.1", "Good day, world!");
}

fn a_line_of_cron_puts_it_right_at_boot() {
    let site = Site::released(Lab::start_with(Init::Cron, 1), HOOK);
    let host = site.host();
    host.run(&["sh", "-c", "echo '5 3 * * * true' | crontab -u deploy -"]);
    cut_off(&site);
    comes_back(&site);
    let lines = host.run(&["crontab", "-u", "deploy", "-l"]);
    assert_eq!(lines, "5 3 * * * true\n");
}

fn a_unit_of_systemd_puts_it_right_at_boot() {
    let lab = Lab::start_with(Init::Systemd, 1);
    let site = Site::released_to(lab, &["root@web1"], HOOK);
    let host = cut_off(&site);
    comes_back(&site);
    let units = "/etc/systemd/system";
    let names = host.run(&["find", units, "-name", "git-hostout*"]);
    assert_eq!(names, "", "it is taken away when all is done");
    let failed = host.run(&["systemctl", "--failed", "--no-legend"]);
    assert_eq!(failed, "");
}

/// Without anybody's doing; and the next command finds nothing but an end to write down.
fn comes_back(site: &Site) {
    let back = wait_for(|| site.page().filter(|page| page.contains("Hello, world!")));
    assert!(back.is_some(), "nobody put it right");
    let resumed = site.hostout(&["resume", "far", "--no-input"]);
    resumed.exits(0).says(&["ended: reverted"]);
    site.is_whole("0.1.0", "Hello, world!");
}
