//! Parts that act outside the release: a real crontab, in a mount namespace of its own, so that nobody's is touched.

use crate::support::{Project, Run};
use std::{fs, path::PathBuf};

/// Bind-mounts a folder (`$0`) where cron(8) keeps crontabs, and runs the rest there.
const INSIDE: &str = "mount --bind \"$0\" /var/spool/cron/crontabs && exec \"$@\"";

const CONFIG: &str = "[buildout]
develop = .
parts = app nightly

[app]
recipe = zc.recipe.egg
eggs = acme.single

[nightly]
recipe = z3c.recipe.usercrontab
times = 5 3 * * *
command = ${buildout:directory}/bin/single

[versions]
zc.buildout = 6.0.1
zc.recipe.egg = 6.0.0
z3c.recipe.usercrontab = 1.5
";

struct Crontab {
    project: Project,
    spool: PathBuf,
}

impl Crontab {
    fn run(&self, words: &[&str]) -> Run {
        let namespaces: &[&str] = if rustix::process::getuid().is_root() {
            &["--mount"]
        } else {
            &["--mount", "--map-root-user"]
        };
        let mut command = self
            .project
            .sandbox
            .command("unshare", &self.project.directory);
        command.args(namespaces).args(["sh", "-c", INSIDE]);
        let output = command.arg(&self.spool).args(words).output().unwrap();
        Run::new(words, &output)
    }

    fn hostout(&self, arguments: &[&str]) -> Run {
        self.run(&[&["git", "hostout"], arguments].concat())
    }

    /// The lines that cron would run.
    fn lines(&self) -> Vec<String> {
        let text = self.run(&["crontab", "-l"]).stdout;
        let lines = text.lines().map(str::trim);
        lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(str::to_owned)
            .collect()
    }
}

#[test]
fn a_cron_job_points_through_current_once_however_often_it_is_deployed() {
    let project = Project::single_with(&[("buildout.cfg", CONFIG)]);
    project.edit(
        "hostout.toml",
        "[stage.local]",
        "[buildout]\nhost-parts = [\"nightly\"]\n\n[stage.local]",
    );
    project.commit("Run something every night");
    let spool = project.sandbox.path("crontabs");
    fs::create_dir(&spool).unwrap();
    let crontab = Crontab { project, spool };
    crontab.hostout(&["init"]).exits(0);
    let current = crontab.project.host.join("current/bin/single");
    let nightly = format!("5 3 * * *\t{}", current.display());
    for number in 0..5 {
        crontab
            .project
            .write("src/acme/single/number.py", &format!("number = {number}\n"));
        crontab.project.commit("Count");
        crontab.hostout(&["release", "--yes"]).exits(0);
        crontab
            .hostout(&["deploy", "local", "--yes"])
            .exits(0)
            .says(&["runs host-parts nightly"]);
        assert_eq!(crontab.lines(), [nightly.as_str()], "deploy {number}");
    }
    for target in ["0.1.3", "0.1.2"] {
        crontab.hostout(&["rollback", "local", "--yes"]).exits(0);
        assert_eq!(crontab.project.live().as_deref(), Some(target));
        assert_eq!(crontab.lines(), [nightly.as_str()], "back to {target}");
    }

    // A release without it takes it back; the one before brings it again.
    let project = &crontab.project;
    project.edit("buildout.cfg", "parts = app nightly", "parts = app");
    let text = project.read("buildout.cfg");
    let (before, rest) = text.split_once("[nightly]").unwrap();
    let (_, after) = rest.split_once("[versions]").unwrap();
    let after = after.replace("z3c.recipe.usercrontab = 1.5\n", "");
    project.write("buildout.cfg", &format!("{before}[versions]{after}"));
    project.edit(
        "hostout.toml",
        "host-parts = [\"nightly\"]",
        "host-parts = []",
    );
    project.commit("Sleep at night");
    crontab.hostout(&["release", "--yes"]).exits(0);
    crontab.hostout(&["deploy", "local", "--yes"]).exits(0);
    assert_eq!(crontab.lines(), [""; 0]);
    crontab.hostout(&["rollback", "local", "--yes"]).exits(0);
    assert_eq!(crontab.lines(), [nightly.as_str()]);
}
