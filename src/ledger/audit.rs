//! The whole history by its rules, and how far this clone has checked it: `refs/hostout/seen/<branch>` is the newest entry
//! up to which everything held. What was checked is not checked again, and has to stay part of the branch for ever.

use super::{Error, Ledger, Result, branch, history, history::Rule, own};
use gix::ObjectId;

/// What checking a history found.
#[derive(Debug)]
pub struct Audit {
    /// The newest entry of the last time, if there was one.
    pub seen: Option<ObjectId>,
    /// Whether that one is still part of the branch.
    pub continues: bool,
    /// How many entries were checked now.
    pub checked: usize,
    /// What breaks a rule, oldest first.
    pub broken: Vec<(Rule, Error)>,
}

impl Audit {
    /// Whether everything holds.
    pub fn holds(&self) -> bool {
        self.continues && self.broken.is_empty()
    }
}

impl Ledger {
    /// Checks every entry that this clone has not checked before, and that none of those is gone.
    ///
    /// # Errors
    /// Where the history cannot be read; broken rules are the answer.
    pub fn audit(&self) -> Result<Audit> {
        let seen = branch::tip_of(&self.repo, &seen_name(&self.branch))?;
        let at = seen.and_then(|seen| self.history.iter().position(|e| e.commit == seen));
        let first = at.map_or(0, |at| at + 1);
        let new = self.history[first..].iter().rev();
        let chain: Vec<ObjectId> = new.map(|entry| entry.commit).collect();
        let base = at.map(|at| self.history[at].commit);
        Ok(Audit {
            seen,
            continues: seen.is_none() || at.is_some(),
            checked: chain.len(),
            broken: history::audit(&self.repo, base, &chain, self.root)?,
        })
    }

    /// Keeps the tip as the last one seen. Only after an [`Audit`] that holds.
    pub fn remember(&self) -> Result<()> {
        see(&self.repo, &self.branch, self.tip)
    }
}

/// Goes back to `base` where what was seen are entries of ours that are made again on top of another's.
pub(super) fn step_back(
    repo: &gix::Repository,
    branch: &str,
    remade: &[ObjectId],
    base: ObjectId,
) -> Result<()> {
    match branch::tip_of(repo, &seen_name(branch))? {
        Some(seen) if remade.contains(&seen) => see(repo, branch, base),
        _ => Ok(()),
    }
}

fn see(repo: &gix::Repository, branch: &str, tip: ObjectId) -> Result<()> {
    own::set(repo, &seen_name(branch), Some(tip), "hostout: checked")
}

fn seen_name(branch: &str) -> String {
    format!("refs/hostout/seen/{branch}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testing::Lab;

    fn rules(lab: &Lab) -> Vec<Rule> {
        let audit = lab.ledger().audit().unwrap();
        assert_eq!(audit.holds(), audit.broken.is_empty());
        audit.broken.into_iter().map(|(rule, _)| rule).collect()
    }

    #[test]
    fn what_was_checked_is_not_checked_again_and_stays() {
        let lab = Lab::new();
        lab.ledger().append(&lab.started("a"), &lab.key()).unwrap();
        let audit = lab.ledger().audit().unwrap();
        assert!(audit.holds() && audit.seen.is_none());
        assert_eq!(audit.checked, 2);
        lab.ledger().remember().unwrap();
        lab.ledger().append(&lab.started("b"), &lab.key()).unwrap();
        assert_eq!(lab.ledger().audit().unwrap().checked, 1);
        lab.ledger().remember().unwrap();
        lab.git(&["update-ref", "refs/heads/hostout", "hostout~1"]);
        let audit = lab.ledger().audit().unwrap();
        assert!(!audit.holds() && !audit.continues);
        assert_eq!((audit.checked, audit.broken.len()), (2, 0));
    }

    #[test]
    fn every_broken_rule_is_named() {
        let lab = Lab::new();
        lab.ledger().append(&lab.started("a"), &lab.key()).unwrap();
        assert_eq!(rules(&lab), []);
        let stranger = lab.key_named("stranger");
        lab.ledger()
            .append_unasked(&lab.started("b"), &stranger)
            .unwrap();
        assert_eq!(rules(&lab), [Rule::Signature]);
        let root = lab.ledger().project_id();
        let tree = history::tree_of(&lab.repo(), root).unwrap();
        let text = "tidy up\n\nHostout-Serial: 7\nHostout-Id: 0123456789abcdef\n";
        let tip = Some(lab.ledger().tip());
        let (who, key) = (Lab::who(), lab.key());
        let made = crate::ledger::write_signed_commit(
            &lab.repo(),
            tree,
            tip,
            &who,
            Lab::now(),
            text,
            Some(&key),
        );
        lab.git(&[
            "update-ref",
            "refs/heads/hostout",
            &made.unwrap().to_string(),
        ]);
        assert_eq!(rules(&lab), [Rule::Signature, Rule::Serial, Rule::Addition]);
    }

    #[test]
    fn entries_are_checked_once_and_git_agrees() {
        let lab = Lab::new();
        let mut ledger = lab.ledger();
        let mut entry = lab.started("staging");
        entry.files.clear();
        for _ in 0..20 {
            ledger.append(&entry, &lab.key()).unwrap();
        }
        let audit = lab.ledger().audit().unwrap();
        assert!(audit.holds() && audit.checked == 21);
        let list = lab.git(&["rev-list", "hostout"]);
        let list: Vec<&str> = list.lines().collect();
        lab.git(&[&["verify-commit"], &list[..]].concat());

        lab.ledger().remember().unwrap();
        assert_eq!(lab.ledger().audit().unwrap().checked, 0);
    }
}
