//! What a deployment costs besides buildout and the restart of services: the conversation with the host.

use crate::{
    report::{Beside, Report, median, once, succeed},
    support::{Project, sshd::Sshd},
};
use std::{path::Path, time::Duration};

const RUNS: usize = 5;

pub fn run(report: &mut Report) {
    let sshd = Sshd::start_with("Subsystem sftp internal-sftp");
    let project = Project::from_fixture("single");
    let path = project.host.display().to_string();
    let stage = format!("\n[stage.web]\nhosts = [\"web1\"]\npath = \"{path}\"\n");
    let text = project.read("hostout.toml") + &stage;
    project.write("hostout.toml", &text);
    project.git(&["init", "--quiet"]);
    project.commit("Start the project");
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);

    let config = sshd.config().display().to_string();
    let variables = [("HOSTOUT_SSH_CONFIG", config.as_str())];
    let hostout = |arguments: &[&str]| {
        let directory = &project.directory;
        let run = project
            .sandbox
            .hostout_with(directory, arguments, &variables);
        drop(run.exits(0));
    };
    let deploy = |version: &str| hostout(&["deploy", "web", version, "--yes"]);
    let sessions = || sshd.log().matches("Starting session:").count();

    let first = once(|| deploy("0.1.0"));
    project.edit("src/acme/single/__init__.py", "One folder", "A folder");
    project.commit("Say it with less");
    project.hostout(&["release", "--yes"]).exits(0);
    let before = sessions();
    let changed = once(|| deploy("0.1.1"));
    let trips = sessions() - before;

    // Both are prepared now: no upload, no buildout, no service.
    let mut other = ["0.1.0", "0.1.1"].into_iter().cycle();
    let before = sessions();
    let own = median(RUNS, || deploy(other.next().unwrap()));
    let own_trips = (sessions() - before) / RUNS;
    let status = median(RUNS, || hostout(&["status", "web"]));
    let same = median(RUNS, || hostout(&["deploy", "web", "--yes"]));

    let bytes = upload(&project, "0.1.1");
    let nothing = Beside("ssh host true", ssh_true(&project, &config));
    let copy = scp(&project, &config, &bytes);
    let and_copy = nothing.1 + copy;
    report.row("deploy: first, with venv and buildout", first, nothing);
    report.row("deploy: an egg changed, with buildout", changed, nothing);
    report.row("deploy: prepared before", own, nothing);
    report.row(
        "deploy: prepared before",
        own,
        Beside("ssh host true + scp of its bytes", and_copy),
    );
    report.row("deploy: live already", same, nothing);
    report.row("status", status, nothing);
    report.note(&format!(
        "commands run on the host: {trips} for a changed egg, {own_trips} for a prepared release"
    ));
}

/// What the newest release sends: its tarball and the wheels that changed, as one file.
fn upload(project: &Project, version: &str) -> std::path::PathBuf {
    let manifest = project.manifest(version);
    let eggs = manifest.egg.iter().filter(|egg| egg.changed);
    let wheels = eggs.flat_map(|egg| &egg.artifacts);
    let size = manifest.tarball.size + wheels.map(|wheel| wheel.size).sum::<u64>();
    let file = project.sandbox.path("upload");
    std::fs::write(&file, vec![b'x'; usize::try_from(size).unwrap()]).unwrap();
    file
}

fn ssh_true(project: &Project, config: &str) -> Duration {
    median(RUNS, || {
        let mut command = project.sandbox.command("ssh", &project.directory);
        succeed(command.args(["-F", config, "web1", "true"]));
    })
}

fn scp(project: &Project, config: &str, file: &Path) -> Duration {
    let to = project.sandbox.path("copy").display().to_string();
    median(RUNS, || {
        let mut command = project.sandbox.command("scp", &project.directory);
        command.args(["-q", "-F", config]).arg(file);
        succeed(command.arg(format!("web1:{to}")));
    })
}
