//! A release directory, and buildout in it as a host runs it.

use super::project::{Project, Seen};
use hostout::buildout::{EggWheel, HostCfg, Resolved, flatten, hostout_cfg, versions_cfg};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A release directory like on a host.
pub(super) struct Host {
    _root: tempfile::TempDir,
    pub(super) release: PathBuf,
    pub(super) wheels: PathBuf,
    pub(super) python: PathBuf,
}

impl Host {
    pub(super) fn make(
        project: &Project,
        seen: &Seen,
        resolved: &Resolved,
        pins: &[(String, String)],
        eggs: &[EggWheel],
        wheelhouse: &Path,
    ) -> Self {
        let root = tempfile::tempdir().unwrap();
        let release = root.path().join("releases/1.0.0");
        fs::create_dir_all(&release).unwrap();
        for file in &seen.graph.files {
            fs::copy(project.tree.path().join(file), release.join(file)).unwrap();
        }
        for (path, bytes) in flatten(&seen.graph).unwrap() {
            let path = release.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        fs::write(release.join("secret.cfg"), "[ports]\nhello = 8081\n").unwrap();
        fs::write(release.join("hostout-versions.cfg"), versions_cfg(pins)).unwrap();
        let cfg = hostout_cfg(&HostCfg {
            graph: &seen.graph,
            inspected: &seen.inspected,
            parts: None,
            host_parts: &[],
            versions: "hostout-versions.cfg",
            pins,
            spellings: &resolved.spellings,
            downloads: !resolved.downloads.is_empty(),
        });
        fs::write(release.join("hostout.cfg"), cfg).unwrap();
        let wheels = root.path().join("wheels");
        fs::create_dir(&wheels).unwrap();
        for file in resolved
            .dists
            .iter()
            .map(|dist| &dist.file)
            .chain(eggs.iter().map(|egg| &egg.file))
        {
            fs::copy(file, wheels.join(file.file_name().unwrap())).unwrap();
        }
        assert!(wheelhouse.exists());
        Self {
            release,
            wheels,
            python: seen.scratch.python.clone(),
            _root: root,
        }
    }

    /// Runs buildout where nothing but the wheels can be reached.
    pub(super) fn buildout(&self) -> Result<(), String> {
        let output = Command::new("unshare")
            .args(["--net", "--map-root-user"])
            .arg(&self.python)
            .args([
                "-c",
                "import sys, zc.buildout.buildout as b; b.main(sys.argv[1:])",
                "-U",
                "-c",
                "hostout.cfg",
            ])
            .arg(format!("buildout:find-links={}", self.wheels.display()))
            .current_dir(&self.release)
            .env_clear()
            .env("HOME", &self.wheels)
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            Ok(())
        } else {
            Err(said)
        }
    }

    pub(super) fn python(&self, code: &str) -> String {
        let output = Command::new(self.release.join("bin/py"))
            .args(["-c", code])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }
}
