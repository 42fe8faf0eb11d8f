//! The end state of a repository and of a host, as text.

use super::Sandbox;
use std::{fs, path::Path};

/// Folders of a host whose contents have names that differ from machine to machine.
const CLOSED: [&str; 4] = ["venvs", "store", "eggs", "jobs"];

/// Every ref of the repository in `directory`, with the first line of what it names.
pub fn refs(sandbox: &Sandbox, directory: &Path) -> String {
    let format = "--format=%(refname) %(objecttype) %(contents:subject)";
    sandbox.git(directory, &["for-each-ref", format])
}

/// What lies in `root`, `depth` folders deep, sorted; links with their targets.
pub fn tree(root: &Path, depth: usize) -> String {
    let mut lines = Vec::new();
    walk(root, root, depth, &mut lines);
    lines.sort();
    lines.join("\n")
}

fn walk(root: &Path, folder: &Path, depth: usize, lines: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_symlink() {
            lines.push(format!(
                "{name} -> {}",
                fs::read_link(&path).unwrap().display()
            ));
        } else if kind.is_dir() {
            lines.push(format!("{name}/"));
            let closed = path
                .file_name()
                .is_some_and(|name| CLOSED.iter().any(|closed| name == *closed));
            if depth > 1 && !closed {
                walk(root, &path, depth - 1, lines);
            }
        } else {
            lines.push(name);
        }
    }
}
