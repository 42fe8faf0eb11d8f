//! What hosts fetch themselves: `fetch = "host"` of a stage.

use crate::{
    config::{Fetch, Stage},
    release::{Digest, Manifest, normalize},
};
use std::collections::BTreeSet;

/// Whether hosts of `stage` fetch wheels by their own pip. It is the release's, which has to be there first: without one
/// everything is sent.
pub(super) fn fetches(stage: &Stage, manifest: &Manifest) -> bool {
    let mut pins = manifest.pin.iter();
    stage.fetch == Fetch::Host && pins.any(|pin| normalize(&pin.name) == "pip")
}

/// The files that hosts of `stage` take from an index: wheels as an index has them, those that are not shipped, too.
pub fn fetched(stage: &Stage, manifest: &Manifest) -> BTreeSet<Digest> {
    if !fetches(stage, manifest) {
        return BTreeSet::new();
    }
    let pins = manifest.pin.iter().filter(|pin| pin.is_public());
    let files = pins.flat_map(|pin| {
        let shipped = pin.artifacts.iter().map(|artifact| artifact.sha256);
        let named = pin.fetchable.iter().flatten();
        shipped.chain(named.map(|wheel| wheel.sha256))
    });
    files.collect()
}
