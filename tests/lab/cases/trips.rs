//! How often a deployment and a host take turns: over a long line each turn is time.

use super::{cases, site::Site};
use crate::lab::{Lab, Line};
use std::time::Duration;

cases![a_deployment_takes_few_round_trips];

/// A login has eight, a channel and a question two each; the upload, the build and the switch are a question each, and a
/// job that is followed speaks once a step, as the steps come.
const MOST: u64 = 40;

fn a_deployment_takes_few_round_trips() {
    let site = Site::released(Lab::start(1), "");
    site.hostout(&["deploy", "far", "--yes"]).exits(0);
    site.project.greet("Good day");
    site.hostout(&["release", "--yes"]).exits(0);
    site.host().slow(Line {
        round_trip: Duration::from_millis(50),
        ..Line::default()
    });
    for verb in ["deploy", "rollback"] {
        let before = site.host().round_trips();
        site.hostout(&[verb, "far", "--yes"]).exits(0);
        let trips = site.host().round_trips() - before;
        assert!(trips <= MOST, "{verb}: {trips}");
    }
    assert!(site.page().unwrap().contains("Hello"));
}
