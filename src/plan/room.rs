//! Whether a host has room for a deployment: bytes and inodes, on every file system that is written to.

use crate::{
    facts::{Host, Room},
    release::{Artifact, Buildout},
};

/// A file system that has too little.
pub(super) struct Shortage {
    /// What is missing, without the host.
    pub what: String,
    /// Whether old releases are among what fills it.
    pub ours: bool,
}

/// What a part of a deployment writes.
#[derive(Clone, Copy)]
struct Need {
    bytes: u64,
    inodes: u64,
}

const MB: u64 = 1_000_000;

/// A venv, logs and the unpacked configuration.
const RELEASE: Need = Need {
    bytes: 60 * MB,
    inodes: 4_000,
};

/// What buildout and pip leave in the temp folder while they run.
const TEMP: Need = Need {
    bytes: 10 * MB,
    inodes: 100,
};

/// Unpacked, compiled, and beside that the artifact itself: measured on Plone's wheels, which grow to 4.5 times their size.
const GROWTH: u64 = 6;

/// Of wheels; those of buildout, supervisor and waitress have a file in 1,750 bytes, with the `.pyc`.
const BYTES_PER_INODE: u64 = 1_500;

/// Its folders and marker.
const INODES_PER_ARTIFACT: u64 = 20;

/// Too little room on `host`. `artifacts` are those to upload and unpack, `None` where the release is there: a switch
/// writes next to nothing, and must be possible on a full disk.
pub(super) fn shortages(
    host: &Host,
    buildout: &Buildout,
    artifacts: Option<&[Artifact]>,
) -> Vec<Shortage> {
    let mut places: Vec<(&Room, Need)> = Vec::new();
    if let Some(artifacts) = artifacts {
        places.push((&host.room, release(artifacts)));
        places.extend(host.temp.as_ref().map(|temp| (temp, TEMP)));
    }
    if let Some(backup) = &host.backup {
        // Putting it back takes as much again.
        let times = if buildout.hooks.migrate.is_some() {
            2
        } else {
            1
        };
        let need = Need {
            bytes: backup.bytes * times,
            inodes: backup.inodes * times,
        };
        places.push((&backup.room, need));
    }
    let mut shortages = Vec::new();
    while let Some((room, mut need)) = places.first().copied() {
        // Places on one file system share what is free.
        for (_, other) in places
            .iter()
            .skip(1)
            .filter(|(other, _)| other.device == room.device)
        {
            need.bytes = need.bytes.saturating_add(other.bytes);
            need.inodes = need.inodes.saturating_add(other.inodes);
        }
        places.retain(|(other, _)| other.device != room.device);
        let ours = room.device == host.room.device;
        let what = [bytes(room, need), inodes(room, need)];
        shortages.extend(
            what.into_iter()
                .flatten()
                .map(|what| Shortage { what, ours }),
        );
    }
    shortages
}

fn release(artifacts: &[Artifact]) -> Need {
    // A manifest may claim any size.
    let sizes = artifacts.iter().map(|artifact| artifact.size);
    let size = sizes.fold(0, u64::saturating_add);
    Need {
        bytes: size.saturating_mul(GROWTH).saturating_add(RELEASE.bytes),
        inodes: size / BYTES_PER_INODE
            + artifacts.len() as u64 * INODES_PER_ARTIFACT
            + RELEASE.inodes,
    }
}

fn bytes(room: &Room, need: Need) -> Option<String> {
    (room.bytes < need.bytes).then(|| {
        format!(
            "{} MB free at {}, about {} MB needed",
            room.bytes / MB,
            room.place,
            need.bytes.div_ceil(MB)
        )
    })
}

fn inodes(room: &Room, need: Need) -> Option<String> {
    let free = room.inodes.filter(|free| *free < need.inodes)?;
    Some(format!(
        "{free} inodes free at {}, about {} needed",
        room.place, need.inodes
    ))
}
