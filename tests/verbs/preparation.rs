//! Preparing is a job of the host: it outlives its client, and is never started twice.

use crate::support::{Host, Project};
use std::{fs, path::PathBuf};

const SETUP: &str = "
from setuptools import setup
setup(
    name='acme.single',
    version='0.1.dev0',
    packages=['acme.single'],
    package_dir={'': 'src'},
    entry_points={'zc.buildout': ['default = acme.single.recipe:Recipe']},
)
";

/// On hosts it counts how often it runs, and takes its time.
const RECIPE: &str = "
import os
import time


class Recipe:
    def __init__(self, buildout, name, options):
        self.directory = buildout['buildout']['directory']

    def install(self):
        if '/releases/' in self.directory:
            with open('ROOT/runs', 'a') as file:
                file.write(self.directory + '\\n')
            while os.path.exists('ROOT/hold'):
                time.sleep(0.05)
        return []
";

/// A host whose preparations are held while there is a file `hold`, and the file that counts them.
fn slow() -> (Host, PathBuf, PathBuf) {
    let project = Project::from_fixture("single");
    let root = project.sandbox.root().display().to_string();
    fs::remove_file(project.directory.join("pyproject.toml")).unwrap();
    project.write("setup.py", SETUP);
    project.write("src/acme/single/recipe.py", &RECIPE.replace("ROOT", &root));
    project.edit(
        "buildout.cfg",
        "parts = app\n",
        "parts = app slow\n\n[slow]\nrecipe = acme.single\n",
    );
    let host = Host::of(project.add_stage_and_commit(), "")
        .only()
        .release();
    let [hold, runs] = ["hold", "runs"].map(|name| host.project.sandbox.path(name));
    fs::write(&hold, "").unwrap();
    (host, hold, runs)
}

#[test]
fn it_outlives_its_client_and_is_waited_for() {
    let (host, hold, runs) = slow();
    let count = || fs::read_to_string(&runs).map_or(0, |text| text.lines().count());
    let mut first = host.start(&["deploy", "far", "--yes"]);
    first.until("it prepares", || count() == 1).signal("KILL");
    first.end();
    // How long is waited is how long one says.
    host.hostout(&["deploy", "far", "--wait=1s", "--yes"])
        .exits(12)
        .says(&["until the preparation of 0.1.0", "their client is gone"]);
    let mut second = host.start(&["deploy", "far", "--yes"]);
    second.until_it_says("web1: unlock");
    fs::remove_file(&hold).unwrap();
    second.end().exits(0);
    assert_eq!(count(), 1, "what the first one began was taken");
    assert_eq!(host.live().as_deref(), Some("0.1.0"));

    // Ctrl-C is no accident: what it began is ended and taken away.
    host.project.commit_empty("Again");
    host.hostout(&["release", "0.1.1", "--yes"]).exits(0);
    fs::write(&hold, "").unwrap();
    let mut third = host.start(&["deploy", "far", "--yes"]);
    third.until("it prepares", || count() == 2).signal("INT");
    third.end().exits(130).says(&["what was live is live"]);
    assert!(!host.path.join("releases/0.1.1").exists());
    assert!(host.status()["hosts"][0]["lock"].is_null());
    fs::remove_file(&hold).unwrap();
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    assert_eq!(host.live().as_deref(), Some("0.1.1"));
}

/// Nobody outside notices a preparation: it may be ended, which nobody would have to wait for.
#[test]
fn what_a_client_that_is_gone_prepares_is_told_and_unlock_ends_it() {
    let (host, hold, runs) = slow();
    let mut deploy = host.start(&["deploy", "far", "--yes"]);
    deploy.until("it prepares", || runs.exists()).signal("KILL");
    deploy.end();
    let told = [
        "Ada Example",
        "the preparation of 0.1.0, which goes on there since 20",
    ];
    host.hostout(&["status", "far"])
        .exits(0)
        .says(&told)
        .says(&[
            "waits for it",
            "git hostout unlock far --reason TEXT ends it",
        ]);
    host.hostout(&["deploy", "far", "--dry-run"])
        .exits(0)
        .says(&told)
        .says(&[", is waited for"]);
    let unlock = ["unlock", "far", "-m", "she went home"];
    host.hostout(&[&unlock[..], &["--dry-run"]].concat())
        .exits(0)
        .says(&told)
        .says(&[", is ended"]);
    assert!(host.status()["hosts"][0]["lock"].is_string());
    // One at another machine may come again.
    let owner = host.path.join(".hostout/lock/owner");
    let text = fs::read_to_string(&owner).unwrap();
    let mut elsewhere: serde_json::Value = serde_json::from_str(&text).unwrap();
    elsewhere["from"] = "elsewhere".into();
    fs::write(&owner, elsewhere.to_string()).unwrap();
    host.hostout(&unlock)
        .exits(12)
        .says(&told)
        .says(&["until the preparation", ", ends; their client is cut off"]);
    host.hostout(&["status", "far"])
        .exits(0)
        .says(&["whose client is cut off from the preparation of 0.1.0"]);
    fs::write(&owner, text).unwrap();
    host.hostout(&unlock)
        .exits(0)
        .says(&told)
        .says(&["far is unlocked."]);
    assert!(host.status()["hosts"][0]["lock"].is_null());
    assert!(!host.path.join("releases/0.1.0").exists());
    fs::remove_file(&hold).unwrap();
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    assert_eq!(host.live().as_deref(), Some("0.1.0"));
}
