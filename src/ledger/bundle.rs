//! The ledger with its releases as a git bundle (git-bundle(1)): what hosts keep of it, and how it comes back from there.

use super::{
    Error, Git, Kind, Ledger, Patience, Result, branch, check_introduction, fetch, history,
    hygiene, introduce, own,
};
use crate::release::Digest;
use gix::ObjectId;
use std::{collections::BTreeSet, path::Path, time::Duration};

/// The ledger that a host kept, in quarantine: checked, and not taken over yet.
#[derive(Debug)]
pub struct Bundled {
    /// The ledger as it would be.
    pub ledger: Ledger,
    /// How many of its entries are new here.
    pub new: usize,
    /// The local branch as it is.
    here: Option<ObjectId>,
    /// A file, for git.
    file: String,
    /// Whence it came, for people.
    host: String,
    patience: Patience,
}

/// Whom a host believes: what it keeps has to be that project's, with these keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Believed {
    /// The host, for people.
    pub host: String,
    /// The project's id; nothing = it met none.
    pub project: Option<String>,
    /// The newest statement of keys and policy that it took, and that one's sha256.
    pub statement: Option<(u64, Digest)>,
}

/// Files need no answer; a long one takes its time.
fn patient() -> Patience {
    Patience {
        answer: Duration::from_secs(3600),
        stall: Duration::from_secs(3600),
        prompts: false,
        interruptible: true,
    }
}

impl Ledger {
    /// What somebody lacks of the ledger and of its releases' tags, as a bundle. `there` is the newest entry that they
    /// have, and which tags; nothing = they have none of it.
    ///
    /// Nothing comes of it where they lack nothing, and where they have entries that are not known here. A shallow clone
    /// has no tags to give: the history below them ends too early.
    pub fn bundle(&self, git: &Git, there: Option<(&str, &[String])>) -> Result<Option<Vec<u8>>> {
        let known = match there {
            None => 0,
            Some((tip, _)) => {
                let tip: Option<ObjectId> = tip.parse().ok();
                let is_it = |entry: &super::Entry| Some(entry.commit) == tip;
                match self.history.iter().position(is_it) {
                    Some(at) => at + 1,
                    None => return Ok(None),
                }
            }
        };
        let tags = there.map_or(&[][..], |(_, tags)| tags);
        let mut words = vec![branch::reference_name(&self.branch)];
        let new = self.new_tags(known, tags)?;
        if known == self.history.len() && new.is_empty() {
            return Ok(None);
        }
        words.extend(new.iter().map(|(name, _)| format!("refs/tags/{name}")));
        if known > 0 {
            words.push(format!("^{}", self.history[known - 1].commit));
            let old = self.tags().filter(|id| self.repo.has_object(*id));
            let old = old.filter(|id| new.iter().all(|(_, new)| new != id));
            words.extend(old.map(|id| format!("^{id}")));
        }
        let mut arguments = vec!["bundle", "create", "--quiet", "-"];
        arguments.extend(words.iter().map(String::as_str));
        git.bytes(&arguments).map(Some)
    }

    /// The name of the newest release's tag.
    pub fn newest_tag(&self) -> Result<Option<String>> {
        match self.tags().next_back() {
            Some(tag) => hygiene::name_of(&self.repo, tag),
            None => Ok(None),
        }
    }

    /// The tag objects of all releases.
    fn tags(&self) -> impl DoubleEndedIterator<Item = ObjectId> {
        self.history.iter().filter_map(|entry| match entry.kind {
            Kind::Release { tag, .. } => Some(tag),
            _ => None,
        })
    }

    /// The tags that are here, and not among `there`: they have `known` entries.
    fn new_tags(&self, known: usize, there: &[String]) -> Result<Vec<(String, ObjectId)>> {
        let shallow = self.repo.is_shallow();
        if shallow.map_err(Error::git("read the shallow boundary"))? {
            return Ok(Vec::new());
        }
        let is_release = |entry: &&super::Entry| matches!(entry.kind, Kind::Release { .. });
        let old = self.history[..known].iter().filter(is_release).count();
        // Names stand in tag objects: those that they must have are not read again.
        let skip = if there.len() < old { 0 } else { old };
        let mut found = Vec::new();
        for tag in self.tags().skip(skip) {
            if let Some(name) = hygiene::name_of(&self.repo, tag)?
                && !there.contains(&name)
                && branch::tip_of(&self.repo, &format!("refs/tags/{name}"))? == Some(tag)
            {
                found.push((name, tag));
            }
        }
        Ok(found)
    }
}

