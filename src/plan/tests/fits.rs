//! Hosts whose python takes none of the wheels that a release ships.

use super::{
    deployments::{decide_on, request, words},
    sample::{host, manifest, stage},
};
use crate::{
    config::{Fetch, Stage},
    plan::{Action, Deploying, Refusal, fetched},
    release::{Digest, Elsewhere, Fetchable, Intent, Manifest, Origin, Pin},
};
use std::collections::BTreeSet;

/// The sample, whose lxml came from an index; and pip, without which no host fetches.
fn released(fetchable: Option<&[&str]>) -> Manifest {
    let mut manifest = manifest();
    let lxml = &mut manifest.pin[0];
    lxml.origin = Origin::Index;
    lxml.built_from = None;
    lxml.fetchable = fetchable.map(|files| files.iter().map(|file| named(file)).collect());
    let mut pip: Pin = lxml.clone();
    "pip".clone_into(&mut pip.name);
    "pip-25.0-py3-none-any.whl".clone_into(&mut pip.artifacts[0].file);
    pip.artifacts[0].sha256 = Digest::of(b"pip");
    pip.fetchable = None;
    manifest.pin.push(pip);
    manifest
}

fn named(file: &str) -> Fetchable {
    Fetchable {
        file: file.to_owned(),
        sha256: Digest::of(file.as_bytes()),
        size: None,
    }
}

const WHEEL: &str = "lxml-6.0.2-cp313-cp313-musllinux_1_2_aarch64.whl";

/// What comes out for a host with musl and python 3.13.
fn decided(manifest: &Manifest, fetch: Fetch) -> Result<Deploying, Refusal> {
    let mut web1 = host("web1");
    "3.13.1".clone_into(&mut web1.python.version);
    "cp313-musllinux_1_2_aarch64".clone_into(&mut web1.python.target);
    web1.python.tags = ["cp313-cp313-musllinux_1_2_aarch64", "py3-none-any"]
        .map(str::to_owned)
        .to_vec();
    web1.missing.insert(Digest::of(WHEEL.as_bytes()));
    let stage = Stage { fetch, ..stage() };
    let asked = request(Intent::Deploy);
    decide_on(&stage, &asked, manifest, &[web1], None, &BTreeSet::new())
}

fn told(manifest: &Manifest, fetch: Fetch) -> String {
    words(&decided(manifest, fetch).unwrap_err())
}

#[test]
fn a_host_fetches_what_the_release_names_for_it() {
    let manifest = released(Some(&[
        "lxml-6.0.2-cp313-cp313-macosx_11_0_arm64.whl",
        WHEEL,
    ]));
    let Ok(Deploying::Plan(plan)) = decided(&manifest, Fetch::Host) else {
        panic!("{:?}", decided(&manifest, Fetch::Host));
    };
    let mut steps = plan.steps.iter();
    let fetches = steps.find_map(|step| match &step.action {
        Action::Prepare { fetch, .. } => Some(fetch),
        _ => None,
    });
    let [wheel] = &**fetches.unwrap() else {
        panic!("{fetches:?}");
    };
    // The index said no size: it counts as that of its kin.
    assert_eq!((&*wheel.file, wheel.size), (WHEEL, 5_000_000));
    assert!(fetched(&stage(), &manifest).is_empty());
    let fetching = Stage {
        fetch: Fetch::Host,
        ..stage()
    };
    assert!(fetched(&fetching, &manifest).contains(&wheel.sha256));
}

#[test]
fn each_refusal_names_the_ways_out_that_there_are() {
    let unnamed = released(None);
    let mut built = released(None);
    built.pin[0].origin = Origin::Sdist;
    "acme.shop-1.2-cp311-cp311-linux_x86_64.whl".clone_into(&mut built.egg[0].artifacts[0].file);
    let mut linked = released(None);
    linked.pin[0].origin = Origin::Url;
    let mut wanting = released(Some(&[WHEEL]));
    wanting.elsewhere = [
        ("legacy-cgi>=2.6", "python_version >= '3.13'", "acme.shop"),
        ("pip>=26", "platform_machine == 'aarch64'", "LXML"),
        ("pip>=20", "python_version >= '3.13'", "acme.shop"),
        ("tomli", "python_version < '3.11'", "acme.shop"),
        ("ghost", "python_version >= '3.13'", "nobody"),
    ]
    .map(|(requirement, marker, by)| Elsewhere {
        requirement: requirement.to_owned(),
        marker: marker.to_owned(),
        by: by.to_owned(),
    })
    .to_vec();
    wanting.pin[1].version = "25.0".parse().unwrap();
    let cases = [
        ("the stage does not say so", told(&unnamed, Fetch::Client)),
        ("the release was made before", told(&unnamed, Fetch::Host)),
        (
            "the index had none for it",
            told(&released(Some(&[])), Fetch::Host),
        ),
        ("from an address", told(&linked, Fetch::Host)),
        ("wants more", told(&wanting, Fetch::Host)),
        ("built where it was released", told(&built, Fetch::Host)),
    ];
    let text = cases.map(|(case, told)| format!("# {case}\n{told}"));
    insta::assert_snapshot!(text.join("\n"));
}
