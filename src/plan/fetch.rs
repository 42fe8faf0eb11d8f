//! What hosts fetch themselves: `fetch = "host"` of a stage.

use crate::{
    config::{Fetch, Stage},
    release::{Digest, Manifest, Origin, normalize},
};
use std::collections::BTreeSet;

/// The artifacts that hosts of `stage` take from an index by their own pip: wheels as an index has them, but not pip
/// itself, which has to be there first. Without a pip in the release everything is sent.
pub fn fetched(stage: &Stage, manifest: &Manifest) -> BTreeSet<Digest> {
    let is_pip = |name: &str| normalize(name) == "pip";
    if stage.fetch == Fetch::Client || !manifest.pin.iter().any(|pin| is_pip(&pin.name)) {
        return BTreeSet::new();
    }
    let pins = manifest.pin.iter();
    let pins = pins.filter(|pin| pin.origin == Origin::Index && !is_pip(&pin.name));
    let artifacts = pins.flat_map(|pin| &pin.artifacts);
    artifacts.map(|artifact| artifact.sha256).collect()
}
