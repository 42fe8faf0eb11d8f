//! Getting the ledger back from a host that kept it.

use super::{Action, Plan};
use semver::Version;

/// A ledger that a host kept, checked.
#[derive(Clone, Debug)]
pub struct Regaining<'a> {
    /// The host.
    pub host: &'a str,
    /// The branch.
    pub ledger: &'a str,
    /// Its first commit.
    pub project: String,
    /// Its newest entry.
    pub tip: String,
    /// How many entries are new here.
    pub entries: usize,
    /// Its releases, newest first.
    pub releases: Vec<Version>,
    /// Who may sign, a line each.
    pub keys: Vec<String>,
    /// Whether this clone knows the project already: then it is the one that it met.
    pub met: bool,
    /// What the host did that the ledger does not tell.
    pub behind: Option<String>,
}

/// One step: it is all or nothing.
pub fn regain(facts: Regaining<'_>) -> Plan {
    let mut notes = Vec::new();
    if !facts.met {
        notes.push(
            "this clone meets the project for the first time: are these its keys?".to_owned(),
        );
    }
    if let Some(behind) = facts.behind {
        let host = facts.host;
        notes.push(format!("{host} {behind}, which this ledger does not tell"));
    }
    let summary = format!("Get ledger {} back from {}.", facts.ledger, facts.host);
    let action = Action::Regain {
        ledger: facts.ledger.to_owned(),
        project: facts.project,
        tip: facts.tip,
        entries: facts.entries,
        releases: facts.releases,
        keys: facts.keys,
    };
    Plan::new(summary, notes, vec![(None, action)])
}
