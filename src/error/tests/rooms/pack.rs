//! The tarball and the store.

use super::*;
use crate::{
    pack::{Error as E, PathFault},
    release::Digest,
};

pub fn all() -> Vec<Error> {
    let store = || PathBuf::from("/home/ada/.cache/git-hostout/store");
    let corrupt = |removed| E::Corrupt {
        path: store().join("e3/b0c442"),
        found: Digest::of(b""),
        removed,
    };
    let faults = [
        ("", PathFault::Empty),
        ("/etc/passwd", PathFault::Absolute),
        ("../base.cfg", PathFault::Part),
        ("base\0.cfg", PathFault::Nul),
        ("b\u{fffd}se.cfg", PathFault::Encoding),
        ("base.cfg/x", PathFault::Below),
    ];
    let paths = faults.map(|(path, fault)| E::Path {
        path: s(path),
        fault,
    });
    let all = vec![
        E::Collision {
            first: s("README.md"),
            second: s("Readme.md"),
        },
        E::LinkLeaves {
            path: s("etc/site.conf"),
            target: s("/etc/nginx/site.conf"),
        },
        E::TooLarge {
            path: s("var/Data.fs"),
        },
        E::Tar(io::ErrorKind::StorageFull.into()),
        E::Missing {
            path: s("etc/site.conf"),
        },
        E::Submodule {
            path: s("src/theme"),
        },
        E::LfsPointer {
            path: s("etc/logo.png"),
        },
        E::Git {
            path: s("etc/site.conf"),
            source: Box::new(denied()),
        },
        E::NotStored {
            store: store(),
            digest: Digest::of(b""),
        },
        corrupt(true),
        corrupt(false),
        E::Io {
            doing: "create",
            path: store(),
            source: denied(),
        },
    ];
    paths.into_iter().chain(all).map(Error::from).collect()
}
