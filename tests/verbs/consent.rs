//! `git hostout approve`, `withdraw`, and `deploy --from`: what people and the policy say.

use crate::support::{Project, Run};

fn deploy(project: &Project, version: &str, code: i32) -> Run {
    project
        .hostout(&["deploy", "local", version, "--yes"])
        .exits(code)
}

fn approve(project: &Project, version: &str) -> Run {
    project.hostout(&["approve", version, "--for", "local", "--yes"])
}

fn from(project: &Project, code: i32, more: &[&str]) -> Run {
    let words = ["deploy", "next", "--from", "local", "--yes"];
    project.hostout(&[&words[..], more].concat()).exits(code)
}

#[test]
fn two_people_agree_and_what_is_withdrawn_goes_nowhere() {
    let project = Project::single();
    let path = project.sandbox.path("next").display().to_string();
    project.add_stage("next", &path, "");
    project.commit("Add a stage");
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);
    let ben = project.sign_as("ben");
    project.sign_as_ada();
    let add = ["keys", "add", &ben, "--name", "ben@example.org"];
    project
        .hostout(&[&add[..], &["--role", "deploy:local", "--yes"]].concat())
        .exits(0);
    let policy = |text: &str| {
        project.write("policy.toml", text);
        project
            .hostout(&["policy", "--set", "policy.toml", "--yes"])
            .exits(0);
        std::fs::remove_file(project.directory.join("policy.toml")).unwrap();
    };
    policy(
        "format = 1\n[stage.local]\nsigners = 2\n[stage.next]\nhealthy = \"9m\"\nreason = true\n",
    );
    deploy(&project, "0.1.0", 11).says(&[
        "local takes 0.1.0 when 2 people agree: only you (ada@example.org) so far, 1 missing",
        "somebody else types: git hostout approve 0.1.0 --for local",
    ]);
    // One's own approval is no second person's.
    approve(&project, "0.1.0")
        .exits(0)
        .says(&["agrees that local gets 0.1.0"]);
    approve(&project, "0.1.0")
        .exits(0)
        .says(&["You approved 0.1.0 for local already."]);
    deploy(&project, "0.1.0", 11);
    assert_eq!(project.live(), None);
    project.sign_as("ben");
    approve(&project, "0.1.0")
        .exits(0)
        .says(&["ben@example.org agrees"]);
    project.sign_as_ada();
    deploy(&project, "0.1.0", 0);

    from(&project, 11, &["-m", "x"]).says(&[
        "next asks for 540 s of health there",
        "deploy it when that time is over",
    ]);
    project
        .hostout(&["deploy", "next", "--from", "next", "--yes"])
        .exits(11)
        .says(&["next runs nothing that was found healthy"]);
    project.hostout(&["release", "0.2.0", "--yes"]).exits(0);
    deploy(&project, "0.2.0", 11);
    project.sign_as("ben");
    approve(&project, "0.2.0").exits(0);
    project
        .hostout(&["approve", "0.2.0", "--for", "next", "--yes"])
        .exits(11)
        .says(&["needs the role deploy:next"]);
    project.sign_as_ada();
    deploy(&project, "0.2.0", 0);
    // What ran there healthy needs nobody's approval.
    project
        .hostout(&["rollback", "local", "--yes"])
        .exits(0)
        .says(&["0.1.0"]);
    withdrawn_goes_nowhere(&project);
}

/// What is withdrawn goes nowhere.
fn withdrawn_goes_nowhere(project: &Project) {
    let withdraw = ["withdraw", "v0.2.0", "--yes", "-m", "leaks"];
    project
        .hostout(&["withdraw", "v0.2.0", "--yes", "-m", " "])
        .exits(2)
        .says(&["needs a reason"]);
    project
        .hostout(&withdraw)
        .exits(0)
        .says(&["runs on, until something else", "0.2.0 is withdrawn"]);
    project
        .hostout(&withdraw)
        .exits(0)
        .says(&["0.2.0 was withdrawn already."]);
    deploy(project, "0.2.0", 11)
        .says(&["release 0.2.0 was withdrawn: Ada Example, 2026-01-02: leaks"]);
    project
        .hostout(&["rollback", "local", "--to", "0.2.0", "--yes"])
        .exits(11)
        .says(&["was withdrawn"]);
    approve(project, "0.2.0").exits(11).says(&[
        "release 0.2.0 was withdrawn: leaks",
        "release another version; git hostout log shows those that are there",
    ]);
    project
        .hostout(&["show", "0.2.0"])
        .exits(0)
        .says(&["withdrawn", "leaks"]);
    project
        .hostout(&["log"])
        .exits(0)
        .says(&["withdraw", "approve", "leaks"]);
    project.hostout(&["verify", "0.2.0"]).exits(0);
    project
        .hostout(&["withdraw", "0.1.0", "--yes", "-m", "old"])
        .exits(0);
    project
        .hostout(&["status", "local"])
        .exits(0)
        .says(&["0.1.0", ", withdrawn"]);
    let json = project
        .hostout(&["status", "local", "--json"])
        .exits(0)
        .json();
    assert_eq!(json["stages"][0]["hosts"][0]["withdrawn"], true);
    // Whatever stands in the way is said at once.
    from(project, 11, &[]).says(&[
        "0.1.0 was withdrawn",
        "the policy wants a reason for what is done on next",
    ]);
}
