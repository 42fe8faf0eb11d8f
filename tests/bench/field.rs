//! Ten test hosts that everybody deploys to, and how each does it.

use crate::{
    lab::{Lab, Line},
    report::succeed,
    support::Project,
};
use base64ct::Encoding as _;
use std::{
    cell::Cell,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// How many hosts a stage has at most.
const HOSTS: u8 = 10;

/// Where the page of a host answers, whatever is deployed there.
const PAGE: &str = "http://127.0.0.1:8080/";

/// Commands of the hosts that do nothing, and one that asks for the page, cheaper than curl.
const COMMANDS: &str =
    "for name in build restart; do printf '#!/bin/sh\\n' > /usr/local/bin/$name; done
cat > /usr/local/bin/probe <<'END'
#!/bin/bash
exec 3<>/dev/tcp/127.0.0.1/8080
printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3
read -r line <&3
[[ $line == *200* ]]
END
chmod +x /usr/local/bin/*
install --directory --owner=deploy /srv/1 /srv/10 /srv/rival
mkdir /srv/page
setsid python3 -m http.server 8080 --directory /srv/page >/dev/null 2>&1 </dev/null &";

/// One who does the same work.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rival {
    /// Debian's.
    Capistrano,
    /// ansible-core of the package index.
    Ansible,
    /// Beside this file.
    Script,
}

/// Ten hosts, a project for them, and a folder for the others to upload.
pub struct Field {
    lab: Lab,
    project: Project,
    count: Cell<usize>,
}

impl Field {
    /// Everything is there but a change: the second deployment is the first that is measured.
    pub fn start() -> Self {
        let lab = Lab::start(HOSTS);
        for index in 0..usize::from(HOSTS) {
            lab.host(index).run(&["sh", "-c", COMMANDS]);
        }
        let field = Self {
            lab,
            project: project(),
            count: Cell::default(),
        };
        for hosts in [1, usize::from(HOSTS)] {
            field.hostout(hosts, "deploy");
            for index in 0..hosts {
                // The build is the same as everybody else's from here on.
                let stub = format!(
                    "for file in /srv/{hosts}/venvs/*/bin/buildout; do cp /usr/local/bin/build $file; done"
                );
                field.lab.host(index).run(&["sh", "-c", &stub]);
            }
            field.release(hosts);
            field.hostout(hosts, "deploy");
        }
        field.next_payload();
        field
    }

    /// Gives the first `hosts` hosts a line with this round trip.
    pub fn set_far(&self, round_trip: Option<Duration>, hosts: usize) {
        for index in 0..usize::from(HOSTS) {
            let host = self.lab.host(index);
            match round_trip {
                Some(round_trip) if index < hosts => host.slow(Line {
                    round_trip,
                    ..Line::default()
                }),
                _ => host.full_speed(),
            }
        }
    }

    /// Those of the first host.
    pub fn round_trips(&self) -> u64 {
        self.lab.host(0).round_trips()
    }

    /// A release with a change of 12 KB.
    pub fn release(&self, _: usize) {
        let change = self.change();
        self.project.write("src/acme/single/change.py", &change);
        self.project.commit("Change 12 KB");
        self.project.hostout(&["release", "--yes"]).exits(0);
    }

    /// A release that is live, for a rollback.
    pub fn ahead(&self, hosts: usize) {
        self.release(hosts);
        self.hostout(hosts, "deploy");
    }

    pub fn hostout(&self, hosts: usize, verb: &str) {
        let config = self.lab.config().display().to_string();
        let (sandbox, stage) = (&self.project.sandbox, format!("on{hosts}"));
        let arguments = [verb, &stage, "--yes"];
        let variables = [("HOSTOUT_SSH_CONFIG", &*config)];
        drop(
            sandbox
                .hostout_with(&self.project.directory, &arguments, &variables)
                .exits(0),
        );
    }

    pub fn ssh_true(&self, hosts: usize) {
        let mut ssh: Vec<_> = names(hosts)
            .map(|host| {
                let mut command = self.command("ssh");
                command.arg("-F").arg(self.lab.config());
                command.args([&host, "true"]).spawn().unwrap()
            })
            .collect();
        for child in &mut ssh {
            assert!(child.wait().unwrap().success());
        }
    }

    /// Makes `rival` ready; what it is, or why it can't be had.
    pub fn prepare(&self, rival: Rival) -> Result<String, String> {
        if rival == Rival::Ansible && !ansible("ansible-playbook").exists() {
            let python = ansible("python").display().to_string();
            let folder = ansible("..").display().to_string();
            said(self.command("python3").args(["-m", "venv", &folder]))?;
            let install = ["-m", "pip", "install", "--quiet", "ansible-core"];
            said(self.command(&python).args(install))?;
        }
        let version = match rival {
            Rival::Capistrano => said(self.command("cap").arg("--version")),
            Rival::Ansible => said(Command::new(ansible("ansible-playbook")).arg("--version")),
            Rival::Script => said(self.command("rsync").arg("--version")),
        };
        Ok(version?.lines().next().unwrap_or_default().to_owned())
    }

    /// What the others upload, 12 KB of it new: a folder, and a tarball of it.
    pub fn next_payload(&self) {
        let folder = self.payload();
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("change.py"), self.change()).unwrap();
        let tarball = self.tarball();
        let mut tar = self.command("tar");
        tar.arg("-czf").arg(&tarball).arg("-C").arg(&folder);
        succeed(tar.arg("."));
    }

    pub fn script(&self, hosts: usize) {
        let mut command = self.command("sh");
        command.arg(file("script.sh")).arg(self.lab.config());
        command.arg(self.payload());
        command.args(["/srv/rival", &format!("{:08}", self.count.get())]);
        succeed(command.args(names(hosts)));
    }

    pub fn ansible(&self, hosts: usize) {
        // Each run logs in by itself.
        let run = format!("ansible{}", self.count.get());
        let control = self.project.sandbox.path(&run);
        let inventory = names(hosts).map(|name| name + ",").collect::<String>();
        let release = format!("release={:08}", self.count.get());
        let tarball = format!("tarball={}", self.tarball().display());
        let ssh = format!(
            "-F {} -o ControlMaster=auto -o ControlPersist=60s",
            self.lab.config().display()
        );
        let mut command = self.command(&ansible("ansible-playbook").display().to_string());
        command
            .env("ANSIBLE_SSH_CONTROL_PATH_DIR", control)
            .args(["-i", &inventory, "--ssh-common-args", &ssh])
            .args(["-e", "path=/srv/rival", "-e", &release, "-e", &tarball])
            .args(["-e", "ansible_python_interpreter=/usr/bin/python3"]);
        succeed(command.arg(file("playbook.yml")));
    }

    pub fn capistrano(&self, hosts: usize) {
        let hosts: Vec<String> = names(hosts).collect();
        let mut command = self.command("cap");
        command
            .current_dir(file("capistrano"))
            .env("SERVERS", hosts.join(" "))
            .env("DEPLOY_TO", "/srv/rival")
            .env("TARBALL", self.tarball())
            .env("SSH_CONFIG", self.lab.config());
        succeed(command.args(["rivals", "deploy"]));
    }

    fn command(&self, program: &str) -> Command {
        let sandbox = &self.project.sandbox;
        sandbox.command(program, sandbox.root())
    }

    fn payload(&self) -> PathBuf {
        self.project.sandbox.path("payload")
    }

    fn tarball(&self) -> PathBuf {
        self.project.sandbox.path("payload.tar.gz")
    }

    /// 12 KB of python that doesn't get smaller.
    fn change(&self) -> String {
        self.count.set(self.count.get() + 1);
        let mut bytes = vec![0; 9 << 10];
        getrandom::fill(&mut bytes).unwrap();
        format!("CHANGE = \"{}\"\n", base64ct::Base64::encode_string(&bytes))
    }
}

