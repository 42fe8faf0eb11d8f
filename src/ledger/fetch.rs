//! Getting the remote's ledger: fetched into a reference of its own, checked there, and only then taken over.

use super::{
    Entry, Error, Git, Kind, Ledger, Patience, Result,
    branch::{self, reference_name},
    check_introduction, durable, entry,
    git::redact,
    give_up, history, hygiene, introduce, own,
};
use gix::{
    ObjectId,
    refs::{
        FullName, Target,
        transaction::{PreviousValue, RefEdit},
    },
};
use std::collections::BTreeMap;

/// How the ledger here compares with the remote's, after a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The remote has none.
    Absent,
    /// Both are the same.
    Same,
    /// There was none here; the remote's was taken over.
    Adopted {
        /// Its newest entry.
        tip: ObjectId,
    },
    /// The remote's new entries were taken over.
    Forwarded {
        /// The newest entry before.
        from: ObjectId,
        /// The newest entry now.
        to: ObjectId,
    },
    /// Entries here are not on the remote yet.
    Ahead {
        /// How many.
        entries: usize,
    },
}

/// Deeper than any ledger. Not 2147483647: by that value git means the whole repository (git-fetch(1), --unshallow).
const ALL: &str = "--depth=1000000000";

/// What git says of a reference that a remote has not (`fetch.c`): its exit status is that of any other failure.
const NO_SUCH_REFERENCE: &str = "couldn't find remote ref";

/// Fetches the ledger of `remote`, checks every entry that is new here, fetches the tags of its releases, and moves the
/// local branch forward, or makes it.
///
/// # Errors
/// [`Error::Unreachable`]; [`Error::Diverged`]; [`Error::Untrusted`], [`Error::Malformed`] or [`Error::Introduction`]
/// where the remote's ledger is not to be believed. The local branch is where it was.
pub fn fetch(
    repo: &gix::Repository,
    git: &Git,
    remote: &str,
    branch: &str,
    patience: Patience,
) -> Result<Fetched> {
    let quarantine = hygiene::quarantine(remote, branch);
    let before = branch::tip_of(repo, &quarantine)?;
    let refspec = format!("+{}:{quarantine}", reference_name(branch));
    if !get(repo, git, remote, &[refspec], patience)? {
        // A ledger that is gone was put back as far as can be.
        hygiene::check_tip(remote, branch, before, &[])?;
        return Ok(Fetched::Absent);
    }
    let fetched = branch::tip_of(repo, &quarantine)?
        .ok_or_else(|| Error::malformed(&quarantine, "it is missing after a fetch"))?;
    let taken = take(repo, git, remote, branch, patience, before, fetched);
    if taken.is_err() {
        // What is not believed was never there: it is looked at anew the next time.
        hygiene::set(repo, remote, branch, before)?;
    }
    taken
}

/// Checks what was fetched, and takes it over. `before` is what the remote had when it was seen last.
fn take(
    repo: &gix::Repository,
    git: &Git,
    remote: &str,
    branch: &str,
    patience: Patience,
    before: Option<ObjectId>,
    fetched: ObjectId,
) -> Result<Fetched> {
    let theirs = chain(repo, fetched)?;
    hygiene::check_tip(remote, branch, before, &theirs)?;
    let tags = hygiene::tags(&list_tags(git, remote, patience)?);
    hygiene::check_tags(repo, remote, branch, &theirs, &tags)?;
    let here = branch::tip_of(repo, &reference_name(branch))?;

    let new = match here {
        None => &theirs[..],
        Some(here) => match theirs.iter().position(|id| *id == here) {
            Some(0) => {
                get_late_tags(repo, git, remote, &theirs, &tags, patience)?;
                return Ok(Fetched::Same);
            }
            Some(new) => &theirs[..new],
            None => {
                let entries = ahead(repo, remote, here, &theirs)?;
                get_late_tags(repo, git, remote, &theirs, &tags, patience)?;
                return Ok(Fetched::Ahead { entries });
            }
        },
    };
    let ledger = Ledger::at(repo, branch, fetched)?;
    check_introduction(repo, &ledger)?;
    history::check_chain(repo, here, new, ledger.root)?;
    get_tags(repo, git, remote, new, &tags, patience)?;
    take_over(repo, branch, here, fetched)?;
    introduce(repo, &ledger)?;
    get_late_tags(repo, git, remote, &theirs[new.len()..], &tags, patience)?;
    Ok(match here {
        None => Fetched::Adopted { tip: fetched },
        Some(from) => Fetched::Forwarded { from, to: fetched },
    })
}

