//! What distributions want on machines that are not like the one of the release.

use super::{Dist, Environment, Manifest, normalize};
use pep440_rs::VersionSpecifiers;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// A requirement that holds on some machines, and not where it was released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Elsewhere {
    /// A name with its specifier, e.g. `six>=1.16`.
    pub requirement: String,
    /// When it holds (PEP 508), without what is said of extras.
    pub marker: String,
    /// The name of the distribution that wants it.
    pub by: String,
}

impl Elsewhere {
    fn split(&self) -> (&str, &str) {
        let end = self.requirement.find(|c: char| "<>=!~".contains(c));
        self.requirement
            .split_at(end.unwrap_or(self.requirement.len()))
    }
}

impl Manifest {
    /// What is wanted there and not among what `buildout` uses, each with the version that is, where it does not fulfil it.
    pub fn unfulfilled(
        &self,
        buildout: &str,
        there: &Environment,
    ) -> Vec<(&Elsewhere, Option<String>)> {
        let version = |name: &str| {
            let dists = self.dists_for(buildout).map(|dist| match dist {
                Dist::Egg(egg) => (&egg.name, &egg.version),
                Dist::Pin(pin) => (&pin.name, &pin.version),
            });
            let mut same = dists.filter(|(other, _)| normalize(other) == normalize(name));
            same.next().map(|(_, version)| version)
        };
        let all = self.elsewhere.iter();
        let wanted = all.filter(|want| there.fulfils(&want.marker) && version(&want.by).is_some());
        let missing = wanted.filter_map(|want| {
            let (name, specifiers) = want.split();
            let found = version(name);
            let fulfils = found.is_some_and(|version| {
                VersionSpecifiers::from_str(specifiers).is_ok_and(|wanted| wanted.contains(version))
            });
            (!fulfils).then(|| (want, found.map(ToString::to_string)))
        });
        missing.collect()
    }
}
