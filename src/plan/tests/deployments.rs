//! Deployments, rollbacks, prunes.

use super::sample::{digest, host, manifest, recorded, stage};
use crate::{
    config::Stage,
    facts::{Current, Deployment, Host, Lock, PathState},
    plan::{
        DeployFacts, DeployRequest, Deploying, HealthOverride, Plan, Refusal, deploy, prune,
        refuse_newer,
    },
    release::{Digest, EntryId, Intent, Manifest, Outcome, Started},
};
use semver::Version;
use std::collections::BTreeSet;

pub(super) fn request(intent: Intent) -> DeployRequest {
    DeployRequest {
        intent,
        health: None,
        keep_unhealthy: false,
        moved: false,
    }
}

/// The deployment that made 1.4.1 live on every sample host.
fn known() -> Deployment {
    Deployment {
        serial: 3,
        id: recorded(),
        stage: "live".to_owned(),
        version: Version::new(1, 4, 1),
        intent: Intent::Deploy,
        outcome: Some(Outcome::Healthy),
        time: String::new(),
    }
}

pub(super) fn decide(
    request: &DeployRequest,
    manifest: &Manifest,
    hosts: &[Host],
    last_started: Option<&Started>,
    nowhere: &BTreeSet<Digest>,
) -> Result<Deploying, Refusal> {
    decide_on(&stage(), request, manifest, hosts, last_started, nowhere)
}

pub(super) fn decide_on(
    stage: &Stage,
    request: &DeployRequest,
    manifest: &Manifest,
    hosts: &[Host],
    last_started: Option<&Started>,
    nowhere: &BTreeSet<Digest>,
) -> Result<Deploying, Refusal> {
    deploy(
        request,
        &DeployFacts {
            manifest,
            digest: digest(),
            agent: Digest::of(b"agent"),
            stage,
            last_started,
            log: &[known()],
            hosts,
            live: &[],
            open: None,
            behind: &[],
            nowhere,
            trust: None,
        },
    )
}

pub(super) fn planned(request: &DeployRequest, manifest: &Manifest, hosts: &[Host]) -> Plan {
    match decide(request, manifest, hosts, None, &BTreeSet::new()) {
        Ok(Deploying::Plan(plan)) => plan,
        other => panic!("{other:?}"),
    }
}

/// The message, and below it each reason with its remedy.
pub(super) fn words(refusal: &Refusal) -> String {
    let reasons = refusal.reasons.iter();
    let lines = reasons.map(|reason| format!("- {}\n  {}\n", reason.what, reason.remedy));
    format!("{refusal}\n{}", lines.collect::<String>())
}

#[test]
fn a_deployment_prepares_everywhere_before_it_activates_anywhere() {
    let mut bare = host("web2");
    bare.agent = false;
    bare.current = Current::Nothing;
    bare.complete.clear();
    bare.path = PathState::Free;
    let plan = planned(&request(Intent::Deploy), &manifest(), &[host("web1"), bare]);
    insta::assert_snapshot!(plan);
    assert!(
        plan.to_string()
            .lines()
            .all(|line| line.chars().count() <= 80)
    );
}

#[test]
fn a_rollback_reuses_what_is_there() {
    let mut there = host("web1");
    there.current = Current::Release(Version::new(1, 5, 0));
    there.record = Some((Version::new(1, 5, 0), recorded()));
    there.complete.insert(Version::new(1, 4, 2), digest());
    there.missing.clear();
    let mut asked = request(Intent::Rollback);
    asked.health = Some(HealthOverride::Url("http://127.0.0.1:9999/ok".to_owned()));
    insta::assert_snapshot!(planned(&asked, &manifest(), &[there]));
}

#[test]
fn what_the_ledger_does_not_know_is_refused_and_a_rollback_asks_about_it() {
    let mut theirs = host("web1");
    theirs.record = Some((Version::new(1, 4, 1), EntryId("ffff".to_owned())));
    let facts = std::slice::from_ref(&theirs);
    let nowhere = BTreeSet::new();
    let asked = request(Intent::Deploy);
    let refusal = decide(&asked, &manifest(), facts, None, &nowhere).unwrap_err();
    let words = words(&refusal);
    for word in [
        "runs 1.4.1 by deployment ffff, which the ledger here does not know",
        "git hostout rollback live --to 1.4.2",
    ] {
        assert!(words.contains(word), "{words}");
    }
    let plan = planned(&request(Intent::Rollback), &manifest(), facts);
    let asked = |note: &String| note.contains("deployment ffff");
    assert!(plan.notes.iter().any(asked), "{plan}");
}

#[test]
fn hosts_where_it_is_live_are_left_alone() {
    let mut done = host("web1");
    let new = Version::new(1, 4, 2);
    done.current = Current::Release(new.clone());
    done.complete.insert(new.clone(), digest());
    done.record = Some((new, recorded()));
    let (asked, manifest) = (request(Intent::Deploy), manifest());
    let nowhere = BTreeSet::new();
    let all = decide(
        &asked,
        &manifest,
        std::slice::from_ref(&done),
        None,
        &nowhere,
    );
    assert_eq!(all, Ok(Deploying::Live));
    let plan = planned(&asked, &manifest, &[done.clone(), host("web2")]);
    assert_eq!(plan.notes, ["live and healthy already on web1"]);
    assert!(
        plan.steps
            .iter()
            .all(|step| step.host.as_deref() != Some("web1"))
    );
    done.healthy = Some(false);
    let plan = planned(&asked, &manifest, &[done]);
    assert!(
        !plan.steps.is_empty(),
        "an unhealthy release is deployed again"
    );
}

