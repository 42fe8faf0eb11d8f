//! Whether a host's python can run a release.

use super::fetch::fetches;
use crate::{
    config::{Fetch, Stage},
    facts::Python,
    release::{Artifact, Buildout, Dist, Environment, Manifest, Origin, Pin, wheel_rank},
};
use pep440_rs::{Version, VersionSpecifiers};
use std::str::FromStr;

/// What goes to a host: of each distribution the wheels that its python takes, else the one that it fetches where the stage
/// lets it. Where it takes none all of them stay, to be told, but for those that only other hosts need.
pub(super) fn fitting(
    manifest: &Manifest,
    buildout: &Buildout,
    stage: &Stage,
    python: &Python,
) -> Vec<Artifact> {
    let mut artifacts = Vec::new();
    for dist in manifest.dists_for(&buildout.name) {
        let fits = |wheel: &&Artifact| takes(python, &wheel.file);
        let fit: Vec<&Artifact> = dist.wheels().iter().filter(fits).collect();
        let pin = match dist {
            Dist::Egg(_) => None,
            Dist::Pin(pin) => Some(pin),
        };
        let fetched = || {
            let fetches = fetches(stage, manifest);
            pin.filter(|_| fetches)?.fetched(&python.tags)
        };
        if !fit.is_empty() {
            artifacts.extend(fit.into_iter().cloned());
        } else if let Some(wheel) = fetched() {
            artifacts.push(wheel);
        } else if pin.is_none_or(|pin| pin.targets.is_empty()) {
            artifacts.extend(dist.wheels().iter().cloned());
        }
    }
    artifacts.push(manifest.tarball.artifact());
    artifacts
}

/// Why `python` cannot run a release: what is wrong, and what to do about it. `artifacts` is what goes to the host.
pub(super) fn misfits(
    python: &Python,
    buildout: &Buildout,
    artifacts: &[Artifact],
    (manifest, stage): (&Manifest, &Stage),
) -> Vec<(String, String)> {
    let mut reasons = Vec::new();
    if !python.venv {
        reasons.push((
            "its python3 has no venv module".to_owned(),
            "install it there (Debian: python3-venv)".to_owned(),
        ));
    }
    if !buildout.python.is_empty() {
        let fits = Version::from_str(&python.version)
            .ok()
            .zip(VersionSpecifiers::from_str(&buildout.python).ok())
            .is_some_and(|(version, wanted)| wanted.contains(&version));
        if !fits {
            reasons.push((
                format!(
                    "its python is {}, the release needs {}",
                    python.version, buildout.python
                ),
                "set `python` of the stage to one that fits".to_owned(),
            ));
        }
    }
    let mut strangers = Strangers::default();
    for dist in manifest.dists_for(&buildout.name) {
        let goes = |wheel: &&Artifact| artifacts.iter().any(|sent| sent.sha256 == wheel.sha256);
        let mut wheels = dist.wheels().iter().filter(goes).peekable();
        if wheels.peek().is_some() && wheels.all(|wheel| !takes(python, &wheel.file)) {
            strangers.add(dist);
        }
    }
    reasons.extend(strangers.reasons(python, stage));
    reasons.extend(wants(python, buildout, manifest));
    reasons
}

/// What its python wants, and the release has not.
fn wants(python: &Python, buildout: &Buildout, manifest: &Manifest) -> Vec<(String, String)> {
    let target = &python.target;
    let Some(there) = Environment::of(&python.version, target) else {
        return Vec::new();
    };
    let unfulfilled = manifest.unfulfilled(&buildout.name, &there).into_iter();
    let told = unfulfilled.map(|(want, pinned)| {
        let what = format!("on its python ({target}) {} wants {}", want.by, want.requirement);
        match pinned {
            Some(version) => (
                format!("{what}, and the release has {version}"),
                "pin a version that fits everywhere; or set `python` of the stage to one that fits".to_owned(),
            ),
            None => (
                format!("{what}, which the release has not"),
                format!(
                    "add \"{target}\" to `targets` in [release] and release: then it is pinned, too; or set `python` of \
                     the stage to one that fits"
                ),
            ),
        }
    });
    told.collect()
}

