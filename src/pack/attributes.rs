//! The attribute `export-ignore` (gitattributes(5), git-archive(1)), read from the tree alone: neither the user's
//! attribute files nor `$GIT_DIR/info/attributes` have a say, so two clones give the same tarball.

use gix::{attrs, bstr::BStr, glob};
use std::{io, path::Path};

const EXPORT_IGNORE: &str = "export-ignore";

/// The `.gitattributes` files met so far. A directory's file must be added before those below it.
#[derive(Default)]
pub(super) struct ExportIgnore {
    search: attrs::Search,
    names: attrs::search::MetadataCollection,
}

impl ExportIgnore {
    /// Adds the `.gitattributes` of `directory`, a path from the top of the repository, empty for the top itself.
    pub(super) fn add(&mut self, directory: &str, bytes: &[u8]) -> io::Result<()> {
        self.search.add_patterns_buffer(
            bytes,
            Path::new(directory).join(".gitattributes"),
            Some(Path::new("")),
            &mut self.names,
            // git takes macros from the top only
            directory.is_empty(),
        )
    }

    /// Whether `path`, from the top of the repository, is left out.
    pub(super) fn leaves_out(&self, path: &str, is_directory: bool) -> bool {
        let mut outcome = attrs::search::Outcome::default();
        outcome.initialize_with_selection(&self.names, [EXPORT_IGNORE]);
        self.search.pattern_matching_relative_path(
            BStr::new(path),
            glob::pattern::Case::Sensitive,
            Some(is_directory),
            &mut outcome,
        );
        outcome
            .iter_selected()
            .any(|found| found.assignment.state == attrs::StateRef::Set)
    }
}
