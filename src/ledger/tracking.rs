//! What `git fetch` and `git pull` brought of a remote's ledger: they move git's own reference of it, and not our branch.

use super::{Ledger, Result, branch, check_introduction, fetch, history};
use gix::ObjectId;

impl Ledger {
    /// Moves the branch forward to where git saw the ledger of `remote`, where that continues ours, and gives the newest
    /// entry then. Every new entry is checked as those are that we fetch ourselves; nobody is asked, so that tags of new
    /// releases come with the next fetch of ours.
    ///
    /// # Errors
    /// Where what git fetched is not to be believed: the branch is where it was.
    pub fn follow(&self, remote: &str) -> Result<Option<ObjectId>> {
        let (repo, branch) = (&self.repo, &*self.branch);
        let tracked = branch::tip_of(repo, &format!("refs/remotes/{remote}/{branch}"))?;
        let Some(there) = tracked.filter(|there| self.find(|e| e.commit == *there).is_none())
        else {
            return Ok(None);
        };
        let theirs = fetch::chain(repo, there)?;
        let Some(new) = theirs.iter().position(|id| *id == self.tip) else {
            // They went different ways, which is said by whoever asks the remote.
            return Ok(None);
        };
        check_introduction(repo, &Self::at(repo, branch, there)?)?;
        history::check_chain(repo, Some(self.tip), &theirs[..new], self.root)?;
        fetch::take_over(repo, branch, Some(self.tip), there)?;
        Ok(Some(there))
    }
}

#[cfg(test)]
mod tests {
    use crate::ledger::{
        Error,
        branch::reference_name,
        push,
        testing::{Lab, impatient},
    };

    #[test]
    fn what_git_fetched_is_followed_where_it_is_believed() {
        let lab = Lab::new();
        let remote = lab.bare_remote();
        lab.ledger().append(&lab.started("a"), &lab.key()).unwrap();
        let publish = || push(&lab.child(), "origin", [], "hostout", impatient()).unwrap();
        publish();
        let other = lab.clone_of(&remote, &[]);
        other.git(&["branch", "--quiet", "hostout", "origin/hostout"]);
        assert_eq!(other.ledger().follow("origin").unwrap(), None);
        let tip = lab.ledger().append(&lab.started("b"), &lab.key()).unwrap();
        publish();
        other.git(&["fetch", "--quiet", "origin"]);
        assert_eq!(other.ledger().follow("origin").unwrap(), Some(tip));
        assert_eq!(other.ledger().tip(), tip);

        let stranger = lab.key_named("stranger");
        let mut ledger = lab.ledger();
        ledger.append_unasked(&lab.started("c"), &stranger).unwrap();
        publish();
        other.git(&["fetch", "--quiet", "origin"]);
        let error = other.ledger().follow("origin").unwrap_err();
        assert!(matches!(error, Error::Untrusted { .. }), "{error}");
        assert_eq!(other.ledger().tip(), tip);
        // One that went on by itself is left to whoever joins them.
        other.git(&["update-ref", &reference_name("hostout"), "hostout~1"]);
        other
            .ledger()
            .append(&lab.started("d"), &lab.key())
            .unwrap();
        assert_eq!(other.ledger().follow("origin").unwrap(), None);
    }
}
