//! Facts to start from; a test changes what it is about.

use crate::{
    config::{Project, Stage},
    facts::{Current, Host, PathState, Python, Repository, Room},
    release::{Digest, EntryId, Manifest},
};
use semver::Version;
use std::collections::{BTreeMap, BTreeSet};

/// The frozen manifest of shop 1.4.2.
pub fn manifest() -> Manifest {
    Manifest::from_toml(include_str!("../../../fixtures/formats/v1/manifest.toml")).unwrap()
}

/// A stage of two hosts.
pub fn stage() -> Stage {
    let text = "[project]\nname = \"shop\"\n[stage.live]\nhosts = [\"web1\", \"web2\"]\npath = \"/srv/shop\"\n";
    let project = Project::parse("hostout.toml", text).unwrap();
    project.stages.into_iter().next().unwrap()
}

/// sha256 of the manifest.
pub fn digest() -> Digest {
    Digest::of(b"manifest")
}

/// The deployment that made 1.4.1 live.
pub fn recorded() -> EntryId {
    EntryId("8e6f79f83626d68a".to_owned())
}

/// A host that runs 1.4.1, and lacks all of 1.4.2.
pub fn host(name: &str) -> Host {
    let old = Version::new(1, 4, 1);
    Host {
        path: PathState::Ours,
        python: Python {
            version: "3.11.2".to_owned(),
            tags: ["cp311-cp311-linux_x86_64", "py3-none-any"]
                .map(str::to_owned)
                .to_vec(),
            target: "cp311-manylinux_2_36_x86_64".to_owned(),
            venv: true,
        },
        room: room("/srv/shop", 1_000_000_000),
        current: Current::Release(old.clone()),
        record: Some((old.clone(), recorded())),
        complete: BTreeMap::from([(old, Digest::of(b"old"))]),
        healthy: Some(true),
        complaint: None,
        shared_files: BTreeMap::from([("secret.cfg".to_owned(), true)]),
        missing: manifest()
            .artifacts_for("default")
            .iter()
            .map(|artifact| artifact.sha256)
            .collect(),
        agent: true,
        ..Host::unknown(name)
    }
}

/// So many bytes free, on the one file system there is.
pub fn room(place: &str, bytes: u64) -> Room {
    Room {
        place: place.to_owned(),
        device: 1,
        bytes,
        inodes: Some(1_000_000),
        noexec: false,
    }
}

/// A clean repository.
pub fn repository() -> Repository {
    Repository {
        head: "a".repeat(40),
        dirty: Vec::new(),
        operation: None,
        tags: BTreeSet::new(),
        passwords: Vec::new(),
    }
}