#[test]
fn one_that_was_built_for_another_role_is_neither_live_nor_ready() {
    let new = Version::new(1, 4, 2);
    let mut other = host("web1");
    other.complete.insert(new.clone(), digest());
    other.built.insert(new.clone(), "zeo".to_owned());
    let (asked, manifest) = (request(Intent::Deploy), manifest());
    let plan = planned(&asked, &manifest, &[other.clone()]);
    let builds = |step: &crate::plan::Step| {
        matches!(
            &step.action,
            super::super::Action::Prepare { reuse: false, .. }
        )
    };
    assert!(plan.steps.iter().any(builds), "{plan}");
    other.current = Current::Release(new.clone());
    other.record = Some((new, recorded()));
    let refused = decide(&asked, &manifest, &[other], None, &BTreeSet::new());
    assert_eq!(
        words(&refused.unwrap_err()),
        "web1: 1.4.2 is live there as buildout zeo, and is to be default by its role now; a release is never built anew \
         under its own name\n- web1: 1.4.2 is live there as buildout zeo, and is to be default by its role now; a release \
         is never built anew under its own name\n  release the next version: git hostout release\n"
    );
}

#[test]
fn a_lock_is_no_plan() {
    let mut busy = host("web1");
    busy.lock = Some(Lock {
        holder: "Ben (prepare, since 12:05)".to_owned(),
        dead: None,
        expired: false,
        left: 90,
    });
    let decided = decide(
        &request(Intent::Deploy),
        &manifest(),
        &[busy],
        None,
        &BTreeSet::new(),
    );
    let holder = "Ben (prepare, since 12:05)".to_owned();
    assert_eq!(
        decided,
        Ok(Deploying::Locked {
            host: "web1".to_owned(),
            holder
        })
    );
}

#[test]
fn what_a_newer_program_wrote_is_not_written_over() {
    let mut one = host("web1");
    one.path = PathState::Newer(2);
    let mut refusal = Refusal::default();
    refuse_newer(&one, "/srv/shop", &mut refusal);
    assert_eq!(
        refusal.to_string(),
        "web1: /srv/shop/.hostout/record is of format 2, by a newer git-hostout; this one knows up to 1"
    );
    refuse_newer(&host("web2"), "/srv/shop", &mut refusal);
    assert_eq!(refusal.reasons.len(), 1);
}

/// The last deployment of the stage, to these hosts.
fn started(hosts: &[&str], path: &str) -> Started {
    Started {
        only: Vec::new(),
        format: 1,
        state: "started".to_owned(),
        id: EntryId("aa".to_owned()),
        kind: Intent::Deploy,
        project: "0".repeat(40),
        stage: "staging".to_owned(),
        hosts: hosts.iter().map(ToString::to_string).collect(),
        path: path.to_owned(),
        version: Version::new(1, 4, 1),
        manifest: digest(),
        by: "Ada <ada@example.org>".to_owned(),
        time: "2026-03-01T12:00:00Z".to_owned(),
        reason: String::new(),
        health: None,
        keep: false,
        after: None,
    }
}

#[test]
fn every_reason_on_every_host_is_told_at_once() {
    let mut one = host("web1");
    one.path = PathState::Foreign;
    one.current = Current::Foreign("a folder".to_owned());
    one.shared_files.clear();
    one.room.bytes = 20_000_000;
    let mut two = host("web2");
    two.path = PathState::Unwritable("owned by root".to_owned());
    "3.8.1".clone_into(&mut two.python.version);
    two.python.venv = false;
    two.python.tags.clear();
    let nowhere = two.missing.clone();
    let last = started(&["web0"], "/srv/shop");
    let asked = request(Intent::Deploy);
    let refusal = decide(&asked, &manifest(), &[one, two], Some(&last), &nowhere).unwrap_err();
    insta::assert_snapshot!(words(&refusal));
}

/// What another path lacks is of no interest until it is meant.
#[test]
fn a_stage_that_moved_is_told_before_what_its_new_path_lacks() {
    let mut one = host("web1");
    one.shared_files.clear();
    one.lacks = vec!["pg_dump".to_owned(), "psql".to_owned()];
    let asked = request(Intent::Deploy);
    let nowhere = BTreeSet::new();
    let refused = |last: &Started| {
        let hosts = [one.clone()];
        words(&decide(&asked, &manifest(), &hosts, Some(last), &nowhere).unwrap_err())
    };
    let mut last = started(&["web1", "web2"], "/srv/old");
    assert_eq!(
        refused(&last),
        "stage live moved from /srv/old to /srv/shop\n- stage live moved from /srv/old to /srv/shop\n  if that is meant, stop what runs at the old path, take its shared/ along, and add --moved\n"
    );
    last.path = "/srv/shop".to_owned();
    // In another order they are the same hosts.
    last.hosts.reverse();
    let said = refused(&last);
    assert!(!said.contains("--moved"), "{said}");
    for part in [
        "shared file secret.cfg is missing",
        "web1: the release's data is PostgreSQL's, and pg_dump, psql is not there",
        "install PostgreSQL's client there (Debian: postgresql-client)",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn one_machine_by_two_names_and_a_host_that_came_after_the_release_are_refused() {
    let hosts = ["web1", "web2"].map(|name| Host {
        place: "boot 8 1 srv shop".to_owned(),
        ..host(name)
    });
    let mut older = manifest();
    older.buildout.retain(|buildout| buildout.name != "default");
    let asked = request(Intent::Deploy);
    let refusal = decide(&asked, &older, &hosts, None, &BTreeSet::new()).unwrap_err();
    insta::assert_snapshot!(words(&refusal));
}

#[test]
fn a_prune_names_what_goes() {
    let mut full = host("web1");
    for patch in 0..4 {
        full.complete
            .insert(Version::new(1, 3, patch), Digest::of(b""));
    }
    insta::assert_snapshot!(prune("staging", 2, &[full], None).unwrap());
}
