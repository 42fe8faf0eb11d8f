//! Somebody else, elsewhere: nothing that surrounds a build is as it was.

use super::{Project, Run, sshd::user};
use std::{fs, path::PathBuf, process::Command};

/// A fresh clone in another folder, of another user (where tests run as root) with another name, umask, language, time zone
/// and clock, and an empty cache.
pub struct Elsewhere<'p> {
    project: &'p Project,
    /// The clone.
    pub clone: PathBuf,
}

/// A user whom every system has, and who may do nothing.
const NOBODY: &str = "nobody";

impl<'p> Elsewhere<'p> {
    /// Of what is committed and in the ledger now.
    pub fn of(project: &'p Project) -> Self {
        let sandbox = &project.sandbox;
        let clone = sandbox.path("else where/its clone");
        let from = format!("file://{}", project.directory.display());
        let to = clone.display().to_string();
        project.git(&["clone", "--quiet", &from, &to]);
        for folder in ["cache", "tmp", "home"] {
            fs::create_dir(sandbox.path("else where").join(folder)).unwrap();
        }
        let identity = fs::read_to_string(sandbox.path("home/.gitconfig")).unwrap();
        let config = sandbox.path("else where/home/.gitconfig");
        fs::write(config, identity + "[safe]\n\tdirectory = *\n").unwrap();
        let git = |arguments: &[&str]| sandbox.git(&clone, arguments);
        git(&["config", "user.name", "Somebody Else"]);
        git(&["config", "user.email", "else@example.org"]);
        git(&["config", "core.autocrlf", "input"]);
        Self { project, clone }
    }

    /// With a signing key of its own, and without the remote: what it releases is its own affair.
    pub fn alone(self) -> Self {
        let home = self.project.sandbox.path("else where/home");
        let key = home.join("key");
        super::sshd::keygen(&key, "");
        let public = key.with_extension("pub").display().to_string();
        let sandbox = &self.project.sandbox;
        sandbox.git(&self.clone, &["config", "user.signingKey", &public]);
        sandbox.git(&self.clone, &["remote", "remove", "origin"]);
        self
    }

    /// Runs `git hostout ARGUMENTS` there.
    #[must_use = "assert its exit code"]
    pub fn hostout(&self, arguments: &[&str]) -> Run {
        let sandbox = &self.project.sandbox;
        let root = sandbox.path("else where");
        let mut command = if user() == "root" {
            let owned = ["-R", NOBODY, root.to_str().unwrap()];
            assert!(
                Command::new("chown")
                    .args(owned)
                    .status()
                    .unwrap()
                    .success()
            );
            let way_there = ["o+x", sandbox.root().to_str().unwrap()];
            assert!(
                Command::new("chmod")
                    .args(way_there)
                    .status()
                    .unwrap()
                    .success()
            );
            let mut command = sandbox.command("setpriv", &self.clone);
            command.args(["--reuid", NOBODY, "--clear-groups", "sh"]);
            // Programs in root's home are for root only.
            command.env("PATH", sandbox.path_without("/root/"));
            command
        } else {
            sandbox.command("sh", &self.clone)
        };
        command
            .args(["-c", "umask 077; exec git hostout \"$@\"", "sh"])
            .args(arguments)
            .env("HOME", root.join("home"))
            .env("TMPDIR", root.join("tmp"))
            .env("XDG_CACHE_HOME", root.join("cache"))
            .env("TZ", "Asia/Tokyo")
            .env("LC_ALL", "C")
            .env("HOSTOUT_CLOCK", "1900000000");
        let run = Run::new(arguments, &command.output().unwrap());
        let left = ["-c", "safe.directory=*", "status", "--porcelain"];
        assert_eq!(sandbox.git(&self.clone, &left), "", "{run}");
        run
    }
}