/// Runs `git fetch`; `false` where the remote has no such reference.
pub(super) fn get(
    repo: &gix::Repository,
    git: &Git,
    remote: &str,
    refspecs: &[String],
    patience: Patience,
) -> Result<bool> {
    let mut arguments = vec!["fetch", "--quiet", "--progress", "--no-tags"];
    arguments.extend([
        "--no-write-fetch-head",
        "--no-recurse-submodules",
        "--no-prune",
    ]);
    if repo
        .is_shallow()
        .map_err(Error::git("read the shallow boundary"))?
    {
        arguments.push(ALL);
    }
    arguments.extend(["--", remote]);
    arguments.extend(refspecs.iter().map(String::as_str));
    let talk = git.talk(&arguments, patience)?;
    if talk.output.status.success() {
        return Ok(true);
    }
    let message = redact(&talk.words());
    if message.contains(NO_SUCH_REFERENCE) {
        return Ok(false);
    }
    if talk.answered && talk.cut.is_none() {
        return Err(Error::Failed {
            program: "git fetch".into(),
            message,
        });
    }
    Err(Error::unreachable(remote, &message))
}

/// What `git ls-remote --tags` prints.
pub(super) fn list_tags(git: &Git, remote: &str, patience: Patience) -> Result<String> {
    let talk = git.talk(&["ls-remote", "--tags", "--", remote], patience)?;
    if !talk.output.status.success() {
        return Err(Error::unreachable(remote, &redact(&talk.words())));
    }
    Ok(String::from_utf8_lossy(&talk.output.stdout).into_owned())
}

/// Fetches the tags that the release entries name by object id, from those that the remote has. Their names are the
/// remote's business: `check_tag` compares them later.
fn get_tags(
    repo: &gix::Repository,
    git: &Git,
    remote: &str,
    entries: &[ObjectId],
    there: &BTreeMap<String, ObjectId>,
    patience: Patience,
) -> Result<()> {
    let wanted = lacking_tags(repo, entries)?;
    let mut refspecs = Vec::new();
    for (name, _) in there.iter().filter(|(_, id)| wanted.contains(id)) {
        let full = format!("refs/tags/{name}");
        if branch::tip_of(repo, &full)?.is_some() {
            return Err(another_tag(name, remote));
        }
        refspecs.push(format!("{full}:{full}"));
    }
    if !refspecs.is_empty() {
        get(repo, git, remote, &refspecs, patience)?;
    }
    Ok(())
}

/// Fetches tags that came to the remote after the entries that name them, which are known here. One that cannot be had
/// stops nobody: without it only its release is out of reach, as before.
fn get_late_tags(
    repo: &gix::Repository,
    git: &Git,
    remote: &str,
    known: &[ObjectId],
    there: &BTreeMap<String, ObjectId>,
    patience: Patience,
) -> Result<()> {
    let wanted = lacking_tags(repo, known)?;
    let mut refspecs = Vec::new();
    for (name, _) in there.iter().filter(|(_, id)| wanted.contains(id)) {
        let full = format!("refs/tags/{name}");
        if branch::tip_of(repo, &full)?.is_none() {
            refspecs.push(format!("{full}:{full}"));
        }
    }
    if !refspecs.is_empty() {
        get(repo, git, remote, &refspecs, patience).ok();
    }
    Ok(())
}

/// The tag objects that `entries` name and that are not here.
fn lacking_tags(repo: &gix::Repository, entries: &[ObjectId]) -> Result<Vec<ObjectId>> {
    let mut lacking = Vec::new();
    for id in entries {
        if let Kind::Release { tag, .. } = entry::read(repo, *id)?.0.kind
            && !repo.has_object(tag)
        {
            lacking.push(tag);
        }
    }
    Ok(lacking)
}

