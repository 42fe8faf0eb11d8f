//! Which files of a project go into a release's tarball.

use super::{Error, Graph};
use globset::{GlobBuilder, GlobSetBuilder};
use std::collections::BTreeSet;

/// The tracked files that hosts get, of those in `tracked` (all paths relative to the buildout directory, `/` between folders): the
/// configurations of `graphs` and what `include` names. An entry of `include` is a file, a folder with everything below it, or a glob.
/// Configurations above the buildout directory are not among them: `flatten` puts those inside.
///
/// # Errors
/// For an entry that is no glob.
pub fn tarball_files<'a>(
    graphs: impl IntoIterator<Item = &'a Graph>,
    include: &[String],
    tracked: impl IntoIterator<Item = &'a str>,
) -> Result<BTreeSet<String>, Error> {
    let wrong = |source| Error::Include { source };
    let mut globs = GlobSetBuilder::new();
    for entry in include {
        let entry = entry.trim_start_matches("./").trim_end_matches('/');
        for pattern in [entry.to_owned(), format!("{entry}/**")] {
            globs.add(
                GlobBuilder::new(&pattern)
                    .literal_separator(true)
                    .build()
                    .map_err(wrong)?,
            );
        }
    }
    let globs = globs.build().map_err(wrong)?;
    let configs: BTreeSet<&str> = graphs
        .into_iter()
        .flat_map(|graph| &graph.files)
        .map(String::as_str)
        .collect();
    let shipped = |path: &&str| configs.contains(path) || globs.is_match(path);
    Ok(tracked
        .into_iter()
        .filter(shipped)
        .map(str::to_owned)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_configurations_and_what_is_included() {
        let graph = Graph {
            files: vec!["prod.cfg".to_owned(), "../base.cfg".to_owned()],
            ..Graph::default()
        };
        let tracked = [
            "prod.cfg", "dev.cfg", "etc/a", "etc/b/c", "x.conf", "y/x.conf", "src/a.py",
        ];
        let include = ["./etc/".to_owned(), "*.conf".to_owned()];
        let files = tarball_files([&graph], &include, tracked).unwrap();
        assert_eq!(
            files.into_iter().collect::<Vec<_>>(),
            ["etc/a", "etc/b/c", "prod.cfg", "x.conf"]
        );
    }
}
