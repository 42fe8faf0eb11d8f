//! What a person reads of each room: messages and remedies, also of failures that no test can bring about cheaply.

use super::*;
use crate::{eggs, release::Digest};
use std::path::PathBuf;

fn denied() -> io::Error {
    io::ErrorKind::PermissionDenied.into()
}

fn s(text: &str) -> String {
    text.to_owned()
}

fn buildouts() -> Vec<Error> {
    use buildout::Error as E;
    let (config, output) = (|| s("prod.cfg"), || s("  IndexError"));
    let all = vec![
        E::Encoding { file: config() },
        E::Missing {
            from: config(),
            file: s("base.cfg"),
        },
        E::Outside {
            from: config(),
            file: s("../base.cfg"),
        },
        E::Recursive {
            file: config(),
            chain: s("base.cfg"),
        },
        E::Fetch {
            url: s("https://dist.example.org/versions.cfg"),
            message: s("HTTP Error 404: Not Found"),
        },
        E::Condition {
            expression: s("pyton3"),
            message: s("NameError: name 'pyton3' is not defined"),
        },
        E::Unsupported {
            found: s("3.0.1"),
            needed: "4.1 to 6.0",
            origin: s("[versions] of prod.cfg"),
        },
        E::Python {
            python: s("python3.9"),
            message: s("No such file or directory"),
        },
        E::Pip {
            what: s("zc.buildout"),
            output: output(),
        },
        E::Buildout {
            config: config(),
            output: output(),
        },
        E::NotFound {
            requirement: s("six==99"),
            wanted_by: s("part app"),
        },
        E::Conflict {
            requirement: s("six>=2"),
            name: s("six"),
            pin: s("1.16.0"),
            pinned_in: s("prod.cfg line 7"),
            wanted_by: s("part app"),
        },
        E::TwoVersions {
            config: config(),
            name: s("six"),
            first: s("1.15.0"),
            second: s("1.16.0"),
        },
        E::Confused {
            name: s("acme.shop"),
            version: s("9.0"),
            from: s("https://index.example.org/acme.shop-9.0.whl"),
        },
        E::CustomBuild {
            part: s("lxml"),
            requirement: s("lxml"),
        },
        E::NoWheel {
            name: s("six"),
            version: s("1.16.0"),
            file: s("six-1.16.0.exe"),
        },
        E::Io {
            path: PathBuf::from("/tmp/hostout-tree-x/tree"),
            source: denied(),
        },
    ];
    let all = all.into_iter().map(assemble::Error::from);
    all.map(Error::from).collect()
}

fn ledgers() -> Vec<Error> {
    use ledger::Error as E;
    let path = || PathBuf::from("/home/ada/shop");
    let all = vec![
        E::Reftable { path: path() },
        E::File {
            what: "write",
            path: path(),
            source: denied(),
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
        E::Sign {
            key: s("/home/ada/.ssh/id_ed25519"),
            message: s("incorrect passphrase"),
        },
        E::KeyExists(path()),
        E::NoIdentity,
        E::Untrusted {
            what: s("entry 3"),
            message: s("Could not verify signature"),
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
            what: "the reason",
            value: s("a\nb"),
        },
        E::Exists(s("1.4.2")),
        E::BranchExists(s("hostout")),
        E::ReleaseTaken {
            by: s("release 1.4.2 by Ben"),
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
    ];
    all.into_iter().map(Error::from).collect()
}

fn others() -> Vec<Error> {
    use observe::Error as Seen;
    let path = || PathBuf::from("/home/ada/shop");
    vec![
        Seen::Bare(path()).into(),
        Seen::NoProject {
            start: path(),
            root: path(),
        }
        .into(),
        Seen::File {
            path: path(),
            source: denied(),
        }
        .into(),
        Seen::Encoding(path()).into(),
        Seen::Outside {
            file: PathBuf::from("/etc/hostout.toml"),
            root: path(),
        }
        .into(),
        Seen::NoBuildout(path()).into(),
        Seen::NoCommits.into(),
        Seen::NoLedger(s("hostout")).into(),
        config::Error::NoStages.into(),
        assemble::Error::Lost {
            egg: s("acme.shop"),
            file: s("acme_shop-1.4-py3-none-any.whl"),
        }
        .into(),
        assemble::Error::Egg(eggs::Error::Start {
            program: s("git"),
            source: io::ErrorKind::NotFound.into(),
        })
        .into(),
        pack::Error::NotStored {
            store: PathBuf::from("/home/ada/.cache/git-hostout/store"),
            digest: Digest::of(b""),
        }
        .into(),
        Error::Signals(denied()),
        execute::Error::Strange("a release").into(),
        execute::Error::Left {
            host: s("web1"),
            stage: s("staging"),
        }
        .into(),
    ]
}

#[test]
fn what_each_room_says() {
    let all = [buildouts(), ledgers(), others()].into_iter().flatten();
    let text: String = all.map(|error| read(&error)).collect();
    insta::assert_snapshot!(text);
}
