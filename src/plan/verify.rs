//! Whether a release that was made again is the one that was recorded.

use crate::{
    facts::Check,
    release::{Artifact, Egg, Manifest, Pin},
};
use std::collections::BTreeMap;

/// What came out when a release was made again.
#[derive(Clone, Copy, Debug)]
pub struct Remade<'a> {
    /// Each egg's wheel, or why there is none.
    pub eggs: &'a BTreeMap<String, Result<Artifact, String>>,
    /// Manifest and `versions.cfg`, or why there is none.
    pub release: Result<(&'a Manifest, &'a str), &'a str>,
}

/// Compares what was recorded with what came out.
pub fn compare(recorded: &Manifest, versions_cfg: &str, remade: &Remade<'_>) -> Vec<Check> {
    let mut checks: Vec<Check> = recorded.egg.iter().map(|old| egg(old, remade)).collect();
    let (manifest, pins) = match remade.release {
        Ok(release) => release,
        Err(why) => {
            checks.push(Check::failed("rebuilt release", why));
            return checks;
        }
    };
    let same = |name: &str, old: &str, new: &str| {
        if old == new {
            Check::passed(name, old)
        } else {
            Check::failed(name, format!("comes out as {new}, not {old}"))
        }
    };
    checks.push(same(
        "rebuilt release commit",
        &recorded.release_commit,
        &manifest.release_commit,
    ));
    checks.push(if versions_cfg == pins {
        Check::passed("rebuilt versions.cfg", "the same bytes")
    } else {
        Check::failed("rebuilt versions.cfg", differing_line(versions_cfg, pins))
    });
    checks.push(tarball(recorded, manifest));
    checks.extend(recorded.pin.iter().map(|pin| self::pin(pin, manifest)));
    checks
}

fn egg(old: &Egg, remade: &Remade<'_>) -> Check {
    let name = format!("rebuilt egg {}", old.name);
    let Some(artifact) = old.artifacts.first() else {
        return Check::failed(name, "the manifest names no wheel of it");
    };
    match remade.eggs.get(&old.name) {
        Some(Ok(new)) if new.sha256 == artifact.sha256 => {
            Check::passed(name, format!("{} is the same", new.file))
        }
        _ if !artifact.reproducible => Check::passed(
            name,
            format!(
                "{} holds compiled code, which comes out differently elsewhere: not compared",
                artifact.file
            ),
        ),
        Some(Ok(new)) => Check::failed(
            name,
            format!(
                "{} comes out with sha256 {}, not {}",
                new.file, new.sha256, artifact.sha256
            ),
        ),
        Some(Err(why)) => Check::failed(name, format!("cannot be made again: {why}")),
        None => Check::failed(name, "is no develop egg of the released commit"),
    }
}

/// The tar inside is what counts: another compressor is no other release.
fn tarball(recorded: &Manifest, remade: &Manifest) -> Check {
    let (old, new) = (&recorded.tarball, &remade.tarball);
    let name = "rebuilt tarball";
    if old.tar_sha256 != new.tar_sha256 {
        let (new, old) = (new.tar_sha256, old.tar_sha256);
        return Check::failed(name, format!("its tar has sha256 {new}, not {old}"));
    }
    if old.sha256 == new.sha256 {
        Check::passed(name, format!("{} is the same", old.name))
    } else {
        let detail = format!("{}: the same tar, compressed in another way", old.name);
        Check::passed(name, detail)
    }
}

fn pin(old: &Pin, remade: &Manifest) -> Check {
    let name = format!("rebuilt pin {}", old.name);
    let Some(new) = remade.pin.iter().find(|new| new.name == old.name) else {
        return Check::failed(name, "is not used");
    };
    if new.version != old.version {
        let detail = format!("comes out as {}, not {}", new.version, old.version);
        return Check::failed(name, detail);
    }
    let (Some(was), Some(is)) = (old.artifacts.first(), new.artifacts.first()) else {
        return Check::failed(name, "has no wheel");
    };
    if was.sha256 == is.sha256 {
        return Check::passed(name, format!("{} is the same", was.file));
    }
    let source = |pin: &Pin| pin.built_from.as_ref().map(|source| source.sha256);
    if source(old).is_some() && source(old) == source(new) {
        let detail = format!(
            "{} was built of the same source distribution; the build tools of pins are not recorded, so the wheel \
             is not compared",
            was.file
        );
        return Check::passed(name, detail);
    }
    let detail = format!(
        "{} has sha256 {}, the release had {} with {}",
        is.file, is.sha256, was.file, was.sha256
    );
    Check::failed(name, detail)
}

fn differing_line(old: &str, new: &str) -> String {
    let mut lines = old.lines().zip(new.lines());
    match lines.find(|(old, new)| old != new) {
        Some((old, new)) => format!("comes out with `{new}`, not `{old}`"),
        None => "comes out longer or shorter".to_owned(),
    }
}
