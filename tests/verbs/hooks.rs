//! Hooks: what they know, and what becomes of a deployment when they fail or hang.

use crate::support::{Project, Run};
use std::{collections::BTreeSet, fs};

/// Writes what it knows into `var/NAME`.
const TELL: &str = "env | grep ^HOSTOUT_ | sort > var/$HOSTOUT_HOOK";

/// A hook that gives `script` to a shell.
fn hook(name: &str, script: &str, timeout: &str) -> String {
    format!("{name} = {{ argv = [\"sh\", \"-c\", \"{script}\"], timeout = \"{timeout}\" }}\n")
}

/// Every hook tells what it knows, but `name` does `script`.
fn hooks(name: &str, script: &str, timeout: &str) -> String {
    let all = [
        "before-stop",
        "migrate",
        "after-start",
        "after-healthy",
        "on-failure",
    ];
    let tells = all.iter().filter(|other| **other != name);
    let tells: String = tells.map(|name| hook(name, TELL, "20s")).collect();
    format!("[hooks]\n{tells}{}{DATA}", hook(name, script, timeout))
}

/// What a migration may have changed can be put back: else nothing starts after one that failed.
const DATA: &str = "[data]\nkind = \"command\"\nbackup = \"echo data > $HOSTOUT_BACKUP/data\"\nrestore = \"true\"\n";

/// Releases with these hooks, and deploys.
fn deploy(project: &Project, hooks: &str) -> Run {
    let text = project.read("hostout.toml");
    let (before, _) = text.split_once("[hooks]").unwrap_or((&text, ""));
    let text = format!("{before}{hooks}");
    project.write("hostout.toml", &text);
    project.commit("Run something else");
    project.hostout(&["release", "--yes"]).exits(0);
    project.hostout(&["deploy", "local", "--yes"])
}

/// What a hook told, once.
fn told(project: &Project, name: &str) -> Vec<String> {
    let path = project.host.join("shared/var").join(name);
    let text = fs::read_to_string(&path).unwrap_or_default();
    if !text.is_empty() {
        fs::remove_file(&path).unwrap();
    }
    text.lines().map(str::to_owned).collect()
}

/// The process that serves the page.
fn supervisor(project: &Project) -> String {
    fs::read_to_string(project.host.join("shared/var/supervisord.pid")).unwrap()
}

#[test]
fn hooks_are_run_in_their_moments_and_fail_each_in_its_own_way() {
    let project = Project::hello();
    project.hostout(&["init"]).exits(0);

    // All is well.
    deploy(&project, &hooks("migrate", TELL, "20s"))
        .exits(0)
        .says(&["runs migrate", "runs after-healthy"]);
    let path = project.host.display().to_string();
    for name in ["before-stop", "migrate", "after-start", "after-healthy"] {
        let known = told(&project, name);
        for line in [
            "HOSTOUT_RELEASE=0.1.0",
            "HOSTOUT_PREVIOUS=",
            "HOSTOUT_STAGE=local",
            "HOSTOUT_INTENT=deploy",
            &format!("HOSTOUT_HOOK={name}"),
            &format!("HOSTOUT_PATH={path}"),
        ] {
            assert!(known.iter().any(|found| found == line), "{name}: {known:?}");
        }
    }
    assert_eq!(told(&project, "on-failure"), [""; 0]);
    let pid = supervisor(&project);

    // Before anything is stopped: nothing was touched.
    deploy(
        &project,
        &hooks("before-stop", "echo not now; exit 3", "9s"),
    )
    .exits(21)
    .says(&[
        "the hook before-stop (sh -c 'echo not now; exit 3') ended with status 3",
        "not now",
        "0.1.0",
    ]);
    assert_eq!(supervisor(&project), pid);
    let known = told(&project, "on-failure");
    assert!(
        known.contains(&"HOSTOUT_RESULT=failed-before-switch".to_owned()),
        "{known:?}"
    );
    assert!(
        known.contains(&"HOSTOUT_PREVIOUS=0.1.0".to_owned()),
        "{known:?}"
    );
    let names: BTreeSet<String> = known
        .iter()
        .filter_map(|line| Some(line.split_once('=')?.0.to_owned()))
        .collect();
    // Here the clients are not taken over one by one.
    let mut here = documented();
    assert!(here.remove("HOSTOUT_PROGRAM"));
    assert_eq!(names, here);

    // After the switch: put back. One that hangs is ended with all that it started.
    let hangs = "sleep 600 & echo $! > var/sleeper; wait";
    deploy(&project, &hooks("migrate", hangs, "1s"))
        .exits(22)
        .says(&["the hook migrate (sh -c 'sleep 600 & echo $! > var/sleeper; wait') did not end within 1 s and was killed"]);
    assert!(project.page().contains("Hello, world!"));
    let sleeper = fs::read_to_string(project.host.join("shared/var/sleeper")).unwrap();
    assert!(!fs::exists(format!("/proc/{}/cwd", sleeper.trim())).unwrap());
    let known = told(&project, "on-failure");
    assert!(
        known.contains(&"HOSTOUT_RESULT=reverted".to_owned()),
        "{known:?}"
    );
    assert!(
        known
            .iter()
            .any(|line| line.starts_with("HOSTOUT_FAILURE=the hook migrate"))
    );
    assert_eq!(told(&project, "after-start"), [""; 0]);

    deploy(&project, &hooks("after-start", "exit 4", "9s"))
        .exits(22)
        .says(&[
            "the hook after-start (sh -c 'exit 4') ended with status 4",
            "0.1.0 is live again",
        ]);

    // One that fails after a failure doesn't hide it.
    let text = hooks("on-failure", "exit 5", "9s");
    let both = text.replace(
        &hook("migrate", TELL, "20s"),
        &hook("migrate", "exit 6", "9s"),
    );
    deploy(&project, &both).exits(22).says(&[
        "the hook migrate (sh -c 'exit 6') ended with status 6",
        "on-failure (sh -c 'exit 5') ended with status 5",
    ]);
    assert!(project.page().contains("Hello, world!"));

    // When all is done it is only told.
    deploy(
        &project,
        &hooks("after-healthy", "echo no mail; exit 7", "9s"),
    )
    .exits(0)
    .says(&[
        "the hook after-healthy (sh -c 'echo no mail; exit 7') ended with status 7; no mail",
        "is live on local",
    ]);
    assert_eq!(project.live().as_deref(), Some("0.1.5"));
}

/// The variables of README.md's table.
fn documented() -> BTreeSet<String> {
    let readme = include_str!("../../README.md");
    let (_, rest) = readme.split_once("\n### Hooks\n").unwrap();
    let rows = rest.split("\n#").next().unwrap().lines();
    rows.filter_map(|row| Some(row.strip_prefix("| `HOSTOUT_")?.split_once('`')?.0))
        .map(|name| format!("HOSTOUT_{name}"))
        .collect()
}
