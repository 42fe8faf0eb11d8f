//! Files that are written and edited.

use crate::config::{Error, Project, Proposal, ServicesWish, add_stage, new_file};

fn parsed(text: &str) -> Project {
    Project::parse("hostout.toml", text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn found() -> Proposal {
    Proposal {
        directory: "deploy".to_owned(),
        production: "prod.cfg".to_owned(),
        include: vec!["etc/".to_owned(), "site \"x\".in".to_owned()],
        services: Some("supervisor".to_owned()),
        targets: vec!["cp311-manylinux_2_36_x86_64".to_owned()],
        python: "python3.11".to_owned(),
        shared_paths: vec!["var".to_owned(), "media".to_owned()],
        shared_files: vec!["secret.cfg".to_owned()],
        health: Some("http://127.0.0.1:8080/".to_owned()),
        ledger: "deployments".to_owned(),
        tag: "shop-{version}".to_owned(),
        ..Proposal::new("shop", "eu.staging", "deploy@web1:2222", "/srv/shop")
    }
}

#[test]
fn a_new_file_reads_well() {
    insta::assert_snapshot!(new_file(&Proposal::new(
        "shop",
        "staging",
        "web1",
        "/srv/shop"
    )));
}

#[test]
fn a_new_file_of_defaults_means_the_defaults() {
    let project = parsed(&new_file(&Proposal::new(
        "shop",
        "staging",
        "web1",
        "/srv/shop",
    )));
    let short = "[project]\nname = \"shop\"\ndefault-stage = \"staging\"\n\
                 [stage.staging]\nhosts = [\"web1\"]\npath = \"/srv/shop\"\n";
    assert_eq!(project, parsed(short));
}

#[test]
fn what_stands_in_comments_is_valid_too() {
    let text = new_file(&Proposal::new("shop", "staging", "web1", "/srv/shop"));
    let commented = |line: &str| {
        line.strip_prefix("# ")
            .filter(|rest| rest.contains(" = "))
            .map(str::to_owned)
    };
    let live: Vec<String> = text
        .lines()
        .map(|line| commented(line).unwrap_or_else(|| line.to_owned()))
        .collect();
    assert_ne!(parsed(&live.join("\n")), parsed(&text));
}

#[test]
fn a_new_file_means_what_was_proposed() {
    let proposal = found();
    let project = parsed(&new_file(&proposal));
    let default = project.combination("default").unwrap();
    let meant = Proposal {
        name: project.name.clone(),
        stage: project.stages[0].name.clone(),
        host: project.stages[0].hosts[0].destination.clone(),
        path: project.stages[0].path.clone(),
        directory: project.buildout.directory.clone(),
        development: project.buildout.development.clone(),
        production: project.buildout.production.clone(),
        include: project.buildout.include.clone(),
        services: (default.services == ServicesWish::Supervisor).then(|| "supervisor".to_owned()),
        targets: project.release.targets.clone(),
        python: project.buildout.python.clone(),
        shared_paths: default.shared.paths.clone(),
        shared_files: default.shared.files.clone(),
        health: default.health.http.clone(),
        ledger: project.release.ledger.clone(),
        tag: project.release.tag.clone(),
    };
    assert_eq!(meant, proposal);
    assert_eq!(project.default_stage.as_deref(), Some("eu.staging"));
}

const WITH_COMMENTS: &str = "\
# ours
[project]
name = \"shop\" # never renamed

[stage.staging]
hosts = [\"web1\"]   # the small one
path = \"/srv/shop\"
";

#[test]
fn a_stage_is_added_and_the_rest_stays() {
    let edited = add_stage("hostout.toml", WITH_COMMENTS, "live", "web2", "/srv/live").unwrap();
    let added = "\n[stage.live]\nhosts = [\"web2\"]\npath = \"/srv/live\"\n";
    assert_eq!(edited, format!("{WITH_COMMENTS}{added}"));
    parsed(&edited);
}

#[test]
fn a_first_stage_is_added() {
    let edited = add_stage(
        "hostout.toml",
        "[project]\nname = \"a\"\n",
        "live",
        "local",
        "~/a",
    )
    .unwrap();
    assert_eq!(parsed(&edited).stages[0].name, "live");
}

#[test]
fn the_same_stage_again_changes_nothing() {
    let edited = add_stage(
        "hostout.toml",
        WITH_COMMENTS,
        "staging",
        "web1",
        "/srv/shop/",
    )
    .unwrap();
    assert_eq!(edited, WITH_COMMENTS);
}

#[test]
fn another_value_is_a_conflict() {
    let conflict = |host, path| {
        let error = add_stage("hostout.toml", WITH_COMMENTS, "staging", host, path).unwrap_err();
        assert!(matches!(error, Error::Conflict { .. }));
        error.to_string()
    };
    assert_eq!(
        conflict("web2", "/srv/shop"),
        "stage `staging` already has hosts = [\"web1\"], not [\"web2\"]"
    );
    assert_eq!(
        conflict("web1", "/srv/x"),
        "stage `staging` already has path = \"/srv/shop\", not \"/srv/x\""
    );
}

#[test]
fn a_stage_that_would_be_invalid_is_not_added() {
    let added = add_stage("hostout.toml", WITH_COMMENTS, "1.0.0", "web1", "/srv/x");
    assert!(matches!(added, Err(Error::Invalid(_))));
}

#[test]
fn a_stage_is_added_between_others_too() {
    let text = format!(
        "{WITH_COMMENTS}\n[stage.staging.shared] # big\npaths = [\"var\"]\n\n[health]\n# slow\ntimeout = \"5m\"\n"
    );
    let edited = add_stage("hostout.toml", &text, "live", "web2", "/srv/live").unwrap();
    let kept: Vec<&str> = edited.lines().filter(|line| text.contains(line)).collect();
    assert!(text.lines().all(|line| kept.contains(&line)), "{edited}");
    let names: Vec<String> = parsed(&edited)
        .stages
        .into_iter()
        .map(|stage| stage.name)
        .collect();
    assert_eq!(names, ["staging", "live"]);
}

#[test]
fn comments_stay_with_the_table_that_they_are_about() {
    let stages = ["one", "two"];
    let text = new_file(&Proposal {
        stage: String::new(),
        ..found()
    });
    let edited = stages.iter().fold(text.clone(), |text, stage| {
        add_stage(
            "hostout.toml",
            &text,
            stage,
            "web1",
            &format!("/srv/{stage}"),
        )
        .unwrap()
    });
    assert!(edited.starts_with(&text), "{edited}");
    let project = parsed(&edited.replace("# stable = \"5s\"", "stable = \"7s\""));
    assert_eq!(project.stages.len(), 2);
}

#[test]
fn lines_end_as_before() {
    let windows = |text: &str| text.replace('\n', "\r\n");
    let add = |text: &str| add_stage("hostout.toml", text, "b", "local", "/srv/b").unwrap();
    let in_one_line =
        "stage = { a = { hosts = [\"local\"], path = \"/srv/a\" } }\n[project]\nname = \"a\"\n";
    for text in [WITH_COMMENTS, in_one_line] {
        assert_eq!(add(&windows(text)), windows(&add(text)));
    }
}

#[test]
fn stages_in_one_line_take_another() {
    let text =
        "stage = { a = { hosts = [\"local\"], path = \"/srv/a\" } }\n[project]\nname = \"a\"\n";
    let edited = add_stage("hostout.toml", text, "b", "local", "/srv/b").unwrap();
    assert_eq!(parsed(&edited).stages.len(), 2, "{edited}");
}
