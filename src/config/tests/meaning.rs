//! What a file means.

use crate::config::{DataKind, Error, Project, ServicesWish, Strategy};
use crate::release::Hook;

const EVERY_KEY: &str = include_str!("../../../fixtures/formats/v1/hostout.toml");

const LEAST: &str = "[project]\nname = \"shop\"\n";

fn parsed(text: &str) -> Project {
    Project::parse("hostout.toml", text).unwrap_or_else(|error| panic!("{error}"))
}

fn with_stages(names: &[&str], extra: &str) -> Project {
    let stage =
        |name: &&str| format!("[stage.{name}]\nhosts = [\"local\"]\npath = \"/srv/{name}\"\n");
    let stages: String = names.iter().map(stage).collect();
    parsed(&format!("{LEAST}{extra}{stages}"))
}

#[test]
fn the_frozen_sample_means_what_it_meant() {
    insta::assert_debug_snapshot!(parsed(EVERY_KEY));
}

#[test]
fn the_shortest_file_gets_every_default() {
    insta::assert_debug_snapshot!(with_stages(&["staging"], ""));
}

#[test]
fn production_left_out_is_development() {
    let project = parsed(&format!("{LEAST}[buildout]\ndevelopment = \"dev.cfg\"\n"));
    assert_eq!(project.buildout.production, "dev.cfg");
    assert_eq!(project.combinations[0].config, "dev.cfg");
}

#[test]
fn the_nearest_setting_wins_key_by_key() {
    let project = parsed(EVERY_KEY);
    let staging = project.combination_for("staging", &[]).unwrap();
    assert_eq!(staging.name, "default");
    assert!(
        matches!(&staging.services, ServicesWish::Command { start, .. } if start == "bin/start")
    );

    let production = project
        .combination_for("production", &["instance".to_owned()])
        .unwrap();
    assert_eq!(production.name, "production");
    assert_eq!(production.config, "production.cfg");
    assert_eq!(production.services, ServicesWish::Supervisor);
    assert_eq!(
        production.health.http.as_deref(),
        Some("http://127.0.0.1:8080/")
    );
    assert_eq!(production.health.timeout, 300);
    assert_eq!(
        (&production.data.kind, production.data.keep),
        (&DataKind::None, 7)
    );
    assert_eq!(production.hooks.before_stop, None);
    assert_eq!(production.shared.paths, ["var", "media"]);

    let zeo = project
        .combination_for("production", &["zeo".to_owned()])
        .unwrap();
    assert_eq!(zeo.name, "production.zeo");
    assert_eq!(zeo.health.http, None);
    assert_eq!(zeo.hooks.migrate, None);
    assert_eq!(zeo.shared.files, ["secret.cfg", ".env"]);
    let off = Hook {
        argv: vec!["bin/maintenance".to_owned(), "off".to_owned()],
        timeout: 300,
    };
    assert_eq!(zeo.hooks.after_healthy, Some(off));
}

#[test]
fn only_combinations_in_use_are_there() {
    let project = parsed(EVERY_KEY);
    let names: Vec<&str> = project
        .combinations
        .iter()
        .map(|found| found.name.as_str())
        .collect();
    assert_eq!(names, ["default", "production", "production.zeo", "here"]);
    assert_eq!(project.combination("staging"), None);
}

#[test]
fn stages_keep_the_order_of_the_file() {
    let project = parsed(EVERY_KEY);
    let names: Vec<&str> = project
        .stages
        .iter()
        .map(|stage| stage.name.as_str())
        .collect();
    assert_eq!(names, ["staging", "production", "here"]);
    assert_eq!(project.stages[2].path, "/srv/here");
    assert_eq!(project.stages[1].rollout.strategy, Strategy::Rolling);
    assert!(project.stages[2].hosts[0].is_local());
}

#[test]
fn a_stage_left_out_is_the_default_then_the_only_one() {
    assert_eq!(
        with_stages(&["a"], "").select_stage(None).unwrap().name,
        "a"
    );
    let project = with_stages(&["a", "b"], "default-stage = \"b\"\n");
    assert_eq!(project.select_stage(None).unwrap().name, "b");
    assert_eq!(project.select_stage(Some("a")).unwrap().name, "a");
}

#[test]
fn a_stage_that_cannot_be_told_is_an_error() {
    let two = with_stages(&["staging", "production"], "");
    let error = two.select_stage(None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "which stage? there are staging, production"
    );
    let error = two.select_stage(Some("stagin")).unwrap_err();
    assert_eq!(error.to_string(), "there is no stage `stagin`");
    assert_eq!(error.hint().as_deref(), Some("did you mean `staging`?"));
    assert!(matches!(
        parsed(LEAST).select_stage(None),
        Err(Error::NoStages)
    ));
}
