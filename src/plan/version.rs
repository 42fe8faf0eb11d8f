//! The project's next version (Semantic Versioning 2.0.0).

use semver::Version;
use std::collections::BTreeSet;

/// Which number goes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bump {
    /// `1.4.2` → `2.0.0`.
    Major,
    /// `1.4.2` → `1.5.0`.
    Minor,
    /// `1.4.2` → `1.4.3`.
    Patch,
}

/// A word that is no project version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no version: {why}")]
pub struct VersionError {
    /// What was given.
    pub text: String,
    /// Why it is none.
    pub why: String,
    /// The nearest version that is one.
    pub nearest: Option<Version>,
}

/// Reads a version; a leading `v` is accepted.
pub fn parse_version(text: &str) -> Result<Version, VersionError> {
    let bare = text.strip_prefix('v').unwrap_or(text);
    Version::parse(bare).map_err(|error| VersionError {
        text: text.to_owned(),
        why: error.to_string(),
        nearest: nearest(bare),
    })
}

/// What was probably meant: missing numbers are 0, leading zeros and further numbers are dropped.
fn nearest(text: &str) -> Option<Version> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (numbers, rest) = text.split_at(end);
    let mut parts = numbers
        .split('.')
        .filter(|part| !part.is_empty())
        .map(str::parse::<u64>);
    let major = parts.next()?.ok()?;
    let mut number = || parts.next().and_then(Result::ok).unwrap_or(0);
    let mut version = Version::new(major, number(), number());
    let label: String = rest
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '.' })
        .collect();
    let label = label
        .split('.')
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(".");
    if let Ok(pre) = semver::Prerelease::new(&label) {
        version.pre = pre;
    }
    Some(version)
}

/// The version after `previous`, skipping those that are `taken`.
///
/// The first release is 0.1.0, or one patch above the highest version that a tag of the project's format names.
pub fn next_version(
    previous: Option<&Version>,
    bump: Bump,
    tagged: &BTreeSet<Version>,
    taken: &dyn Fn(&Version) -> bool,
) -> Version {
    let base = previous.or_else(|| tagged.last());
    let mut next = base.map_or(Version::new(0, 1, 0), |base| bumped(base, bump));
    while taken(&next) {
        next = bumped(&next, bump);
    }
    next
}

fn bumped(base: &Version, bump: Bump) -> Version {
    match bump {
        Bump::Major => Version::new(base.major + 1, 0, 0),
        Bump::Minor => Version::new(base.major, base.minor + 1, 0),
        // 1.0.0-rc.1 → 1.0.0: the release that the candidate was for.
        Bump::Patch if !base.pre.is_empty() => Version::new(base.major, base.minor, base.patch),
        Bump::Patch => Version::new(base.major, base.minor, base.patch + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn a_wrong_version_names_the_nearest() {
        let cases = [
            ("1", Some("1.0.0")),
            ("1.2", Some("1.2.0")),
            ("v1.2", Some("1.2.0")),
            ("1.2.3.4", Some("1.2.3")),
            ("01.2.3", Some("1.2.3")),
            ("1.2rc1", Some("1.2.0-rc1")),
            ("new", None),
        ];
        for (text, expected) in cases {
            let error = parse_version(text).unwrap_err();
            assert_eq!(error.nearest, expected.map(v), "{text}");
        }
        assert_eq!(parse_version("v1.2.3"), Ok(v("1.2.3")));
    }

    #[test]
    fn goes_up_from_the_previous_release() {
        let none = BTreeSet::new();
        let free = |_: &Version| false;
        let previous = v("1.4.2");
        let next = |bump| next_version(Some(&previous), bump, &none, &free);
        assert_eq!(next(Bump::Patch), v("1.4.3"));
        assert_eq!(next(Bump::Minor), v("1.5.0"));
        assert_eq!(next(Bump::Major), v("2.0.0"));
        let candidate = v("2.0.0-rc.1");
        assert_eq!(
            next_version(Some(&candidate), Bump::Patch, &none, &free),
            v("2.0.0")
        );
    }

    #[test]
    fn starts_above_the_highest_tag_and_skips_what_is_taken() {
        let tagged = BTreeSet::from([v("0.9.0"), v("1.10.0")]);
        let free = |_: &Version| false;
        assert_eq!(
            next_version(None, Bump::Patch, &BTreeSet::new(), &free),
            v("0.1.0")
        );
        assert_eq!(next_version(None, Bump::Patch, &tagged, &free), v("1.10.1"));
        let taken = |version: &Version| *version == v("1.0.1");
        let previous = v("1.0.0");
        assert_eq!(
            next_version(Some(&previous), Bump::Patch, &tagged, &taken),
            v("1.0.2")
        );
    }
}
