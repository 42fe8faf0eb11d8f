//! A wheel's file name: `name-version(-build)?-python-abi-platform.whl` (PEP 427, tags as in PEP 425).

use crate::eggs::{Error, Result, normalize};
use pep440_rs::Version;
use std::fmt;

/// What a wheel's file name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WheelName {
    /// The distribution, with `_` for `-`.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// The build number, where there is one.
    pub build: Option<String>,
    /// The python tags, e.g. `py2`, `py3`.
    pub python: Vec<String>,
    /// The ABI tags, e.g. `none`.
    pub abi: Vec<String>,
    /// The platform tags, e.g. `any`.
    pub platform: Vec<String>,
}

impl WheelName {
    /// Reads a file name, not a path.
    pub fn parse(file: &str) -> Result<Self> {
        let wrong = |why: &str| Error::Wheel {
            file: file.into(),
            why: why.into(),
        };
        let stem = file
            .strip_suffix(".whl")
            .ok_or_else(|| wrong("its name doesn't end in .whl"))?;
        let parts: Vec<&str> = stem.split('-').collect();
        let (name, version, build, tags) = match parts.as_slice() {
            [name, version, tags @ ..] if tags.len() == 3 => (*name, *version, None, tags),
            [name, version, build, tags @ ..] if tags.len() == 3 => {
                (*name, *version, Some((*build).to_owned()), tags)
            }
            _ => return Err(wrong("its name has not five or six parts")),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "._+!".contains(c);
        if parts
            .iter()
            .any(|part| part.is_empty() || !part.chars().all(plain))
        {
            return Err(wrong("a part of its name is empty or has odd characters"));
        }
        if build
            .as_ref()
            .is_some_and(|build| !build.starts_with(|c: char| c.is_ascii_digit()))
        {
            return Err(wrong("its build number doesn't start with a digit"));
        }
        let version = version
            .replace('_', "-")
            .parse()
            .map_err(|_| wrong("its version is not PEP 440"))?;
        let split = |tags: &str| tags.split('.').map(str::to_owned).collect();
        Ok(Self {
            name: name.to_owned(),
            version,
            build,
            python: split(tags[0]),
            abi: split(tags[1]),
            platform: split(tags[2]),
        })
    }

    /// Whether it is for every platform.
    pub fn is_any_platform(&self) -> bool {
        self.platform == ["any"]
    }

    /// Its tags in compressed form, e.g. `py2.py3-none-any`.
    pub fn tags(&self) -> String {
        [&self.python, &self.abi, &self.platform]
            .map(|tags| tags.join("."))
            .join("-")
    }

    /// Whether it is a wheel of the distribution `name`.
    pub fn is_of(&self, name: &str) -> bool {
        normalize(&self.name) == normalize(name)
    }
}

impl fmt::Display for WheelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-", self.name, self.version)?;
        if let Some(build) = &self.build {
            write!(f, "{build}-")?;
        }
        write!(f, "{}.whl", self.tags())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_exist() {
        for file in [
            "acme_shop-1.0-py3-none-any.whl",
            "zope.interface-7.0.1-cp311-cp311-manylinux_2_5_x86_64.manylinux1_x86_64.whl",
            "six-1.16.0-1-py2.py3-none-any.whl",
            "a-1!2.0rc1.post2+local.1-py3-none-any.whl",
        ] {
            assert_eq!(WheelName::parse(file).unwrap().to_string(), file);
        }
        let name = WheelName::parse("Acme_Shop-1.0-2-py2.py3-none-any.whl").unwrap();
        assert!(name.is_of("acme.shop") && name.is_any_platform());
        assert_eq!(
            (name.build.as_deref(), name.tags().as_str()),
            (Some("2"), "py2.py3-none-any")
        );
    }

    #[test]
    fn names_that_are_none() {
        for file in [
            "a-1.0.tar.gz",
            "a-1.0-py3-none.whl",
            "a-x-py3-none-any.whl",
            "a-1-b-py3-none-any.whl",
            "../a-1.0-py3-none-any.whl",
            "a--py3-none-any.whl",
            "a-1-1-1-py3-none-any.whl",
            ".whl",
        ] {
            assert!(WheelName::parse(file).is_err(), "{file}");
        }
    }
}
