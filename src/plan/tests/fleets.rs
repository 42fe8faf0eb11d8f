//! Stages of several hosts.

use super::{
    deployments::{decide, decide_on, request, words},
    sample::{host, manifest, stage},
};
use crate::{
    config::{Batch, OnFailure, Strategy},
    plan::{Action, Deploying, Step},
    release::Intent,
};
use std::collections::BTreeSet;

#[test]
fn several_hosts_go_batch_by_batch() {
    let mut stage = stage();
    stage.rollout.strategy = Strategy::Rolling;
    stage.rollout.batch = Batch::Hosts(2);
    stage.rollout.pause = 30;
    stage.rollout.on_failure = OnFailure::Halt;
    let hosts = ["web1", "web2", "web3"].map(host);
    let asked = request(Intent::Deploy);
    let decided = decide_on(&stage, &asked, &manifest(), &hosts, None, &BTreeSet::new());
    let Ok(Deploying::Plan(plan)) = decided else {
        panic!("{decided:?}")
    };
    let batch = |step: &Step| match step.action {
        Action::Activate { batch, .. } => Some(batch.to_string()),
        Action::Pause { seconds } => Some(format!("{seconds} s")),
        _ => None,
    };
    let batches: Vec<String> = plan.steps.iter().filter_map(batch).collect();
    assert_eq!(batches, ["1", "1", "30 s", "2"]);
    assert_eq!(
        plan.notes,
        [
            "rolling: 2, then 1 hosts",
            "a host that fails goes back; those before it keep the release, the rest is left alone"
        ]
    );
}

#[test]
fn two_names_of_one_machine_are_one_too_many() {
    let mut hosts = ["web1", "web2", "web1-old"].map(host);
    for (host, place) in hosts.iter_mut().zip(["a", "b", "a"]) {
        place.clone_into(&mut host.place);
    }
    let asked = request(Intent::Deploy);
    let refusal = decide(&asked, &manifest(), &hosts, None, &BTreeSet::new()).unwrap_err();
    assert_eq!(
        words(&refusal).lines().nth(1),
        Some("- web1 and web1-old are one machine")
    );
}
