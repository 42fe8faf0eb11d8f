//! Power that goes while a release is activated.

use super::{cases, site::Site};
use crate::lab::Lab;

cases![power_that_goes_in_an_activation];

fn power_that_goes_in_an_activation() {
    // The hook waits for good, once it is told to; so it is known where the power goes.
    let hook = "\n[stage.far.hooks]\n\
                migrate = [\"sh\", \"-c\", \"test ! -e /home/deploy/wait || { touch /home/deploy/waits; sleep 3600; }\"]\n";
    let site = Site::released(Lab::start(1), hook);
    let host = site.host();
    site.hostout(&["deploy", "far", "--yes"]).exits(0);
    site.project.greet("Good day");
    site.hostout(&["release", "--yes"]).exits(0);

    host.run(&["touch", "/home/deploy/wait"]);
    let mut client = site.start(&["deploy", "far", "--yes"]);
    client.until("the migration", || {
        host.exec(&["test", "-e", "/home/deploy/waits"])
            .status
            .success()
    });
    host.power_off();
    client.signal("KILL");
    client.end();
    host.power_on();
    assert!(site.page().is_none(), "nobody starts it by itself");
    let told = ["was cut off; git hostout resume far puts it right"];
    site.hostout(&["status", "far", "--exit-code"])
        .exits(25)
        .says(&told);
    site.hostout(&["resume", "far", "--dry-run"])
        .exits(0)
        .says(&["recover", "what comes after is planned"]);
    assert!(site.page().is_none(), "a dry run changes nothing");

    let resumed = site.hostout(&["resume", "far", "--no-input"]);
    resumed
        .exits(0)
        .says(&["cut off at migrate; 0.1.0 was put back", "ended: reverted"]);
    site.is_whole("0.1.0", "Hello, world!");
    site.hostout(&["resume", "far"])
        .exits(0)
        .says(&["nothing to resume"]);

    host.run(&["rm", "/home/deploy/wait"]);
    site.hostout(&["deploy", "far", "--yes"]).exits(0);
    site.is_whole("0.1.1", "Good day, world!");
}