pub(super) fn another_tag(name: &str, remote: &str) -> Error {
    Error::Tag {
        name: name.to_owned(),
        message: format!("is another tag here than at {}", redact(remote)),
    }
}

/// How many entries we are ahead of `theirs`.
pub(super) fn ahead(
    repo: &gix::Repository,
    remote: &str,
    here: ObjectId,
    theirs: &[ObjectId],
) -> Result<usize> {
    let ours = chain(repo, here)?;
    let common = ours
        .iter()
        .enumerate()
        .find_map(|(at, id)| Some((at, theirs.iter().position(|other| other == id)?)));
    match common {
        Some((entries, 0)) => Ok(entries),
        common => {
            let (only_here, behind) = common.unwrap_or((ours.len(), theirs.len()));
            let read = |ids: &[ObjectId]| -> Result<Vec<Entry>> {
                ids.iter().map(|id| Ok(entry::read(repo, *id)?.0)).collect()
            };
            let there = read(&theirs[..behind])?;
            let blocked = read(&ours[..only_here])?
                .iter()
                .any(|entry| give_up::blocked(&entry.kind, &there));
            Err(Error::Diverged {
                remote: redact(remote),
                ours: only_here,
                theirs: behind,
                tip: theirs[0],
                blocked,
            })
        }
    }
}

/// The commits from `tip` to the first one, newest first; never empty.
pub(super) fn chain(repo: &gix::Repository, tip: ObjectId) -> Result<Vec<ObjectId>> {
    let mut ids = vec![tip];
    let mut next = entry::read(repo, tip)?.1;
    while let Some(id) = next {
        ids.push(id);
        next = entry::read(repo, id)?.1;
    }
    Ok(ids)
}

