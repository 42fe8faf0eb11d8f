//! Where the project is: the repository, its `hostout.toml`, the folder it stands in.

use super::{Error, Result};
use std::{
    fs,
    path::{Path, PathBuf},
    string::FromUtf8Error,
};

/// The name of the file that makes a folder a project.
const FILE: &str = "hostout.toml";

/// Where a project is.
#[derive(Debug)]
pub struct Place {
    /// The root of the work tree.
    pub root: PathBuf,
    /// The project's folder relative to the root, with `/` between names; empty = the root.
    pub folder: String,
    /// The configuration file.
    pub file: PathBuf,
    /// Its name relative to the root.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Finds the project of `start`: `config` when given, else the nearest `hostout.toml` up to the root of the work tree.
pub fn find(repo: &gix::Repository, start: &Path, config: Option<&Path>) -> Result<Place> {
    let root = root(repo)?;
    let start = canonical(start)?;
    let file = match config {
        Some(file) => canonical(&start.join(file))?,
        None => start
            .ancestors()
            .take_while(|folder| folder.starts_with(&root))
            .map(|folder| folder.join(FILE))
            .find(|file| file.exists())
            .ok_or_else(|| Error::NoProject {
                start: start.clone(),
                root: root.clone(),
            })?,
    };
    let inside = file.strip_prefix(&root).map_err(|_| Error::Outside {
        file: file.clone(),
        root: root.clone(),
    })?;
    let folder = slashed(inside.parent().unwrap_or(Path::new("")))?;
    let name = slashed(inside)?;
    let bytes = fs::read(&file).map_err(|source| Error::File {
        path: file.clone(),
        source,
    })?;
    let text = String::from_utf8(bytes).map_err(|error| Error::NotText {
        line: before_fault(&error).split(|byte| *byte == b'\n').count(),
        file: file.clone(),
    })?;
    Ok(Place {
        root,
        folder,
        file,
        name,
        text,
    })
}

/// The part that is text.
fn before_fault(error: &FromUtf8Error) -> &[u8] {
    let length = error.utf8_error().valid_up_to();
    error.as_bytes().get(..length).unwrap_or_default()
}

/// The root of the work tree, without symbolic links.
pub fn root(repo: &gix::Repository) -> Result<PathBuf> {
    canonical(
        repo.workdir()
            .ok_or_else(|| Error::Bare(repo.git_dir().to_owned()))?,
    )
}

fn canonical(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })
}

/// A relative path as git writes it.
pub fn slashed(path: &Path) -> Result<String> {
    let names: Option<Vec<&str>> = path.iter().map(|name| name.to_str()).collect();
    names
        .map(|names| names.join("/"))
        .ok_or_else(|| Error::Encoding(path.to_owned()))
}
