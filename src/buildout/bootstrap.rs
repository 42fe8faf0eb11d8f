//! Which zc.buildout a project wants, and the distributions that have to come with it.
//!
//! A virtual environment in which buildout runs holds six distributions that buildout never reports as picked, because they are
//! there already; they are pins all the same. They fit each other only in some versions: zc.buildout 4 wants zc.recipe.egg 3.0.0
//! and setuptools below 82 (before 4.1.11: below 80), 5 wants 4.0.0 and setuptools below 82, 6 wants 6.0.0.

use super::{Error, merge::Sections};
use crate::release::normalize;
use pep440_rs::Version;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    str::FromStr,
};

/// What the environment holds, spelled as pins spell it.
pub const BOOTSTRAP: [&str; 6] = [
    "zc.buildout",
    "setuptools",
    "pip",
    "wheel",
    "packaging",
    "platformdirs",
];

/// The versions of zc.buildout that are supported.
pub const SUPPORTED: &str = "zc.buildout 4.1 to 6.x";

/// A requirement for each of [`BOOTSTRAP`], as a version specifier (PEP 440): `==6.0.1`, `<82`, or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bootstrap {
    /// Specifier by name.
    pub wanted: BTreeMap<String, String>,
    /// What [versions] says about zc.recipe.egg, else nothing.
    pub recipe_egg: Option<String>,
}

/// Where a project may say which buildout it wants; the first that speaks is heard.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wishes<'a> {
    /// `requirements.txt` of the buildout directory.
    pub requirements: Option<&'a str>,
    /// The version that the project's own `bin/buildout` runs, see [`own_buildout`].
    pub own: Option<&'a str>,
    /// Pins of the previous release.
    pub kept: &'a [(String, String)],
}

impl Bootstrap {
    /// What the merged configuration and the project's other files ask for.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a zc.buildout before 4.1 or after 6.
    pub fn of(sections: &Sections, wishes: Wishes<'_>) -> Result<Self, Error> {
        let versions = sections.versions();
        let pinned = |name: &str| {
            let same = |key: &&String| normalize(key) == normalize(name);
            versions
                .keys()
                .find(same)
                .map(|key| specifier(&versions[key]))
        };
        let required = wishes.requirements.map(requirements).unwrap_or_default();
        let mut wanted = BTreeMap::new();
        for name in BOOTSTRAP {
            let kept = wishes
                .kept
                .iter()
                .find(|(kept, _)| normalize(kept) == normalize(name));
            let own = wishes.own.filter(|_| name == "zc.buildout");
            let found = pinned(name)
                .or_else(|| required.get(&normalize(name)).cloned())
                .map(|specifier| (specifier, "as the project pins it"))
                .or_else(|| own.map(|own| (format!("=={own}"), "as bin/buildout runs it")))
                .or_else(|| {
                    kept.map(|(_, version)| (format!("=={version}"), "as the last release had it"))
                });
            if name == "zc.buildout"
                && let Some((specifier, origin)) = &found
            {
                supported(specifier, origin)?;
            }
            wanted.insert(
                name.to_owned(),
                found.map(|(specifier, _)| specifier).unwrap_or_default(),
            );
        }
        let mut bootstrap = Self {
            wanted,
            recipe_egg: pinned("zc.recipe.egg"),
        };
        bootstrap.fill();
        Ok(bootstrap)
    }

    /// Bounds for what nobody pinned.
    fn fill(&mut self) {
        let buildout = self.wanted.entry("zc.buildout".to_owned()).or_default();
        if buildout.is_empty() {
            buildout.push_str(">=6,<7");
        }
        let bound = exact(buildout).and_then(setuptools_bound);
        let Some(bound) = bound else {
            return;
        };
        let setuptools = self.wanted.entry("setuptools".to_owned()).or_default();
        if exact(setuptools).is_none() {
            let comma = if setuptools.is_empty() { "" } else { "," };
            setuptools.push_str(comma);
            setuptools.push_str(bound);
        }
        if self
            .wanted
            .get("platformdirs")
            .is_some_and(String::is_empty)
        {
            self.wanted.remove("platformdirs");
        }
    }

