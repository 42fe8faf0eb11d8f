//! A project that has nothing of Zope: Django with a database in a `PostgreSQL` of its own.

use crate::support::{Project, page_at};
use std::{
    fs,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::Command,
};

/// A server that listens on a socket in its folder, to whoever can open it.
struct Postgresql {
    folder: tempfile::TempDir,
}

impl Postgresql {
    fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("pg.").tempdir().unwrap();
        if let Some((user, group)) = server_user() {
            chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        let server = Self { folder };
        let data = server.data();
        let init = ["-D", &data, "-U", "admin", "--auth=trust", "--no-sync"];
        server.run("initdb", &init);
        let socket = server.folder.path().display();
        let options = format!("-k {socket} -c listen_addresses= -c fsync=off");
        let log = format!("{socket}/log");
        server.run(
            "pg_ctl",
            &["-D", &data, "-w", "-l", &log, "-o", &options, "start"],
        );
        server.run(
            "createdb",
            &["-h", &socket.to_string(), "-U", "admin", "notes"],
        );
        server
    }

    /// A connection string.
    fn address(&self) -> String {
        format!(
            "host={} dbname=notes user=admin",
            self.folder.path().display()
        )
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    /// The server refuses to be root's.
    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = match server_user() {
            Some(_) => {
                let mut command = Command::new("runuser");
                command
                    .args(["-u", "postgres", "--"])
                    .arg(programs().join(program));
                command
            }
            None => Command::new(programs().join(program)),
        };
        // A server keeps whatever it is given open.
        let log = fs::File::create(self.folder.path().join(format!("{program}.log"))).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let status = command
            .args(arguments)
            .current_dir(self.folder.path())
            .status();
        assert!(status.unwrap().success(), "{program} {arguments:?}");
    }
}

impl Drop for Postgresql {
    fn drop(&mut self) {
        self.run("pg_ctl", &["-D", &self.data(), "-m", "immediate", "stop"]);
    }
}

/// Debian keeps them off the PATH.
fn programs() -> PathBuf {
    let all = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut folders: Vec<PathBuf> = all.map(|entry| entry.unwrap().path().join("bin")).collect();
    folders.retain(|folder| folder.join("initdb").exists());
    folders.sort();
    let Some(newest) = folders.pop() else {
        panic!("there is no PostgreSQL: make setup");
    };
    newest
}

/// User and group that run the server where we are root.
fn server_user() -> Option<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|line| line.starts_with("postgres:"));
    let ids: Vec<u32> = line?
        .split(':')
        .filter_map(|word| word.parse().ok())
        .collect();
    rustix::process::geteuid()
        .is_root()
        .then_some((ids[0], ids[1]))
}

/// What the page lists after `query`.
fn notes(project: &Project, query: &str) -> String {
    page_at(project.port, &format!("/{query}")).unwrap()
}

/// A migration that does something to all notes.
fn migration(project: &Project, name: &str, before: &str, does: &str) {
    let folder = Path::new("src/acme.notes/src/acme/notes/migrations");
    let text = format!(
        "\"\"\"A change.\"\"\"\n\nfrom django.db import migrations\n\n\n\
         def change(apps, schema_editor):\n    \"\"\"Change all notes.\"\"\"\n    \
         notes = apps.get_model(\"notes\", \"Note\").objects\n    {does}\n\n\n\
         class Migration(migrations.Migration):\n    \"\"\"Notes.\"\"\"\n\n    \
         dependencies = [(\"notes\", \"{before}\")]\n    operations = [migrations.RunPython(change)]\n"
    );
    let path = folder.join(format!("{name}.py"));
    project.write(path.to_str().unwrap(), &text);
}

#[test]
fn a_migration_that_fails_half_way_is_undone_in_the_database_too() {
    let server = Postgresql::start();
    let project = Project::from_fixture("django");
    let port = project.port.to_string();
    project.edit("buildout.cfg", "web = 8000", &format!("web = {port}"));
    project.edit("hostout.toml", "8000", &port);
    for file in ["buildout.cfg", "hostout.toml"] {
        project.edit(file, "dbname=notes", &server.address());
    }
    let project = project.add_stage_and_commit();
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    assert_eq!(notes(&project, "?add=one"), "Notes\none");

    // One that works is there to stay, and its backup was made before it.
    migration(
        &project,
        "0002_loud",
        "0001_initial",
        "notes.create(text=\"two\")",
    );
    project.commit("Add a note");
    project.hostout(&["release", "--yes"]).exits(0);
    let deployed = project.hostout(&["deploy", "local", "--yes"]).exits(0);
    deployed.says(&["pg_dump"]);
    assert_eq!(notes(&project, ""), "Notes\none\ntwo");

    // PostgreSQL takes back a migration that fails, but not the one before it.
    migration(&project, "0003_gone", "0002_loud", "notes.all().delete()");
    migration(
        &project,
        "0004_broken",
        "0003_gone",
        "raise ValueError(\"no such note\")",
    );
    project.commit("Break it");
    project.hostout(&["release", "--yes"]).exits(0);
    project
        .hostout(&["deploy", "local", "--yes"])
        .exits(22)
        .says(&[
            "migrate (bin/django migrate --no-input) ended with status 1: ValueError: no such note",
            "no such note",
            "with its data",
        ]);
    assert_eq!(project.live().as_deref(), Some("0.1.1"));
    assert_eq!(notes(&project, "?add=three"), "Notes\none\ntwo\nthree");

    // The database stays as it is where only code goes back.
    project.hostout(&["rollback", "local", "--yes"]).exits(0);
    assert_eq!(notes(&project, ""), "Notes\none\ntwo\nthree");
    project
        .hostout(&["status", "local", "--exit-code"])
        .exits(0);
}