/// Reads the ledger out of a bundle that a host kept, and checks it: every entry, the tags, and that it is the one that
/// the host believes. The local branch is where it was.
///
/// # Errors
/// As of [`fetch`](super::fetch()); [`Error::Kept`] where it is another ledger than the host's.
pub fn fetch_bundle(
    repo: &gix::Repository,
    git: &Git,
    file: &Path,
    branch: &str,
    believed: &Believed,
) -> Result<Bundled> {
    let quarantine = format!("refs/hostout/bundle/{branch}");
    let bundled = quarantined(repo, git, file, branch, &quarantine, believed);
    own::set(repo, &quarantine, None, "hostout: looked at")?;
    bundled
}

fn quarantined(
    repo: &gix::Repository,
    git: &Git,
    file: &Path,
    branch: &str,
    quarantine: &str,
    believed: &Believed,
) -> Result<Bundled> {
    let host = believed.host.as_str();
    let refused = |message: String| Error::Kept {
        host: host.to_owned(),
        message,
    };
    let (path, patience) = (file.display().to_string(), patient());
    let refspec = format!("+{}:{quarantine}", branch::reference_name(branch));
    let got = fetch::get(repo, git, &path, &[refspec], patience).map_err(|error| match error {
        Error::Unreachable { message, .. } => refused(format!("cannot be read: {message}")),
        error => error,
    })?;
    let tip = branch::tip_of(repo, quarantine)?.filter(|_| got);
    let tip = tip.ok_or_else(|| refused(format!("has no branch {branch}")))?;
    let theirs = fetch::chain(repo, tip)?;
    let ledger = Ledger::at(repo, branch, tip)?;
    check_introduction(repo, &ledger)?;
    history::check_chain(repo, None, &theirs, ledger.root)?;
    if let Some(project) = &believed.project
        && project.parse().ok() != Some(ledger.root)
    {
        let root = ledger.root;
        return Err(refused(format!(
            "is of project {root}, and {host} believes {project}"
        )));
    }
    if let Some((generation, digest)) = believed.statement {
        let statements = ledger.statements(generation)?;
        let known = statements.first();
        if known.is_none_or(|known| Digest::of(known.text.as_bytes()) != digest) {
            return Err(refused(format!(
                "says something else of keys and policy number {generation} than {host} was told"
            )));
        }
    }
    let tags = hygiene::tags(&fetch::list_tags(git, &path, patience)?);
    hygiene::compare_tags(repo, host, &theirs, &tags, &mut BTreeSet::default())?;
    let here = branch::tip_of(repo, &branch::reference_name(branch))?;
    let new = match here {
        None => theirs.len(),
        Some(here) => match theirs.iter().position(|id| *id == here) {
            Some(new) => new,
            None => fetch::ahead(repo, host, here, &theirs).map(|_| 0)?,
        },
    };
    Ok(Bundled {
        ledger,
        new,
        here,
        file: path,
        host: host.to_owned(),
        patience,
    })
}

impl Bundled {
    /// Moves the local branch there, or makes it, and takes the tags of releases that are not here.
    pub fn take_over(self, repo: &gix::Repository, git: &Git) -> Result<Ledger> {
        let tags = hygiene::tags(&fetch::list_tags(git, &self.file, self.patience)?);
        let mut refspecs = Vec::new();
        // Those of releases only; the objects of all came with the branch.
        for tag in self.ledger.tags() {
            if let Some((name, _)) = tags.iter().find(|(_, id)| **id == tag) {
                let full = format!("refs/tags/{name}");
                match branch::tip_of(repo, &full)? {
                    None => refspecs.push(format!("{full}:{full}")),
                    Some(here) if here == tag => {}
                    Some(_) => return Err(fetch::another_tag(name, &self.host)),
                }
            }
        }
        if !refspecs.is_empty() {
            fetch::get(repo, git, &self.file, &refspecs, self.patience)?;
        }
        let Self { ledger, here, .. } = self;
        if self.new > 0 {
            fetch::take_over(repo, &ledger.branch, here, ledger.tip)?;
        }
        introduce(repo, &ledger)?;
        Ok(ledger)
    }
}
