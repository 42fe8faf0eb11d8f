//! Where a buildout keeps its data.

use super::Inspected;

/// The databases of a buildout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Databases {
    /// File storages of ZODB, relative to the buildout directory where they are inside.
    pub storages: Vec<String>,
    /// Their blobs.
    pub blobs: Vec<String>,
    /// A part that keeps its data where we cannot reach it.
    pub foreign: Option<String>,
}

/// The databases that the parts name. Defaults are those of plone.recipe.zope2instance 9 and plone.recipe.zeoserver 4.
pub fn databases(inspected: &Inspected) -> Databases {
    let mut found = Databases::default();
    for part in &inspected.parts {
        let own = match inspected.recipe(part) {
            "plone.recipe.zeoserver" => true,
            // A client's data is the server's.
            "plone.recipe.zope2instance" => !on(inspected.option(part, "zeo-client")),
            _ => continue,
        };
        if !inspected.option(part, "rel-storage").is_empty() {
            found.foreign = Some(part.clone());
        } else if own {
            let at = |option, default| place(inspected, inspected.option(part, option), default);
            found
                .storages
                .push(at("file-storage", "filestorage/Data.fs"));
            found.blobs.push(at("blob-storage", "blobstorage"));
        }
    }
    for places in [&mut found.storages, &mut found.blobs] {
        places.sort();
        places.dedup();
    }
    found
}

fn on(value: &str) -> bool {
    ["on", "yes", "true", "1"].contains(&value.trim().to_lowercase().as_str())
}

/// A path as a host sees it: below the release, or absolute as it stands.
fn place(inspected: &Inspected, value: &str, default: &str) -> String {
    let value = value.trim();
    if value.is_empty() {
        return format!("var/{default}");
    }
    let inside = value.strip_prefix(&inspected.directory);
    let inside = inside.or_else(|| value.strip_prefix("${buildout:directory}"));
    match inside {
        Some(inside) => inside.trim_start_matches('/').to_owned(),
        None if value.starts_with('/') => value.to_owned(),
        // The recipes put relative paths below var.
        None => format!("var/{value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn inspected(parts: &[(&str, &[(&str, &str)])]) -> Inspected {
        let options = |options: &[(&str, &str)]| -> BTreeMap<String, String> {
            options
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        };
        Inspected {
            directory: "/b".to_owned(),
            parts: parts.iter().map(|(part, _)| (*part).to_owned()).collect(),
            sections: parts
                .iter()
                .map(|(part, all)| ((*part).to_owned(), options(all)))
                .collect(),
            ..Inspected::default()
        }
    }

    #[test]
    fn a_client_of_zeo_has_no_data_of_its_own() {
        let zeo = (
            "zeo",
            &[
                ("recipe", "plone.recipe.zeoserver"),
                ("file-storage", "/b/var/x/Data.fs"),
            ][..],
        );
        let client = (
            "client",
            &[
                ("recipe", "plone.recipe.zope2instance"),
                ("zeo-client", "on"),
            ][..],
        );
        let found = databases(&inspected(&[zeo, client]));
        assert_eq!(found.storages, ["var/x/Data.fs"]);
        assert_eq!(found.blobs, ["var/blobstorage"]);
        assert_eq!(found.foreign, None);
    }

    #[test]
    fn a_relational_database_is_not_ours_to_copy() {
        let part = (
            "site",
            &[
                ("recipe", "plone.recipe.zope2instance"),
                ("rel-storage", "type postgresql"),
            ][..],
        );
        assert_eq!(
            databases(&inspected(&[part])).foreign.as_deref(),
            Some("site")
        );
    }
}