/// One folder with package and buildout, nothing to build, and two stages.
fn project() -> Project {
    let project = Project::from_fixture("single");
    project.edit("buildout.cfg", "parts = app", "parts =");
    let text = project.read("hostout.toml")
        + &format!(
            "\n[hooks]\nafter-start = [\"restart\"]\n\n[health]\nhttp = \"{PAGE}\"\nstable = \"0s\"\n"
        );
    project.write("hostout.toml", &text);
    for count in [1, usize::from(HOSTS)] {
        let hosts: Vec<String> = names(count).collect();
        let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
        let path = format!("/srv/{count}");
        project.add_stage_on(&hosts, &format!("on{count}"), &path, "");
    }
    project.git(&["init", "--quiet"]);
    project.commit("Start the project");
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);
    project
}

fn names(hosts: usize) -> impl Iterator<Item = String> {
    (1..=hosts).map(|number| format!("web{number}"))
}

/// A file of this benchmark.
fn file(name: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.join("tests/bench/rivals").join(name)
}

/// A program of Ansible's, which is kept between runs.
fn ansible(program: &str) -> PathBuf {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ansible/bin");
    kept.join(program)
}

/// What a command said, or why it couldn't.
fn said(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let (told, errors) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    if output.status.success() {
        Ok(told.into_owned())
    } else {
        Err(errors.lines().last().unwrap_or_default().to_owned())
    }
}
