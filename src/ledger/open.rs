//! Opening a repository, with errors that say what is wrong with it.

use super::{Error, Result};
use std::path::Path;

/// Opens the repository that `directory` is in: also from below, in linked work trees and bare.
pub fn discover(directory: &Path) -> Result<gix::Repository> {
    gix::discover(directory).map_err(|source| explain(directory, source))
}

fn explain(directory: &Path, source: gix::Error) -> Error {
    let path = directory.to_owned();
    if format!("{source:#} {source:?}").contains("reftable") {
        return Error::Reftable { path };
    }
    Error::Open {
        path,
        source: Box::new(source),
    }
}
