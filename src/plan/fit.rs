//! Whether a host's python can run a release.

use crate::{
    facts::Python,
    release::{Artifact, Buildout, Manifest, wheel_tags},
};
use pep440_rs::{Version, VersionSpecifiers};
use std::str::FromStr;

/// What goes to a host: of each distribution the wheels that its python takes. Where it takes none all of them stay, to be
/// told, but for those that only other hosts need.
pub(super) fn fitting(manifest: &Manifest, buildout: &Buildout, python: &Python) -> Vec<Artifact> {
    let fits = |wheel: &&Artifact| takes(python, &wheel.file);
    let mut artifacts = Vec::new();
    for (wheels, for_some) in manifest.wheels_for(&buildout.name) {
        let fit: Vec<&Artifact> = wheels.iter().filter(fits).collect();
        match (fit.is_empty(), for_some) {
            (false, _) => artifacts.extend(fit.into_iter().cloned()),
            (true, false) => artifacts.extend(wheels.iter().cloned()),
            (true, true) => {}
        }
    }
    artifacts.push(manifest.tarball.artifact());
    artifacts
}

/// Why `python` cannot run a release: what is wrong, and what to do about it.
pub(super) fn misfits(
    python: &Python,
    buildout: &Buildout,
    artifacts: &[Artifact],
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
    let strangers: Vec<&str> = artifacts
        .iter()
        .map(|artifact| artifact.file.as_str())
        .filter(|file| is_wheel(file) && !takes(python, file))
        .collect();
    if let Some((first, rest)) = strangers.split_first() {
        let more = if rest.is_empty() {
            String::new()
        } else {
            format!(" and {} more", rest.len())
        };
        reasons.push((
            format!("its python ({}) cannot take {first}{more}", python.target),
            format!(
                "add \"{}\" to `targets` in [release] and release: then its wheels are fetched too; or set `python` of \
                 the stage to one that fits",
                python.target
            ),
        ));
    }
    reasons
}

/// Wheels end in a small `.whl` (PEP 427); the tarball is no wheel.
#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "PEP 427")]
fn is_wheel(file: &str) -> bool {
    file.ends_with(".whl")
}

/// Whether one of the tags in a wheel's file name is among the interpreter's.
fn takes(python: &Python, file: &str) -> bool {
    wheel_tags(file)
        .iter()
        .any(|tags| python.tags.contains(&tags.join("-")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn compares_every_tag_of_a_set() {
        let python = Python {
            version: "3.11.2".to_owned(),
            tags: BTreeSet::from(
                ["py3-none-any", "cp311-cp311-manylinux_2_17_x86_64"].map(str::to_owned),
            ),
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
