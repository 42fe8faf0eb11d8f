//! The ledger, its keys and its remote.

use super::*;
use crate::ledger::Error as E;

/// What git's library says of a folder that is no repository.
fn gix() -> gix::Error {
    gix::open("/dev/null").unwrap_err()
}

pub fn all() -> Vec<Error> {
    let path = || PathBuf::from("/home/ada/shop");
    let all = vec![
        E::Reftable { path: path() },
        E::File {
            what: "write",
            path: path(),
            source: denied(),
        },
        E::NoRepository { path: path() },
        E::Open {
            path: path(),
            source: Box::new(gix()),
        },
        E::Program {
            program: "ssh-keygen".into(),
            source: io::ErrorKind::NotFound.into(),
        },
        E::Failed {
            program: "gpg".into(),
            message: s("no agent"),
        },
        E::Config {
            key: s("hostout.signingKey"),
            message: s("it is empty"),
        },
        E::Interrupted,
        E::Sign {
            key: s("/home/ada/.ssh/id_ed25519"),
            message: s("incorrect passphrase"),
        },
        E::NoPublicKey {
            key: s("ben.pub"),
            message: s("it is empty"),
        },
        E::KeyExists(path()),
        E::NoIdentity,
        E::Untrusted {
            what: s("entry 3"),
            message: s("Could not verify signature"),
        },
        E::Kept {
            host: s("web1"),
            message: s("has no branch hostout"),
        },
        E::Malformed {
            what: s("entry 3"),
            message: s("it has no serial"),
        },
        E::Manifest {
            version: s("1.4.2"),
            source: release::FormatError::Newer(2),
        },
        E::Unwritable {
            what: "reason",
            value: s("a\nb"),
        },
        E::Exists(s("releases/1.4/1.4.2/manifest.toml")),
        E::BranchExists(s("hostout")),
    ];
    let all = all.into_iter().chain(more());
    all.map(Error::from).collect()
}

fn more() -> Vec<E> {
    let tip = || gix::ObjectId::null(gix::hash::Kind::Sha1);
    vec![
        E::ReleaseTaken {
            by: s("release 1.4.2 by Ben"),
        },
        E::KeysTaken {
            by: s("keys add ben@example.org by Ben"),
        },
        E::Keys(s("no key may change keys any more")),
        E::MayNot {
            who: s("SHA256:abc"),
            need: s("deploy:production"),
            roles: s("release, deploy:staging"),
        },
        E::Rewritten {
            branch: s("hostout"),
            tip: tip(),
        },
        E::Locked {
            branch: s("hostout"),
            source: Box::new(gix()),
        },
        E::Diverged {
            remote: s("origin"),
            ours: 2,
            theirs: 1,
            tip: tip(),
            blocked: false,
        },
        E::Diverged {
            remote: s("origin"),
            ours: 2,
            theirs: 1,
            tip: tip(),
            blocked: true,
        },
        E::Rejected {
            remote: s("origin"),
            message: s(
                "refs/heads/hostout: [remote rejected] (pre-receive hook declined): not on a Friday",
            ),
        },
        E::Foreign {
            path: "/srv/shop".into(),
        },
        E::RemoteTag {
            remote: s("origin"),
            name: s("v1.4.2"),
            message: s("is gone from there"),
        },
        E::Rewound {
            remote: s("origin"),
            branch: s("hostout"),
            tip: tip(),
        },
        E::TagExists { name: s("v1.4.2") },
        E::Tag {
            name: s("v1.4.2"),
            message: s("it names another commit"),
        },
        E::Introduction {
            branch: s("hostout"),
            what: "first commit",
            expected: s("aaaa"),
            found: s("bbbb"),
        },
        E::Unreachable {
            remote: s("origin"),
            message: s("no answer"),
        },
    ]
}