    /// The names that have one version only, each with it.
    pub fn pinned(&self) -> impl Iterator<Item = (&str, &str)> {
        let wanted = self.wanted.iter();
        wanted.filter_map(|(name, specifier)| Some((name.as_str(), exact(specifier)?)))
    }

    /// Every name with its exact version, where all are exact.
    pub fn exact(&self) -> Option<BTreeMap<String, String>> {
        let each = self.wanted.iter();
        each.map(|(name, specifier)| Some((name.clone(), exact(specifier)?.to_owned())))
            .collect()
    }
}

/// The zc.recipe.egg that goes with a zc.buildout.
pub fn recipe_egg(buildout: &str) -> &'static str {
    match Version::from_str(buildout).map(|version| version.release()[0]) {
        Ok(..=4) => "3.0.0",
        Ok(5) => "4.0.0",
        _ => "6.0.0",
    }
}

/// Whether this zc.buildout takes a pin for every spelling of a name (PEP 503), as it does since 4.1.8.
pub fn canonicalises(buildout: &str) -> bool {
    Version::from_str(buildout).is_ok_and(|version| version >= Version::new([4, 1, 8]))
}

/// What setuptools must be for a zc.buildout before 6: 82 has no `pkg_resources`, 80 develops differently and 80.3 has no
/// `package_index`, which 4.1.11 learnt to do without. Nothing for 6 and later.
fn setuptools_bound(buildout: &str) -> Option<&'static str> {
    let version = Version::from_str(buildout).ok()?;
    if version >= Version::new([6]) {
        return None;
    }
    Some(if version < Version::new([4, 1, 11]) {
        "<80"
    } else {
        "<82"
    })
}

/// The version of zc.buildout that a project's own `bin/buildout` runs: from the paths that the script adds, else from the packages
/// beside the interpreter that it names. `list` gives the names in a directory.
pub fn own_buildout(script: &str, list: &dyn Fn(&Path) -> Vec<String>) -> Option<String> {
    let inside = ["zc.buildout-", "zc_buildout-"].iter().find_map(|prefix| {
        let rest = &script[script.find(prefix)? + prefix.len()..];
        Some(rest[..rest.find("-py")?].to_owned())
    });
    inside
        .filter(|version| Version::from_str(version).is_ok())
        .or_else(|| {
            let interpreter = script
                .lines()
                .next()?
                .strip_prefix("#!")?
                .split_whitespace()
                .next()?;
            let lib = PathBuf::from(interpreter).parent()?.parent()?.join("lib");
            list(&lib).iter().find_map(|python| {
                list(&lib.join(python).join("site-packages"))
                    .iter()
                    .find_map(|name| {
                        let name = name.strip_suffix(".dist-info")?;
                        let version = name
                            .strip_prefix("zc.buildout-")
                            .or(name.strip_prefix("zc_buildout-"))?;
                        Some(version.to_owned())
                    })
            })
        })
}

/// The version of `==1.0`.
fn exact(specifier: &str) -> Option<&str> {
    specifier
        .strip_prefix("==")
        .filter(|version| !version.contains([',', '*']))
}

/// A value of [versions] as a specifier: a bare version is an exact one.
fn specifier(value: &str) -> String {
    let value: String = value.split_whitespace().collect();
    if value.is_empty() || value.starts_with(['<', '>', '=', '!', '~']) {
        value
    } else {
        format!("=={value}")
    }
}

/// The specifiers of a requirements file, by canonical name; options, URLs and files it includes are passed over.
fn requirements(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter_map(|line| {
        let line = line
            .split(" #")
            .next()?
            .split(';')
            .next()?
            .split(" --")
            .next()?
            .trim();
        let end = line.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c))?;
        let specifier: String = line[end..].split_whitespace().collect();
        let plain =
            end > 0 && !line.starts_with('-') && specifier.starts_with(['<', '>', '=', '!', '~']);
        plain.then(|| {
            (
                normalize(&line[..end]),
                specifier.trim_end_matches('\\').to_owned(),
            )
        })
    });
    lines.collect()
}

