//! Wheels that a release does not ship, for hosts that fetch them themselves: `fetch = "host"` of a stage.
//!
//! A release has the wheels that its targets take. Of each pin that came from an index it may name the other ones, too, as
//! the index had them at that time: a host that takes none of what is shipped takes the best of these, and its bytes are
//! checked by their hash like those of all others. The host's agent chooses by the same rule (`agent/prepare.py`).

use super::{Artifact, Digest, Manifest, Origin, Pin, normalize, wheel_rank};
use serde::{Deserialize, Serialize};

/// A wheel on an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Fetchable {
    /// The file's name (PEP 427).
    pub file: String,
    /// sha256 of its bytes.
    pub sha256: Digest,
    /// Its length in bytes, where the index says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

impl Pin {
    /// Whether a host may fetch it from an index: not what was built here, nor pip, which does the fetching.
    pub fn is_public(&self) -> bool {
        self.origin == Origin::Index && normalize(&self.name) != "pip"
    }

    /// The wheel that a host fetches which takes `tags`, best first, and none of the wheels that are shipped. Where the
    /// index did not say how large it is, it counts as the largest of these.
    pub fn fetched(&self, tags: &[String]) -> Option<Artifact> {
        let rank = |file: &str| wheel_rank(file, tags);
        let fits = |artifact: &Artifact| rank(&artifact.file).is_some();
        if !self.is_public() || !self.targets.is_empty() || self.artifacts.iter().any(fits) {
            return None;
        }
        let named = self.fetchable.iter().flatten();
        let ranked = named.filter_map(|wheel| Some((rank(&wheel.file)?, &wheel.file, wheel)));
        let (_, _, best) = ranked.min_by_key(|(rank, file, _)| (*rank, *file))?;
        let sizes = self.artifacts.iter().map(|artifact| artifact.size);
        Some(Artifact {
            file: best.file.clone(),
            sha256: best.sha256,
            size: best.size.or(sizes.max()).unwrap_or(0),
            targets: Vec::new(),
            reproducible: true,
        })
    }
}

impl Manifest {
    /// What a host fetches besides the artifacts, where its python takes `tags` and it runs `buildout`.
    pub fn fetched_for(&self, buildout: &str, tags: &[String]) -> Vec<Artifact> {
        let pins = self.pin.iter();
        let pins = pins.filter(|pin| pin.buildouts.iter().any(|name| name == buildout));
        pins.filter_map(|pin| pin.fetched(tags)).collect()
    }

    /// Every wheel that is named and not shipped, for what `buildout` runs: file, hash and size.
    pub(super) fn named_for<'m>(
        &'m self,
        buildout: &'m str,
    ) -> impl Iterator<Item = (&'m str, Digest, Option<u64>)> {
        let pins = self.pin.iter();
        let pins = pins.filter(move |pin| pin.buildouts.iter().any(|name| name == buildout));
        let named = pins.flat_map(|pin| pin.fetchable.iter().flatten());
        named.map(|wheel| (wheel.file.as_str(), wheel.sha256, wheel.size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(fetchable: &[&str]) -> Pin {
        let text = format!(
            "name = \"lxml\"\nversion = \"6.0\"\nbuildouts = [\"default\"]\norigin = \"index\"\n\
             artifacts = [{{ file = \"lxml-6.0-cp311-cp311-linux_x86_64.whl\", sha256 = \"{0}\", size = 7 }}]\n\
             fetchable = [{1}]\n",
            Digest::of(b"shipped"),
            fetchable
                .iter()
                .map(|file| format!(
                    "{{ file = \"{file}\", sha256 = \"{}\" }}",
                    Digest::of(file.as_bytes())
                ))
                .collect::<Vec<_>>()
                .join(", ")
        );
        toml_edit::de::from_str(&text).unwrap()
    }

    fn chosen(pin: &Pin, tags: &[&str]) -> Option<String> {
        let tags: Vec<String> = tags.iter().map(|&tag| tag.to_owned()).collect();
        pin.fetched(&tags).map(|wheel| wheel.file)
    }

    #[test]
    fn the_best_one_is_taken_where_nothing_that_is_shipped_fits() {
        let best = "lxml-6.0-cp313-cp313-manylinux_2_17_x86_64.whl";
        let pin = pin(&["lxml-6.0-cp37-abi3-manylinux_2_17_x86_64.whl", best]);
        let tags = [
            "cp313-cp313-manylinux_2_17_x86_64",
            "cp37-abi3-manylinux_2_17_x86_64",
        ];
        assert_eq!(chosen(&pin, &tags).as_deref(), Some(best));
        assert_eq!(chosen(&pin, &["cp312-cp312-musllinux_1_1_x86_64"]), None);
        assert_eq!(chosen(&pin, &[tags[1], "cp311-cp311-linux_x86_64"]), None);
    }

    #[test]
    fn only_what_came_from_an_index_is_fetched_and_an_unknown_size_is_that_of_its_kin() {
        let tags = ["py3-none-any".to_owned()];
        let mut pin = pin(&["lxml-6.0-py3-none-any.whl"]);
        assert_eq!(pin.fetched(&tags).unwrap().size, 7);
        pin.targets = vec!["cp313-linux_x86_64".to_owned()];
        assert_eq!(pin.fetched(&tags), None);
        pin.targets.clear();
        pin.origin = Origin::Sdist;
        assert_eq!(pin.fetched(&tags), None);
    }
}
