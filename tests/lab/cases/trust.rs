//! Everything is lost, the recovery key too: root has the host believe another ledger.

use super::{bare::Bare, cases, site::PATH};
use crate::{
    lab::{Init, Lab},
    support::Project,
};
use serde_json::Value;
use std::fs;

cases![root_has_a_host_believe_another_ledger_when_all_is_lost];

fn root_has_a_host_believe_another_ledger_when_all_is_lost() {
    let bare = Bare::of(Project::single(), Lab::start_with(Init::Cron, 1), "");
    let (project, host) = (&bare.project, bare.host());
    let says = "/etc/git-hostout: believe project ";
    bare.hostout(&["bootstrap", "far", "--yes"])
        .exits(0)
        .says(&[says]);
    let believed = host.run(&["sh", "-c", "cat /etc/git-hostout/*"]);
    project.commit("Name the runtime user");
    bare.hostout(&["deploy", "far", "--yes"]).exits(0);
    let trust = || -> Value {
        let file = format!("{PATH}/.hostout/trust/trust.json");
        serde_json::from_str(&host.run(&["cat", &file])).unwrap()
    };
    let id = || project.git(&["rev-list", "--max-parents=0", "hostout"]);
    let old = id();
    assert_eq!(trust()["project"], old.as_str());
    assert!(believed.starts_with(&format!("{old} ")), "{believed}");

    // A copy of the clone is in the hands of whoever has the old keys.
    let thief = project.sandbox.path("thief");
    let mut command = project.sandbox.command("cp", project.sandbox.root());
    command.arg("-a").arg(&project.directory).arg(&thief);
    assert!(command.status().unwrap().success());
    fs::remove_dir_all(project.directory.join(".git")).unwrap();
    project.git(&["init", "--quiet"]);
    project.sign_as("new");
    project.commit("Start again");
    bare.hostout(&["init"]).exits(0);
    bare.hostout(&["release", "0.2.0", "--yes"]).exits(0);
    let new = id();
    let lets = format!("root there lets only project {old} deploy to this path");
    bare.hostout(&["deploy", "far", "--yes"])
        .exits(11)
        .says(&[&lets, "git hostout bootstrap far --new-trust"]);
    let belongs = format!(
        "{PATH} belongs to project {}, and this is {}",
        &old[..12],
        &new[..12]
    );
    bare.hostout(&["bootstrap", "far", "--yes"])
        .exits(11)
        .says(&[
            &belongs,
            "where the ledger of that project is lost for good, add --new-trust",
        ]);

    let renew = ["bootstrap", "far", "--new-trust"];
    let with = |more: &[&'static str]| [&renew[..], more].concat();
    let says = format!(
        "believe project {} at {PATH}, no more {}",
        &new[..12],
        &old[..12]
    );
    bare.hostout(&with(&["--dry-run"])).exits(0).says(&[&says]);
    // Never without root, and never by a mere yes.
    bare.hostout(&with(&["--root-user", "shipper", "--yes"]))
        .exits(20)
        .says(&["shipper is not root, and sudo says"]);
    bare.hostout(&with(&["--yes"]))
        .exits(13)
        .says(&["add --confirm far"]);
    assert_eq!(trust()["project"], old.as_str());
    bare.hostout(&with(&["--confirm", "far"]))
        .exits(0)
        .says(&[&says, "The servers of far are ready."]);
    let log = project.git(&["log", "-1", "--format=%s %b", "hostout"]);
    assert!(
        log.starts_with(
            "introduce far root let this project take the place of another one on shipper@web1"
        ),
        "{log}"
    );

    // From then on the old keys are refused, before the new ones were ever used.
    let lets = format!("root there lets only project {new} deploy to this path");
    for words in [
        &["deploy", "far", "--yes"][..],
        &["rollback", "far", "--to", "0.1.0", "--yes"],
    ] {
        bare.hostout_in(&thief, &["release", "0.1.1", "--yes", "--no-push"]);
        bare.hostout_in(&thief, words).exits(11).says(&[&lets]);
    }
    let replaced = format!("root there put this project in the place of {old}");
    bare.hostout(&["deploy", "far", "--yes"])
        .exits(0)
        .says(&[&replaced, "keys and policy number 0"]);
    assert_eq!(trust()["project"], new.as_str());
    let before = trust()["before"][0].clone();
    assert_eq!(
        (&before["project"], &before["generation"]),
        (&old.as_str().into(), &0.into())
    );
    let kept = format!("{PATH}/.hostout/trust/{old}");
    host.run(&["test", "-s", &format!("{kept}.json")]);
    host.run(&["test", "-s", &format!("{kept}.bundle")]);
    bare.hostout_in(&thief, &["deploy", "far", "--yes"])
        .exits(11)
        .says(&[&lets]);
    project.commit_empty("Go on");
    bare.hostout(&["release", "0.3.0", "--yes"]).exits(0);
    bare.hostout(&["deploy", "far", "--yes"]).exits(0);
    bare.hostout(&["verify"]).exits(0);
    bare.hostout(&["bootstrap", "far", "--new-trust", "--yes"])
        .exits(0)
        .says(&["The servers of far are ready: nothing is to be made."]);
}
