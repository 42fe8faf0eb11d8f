//! Releases, and what is left of one that was interrupted.

use super::sample::{digest, manifest, repository};
use crate::{
    facts::{Dirt, Released, RemoteLedger, Repository},
    plan::{
        Bump, Considered, Copies, Diverged, Interrupted, Plan, Refusal, ReleaseFacts,
        ReleaseRequest, Sharing, Sources, Staged, consider, publish, release, resume,
    },
    release::{BuiltFrom, Manifest},
};
use semver::Version;
use std::collections::BTreeSet;

struct Seen {
    repository: Repository,
    previous: Option<Released>,
    released: BTreeSet<Version>,
    unchanged: bool,
    remote: RemoteLedger,
    unsigned: Option<(&'static str, &'static str)>,
}

impl Seen {
    fn nothing() -> Self {
        Self {
            repository: repository(),
            previous: None,
            released: BTreeSet::new(),
            unchanged: false,
            remote: RemoteLedger::UpToDate,
            unsigned: None,
        }
    }

    /// After shop 1.4.1.
    fn previous() -> Self {
        let mut manifest = manifest();
        manifest.version = Version::new(1, 4, 1);
        manifest.egg[0].version = "1.1".parse().unwrap();
        manifest.pin[0].version = "5.0".parse().unwrap();
        let mut gone = manifest.pin[0].clone();
        "six".clone_into(&mut gone.name);
        manifest.pin.push(gone);
        Self {
            released: BTreeSet::from([manifest.version.clone()]),
            previous: Some(Released {
                manifest,
                digest: digest(),
            }),
            ..Self::nothing()
        }
    }

    fn facts(&self) -> ReleaseFacts<'_> {
        ReleaseFacts {
            project: "shop",
            tag_format: "v{version}",
            ledger: "hostout",
            tip: "0123456789abcdef0123456789abcdef01234567",
            repository: &self.repository,
            previous: self.previous.as_ref(),
            released: &self.released,
            unchanged: self.unchanged,
            remote: &self.remote,
            unsigned: self.unsigned,
        }
    }

    fn plan(&self, manifest: &Manifest, push_to: Option<&str>, publishes: &[String]) -> Plan {
        self.plan_with(
            manifest,
            &Sources::default(),
            &Copies::default(),
            push_to,
            publishes,
        )
        .unwrap()
    }

    fn plan_with(
        &self,
        manifest: &Manifest,
        sources: &Sources,
        copies: &Copies<'_>,
        push_to: Option<&str>,
        publishes: &[String],
    ) -> Result<Plan, Refusal> {
        let staged = Staged {
            manifest,
            digest: digest(),
            unused: &[],
            secrets: &[],
            sources,
            copies,
            push_to,
            lacking: &[],
            publishes,
        };
        release(&self.facts(), &staged)
    }

    fn consider(&self, version: Option<&str>, bump: Option<Bump>) -> Considered {
        let request = ReleaseRequest {
            version: version.map(|version| version.parse().unwrap()),
            bump,
            upgrade: false,
        };
        consider(&request, &self.facts()).unwrap()
    }
}

#[test]
fn the_first_release_stays_here_without_a_remote() {
    let mut seen = Seen::nothing();
    seen.remote = RemoteLedger::NoRemote;
    let plan = seen.plan(&manifest(), None, &[]);
    insta::assert_snapshot!(plan);
    assert!(
        plan.to_string()
            .lines()
            .all(|line| line.chars().count() <= 80)
    );
}

#[test]
fn a_later_release_tells_what_changed_and_what_a_push_publishes() {
    let mut manifest = manifest();
    let mut new = manifest.pin[0].clone();
    "waitress".clone_into(&mut new.name);
    manifest.pin.push(new);
    let publishes = ["Be more formal".to_owned(), "Fix the cart".to_owned()];
    insta::assert_snapshot!(Seen::previous().plan(&manifest, Some("origin"), &publishes));
}

#[test]
fn a_remote_that_is_away_is_told() {
    let mut seen = Seen::previous();
    seen.remote = RemoteLedger::Unreachable {
        remote: "origin".to_owned(),
        detail: "no answer in 5 s".to_owned(),
    };
    insta::assert_snapshot!(seen.plan(&manifest(), None, &[]));
}

