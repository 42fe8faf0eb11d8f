//! Whether people and the policy let a release go to a stage.

use super::Refusal;
use crate::facts::{Consent, Heard};
use std::collections::BTreeSet;

/// Every reason why the release must not go there.
pub fn consent(facts: &Consent) -> Refusal {
    let Consent { stage, version, .. } = facts;
    let mut refusal = Refusal::default();
    if let Some(why) = &facts.withdrawn {
        refusal.add(
            format!("release {version} was withdrawn: {why}"),
            "release another version; git hostout log shows those that are there",
        );
    }
    if facts.reason_needed && facts.reason.trim().is_empty() {
        refusal.add(
            format!("the policy wants a reason for what is done on {stage}"),
            "add -m TEXT",
        );
    }
    if let (Some(limit), Some(made)) = (facts.retention, facts.made) {
        let age = facts.now.as_second().saturating_sub(made.as_second());
        if u64::try_from(age).is_ok_and(|age| age > limit) {
            refusal.add(
                format!(
                    "release {version} is {} days old; the policy keeps those of the last {} days for {stage}",
                    age / 86_400,
                    limit / 86_400
                ),
                "release it anew, or change the policy: git hostout policy",
            );
        }
    }
    if let Some(heard) = &facts.heard {
        freshness(heard, facts, &mut refusal);
    }
    let mut people: BTreeSet<&str> = facts.approvers.iter().map(String::as_str).collect();
    people.insert(&facts.me);
    if !facts.proven && people.len() < facts.signers {
        let missing = facts.signers - people.len();
        let others: Vec<&str> = people
            .iter()
            .copied()
            .filter(|name| *name != facts.me)
            .collect();
        let so_far = if others.is_empty() {
            format!("only you ({}) so far", facts.me)
        } else {
            format!("you ({}) and {} so far", facts.me, others.join(", "))
        };
        refusal.add(
            format!(
                "{stage} takes {version} when {} people agree: {so_far}, {missing} missing",
                facts.signers
            ),
            format!("somebody else types: git hostout approve {version} --for {stage}"),
        );
    }
    refusal
}

/// Somebody who keeps us from hearing of newer entries, withdrawals above all, can do so for no longer than the policy says.
fn freshness(heard: &Heard, facts: &Consent, refusal: &mut Refusal) {
    let Consent { stage, now, .. } = facts;
    let whose = match &heard.remote {
        Some(remote) => format!("that was heard of {remote}"),
        None => "of the ledger here".to_owned(),
    };
    let Some((entry, time)) = &heard.newest else {
        refusal.add(
            format!("nothing {whose}, and the policy wants to hear of the ledger before {stage} gets something"),
            "git hostout resume asks it, and pushes what is only here",
        );
        return;
    };
    let age = now.as_second().saturating_sub(time.as_second());
    if u64::try_from(age).is_ok_and(|age| age > heard.limit) {
        refusal.add(
            format!(
                "the newest entry {whose} is {} old, and the policy takes {} for {stage}: it may be an old ledger",
                span(age.unsigned_abs()),
                span(heard.limit)
            ),
            format!(
                "ask somebody else for theirs (git rev-parse): it should be {}; if it is, a new release or approval makes \
                 it newer",
                entry.get(..12).unwrap_or(entry)
            ),
        );
    }
}

/// In the largest unit that leaves a number which says something.
pub fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} minutes", seconds / 60),
        7200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use semver::Version;

    fn facts() -> Consent {
        Consent {
            stage: "production".to_owned(),
            version: Version::new(1, 4, 2),
            made: "2026-01-01T00:00:00Z".parse().ok(),
            withdrawn: None,
            me: "ada@example.org".to_owned(),
            approvers: Vec::new(),
            signers: 1,
            proven: false,
            reason_needed: false,
            reason: String::new(),
            retention: None,
            heard: None,
            now: "2026-02-01T00:00:00Z".parse().unwrap(),
        }
    }

    fn said(facts: &Consent) -> Vec<String> {
        consent(facts)
            .reasons
            .into_iter()
            .map(|reason| reason.what)
            .collect()
    }

    #[test]
    fn nothing_stands_in_the_way_by_itself() {
        assert!(said(&facts()).is_empty());
    }

    #[test]
    fn two_people_are_two_names() {
        let mut two = facts();
        two.signers = 2;
        assert!(said(&two)[0].contains("only you (ada@example.org) so far, 1 missing"));
        two.approvers = vec!["ada@example.org".to_owned()];
        assert_eq!(said(&two).len(), 1);
        two.approvers.push("ben@example.org".to_owned());
        assert!(said(&two).is_empty());
        two.signers = 3;
        assert!(said(&two)[0].contains("you (ada@example.org) and ben@example.org so far"));
        // What ran there healthy needs nobody's approval.
        two.proven = true;
        assert!(said(&two).is_empty());
    }

    #[test]
    fn what_was_heard_long_ago_may_be_old() {
        let mut late = facts();
        let mut heard = Heard {
            remote: Some("origin".to_owned()),
            newest: Some((
                "0123456789abcdef".to_owned(),
                "2026-01-31T20:00:00Z".parse().unwrap(),
            )),
            limit: 4 * 3600,
        };
        late.heard = Some(heard.clone());
        assert!(said(&late).is_empty());
        heard.limit -= 1;
        late.heard = Some(heard.clone());
        let refused = consent(&late).reasons.remove(0);
        let expected = (
            "the newest entry that was heard of origin is 4 hours old, and the policy takes 3 hours for production: it may be \
             an old ledger",
            "ask somebody else for theirs (git rev-parse): it should be 0123456789ab; if it is, a new release or approval makes \
             it newer",
        );
        assert_eq!((refused.what.as_str(), refused.remedy.as_str()), expected);
        heard.remote = None;
        heard.newest = None;
        late.heard = Some(heard);
        let refused = consent(&late).reasons.remove(0);
        let expected = (
            "nothing of the ledger here, and the policy wants to hear of the ledger before production gets something",
            "git hostout resume asks it, and pushes what is only here",
        );
        assert_eq!((refused.what.as_str(), refused.remedy.as_str()), expected);
        assert_eq!(
            [span(7), span(121), span(172_800)],
            ["7 s", "2 minutes", "2 days"]
        );
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let mut bad = facts();
        bad.withdrawn = Some("Ada, 2026-01-02: leaks".to_owned());
        bad.reason_needed = true;
        bad.retention = Some(30 * 86_400);
        let reasons: Vec<(String, String)> = consent(&bad)
            .reasons
            .into_iter()
            .map(|reason| (reason.what, reason.remedy))
            .collect();
        let expected = [
            (
                "release 1.4.2 was withdrawn: Ada, 2026-01-02: leaks",
                "release another version; git hostout log shows those that are there",
            ),
            (
                "the policy wants a reason for what is done on production",
                "add -m TEXT",
            ),
            (
                "release 1.4.2 is 31 days old; the policy keeps those of the last 30 days for production",
                "release it anew, or change the policy: git hostout policy",
            ),
        ]
        .map(|(what, remedy)| (what.to_owned(), remedy.to_owned()));
        assert_eq!(reasons, expected);
        bad.retention = Some(31 * 86_400);
        assert_eq!(consent(&bad).reasons.len(), 2);
    }
}
