//! Plans that only write down: keys, policy, approvals, withdrawals.

use super::{Action, Plan};

/// An entry that concerns no host.
#[derive(Clone, Debug)]
pub struct Appending<'a> {
    /// What this is about, one sentence.
    pub summary: String,
    /// What a person should know before.
    pub notes: Vec<String>,
    /// The ledger's branch.
    pub ledger: &'a str,
    /// The tip it is planned on.
    pub tip: String,
    /// What the entry does, e.g. `keys add ben@example.org`.
    pub entry: String,
    /// What that means, line by line.
    pub details: Vec<String>,
    /// The remote; nothing = it stays here.
    pub push_to: Option<&'a str>,
}

/// One entry, and a push of it where there is a remote.
pub fn append(appending: Appending<'_>) -> Plan {
    let push = appending.push_to.map(|remote| Action::Push {
        remote: remote.to_owned(),
        refs: vec![format!("refs/heads/{}", appending.ledger)],
    });
    let entry = Action::Append {
        ledger: appending.ledger.to_owned(),
        expected: appending.tip,
        entry: appending.entry,
        details: appending.details,
    };
    let steps = std::iter::once(entry).chain(push);
    Plan::new(
        appending.summary,
        appending.notes,
        steps.map(|action| (None, action)).collect(),
    )
}
