//! Looking at a long history: what every command pays before it does anything.

use crate::{
    report::{Beside, Report, median, succeed},
    support::{Project, Run},
};
use gix::{
    ObjectId,
    objs::{Commit, Write as _},
};
use hostout::{
    ledger::{
        self, Key, Kind, Ledger, NewEntry, NewTag, Person, Released, create_tag, new_id,
        release_files, write_release_commit, write_tag,
    },
    release::Previous,
};
use jiff::{SignedDuration, Timestamp};
use semver::Version;

const RELEASES: u64 = 2_000;
const RUNS: usize = 9;

pub fn run(report: &mut Report) {
    let project = Project::released_single();
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    let (newest, head) = History::of(&project).grow();
    project.git(&["update-ref", "refs/heads/main", &head.to_string()]);
    measure(report, &project, &newest, "loose");
    project.git(&["gc", "--quiet"]);
    measure(report, &project, &newest, "packed");
}

fn measure(report: &mut Report, project: &Project, newest: &Version, state: &str) {
    let git = |arguments: &[&str]| {
        median(RUNS, || {
            let mut command = project.sandbox.command("git", &project.directory);
            succeed(command.args(arguments));
        })
    };
    let hostout = |arguments: &[&str], said: &str| {
        median(RUNS, || {
            let run: Run = project.hostout(arguments);
            run.exits(0).says(&[said]);
        })
    };
    let (version, minor) = (
        newest.to_string(),
        format!("{}.{}", newest.major, newest.minor),
    );
    let log = Beside("git log hostout", git(&["log", "hostout"]));
    let status = Beside("git status", git(&["status"]));
    let manifest = format!("hostout:releases/{minor}/{version}/manifest.toml");
    let show = Beside(
        "git show hostout:…/manifest.toml",
        git(&["show", &manifest]),
    );
    let python = Beside(
        "python3 -I -c pass",
        median(RUNS, || {
            let mut command = project.sandbox.command("python3", &project.directory);
            succeed(command.args(["-I", "-c", "pass"]));
        }),
    );
    let mut row = |arguments: &[&str], said: &str, beside| {
        let what = format!("git hostout {} ({state})", arguments.join(" "));
        report.row(&what, hostout(arguments, said), beside);
    };
    row(&["log"], &version, log);
    row(&["log", "-n", "20"], &version, log);
    row(&["release"], "Nothing changed", log);
    row(&["release"], "Nothing changed", status);
    row(&["show"], &version, show);
    row(&["status"], "local", log);
    row(&["status"], "local", python);
}

/// A ledger that is made longer by copies of its one release, each signed as a real one.
struct History {
    repo: gix::Repository,
    ledger: Ledger,
    key: Key,
    who: Person,
    first: Released,
}

impl History {
    fn of(project: &Project) -> Self {
        let (root, home) = (&project.directory, project.sandbox.path("home"));
        let repo = gix::open_opts(root, gix::open::Options::isolated()).unwrap();
        let ledger = Ledger::open(&repo, "hostout").unwrap().unwrap();
        let key = Key {
            scheme: ledger::Scheme::Ssh,
            id: home.join(".ssh/id_ed25519.pub").display().to_string(),
            program: "ssh-keygen".into(),
        };
        let first = ledger.release(&Version::new(0, 1, 0)).unwrap().unwrap();
        let who = Person {
            name: "Ada Example".to_owned(),
            email: "ada@example.org".to_owned(),
        };
        Self {
            repo,
            ledger,
            key,
            who,
            first,
        }
    }

    /// Gives the last version and its commit.
    fn grow(mut self) -> (Version, ObjectId) {
        let mut head = self.repo.head_id().unwrap().detach();
        let mut time: Timestamp = self.first.manifest.time.parse().unwrap();
        for number in 1..RELEASES {
            time = time.checked_add(SignedDuration::from_hours(1)).unwrap();
            head = self.commit(head, time);
            // 50 of one minor version lie in one folder.
            self.release(head, Version::new(1, number / 50, number % 50), time);
        }
        (self.first.manifest.version, head)
    }

    fn commit(&self, parent: ObjectId, time: Timestamp) -> ObjectId {
        let parent = self.repo.find_commit(parent).unwrap();
        let mut commit: Commit = parent.decode().unwrap().into_owned().unwrap();
        commit.parents = std::iter::once(parent.id).collect();
        commit.author.time.seconds = time.as_second();
        commit.committer.time.seconds = time.as_second();
        self.repo.objects.write(&commit).unwrap()
    }

    fn release(&mut self, head: ObjectId, version: Version, time: Timestamp) {
        let tree = self.repo.find_commit(head).unwrap().tree_id().unwrap();
        let subject = format!("single {version}");
        let commit = write_release_commit(&self.repo, tree.detach(), head, &subject).unwrap();
        let manifest = &mut self.first.manifest;
        manifest.previous = Some(Previous {
            version: manifest.version.clone(),
            manifest: self.first.digest,
        });
        manifest.version = version.clone();
        manifest.commit = head.to_string();
        manifest.release_commit = commit.to_string();
        manifest.time = time.to_string();
        let text = manifest.to_toml().unwrap();
        let (files, digest) =
            release_files(&version, &text, &self.first.versions_cfg, &self.key).unwrap();
        self.first.digest = digest;
        let name = format!("v{version}");
        let tag = NewTag {
            name: &name,
            target: commit,
            subject: &subject,
            body: "",
            project: self.ledger.project_id(),
            manifest: digest,
            who: &self.who,
            time,
        };
        let tag = write_tag(&self.repo, &tag, &self.key).unwrap();
        create_tag(&self.repo, &name, tag).unwrap();
        let entry = NewEntry {
            kind: Kind::Release {
                version,
                tag,
                commit: head,
            },
            id: new_id().unwrap(),
            files,
            edits: ledger::Edits::default(),
            who: self.who.clone(),
            time,
            reason: String::new(),
        };
        self.ledger.append(&entry, &self.key).unwrap();
    }
}
