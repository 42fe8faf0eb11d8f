//! Hosts whose python is another one than this machine's.

use super::{Need, cases};
use crate::support::compiled::{has, here, pin, project};
use std::{env, fs, path::PathBuf, process::Command};

cases![Need::Python; two_pythons_share_one_release, one_that_is_no_target_fetches];

/// A python 3.13 beside this machine's own: on the path, or one of pyenv's.
pub fn python() -> Option<PathBuf> {
    if here().starts_with("cp313") {
        return None;
    }
    let name = "python3.13";
    let mut folders: Vec<PathBuf> = env::split_paths(&env::var_os("PATH")?).collect();
    let pyenv = env::var_os("PYENV_ROOT").map(PathBuf::from);
    let pyenv = pyenv.or_else(|| Some(env::home_dir()?.join(".pyenv")));
    let versions = pyenv.and_then(|root| fs::read_dir(root.join("versions")).ok());
    folders.extend(
        versions
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path().join("bin")),
    );
    let works = |python: &PathBuf| {
        let output = Command::new(python)
            .args(["-c", "import venv; print(1)"])
            .output();
        output.is_ok_and(|output| output.stdout == b"1\n")
    };
    folders
        .into_iter()
        .map(|folder| folder.join(name))
        .find(works)
}

/// Staging on this machine's python and production on 3.13.
fn two_pythons_share_one_release() {
    let python = python().unwrap();
    let (here, there) = (here(), "cp313-manylinux_2_17_x86_64");
    let project = project("3.0.2", &[&here, there], "six==1.16.0");
    project.write(
        "src/acme/single/__init__.py",
        "import sys\nimport markupsafe._speedups\n\n\ndef main():\n    if sys.version_info >= (3, 13):\n        import six\n    \
         print('%d.%d' % sys.version_info[:2], 'six' in sys.modules)\n",
    );
    let production = project.sandbox.path("production");
    let more = format!("python = \"{}\"\n", python.display());
    project.add_stage("production", &production.display().to_string(), &more);
    project.commit("Use both");
    project.hostout(&["release", "--yes"]).exits(0);
    let said = |stage: &str| {
        project.hostout(&["check", stage]).exits(0);
        project.hostout(&["deploy", stage, "--yes"]).exits(0);
        project
            .hostout(&["run", stage, "--", "bin/single"])
            .exits(0)
            .stdout
    };
    assert_eq!(said("production"), "3.13 True\n");
    assert!(said("local").ends_with(" False\n"));
    let markupsafe = pin(&project, "0.1.0", "markupsafe");
    for (stage, has_which) in [(&project.host, [true, false]), (&production, [false, true])] {
        assert_eq!(
            [0, 1].map(|wheel| has(stage, &markupsafe, wheel)),
            has_which
        );
    }
}

/// Production on 3.13, for which the release has no wheels, and knows what it wants.
fn one_that_is_no_target_fetches() {
    let python = python().unwrap();
    let project = project("3.0.2", &[&here()], "six==1.16.0");
    project.write(
        "src/acme/single/__init__.py",
        "import sys\nimport markupsafe._speedups\n\n\ndef main():\n    print('%d.%d' % sys.version_info[:2])\n",
    );
    let production = project.sandbox.path("production");
    let more = format!("python = \"{}\"\nfetch = \"host\"\n", python.display());
    project.add_stage("production", &production.display().to_string(), &more);
    project.commit("Fetch there");
    project.hostout(&["release", "--yes"]).exits(0);
    let deploy = ["deploy", "production", "--yes"];
    project.hostout(&deploy).exits(11).says(&[
        "on its python (cp313-",
        ") acme.single wants six==1.16.0, which the release has not",
    ]);
    assert!(!production.exists());
    project.edit(
        "buildout.cfg",
        "    markupsafe\n",
        "    markupsafe\n    six\n",
    );
    project.edit(
        "buildout.cfg",
        "markupsafe = 3.0.2",
        "markupsafe = 3.0.2\nsix = 1.16.0",
    );
    project.commit("Use six everywhere");
    project.hostout(&["release", "--yes"]).exits(0);
    project.hostout(&deploy).exits(0);
    let ran = project.hostout(&["run", "production", "--", "bin/single"]);
    assert_eq!(ran.exits(0).stdout, "3.13\n");
}
