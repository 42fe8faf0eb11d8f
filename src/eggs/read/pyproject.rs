//! `pyproject.toml`: the build system (PEP 517, 518) and paths into its tables.

use super::{Error, Folder, Result};
use toml_edit::{DocumentMut, Item, TableLike};

/// Who builds the egg.
#[derive(Clone, Debug)]
pub(super) struct BuildSystem {
    pub backend: String,
    pub backend_path: Vec<String>,
    pub requires: Vec<String>,
}

impl BuildSystem {
    /// Whether `setup.py` and `setup.cfg` count; in-tree backends mostly wrap setuptools.
    pub fn may_be_setuptools(&self) -> bool {
        self.backend.starts_with("setuptools.build_meta") || !self.backend_path.is_empty()
    }

    /// Whether a requirement names the distribution `name`, in normal form.
    pub fn wants(&self, name: &str) -> bool {
        self.requires.iter().any(|requirement| {
            let end = requirement.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
            super::normalize(&requirement[..end.unwrap_or(requirement.len())]) == name
        })
    }
}

pub(super) fn read(folder: &Folder<'_>) -> Result<Option<DocumentMut>> {
    let Some(text) = folder.text("pyproject.toml")? else {
        return Ok(None);
    };
    let document = text.parse::<DocumentMut>();
    document.map(Some).map_err(|source| Error::Toml {
        file: folder.place("pyproject.toml"),
        source: Box::new(source),
    })
}

/// What `[build-system]` says, else what PEP 517 has front ends assume.
pub(super) fn build_system(document: Option<&DocumentMut>) -> BuildSystem {
    let get = |key| document.and_then(|document| item(document, &["build-system", key]));
    BuildSystem {
        backend: get("build-backend")
            .and_then(Item::as_str)
            .unwrap_or("setuptools.build_meta:__legacy__")
            .to_owned(),
        backend_path: get("backend-path").map(strings).unwrap_or_default(),
        requires: get("requires").map_or_else(|| vec!["setuptools".to_owned()], strings),
    }
}

/// The item at a path of tables, inline ones too.
pub(super) fn item<'a>(document: &'a DocumentMut, path: &[&str]) -> Option<&'a Item> {
    let mut item = document.as_item();
    for key in path {
        item = item
            .as_table_like()
            .and_then(|table: &dyn TableLike| table.get(key))?;
    }
    Some(item)
}

pub(super) fn text<'a>(document: &'a DocumentMut, path: &[&str]) -> Option<&'a str> {
    item(document, path).and_then(Item::as_str)
}

pub(super) fn strings(item: &Item) -> Vec<String> {
    let array = item.as_array().into_iter().flatten();
    array
        .filter_map(|value| value.as_str())
        .map(str::to_owned)
        .collect()
}
