//! Wheels for hosts that are not like this machine.

use crate::support::compiled::{has, here, pin, project};

const FOREIGN: &str = "cp313-musllinux_1_2_aarch64";

#[test]
fn one_release_is_for_all_of_them() {
    let here = here();
    let project = project("3.0.2", &[&here, FOREIGN], "six==1.16.0");
    project
        .hostout(&["release", "--yes"])
        .exits(0)
        .says(&[&format!("fetch wheels for {FOREIGN}")]);
    let markupsafe = pin(&project, "0.1.0", "markupsafe");
    let targets: Vec<&[String]> = markupsafe
        .artifacts
        .iter()
        .map(|artifact| &*artifact.targets)
        .collect();
    assert_eq!(targets, [[here.clone()], [FOREIGN.to_owned()]]);
    assert!(
        markupsafe.artifacts[1]
            .file
            .contains("cp313-cp313-musllinux")
    );
    let six = pin(&project, "0.1.0", "six");
    assert_eq!(
        (six.version.to_string().as_str(), &*six.targets),
        ("1.16.0", &[FOREIGN.to_owned()][..])
    );
    let buildout = pin(&project, "0.1.0", "zc.buildout");
    assert!(buildout.targets.is_empty() && buildout.artifacts[0].targets.is_empty());

    // A host gets what it can take.
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    let host = &project.host;
    assert!(has(host, &markupsafe, 0) && !has(host, &markupsafe, 1));

    // The next release keeps the files, and asks nobody for them.
    project.write("src/acme/single/new.py", "");
    project.commit("Change it");
    let run = project.hostout(&["release", "--yes"]).exits(0);
    assert!(!run.stderr.contains("fetch wheels"), "{run}");
    for name in ["markupsafe", "six"] {
        assert_eq!(pin(&project, "0.1.1", name), pin(&project, "0.1.0", name));
    }
    project
        .hostout(&["verify", "--rebuild"])
        .exits(0)
        .says(&["0.1.1 holds"]);

    // Nor does somebody whose cache is empty get others.
    project.write("src/acme/single/more.py", "");
    project.commit("Change it again");
    let cache = project.sandbox.path("cache2").display().to_string();
    let (release, cache) = (["release", "--yes"], [("XDG_CACHE_HOME", cache.as_str())]);
    let run = project
        .sandbox
        .hostout_with(&project.directory, &release, &cache);
    run.exits(0).says(&["fetch wheels for"]);
    assert_eq!(project.manifest("0.1.2").pin, project.manifest("0.1.0").pin);
}

#[test]
fn a_host_that_is_none_of_them_is_told_which_to_add() {
    let project = project("3.0.2", &[FOREIGN], "six==1.16.0");
    project.hostout(&["release", "--yes"]).exits(0);
    assert_eq!(pin(&project, "0.1.0", "markupsafe").artifacts.len(), 1);
    let python = here().split_once('-').unwrap().0.to_owned();
    let said = [
        format!("local: its python ({python}-"),
        ") has no wheel of MarkupSafe 3.0.2".to_owned(),
        format!("add \"{python}-"),
        "\" to `targets` in [release] and release: then its wheels are fetched too; or add `fetch = \"host\"` to \
         [stage.local] and release: then it fetches them itself; or set `python` of the stage to one that fits"
            .to_owned(),
    ];
    let said: Vec<&str> = said.iter().map(String::as_str).collect();
    project.hostout(&["check", "local"]).exits(11).says(&said);
    project
        .hostout(&["deploy", "local", "--yes"])
        .exits(11)
        .says(&said);
    assert!(!project.host.exists());
}

#[test]
fn those_without_wheels_are_refused() {
    let here = here();
    let without = project("2.1.5", &[&here, FOREIGN], "six==1.16.0");
    let run = without.hostout(&["release", "--yes"]).exits(11);
    assert_eq!(without.git(&["tag"]), "");
    let run = run.says(&[
        &format!("target {FOREIGN} cannot take "),
        ", and there are no wheels for it",
        &format!(
            "release on a machine like {FOREIGN}, pin versions that have wheels for it, or take it out of `targets` in [release]"
        ),
    ]);
    let ours = format!("{here} cannot take");
    assert!(!run.stderr.contains(&ours), "{run}");

    let nowhere = project("3.0.2", &[&here, FOREIGN], "six==999");
    nowhere.hostout(&["release", "--yes"]).exits(11).says(&[
        &format!(
            "on target {FOREIGN} acme.single wants six==999, and there is no wheel of that for it"
        ),
        &format!("release on a machine like {FOREIGN}, or take it out of `targets` in [release]"),
    ]);
}
