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
    host.run(&["rm", "/home/deploy/wait"]);

    site.hostout(&["resume", "far", "--yes"]).exits(0);
    let live = site.live();
    assert!(["0.1.0", "0.1.1"].contains(&&*live), "{live}");
    site.hostout(&["deploy", "far", "--yes"]).exits(0);
    assert_eq!(site.live(), "0.1.1");
    assert!(site.page().unwrap().contains("Good day, world!"));
}
