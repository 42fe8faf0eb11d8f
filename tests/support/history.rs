//! A history that nobody lived through.

use super::Project;
use gix::{
    ObjectId,
    objs::{Commit, Write as _},
};
use hostout::{
    ledger::{
        self, Key, Kind, Ledger, NewEntry, NewTag, Person, Released, create_tag, new_id,
        release_files, write_release_commit, write_tag,
    },
    release::{Manifest, Previous},
};
use jiff::{SignedDuration, Timestamp};
use semver::Version;

/// A ledger that is made longer by copies of its one release, each signed as a real one.
pub struct History {
    repo: gix::Repository,
    ledger: Ledger,
    key: Key,
    who: Person,
    first: Released,
}

impl History {
    /// The ledger of a project with the release 0.1.0.
    pub fn of(project: &Project) -> Self {
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

    /// Until there are `releases`; gives the last version and its commit.
    pub fn grow(mut self, releases: u64) -> (Version, ObjectId) {
        let mut head = self.repo.head_id().unwrap().detach();
        let mut time: Timestamp = self.first.manifest.time.parse().unwrap();
        for number in 1..releases {
            time = time.checked_add(SignedDuration::from_hours(1)).unwrap();
            head = self.commit(head, time);
            // 50 of one minor version lie in one folder.
            self.release(head, Version::new(1, number / 50, number % 50), time);
        }
        (self.first.manifest.version, head)
    }

    /// One release more, of the same commit, whose manifest was changed before it was signed.
    pub fn forge(mut self, version: Version, change: impl FnOnce(&mut Manifest)) {
        let head = self.repo.head_id().unwrap().detach();
        let time: Timestamp = self.first.manifest.time.parse().unwrap();
        change(&mut self.first.manifest);
        self.release(head, version, time);
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
        let last: ObjectId = self.first.manifest.release_commit.parse().unwrap();
        let tree = self.repo.find_commit(last).unwrap().tree_id().unwrap();
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
