//! The version of an egg that keeps none in its files: its tags know it.

use super::{Error, Result, normalize};
use gix::{ObjectId, Repository};
use pep440_rs::Version;
use std::collections::HashMap;

/// The version of the nearest tag of the egg `name` in the history of `commit`, and whether `commit` itself has it.
///
/// Tags are `1.0`, `v1.0`, `NAME-1.0`, `NAME/v1.0` and the like. Give it to [`next`](super::next) as the file's version
/// where it is the commit's own, else as the last release.
pub fn tagged(repo: &Repository, commit: ObjectId, name: &str) -> Result<Option<(Version, bool)>> {
    let failed = || "the tags".to_owned();
    let mut tags: HashMap<ObjectId, Version> = HashMap::new();
    let references = repo.references().map_err(Error::git(failed()))?;
    for reference in references.tags().map_err(Error::git(failed()))?.flatten() {
        let short = reference.name().shorten().to_string();
        let Some(version) = version_of(&short, name) else {
            continue;
        };
        let mut reference = reference;
        // a tag of something else than a commit is no release
        if let Ok(target) = reference.peel_to_id() {
            let known = tags
                .entry(target.detach())
                .or_insert_with(|| version.clone());
            *known = version.max(known.clone());
        }
    }
    if tags.is_empty() {
        return Ok(None);
    }
    let walk = repo
        .rev_walk([commit])
        .sorting(gix::revision::walk::Sorting::ByCommitTime(
            gix::traverse::commit::simple::CommitTimeOrder::NewestFirst,
        ));
    for ancestor in walk.all().map_err(Error::git("the history"))? {
        let id = ancestor.map_err(Error::git("the history"))?.id;
        if let Some(version) = tags.remove(&id) {
            return Ok(Some((version, id == commit)));
        }
    }
    Ok(None)
}

fn version_of(tag: &str, name: &str) -> Option<Version> {
    let plain = |text: &str| text.strip_prefix('v').unwrap_or(text).parse().ok();
    let digits = tag.starts_with(|c: char| c.is_ascii_digit());
    let digits =
        digits || tag.starts_with('v') && tag[1..].starts_with(|c: char| c.is_ascii_digit());
    if digits {
        return plain(tag);
    }
    let mut separators = tag.match_indices(['-', '/', '_', '@']);
    separators.find_map(|(at, _)| {
        let (before, after) = (&tag[..at], &tag[at + 1..]);
        (normalize(before) == normalize(name))
            .then(|| plain(after))
            .flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_names() {
        for (tag, wanted) in [
            ("1.0", Some("1.0")),
            ("v1.0rc1", Some("1.0rc1")),
            ("acme.shop-1.0", Some("1.0")),
            ("acme-shop/v1.0", Some("1.0")),
            ("acme.shop@1.0", Some("1.0")),
            ("acme.theme-1.0", None),
            ("version", None),
            ("release", None),
        ] {
            let found = version_of(tag, "Acme.Shop").map(|version| version.to_string());
            assert_eq!(found.as_deref(), wanted, "{tag}");
        }
    }

    #[test]
    fn the_nearest_tag_in_history_counts() {
        use crate::eggs::child;
        let folder = tempfile::tempdir().unwrap();
        let git = |arguments: &[&str]| {
            let mut command = child::bare(std::path::Path::new("git"), folder.path());
            command.args(["-c", "user.name=A", "-c", "user.email=a@example.org"]);
            command.current_dir(folder.path()).args(arguments);
            let what = format!("{arguments:?}");
            child::run(&mut command, |output| Error::Command { what, output }).unwrap();
        };
        let commit = || git(&["commit", "-qm", "x", "--allow-empty"]);
        git(&["init", "-q"]);
        commit();
        let tagged = || {
            let repo = gix::open(folder.path()).unwrap();
            let head = repo.head_id().unwrap().detach();
            let found = tagged(&repo, head, "shop").unwrap();
            found.map(|(version, exact)| (version.to_string(), exact))
        };
        assert_eq!(tagged(), None);
        git(&["tag", "1.0"]);
        git(&["tag", "-m", "annotated", "1.1"]);
        assert_eq!(tagged(), Some(("1.1".into(), true)));
        commit();
        assert_eq!(tagged(), Some(("1.1".into(), false)));
        git(&["tag", "other-3.0"]);
        git(&["branch", "line"]);
        git(&["checkout", "-q", "--orphan", "elsewhere"]);
        git(&["commit", "-qm", "y", "--allow-empty"]);
        git(&["tag", "9.0"]);
        git(&["checkout", "-q", "line"]);
        assert_eq!(tagged(), Some(("1.1".into(), false)));
    }
}
