//! Eggs, their builds and their wheels.

use super::*;
use crate::eggs::Error as E;

pub fn all() -> Vec<Error> {
    let (file, egg) = (|| s("src/acme.shop/setup.py"), || s("acme.shop"));
    let output = || s("  ModuleNotFoundError: No module named 'attr'");
    let all = vec![
        E::NotAnEgg {
            path: s("src/acme.shop"),
        },
        E::Toml {
            file: s("src/acme.shop/pyproject.toml"),
            source: Box::new("[".parse::<toml_edit::DocumentMut>().unwrap_err()),
        },
        E::Encoding { file: file() },
        E::Undetermined {
            file: file(),
            what: "version",
            why: s("setup() is given a computed one"),
        },
        E::Version {
            file: file(),
            version: s("1.0-final-x"),
            source: Box::new("1.0-final-x".parse::<pep440_rs::Version>().unwrap_err()),
        },
        E::Edit {
            file: file(),
            place: s("line 3"),
        },
        E::Wheel {
            file: s("acme_shop-1.4-py3-none-any.whl"),
            why: s("its member `../x` leaves it"),
        },
        E::Git {
            what: s("the tree of src/acme.shop"),
            source: Box::new(denied()),
        },
        E::NoFolder {
            path: s("src/acme.shop"),
            tree: "a".repeat(40),
        },
        E::Start {
            program: s("git"),
            source: io::ErrorKind::NotFound.into(),
        },
        E::Command {
            what: s("making a virtual environment with python3"),
            output: s("  ensurepip is not available"),
        },
        E::Tools {
            egg: egg(),
            requires: s("setuptools>=61"),
            output: s("  ERROR: No matching distribution found for setuptools>=61"),
        },
        E::Build {
            egg: egg(),
            output: output(),
        },
        E::Mismatch {
            egg: egg(),
            version: "1.4".parse().unwrap(),
            file: s("acme_shop-1.3-py3-none-any.whl"),
        },
        E::File {
            path: PathBuf::from("/home/ada/.cache/git-hostout/wheels"),
            source: denied(),
        },
    ];
    let all = all.into_iter().map(assemble::Error::from);
    all.map(Error::from).collect()
}
