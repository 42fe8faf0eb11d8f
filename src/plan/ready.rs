//! What a host has of a release already.

use super::DeployFacts;
use crate::{facts::Host, release::Buildout};

/// Whether nothing has to be done on `host`.
pub(super) fn is_live(host: &Host, facts: &DeployFacts<'_>) -> bool {
    let version = &facts.manifest.version;
    host.current.release() == Some(version)
        && host.complete.get(version) == Some(&facts.digest)
        && host
            .record
            .as_ref()
            .is_some_and(|(recorded, _)| recorded == version)
        && host.healthy != Some(false)
}

/// Whether `host` has the release, whole, and built as `buildout`.
pub(super) fn is_ready(host: &Host, buildout: &Buildout, facts: &DeployFacts<'_>) -> bool {
    let version = &facts.manifest.version;
    host.complete.get(version) == Some(&facts.digest)
        && host
            .built
            .get(version)
            .is_none_or(|built| *built == buildout.name)
}

/// As which other buildout the release is live on `host`, whose role was another one then.
pub(super) fn live_as_another<'h>(
    host: &'h Host,
    buildout: &Buildout,
    facts: &DeployFacts<'_>,
) -> Option<&'h str> {
    let version = &facts.manifest.version;
    let live = host.current.release() == Some(version)
        && host.complete.get(version) == Some(&facts.digest);
    let built = host.built.get(version).filter(|_| live)?;
    (*built != buildout.name).then_some(built)
}
