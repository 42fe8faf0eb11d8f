//! What is looked at and put together here.

use super::*;

pub fn all() -> Vec<Error> {
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
        Seen::NotText {
            file: path(),
            line: 3,
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
        Seen::Kept {
            host: s("web1"),
            path: s("/srv/shop/.hostout/project.bundle"),
            said: s("Permission denied"),
        }
        .into(),
        config::Error::NoStages.into(),
        config::Error::UnknownStage {
            name: s("staging"),
            known: Vec::new(),
        }
        .into(),
        config::Error::WhichStage {
            known: vec![s("production"), s("staging")],
        }
        .into(),
        config::Error::Conflict {
            stage: s("staging"),
            key: "path",
            old: s("/srv/shop"),
            new: s("/srv/site"),
        }
        .into(),
        release::from_toml::<u8>("format = 1").unwrap_err().into(),
        release::to_toml(&1).unwrap_err().into(),
        assemble::Error::Lost {
            egg: s("acme.shop"),
            file: s("acme_shop-1.4-py3-none-any.whl"),
        }
        .into(),
        Error::Signals(denied()),
    ]
}