/// Distributions without a wheel that a host takes, by what can be done about them.
#[derive(Default)]
struct Strangers<'m> {
    /// Wheels that were built on the machine of the release.
    built: Vec<&'m str>,
    /// From an index or address.
    pins: Vec<&'m Pin>,
}

impl<'m> Strangers<'m> {
    fn add(&mut self, dist: Dist<'m>) {
        match dist {
            Dist::Pin(pin) if pin.origin != Origin::Sdist => self.pins.push(pin),
            Dist::Egg(_) | Dist::Pin(_) => {
                let file = dist.wheels().first().map(|wheel| wheel.file.as_str());
                self.built.extend(file);
            }
        }
    }

    fn reasons(&self, python: &Python, stage: &Stage) -> Vec<(String, String)> {
        let target = &python.target;
        let mut reasons = Vec::new();
        if !self.built.is_empty() {
            reasons.push((
                format!(
                    "its python ({target}) cannot take {}, built where it was released",
                    self.built.join(", ")
                ),
                format!("release on a machine like {target}, or set `python` of the stage to one that fits"),
            ));
        }
        let targets = format!(
            "add \"{target}\" to `targets` in [release] and release: then its wheels are fetched too"
        );
        let or_python = "or set `python` of the stage to one that fits";
        let public = self.pins.iter().all(|pin| pin.is_public());
        if stage.fetch == Fetch::Client || !public {
            let host = format!(
                "; or add `fetch = \"host\"` to [stage.{}] and release: then it fetches them itself",
                stage.name
            );
            let host = if public { host.as_str() } else { "" };
            reasons.extend(self.misses(target, |_| true, &format!("{targets}{host}; {or_python}")));
            return reasons;
        }
        // A release that was made before the stage said so does not name them.
        reasons.extend(self.misses(
            target,
            |pin| pin.fetchable.is_none(),
            &format!(
                "release again: with `fetch = \"host\"` in hostout.toml a release names the wheels that hosts fetch; or \
                 {targets}; {or_python}"
            ),
        ));
        reasons.extend(self.misses(
            target,
            |pin| pin.fetchable.is_some(),
            &format!(
                "the index had none when that was released: pin versions that have wheels for it, or ask again by \
                 release --upgrade=NAME; {or_python}"
            ),
        ));
        reasons
    }

    fn misses(
        &self,
        target: &str,
        wanted: impl Fn(&Pin) -> bool,
        remedy: &str,
    ) -> Option<(String, String)> {
        let pins = self.pins.iter().filter(|pin| wanted(pin));
        let names: Vec<String> = pins
            .map(|pin| format!("{} {}", pin.name, pin.version))
            .collect();
        let what = format!("its python ({target}) has no wheel of {}", names.join(", "));
        (!names.is_empty()).then(|| (what, remedy.to_owned()))
    }
}

/// Whether one of the tags in a wheel's file name is among the interpreter's.
fn takes(python: &Python, file: &str) -> bool {
    wheel_rank(file, &python.tags).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_every_tag_of_a_set() {
        let python = Python {
            version: "3.11.2".to_owned(),
            tags: ["cp311-cp311-manylinux_2_17_x86_64", "py3-none-any"]
                .map(str::to_owned)
                .to_vec(),
            target: "cp311-manylinux_2_36_x86_64".to_owned(),
            venv: true,
        };
        assert!(takes(&python, "six-1.16.0-py2.py3-none-any.whl"));
        assert!(takes(
            &python,
            "lxml-6.0-cp311-cp311-manylinux_2_26_x86_64.manylinux_2_17_x86_64.whl"
        ));
        assert!(!takes(
            &python,
            "lxml-6.0-cp313-cp313-manylinux_2_17_x86_64.whl"
        ));
        assert!(!takes(&python, "nonsense.whl"));
    }
}
