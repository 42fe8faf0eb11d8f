//! A whole life on a host that has sshd, sh and python3, and no way to anywhere.

use super::{cases, site::Site};
use crate::lab::Lab;

cases![deploy_change_and_roll_back];

fn deploy_change_and_roll_back() {
    let site = Site::released(Lab::start(1), "");
    site.hostout(&["check", "far"])
        .exits(0)
        .says(&["web1 is ready"]);
    site.hostout(&["deploy", "far", "--yes"]).exits(0);
    assert_eq!(site.live(), "0.1.0");
    assert!(site.page().unwrap().contains("Hello, world!"));
    assert!(site.project.live().is_none(), "nothing is done here");

    site.project.greet("Good day");
    site.hostout(&["release", "--yes"]).exits(0);
    site.hostout(&["deploy", "far", "--yes"]).exits(0);
    assert_eq!(site.live(), "0.1.1");
    assert!(site.page().unwrap().contains("Good day, world!"));

    site.hostout(&["rollback", "far", "--yes"]).exits(0);
    assert_eq!(site.live(), "0.1.0");
    assert!(site.page().unwrap().contains("Hello, world!"));
    site.hostout(&["status", "far", "--exit-code"]).exits(0);
}
