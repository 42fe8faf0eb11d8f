//! Configurations, and what reads them.

use super::*;
use crate::buildout::{Error as E, SyntaxError};

pub fn all() -> Vec<Error> {
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
        E::Conflict {
            requirement: s("acme.shop>=2"),
            name: s("acme.shop"),
            pin: s("0.1.0"),
            pinned_in: s("this release"),
            wanted_by: s("acme.site 1.0"),
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
        E::Syntax {
            file: config(),
            source: SyntaxError {
                line: 7,
                text: s("eggs += six"),
            },
        },
        E::Include {
            source: globset::Glob::new("etc/[").unwrap_err(),
        },
        E::Answer {
            script: "record.py",
            source: serde_json::from_str::<u8>("").unwrap_err(),
        },
        E::Io {
            path: PathBuf::from("/tmp/hostout-tree-x/tree"),
            source: denied(),
        },
    ];
    let all = all.into_iter().map(assemble::Error::from);
    all.map(Error::from).collect()
}