fn supported(specifier: &str, origin: &str) -> Result<(), Error> {
    let Some(version) = exact(specifier) else {
        return Ok(());
    };
    let parsed = Version::from_str(version).ok();
    let fits = |version: &Version| *version >= Version::new([4, 1]) && version.release()[0] <= 6;
    if parsed.as_ref().is_some_and(fits) {
        return Ok(());
    }
    Err(Error::Unsupported {
        found: version.to_owned(),
        needed: SUPPORTED,
        origin: origin.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::cfg::parse;
    use super::*;

    fn sections(text: &str) -> Sections {
        Sections::of(&parse(text).unwrap(), "x.cfg", &mut |_| true)
    }

    fn wanted(text: &str, wishes: Wishes<'_>) -> BTreeMap<String, String> {
        Bootstrap::of(&sections(text), wishes).unwrap().wanted
    }

    #[test]
    fn the_projects_pins_come_first() {
        let text = "[versions]\nzc-buildout = 4.1.4\nsetuptools = 75.8.2";
        let wishes = Wishes {
            requirements: Some("zc.buildout==6.0.1\npip==24.0 --hash=x"),
            ..Wishes::default()
        };
        let wanted = wanted(text, wishes);
        assert_eq!(wanted["zc.buildout"], "==4.1.4");
        assert_eq!(wanted["setuptools"], "==75.8.2");
        assert_eq!(wanted["pip"], "==24.0");
        assert_eq!(wanted["wheel"], "");
    }

    #[test]
    fn what_nobody_pins_fits_its_buildout() {
        for (pin, setuptools) in [
            ("4.1.4", "<80"),
            ("4.2.0", "<82"),
            ("5.2.0", "<82"),
            ("6.0.1", ""),
        ] {
            let wanted = wanted(
                &format!("[versions]\nzc.buildout = {pin}"),
                Wishes::default(),
            );
            assert_eq!(wanted["setuptools"], setuptools, "{pin}");
            assert_eq!(wanted.contains_key("platformdirs"), pin == "6.0.1");
        }
        assert_eq!(wanted("", Wishes::default())["zc.buildout"], ">=6,<7");
        assert_eq!(
            wanted(
                "",
                Wishes {
                    own: Some("5.1.1"),
                    ..Wishes::default()
                }
            )["zc.buildout"],
            "==5.1.1"
        );
        let kept = [("zc.buildout".to_owned(), "6.0.1".to_owned())];
        assert_eq!(
            wanted(
                "",
                Wishes {
                    kept: &kept,
                    ..Wishes::default()
                }
            )["zc.buildout"],
            "==6.0.1"
        );
    }

    #[test]
    fn refuses_what_is_too_old_or_too_new() {
        for version in ["2.13.8", "3.4", "4.0.0", "7.0"] {
            let error = Bootstrap::of(
                &sections(&format!("[versions]\nzc.buildout={version}")),
                Wishes::default(),
            )
            .unwrap_err();
            let text = error.to_string();
            assert!(text.contains(version) && text.contains(SUPPORTED), "{text}");
        }
    }

    #[test]
    fn reads_the_version_of_the_projects_own_buildout() {
        let script = "#!/x/bin/python\nsys.path[0:0] = [\n  '/e/zc.buildout-4.1.4-py3.11.egg',\n]";
        assert_eq!(
            own_buildout(script, &|_| Vec::new()).as_deref(),
            Some("4.1.4")
        );
        let list = |path: &Path| match path.to_str().unwrap() {
            "/v/lib" => vec!["python3.11".to_owned()],
            "/v/lib/python3.11/site-packages" => vec!["zc_buildout-5.2.0.dist-info".to_owned()],
            other => panic!("{other}"),
        };
        assert_eq!(
            own_buildout("#!/v/bin/python3\n", &list).as_deref(),
            Some("5.2.0")
        );
    }
}
