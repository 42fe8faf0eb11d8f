//! Whether people and the policy let a release go to a stage.

use super::Refusal;
use crate::facts::Consent;
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
