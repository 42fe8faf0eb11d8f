//! Writing the next version where the version stands.
//!
//! **Invariant:** nothing but the version's own characters changes, and reading the edited egg gives the version.
//! **Not here:** which version (`version`), where it stands (`read`), when it is committed (`plan::release`).
//! **To add** a place: an arm in `edit`.

use super::read::{Files, PythonValue, assigned, cfg_value, keywords, resolved};
use super::{EggSource, Error, Result, VersionSite};
use pep440_rs::Version;
use std::ops::Range;
use toml_edit::Document;

/// What makes an egg's build say another version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    /// Files and their new bytes, relative to the repository.
    pub files: Vec<(String, Vec<u8>)>,
    /// Environment variables of the build.
    pub pretend: Vec<(String, String)>,
}

/// What has to be done for `egg` to be `version`; nothing where it is already.
pub fn edit(egg: &EggSource, version: &Version, files: Files<'_>) -> Result<Edits> {
    if let VersionSite::Scm { pretend } = &egg.site {
        let value = version.to_string();
        let pretend = pretend
            .iter()
            .map(|name| (name.clone(), value.clone()))
            .collect();
        return Ok(Edits {
            pretend,
            ..Edits::default()
        });
    }
    if egg.version.as_ref() == Some(version) {
        return Ok(Edits::default());
    }
    let path = egg.place(egg.site.file());
    let lost = |place: &str| Error::Edit {
        file: path.clone(),
        place: place.to_owned(),
    };
    let text = files(&path).ok_or_else(|| lost("its file"))?;
    let text = String::from_utf8(text).map_err(|_| Error::Encoding { file: path.clone() })?;
    let new = version.to_string();
    let edited = match &egg.site {
        VersionSite::Toml { key, .. } => splice(&text, toml_string(&text, key), &new),
        VersionSite::Cfg { .. } => splice(&text, cfg_value(&text, "metadata", "version"), &new),
        VersionSite::SetupPy { .. } => splice(&text, setup_argument(&text), &new),
        VersionSite::Attr { name, .. } => splice(&text, plain(assigned(&text, name)), &new),
        VersionSite::File { .. } => splice(&text, Some(trimmed(&text)), &new),
        VersionSite::Scm { .. } => None,
    };
    let edited = edited.ok_or_else(|| lost(&format!("{:?}", egg.site)))?;
    let files = vec![(path, edited.into_bytes())];
    Ok(Edits {
        files,
        ..Edits::default()
    })
}

fn splice(text: &str, range: Option<Range<usize>>, new: &str) -> Option<String> {
    let Range { start, end } = range?;
    Some(format!("{}{new}{}", &text[..start], &text[end..]))
}

fn plain(value: Option<PythonValue>) -> Option<Range<usize>> {
    match value {
        Some(PythonValue::Text(range)) => Some(range),
        _ => None,
    }
}

fn setup_argument(source: &str) -> Option<Range<usize>> {
    let arguments = keywords(source, "setup")?;
    let (_, value) = arguments.into_iter().find(|(name, _)| name == "version")?;
    plain(Some(resolved(source, value)))
}

fn trimmed(text: &str) -> Range<usize> {
    let start = text.len() - text.trim_start().len();
    start..start + text.trim().len()
}

/// The characters between the quotes of a TOML string.
fn toml_string(text: &str, key: &[String]) -> Option<Range<usize>> {
    let document = Document::parse(text).ok()?;
    let mut item = document.as_item();
    for part in key {
        item = item.as_table_like()?.get(part)?;
    }
    item.as_str()?;
    let quoted = item.span()?;
    let literal = &text[quoted.clone()];
    let width = ["\"\"\"", "'''"]
        .iter()
        .any(|quotes| literal.starts_with(quotes));
    let width = if width { 3 } else { 1 };
    Some(quoted.start + width..quoted.end - width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eggs::Project;

    /// Edits the egg of `files` to 2.0 and gives the changed file; the edited egg has to read as 2.0.
    fn edited(files: &[(&str, &str)]) -> String {
        let version: Version = "2.0".parse().unwrap();
        let get = |path: &str| {
            let found = files.iter().find(|(name, _)| *name == path);
            found.map(|(_, text)| text.as_bytes().to_vec())
        };
        let egg = Project::read(&get, ".").unwrap();
        let edits = edit(&egg, &version, &get).unwrap();
        let [(changed, bytes)] = edits.files.as_slice() else {
            panic!("{:?}", edits.files);
        };
        let again = |path: &str| {
            if path == changed {
                Some(bytes.clone())
            } else {
                get(path)
            }
        };
        assert_eq!(
            Project::read(&again, ".").unwrap().version,
            Some(version.clone())
        );
        assert_eq!(
            edit(&Project::read(&again, ".").unwrap(), &version, &again).unwrap(),
            Edits::default()
        );
        String::from_utf8(bytes.clone()).unwrap()
    }

    #[test]
    fn only_the_versions_characters_change() {
        for text in [
            "# shop\n[project]   # metadata\nversion = '1.0'  # bumped by hand\nname=\"a\"\r\n",
            "project = { name = \"a\", version = \"1.0\" }\n",
        ] {
            let new = edited(&[("pyproject.toml", text)]);
            assert_eq!(new, text.replace("1.0", "2.0"));
        }
        for text in [
            "setup(name='a', version='1.0', url='http://1.0/')",
            "# 1.0\nversion = \"1.0\"\n\nsetup(\n    name=\"a\",\n    version=version,\n)\n",
        ] {
            let new = edited(&[("setup.py", text)]);
            let wanted = text.replace("'1.0'", "'2.0'").replace("\"1.0\"", "\"2.0\"");
            assert_eq!(new, wanted);
        }
        let cfg = "[metadata]\nname = a\nversion= 1.0\n\n[options]\nversion = 1.0\n";
        assert_eq!(
            edited(&[("setup.cfg", cfg)]),
            cfg.replace("version= 1.0", "version= 2.0")
        );
        let cfg = "[metadata]\nname = a\nversion = file: VERSION\n";
        assert_eq!(
            edited(&[("setup.cfg", cfg), ("VERSION", "\n1.0 \n")]),
            "\n2.0 \n"
        );
        let cfg = "[metadata]\nname = a\nversion = attr: a.V\n";
        assert_eq!(
            edited(&[("setup.cfg", cfg), ("a.py", "W = V = u'1.0' # V\n")]),
            "W = V = u'2.0' # V\n"
        );
    }

    #[test]
    fn an_scm_egg_is_told_at_build_time() {
        let text = "setup(name='Acme.Shop', use_scm_version=True)";
        let get = |path: &str| (path == "setup.py").then(|| text.as_bytes().to_vec());
        let egg = Project::read(&get, ".").unwrap();
        let edits = edit(&egg, &"2.0".parse().unwrap(), &get).unwrap();
        assert_eq!(edits.files, []);
        assert_eq!(
            edits.pretend[0],
            (
                "SETUPTOOLS_SCM_PRETEND_VERSION_FOR_ACME_SHOP".into(),
                "2.0".into()
            )
        );
    }
}