#[test]
fn every_reason_is_told_before_anything_is_built() {
    let mut seen = Seen::nothing();
    seen.repository = Repository {
        dirty: vec![
            ("setup.py".to_owned(), Dirt::Modified),
            ("prod.cfg".to_owned(), Dirt::Untracked),
        ],
        operation: Some("rebase".to_owned()),
        tags: BTreeSet::from(["v1.0.0".to_owned()]),
        passwords: vec![("base.cfg".to_owned(), 3)],
        ..seen.repository
    };
    seen.unsigned = Some(("no signing key is configured", "git hostout init"));
    seen.remote = RemoteLedger::Diverged {
        detail: "entries only here: 1, only there: 2".to_owned(),
        blocked: false,
    };
    let request = ReleaseRequest {
        version: Some(Version::new(1, 0, 0)),
        bump: None,
        upgrade: false,
    };
    let refusal = consider(&request, &seen.facts()).unwrap_err();
    let reasons = refusal.reasons.iter();
    let lines = reasons.map(|reason| format!("- {}\n  {}\n", reason.what, reason.remedy));
    insta::assert_snapshot!(format!("{refusal}\n{}", lines.collect::<String>()));
}

#[test]
fn the_version_follows_what_was_asked_and_what_changed() {
    let mut seen = Seen::previous();
    let release = |version: &str| Considered::Release(version.parse().unwrap());
    assert_eq!(seen.consider(None, None), release("1.4.2"));
    assert_eq!(seen.consider(None, Some(Bump::Minor)), release("1.5.0"));
    assert_eq!(seen.consider(Some("3.0.0"), None), release("3.0.0"));
    seen.unchanged = true;
    assert_eq!(
        seen.consider(None, None),
        Considered::Nothing(Version::new(1, 4, 1))
    );
    assert_eq!(seen.consider(None, Some(Bump::Patch)), release("1.4.2"));
}

#[test]
fn what_is_left_of_a_release_is_a_plan_too() {
    let manifest = manifest();
    let left = resume(&Interrupted {
        project: "shop",
        manifest: &manifest,
        tag: "v1.4.2",
        ledger: "hostout",
        tip: "0123456789abcdef0123456789abcdef01234567",
        push_to: Some("origin"),
        lacking: &[],
    });
    let tags = ["v1.4.0", "v1.4.1", "v1.4.2"].map(str::to_owned);
    let diverged = Some(Diverged {
        entries: 2,
        onto: "0123456789abcdef0123456789abcdef01234567".to_owned(),
    });
    insta::assert_snapshot!(format!(
        "{left}\n{}",
        publish("origin", "hostout", &tags, diverged)
    ));
}

#[test]
fn what_nobody_can_make_again_is_told_with_its_only_copy() {
    let mut manifest = manifest();
    let mut lxml = manifest.pin[0].clone();
    "lxml".clone_into(&mut lxml.name);
    lxml.built_from = Some(BuiltFrom {
        url: "https://index.example.org/lxml-6.0.tar.gz".to_owned(),
        sha256: digest(),
    });
    lxml.artifacts[0].file = "lxml-6.0-cp311-cp311-linux_x86_64.whl".to_owned();
    lxml.artifacts[0].reproducible = false;
    let mut own = lxml.clone();
    own.built_from.as_mut().unwrap().url = "own-1.0.tar.gz".to_owned();
    own.artifacts[0].file = "own-1.0-py3-none-any.whl".to_owned();
    let mut plain = manifest.pin[0].clone();
    plain.built_from = None;
    for (pin, name) in [(&mut own, "own"), (&mut plain, "found")] {
        name.clone_into(&mut pin.name);
    }
    plain.artifacts[0].file = "found-1.0-py3-none-any.whl".to_owned();
    manifest.pin.extend([lxml, own, plain]);
    manifest.egg[0].artifacts[0].reproducible = false;
    let sources = Sources {
        local: BTreeSet::from(["found-1.0-py3-none-any.whl".to_owned()]),
        downloads: vec!["nginx.tar.gz".to_owned()],
    };
    let seen = Seen::previous();
    let mut copies = Copies {
        here: "/home/ada/.cache/git-hostout/store",
        ..Copies::default()
    };
    let plan = |copies: &Copies<'_>| seen.plan_with(&manifest, &sources, copies, None, &[]);
    insta::assert_snapshot!(plan(&copies).unwrap());
    copies.ci = true;
    let refusal = plan(&copies).unwrap_err();
    assert_eq!(refusal.reasons.len(), 6);
    copies.shared = Some(Sharing {
        name: "ssh://web1/srv/store".to_owned(),
        lacks: manifest.egg[0].artifacts.clone(),
        there: 3,
    });
    insta::assert_snapshot!(plan(&copies).unwrap());
}
