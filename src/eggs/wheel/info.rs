//! What a wheel says about itself: its METADATA (core metadata specification) and WHEEL files.

use super::{WheelName, members};
use crate::eggs::{Error, Result, normalize};
use pep440_rs::Version;
use std::collections::BTreeSet;

/// What a wheel says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WheelInfo {
    /// `Name`, as the metadata spells it.
    pub name: String,
    /// `Version`.
    pub version: Version,
    /// `Tag` lines, e.g. `py3-none-any`.
    pub tags: Vec<String>,
    /// `Requires-Python`.
    pub requires_python: Option<String>,
    /// `Requires-Dist` lines, as they stand.
    pub requires_dist: Vec<String>,
    /// `Root-Is-Purelib`.
    pub is_pure: bool,
    /// Whether it needs more than unpacking: old-style namespace packages, or a `.pth` file that makes them.
    pub has_namespace_packages: bool,
    /// The folders of its `.data`, e.g. `scripts`, `headers`.
    pub data: Vec<String>,
}

impl WheelInfo {
    /// Reads the wheel `file`; its name has to agree with what is inside.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Self> {
        let wrong = |why: &str| Error::Wheel {
            file: file.into(),
            why: why.into(),
        };
        let named = WheelName::parse(file)?;
        let mut archive = members::open(file, bytes)?;
        let files: Vec<String> = archive.file_names().map(str::to_owned).collect();
        let mut folders = files
            .iter()
            .filter_map(|name| name.strip_suffix(".dist-info/METADATA"))
            // deeper ones belong to what the wheel vendors
            .filter(|stem| !stem.contains('/'));
        if let Some(name) = files.iter().find(|name| !members::stays_inside(name)) {
            return Err(wrong(&format!("member {name:?} would leave its folder")));
        }
        let (Some(stem), None) = (folders.next(), folders.next()) else {
            return Err(wrong("it has not one .dist-info/METADATA"));
        };
        let mut text =
            |name: &str| members::text(file, &mut archive, &format!("{stem}.dist-info/{name}"));
        let metadata = headers(&text("METADATA")?.unwrap_or_default());
        let wheel = headers(&text("WHEEL")?.ok_or_else(|| wrong("it has no WHEEL file"))?);
        let namespaces = text("namespace_packages.txt")?.unwrap_or_default();

        let name = first(&metadata, "name").ok_or_else(|| wrong("its metadata has no name"))?;
        let version =
            first(&metadata, "version").and_then(|version| version.parse::<Version>().ok());
        let version = version.ok_or_else(|| wrong("its metadata has no PEP 440 version"))?;
        if normalize(&name) != normalize(&named.name) || version != named.version {
            return Err(wrong(&format!("inside it is {name} {version}")));
        }
        let data = format!("{stem}.data/");
        let data: BTreeSet<&str> = files
            .iter()
            .filter_map(|name| name.strip_prefix(&data)?.split('/').next())
            .collect();
        let makes_namespaces = |name: &String| !name.contains('/') && name.ends_with("-nspkg.pth");
        Ok(Self {
            name,
            version,
            tags: all(&wheel, "tag"),
            requires_python: first(&metadata, "requires-python"),
            requires_dist: all(&metadata, "requires-dist"),
            is_pure: first(&wheel, "root-is-purelib")
                .is_some_and(|pure| pure.eq_ignore_ascii_case("true")),
            has_namespace_packages: !namespaces.trim().is_empty()
                || files.iter().any(makes_namespaces),
            data: data.into_iter().map(str::to_owned).collect(),
        })
    }
}

/// The header lines of a file in the form of RFC 822, names in lower case, folded values in one line.
fn headers(text: &str) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in text.lines().take_while(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = headers.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    headers
}

fn first(headers: &[(String, String)], name: &str) -> Option<String> {
    headers
        .iter()
        .find(|(header, _)| header == name)
        .map(|(_, value)| value.clone())
}

fn all(headers: &[(String, String)], name: &str) -> Vec<String> {
    let named = headers.iter().filter(|(header, _)| header == name);
    named.map(|(_, value)| value.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Write};
    use zip::{ZipWriter, write::SimpleFileOptions};

    fn wheel(extra: &[(&str, &str)]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let metadata = "Metadata-Version: 2.1\nName: Acme.Shop\nVersion: 1.0\nRequires-Dist: six >=1 ;\n  extra == 'x'\nRequires-Dist: Zope\nRequires-Python: >=3.9\n\nName: other\n";
        let own = [
            ("acme_shop-1.0.dist-info/METADATA", metadata),
            (
                "acme_shop-1.0.dist-info/WHEEL",
                "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py2-none-any\nTag: py3-none-any\n",
            ),
        ];
        for (name, text) in own.iter().chain(extra) {
            writer
                .start_file(*name, SimpleFileOptions::default())
                .unwrap();
            writer.write_all(text.as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn facts() {
        let info = WheelInfo::read("acme_shop-1.0-py2.py3-none-any.whl", &wheel(&[])).unwrap();
        assert_eq!(
            (info.name.as_str(), info.version.to_string().as_str()),
            ("Acme.Shop", "1.0")
        );
        assert_eq!(info.requires_dist, ["six >=1 ; extra == 'x'", "Zope"]);
        assert_eq!(info.requires_python.as_deref(), Some(">=3.9"));
        assert_eq!(info.tags, ["py2-none-any", "py3-none-any"]);
        assert!(info.is_pure && !info.has_namespace_packages && info.data.is_empty());
    }

    #[test]
    fn what_a_plain_unpacking_would_miss() {
        let file = "acme_shop-1.0-py3-none-any.whl";
        for (name, text) in [
            ("acme_shop-1.0.dist-info/namespace_packages.txt", "acme\n"),
            ("acme-nspkg.pth", "import sys"),
        ] {
            assert!(
                WheelInfo::read(file, &wheel(&[(name, text)]))
                    .unwrap()
                    .has_namespace_packages,
                "{name}"
            );
        }
        let data = [
            ("acme_shop-1.0.data/scripts/run", ""),
            ("acme_shop-1.0.data/headers/a.h", ""),
        ];
        assert_eq!(
            WheelInfo::read(file, &wheel(&data)).unwrap().data,
            ["headers", "scripts"]
        );
    }

    #[test]
    fn a_name_that_lies() {
        for file in [
            "acme_shop-1.1-py3-none-any.whl",
            "other-1.0-py3-none-any.whl",
        ] {
            let error = WheelInfo::read(file, &wheel(&[])).unwrap_err();
            assert!(
                error.to_string().contains("inside it is Acme.Shop 1.0"),
                "{error}"
            );
        }
        assert!(WheelInfo::read("acme_shop-1.0-py3-none-any.whl", b"no zip").is_err());
    }
}