/// Moves the branch from one tip to another, or makes it.
pub(super) fn take_over(
    repo: &gix::Repository,
    branch: &str,
    from: Option<ObjectId>,
    to: ObjectId,
) -> Result<()> {
    let what = || Error::git(format!("move branch {branch}"));
    let name = FullName::try_from(reference_name(branch))
        .map_err(|error| what()(gix::Error::from_error(error)))?;
    let expected = from.map_or(PreviousValue::MustNotExist, |tip| {
        PreviousValue::MustExistAndMatch(Target::Object(tip))
    });
    let edit = RefEdit::update(name, to, expected, "hostout: fetched");
    let (Entry { time, .. }, _) = entry::read(repo, to)?;
    let nobody = own::nobody().at(time);
    let mut buffer = gix::date::parse::TimeBuf::default();
    repo.edit_references_as([edit], Some(nobody.to_ref(&mut buffer)))
        .map_err(what())?;
    durable::reference(repo, &reference_name(branch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{
        introduction, push, read_tag,
        testing::{Lab, impatient},
    };

    fn publish(lab: &Lab, tag: Option<&str>) {
        push(&lab.child(), "origin", tag, "hostout", impatient()).unwrap();
    }

    fn fetch_into(lab: &Lab) -> Result<Fetched> {
        fetch(&lab.repo(), &lab.child(), "origin", "hostout", impatient())
    }

    #[test]
    fn a_fresh_clone_adopts_then_follows_then_is_ahead() {
        let lab = Lab::new();
        let remote = lab.bare_remote();
        assert_eq!(fetch_into(&lab).unwrap(), Fetched::Absent);
        lab.release("1.0.0");
        publish(&lab, Some("v1.0.0"));
        assert_eq!(fetch_into(&lab).unwrap(), Fetched::Same);

        let other = lab.clone_of(&remote, &["--no-tags"]);
        let tip = lab.ledger().tip();
        assert_eq!(fetch_into(&other).unwrap(), Fetched::Adopted { tip });
        let ledger = Ledger::open(&other.repo(), "hostout").unwrap().unwrap();
        assert_eq!(ledger.project_id(), lab.ledger().project_id());
        assert!(read_tag(&other.repo(), "v1.0.0").unwrap().is_some());
        let met = introduction(&other.repo(), "hostout").unwrap().unwrap();
        assert_eq!(met.root, ledger.project_id());

        lab.ledger().append(&lab.started("a"), &lab.key()).unwrap();
        publish(&lab, None);
        let to = lab.ledger().tip();
        assert_eq!(
            fetch_into(&other).unwrap(),
            Fetched::Forwarded { from: tip, to }
        );
        other
            .ledger()
            .append(&lab.started("b"), &lab.key())
            .unwrap();
        assert_eq!(fetch_into(&other).unwrap(), Fetched::Ahead { entries: 1 });
        lab.ledger().append(&lab.started("c"), &lab.key()).unwrap();
        publish(&lab, None);
        let error = fetch_into(&other).unwrap_err();
        assert!(
            matches!(
                error,
                Error::Diverged {
                    ours: 1,
                    theirs: 1,
                    ..
                }
            ),
            "{error}"
        );
        other.git(&["fsck", "--strict"]);
    }

    #[test]
    fn shallow_and_detached_clones_get_the_whole_ledger_and_nothing_more() {
        let lab = Lab::new();
        let remote = lab.bare_remote();
        lab.commit_file("setup.py", "1");
        lab.commit_file("setup.py", "2");
        for stage in ["a", "b", "c"] {
            lab.ledger()
                .append(&lab.started(stage), &lab.key())
                .unwrap();
        }
        lab.git(&["push", "-q", "origin", "main"]);
        publish(&lab, None);
        let other = lab.clone_of(&remote, &["--depth=1", "--no-single-branch"]);
        other.git(&["checkout", "-q", "--detach"]);
        fetch_into(&other).unwrap();
        let ledger = Ledger::open(&other.repo(), "hostout").unwrap().unwrap();
        assert_eq!(ledger.entries().count(), 4);
        assert_eq!(other.git(&["rev-list", "--count", "HEAD"]), "1\n");
    }

    #[test]
    fn an_entry_by_a_stranger_is_not_taken_over() {
        let lab = Lab::new();
        let remote = lab.bare_remote();
        lab.ledger();
        publish(&lab, None);
        let other = lab.clone_of(&remote, &[]);
        fetch_into(&other).unwrap();
        let before = other.ledger().tip();
        lab.ledger()
            .append_unasked(&lab.started("a"), &lab.key_named("stranger"))
            .unwrap();
        publish(&lab, None);
        let error = fetch_into(&other).unwrap_err();
        assert!(matches!(error, Error::Untrusted { .. }), "{error}");
        assert_eq!(other.ledger().tip(), before);
    }

    #[test]
    fn a_replaced_or_shortened_history_is_not_taken_over() {
        let lab = Lab::new();
        let remote = lab.bare_remote();
        lab.ledger().append(&lab.started("a"), &lab.key()).unwrap();
        publish(&lab, None);
        let other = lab.clone_of(&remote, &[]);
        fetch_into(&other).unwrap();

        // An entry that takes one away, signed by the right key.
        let repo = lab.repo();
        let root = lab.ledger().project_id();
        let tree = repo.find_commit(root).unwrap().tree_id().unwrap().detach();
        let text = "tidy up\n\nHostout-Serial: 2\nHostout-Id: 0123456789abcdef\n";
        let tip = lab.ledger().tip();
        let made = crate::ledger::write_signed_commit(
            &repo,
            tree,
            Some(tip),
            &Lab::who(),
            Lab::now(),
            text,
            Some(&lab.key()),
        )
        .unwrap();
        lab.git(&[
            "push",
            "-q",
            "origin",
            &format!("{made}:refs/heads/hostout"),
        ]);
        let error = fetch_into(&other).unwrap_err();
        assert!(error.to_string().contains("removes"), "{error}");

        // Another ledger in its place, in a clone that has forgotten the branch but not the introduction.
        other.git(&["update-ref", "-d", "refs/heads/hostout"]);
        other.git(&["update-ref", "-d", "refs/hostout/remotes/origin/hostout"]);
        lab.git(&["update-ref", "-d", "refs/heads/hostout"]);
        lab.start("other").unwrap();
        lab.git(&["push", "-q", "-f", "origin", "hostout"]);
        let error = fetch_into(&other).unwrap_err();
        assert!(matches!(error, Error::Introduction { .. }), "{error}");
    }
}
