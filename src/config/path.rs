//! Paths as `hostout.toml` and git write them.

/// Joins paths with `/`, resolving `.` and `..`; nothing when it would leave the repository.
pub fn join(folder: &str, below: &str) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for name in folder.split('/').chain(below.split('/')) {
        match name {
            "" | "." => {}
            ".." => {
                names.pop()?;
            }
            name => names.push(name),
        }
    }
    Some(names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn joins_without_leaving_the_repository() {
        assert_eq!(join("", "src/a").as_deref(), Some("src/a"));
        assert_eq!(join("site", "../src/a").as_deref(), Some("src/a"));
        assert_eq!(join("site", ".").as_deref(), Some("site"));
        assert_eq!(join("", "../a"), None);
    }
}
