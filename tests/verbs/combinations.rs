//! Several production configurations of one release.

use crate::support::Project;

#[test]
fn one_package_in_two_versions_is_refused() {
    let project = Project::single_with(&[
        (
            "one.cfg",
            "[buildout]\nextends = buildout.cfg\n[app]\neggs += six\n[versions]\nsix = 1.16.0\n",
        ),
        (
            "two.cfg",
            "[buildout]\nextends = buildout.cfg\n[app]\neggs += six\n[versions]\nsix = 1.17.0\n",
        ),
    ]);
    project.edit(
        "hostout.toml",
        "[services]",
        "[buildout]\nproduction = \"one.cfg\"\n\n[services]",
    );
    let other = project.sandbox.path("srv-two");
    project.add_stage("two", other.to_str().unwrap(), "buildout = \"two.cfg\"\n");
    project.commit("Two configurations");
    project.hostout(&["init"]).exits(0);
    // What buildout itself runs with is there before any of them is read.
    project.edit("two.cfg", "[versions]\n", "[versions]\npackaging = 24.2\n");
    project.commit("An old packaging");
    for verb in ["release", "check"] {
        project.hostout(&[verb, "--yes"]).exits(11).says(&[
            "packaging is ",
            " in default and 24.2 in two",
            "pin packaging in a configuration that both extend",
        ]);
    }
    project.edit("two.cfg", "packaging = 24.2\n", "");
    project.commit("The same packaging");
    project.hostout(&["release", "--yes"]).exits(11).says(&[
        "six is 1.16.0 in default and 1.17.0 in two",
        "pin six in a configuration that both extend",
    ]);
}

#[test]
fn a_role_has_its_own_configuration() {
    let project = Project::single_with(&[(
        "worker.cfg",
        "[buildout]\nextends = buildout.cfg\nparts = worker\n[worker]\nrecipe = zc.recipe.egg\neggs = acme.single\nscripts = single=work\n",
    )]);
    let host = project.sandbox.path("srv-roles");
    project.write(
        "hostout.toml",
        &format!(
            "{}\n[stage.roles]\nhosts = [{{ host = \"local\", roles = [\"worker\"] }}]\npath = \"{}\"\n\n[stage.roles.role.worker]\nbuildout = \"worker.cfg\"\n",
            project.read("hostout.toml"),
            host.display()
        ),
    );
    project.commit("Add a role");
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);
    let manifest = project.manifest("0.1.0");
    let mut runs: Vec<(&str, &str)> = manifest
        .buildout
        .iter()
        .map(|one| (one.name.as_str(), one.config.as_str()))
        .collect();
    runs.sort_unstable();
    assert!(runs.contains(&("roles.worker", "worker.cfg")), "{runs:?}");
    project.hostout(&["deploy", "roles", "--yes"]).exits(0);
    // A role without settings is no mistake, and told.
    let hosts = "hosts = [{ host = \"local\", roles = [\"worker\"] }";
    let more = format!("{hosts}, {{ host = \"ada@127.0.0.1:1\", roles = [\"web\"] }}");
    project.edit("hostout.toml", hosts, &more);
    let note = "roles: ada@127.0.0.1:1 has no settings of a role: it gets those of the stage";
    project.hostout(&["check", "roles"]).says(&[note]);
    project.edit("hostout.toml", "[\"web\"]", "[\"wroker\"]");
    project.hostout(&["check", "roles"]).exits(10).says(&[
        "stage `roles` has no settings for the role `wroker`",
        "did you mean `worker`?",
    ]);
    project.edit("hostout.toml", "[\"wroker\"]", "[\"worker\"]");
    assert!(host.join("current/bin/work").exists());
    assert!(!host.join("current/bin/single").exists());
}
