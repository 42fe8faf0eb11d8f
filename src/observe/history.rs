//! The ledger's history as deployments: a started and an ended entry are one.

use crate::{
    facts::{Deployment, Told},
    ledger::{self, Kind, Ledger},
    release::{EntryId, HostResult, Outcome},
};
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};

/// Every deployment in the ledger, newest first.
pub fn history(ledger: &Ledger) -> Vec<Deployment> {
    let mut outcomes: HashMap<EntryId, Outcome> = HashMap::new();
    let mut deployments = Vec::new();
    for entry in ledger.entries() {
        match &entry.kind {
            // Newest first: the end of a deployment is met before its start.
            Kind::Ended { of, outcome, .. } => {
                outcomes.entry(of.clone()).or_insert(*outcome);
            }
            Kind::Started {
                stage,
                version,
                intent,
            } => deployments.push(Deployment {
                serial: entry.serial,
                outcome: outcomes.remove(&entry.id),
                id: entry.id.clone(),
                stage: stage.clone(),
                version: version.clone(),
                intent: *intent,
                time: entry.time.to_string(),
            }),
            Kind::Start { .. }
            | Kind::Release { .. }
            | Kind::Keys { .. }
            | Kind::Approved { .. }
            | Kind::Withdrawn { .. }
            | Kind::Other(_) => {}
        }
    }
    deployments
}

/// The deployments of one stage, newest first.
pub fn history_of(deployments: &[Deployment], stage: &str) -> Vec<Deployment> {
    deployments
        .iter()
        .filter(|deployment| deployment.stage == stage)
        .cloned()
        .collect()
}

/// The deployments of one stage, newest first, as they themselves tell their order where nobody asks hosts. An entry that
/// was kept while the remote was away stands in the ledger behind what others did since. It came before one of those where
/// three things agree: both were taken by one host; it was signed when the hosts had taken less (`after`, which every host
/// that checks signatures has rise with each deployment, and below which it takes none); and its time is earlier. So a clock
/// that is wrong moves nothing, and everything else keeps the ledger's order.
///
/// # Errors
/// Where the ledger cannot be read.
pub fn order_of(
    ledger: &Ledger,
    deployments: &[Deployment],
    stage: &str,
) -> ledger::Result<Vec<Deployment>> {
    let mut ordered: Vec<(Option<Timestamp>, Deployment)> = Vec::new();
    for deployment in history_of(deployments, stage).into_iter().rev() {
        let time: Option<Timestamp> = deployment.time.parse().ok();
        let mut place = 0;
        for (at, (other_time, other)) in ordered.iter().enumerate() {
            if time < *other_time && time.is_some() && precedes(ledger, &deployment, other)? {
                place = at + 1;
            }
        }
        ordered.insert(place, (time, deployment));
    }
    Ok(ordered.into_iter().map(|(_, past)| past).collect())
}

/// Whether a host took `one` before `other`, as their entries tell.
fn precedes(ledger: &Ledger, one: &Deployment, other: &Deployment) -> ledger::Result<bool> {
    let after = |past: &Deployment| -> ledger::Result<Option<u64>> {
        let started = ledger.started(&past.id)?;
        Ok(started.and_then(|(_, started)| started.after))
    };
    let takers = |past: &Deployment| -> ledger::Result<Vec<String>> {
        let ended = ledger.ended_for(&past.id)?;
        let results = ended.map(|(_, ended)| ended.host).unwrap_or_default();
        let took = |result: &HostResult| result.result != Outcome::Behind;
        let results = results.into_iter().filter(took);
        Ok(results.map(|result| result.host).collect())
    };
    let (Some(before), Some(later)) = (after(one)?, after(other)?) else {
        return Ok(false);
    };
    let others = takers(other)?;
    Ok(before < later && takers(one)?.iter().any(|host| others.contains(host)))
}

/// The hosts that stayed behind in deployment `id`.
///
/// # Errors
/// Where the ledger cannot be read.
pub fn behind(ledger: &Ledger, id: &EntryId) -> ledger::Result<Vec<String>> {
    let ended = ledger.ended_for(id)?;
    let results = ended.map(|(_, ended)| ended.host).unwrap_or_default();
    let behind = results
        .into_iter()
        .filter(|result| result.result == Outcome::Behind);
    Ok(behind.map(|result| result.host).collect())
}

/// What the ends of `log` (newest first) tell last of each of `hosts`: the release that was live there; of one that could
/// not be reached when a deployment went well elsewhere, the release that it lacks. A host of which none tells is left out.
///
/// # Errors
/// Where the ledger cannot be read.
pub fn told(
    ledger: &Ledger,
    log: &[Deployment],
    hosts: &[String],
) -> ledger::Result<BTreeMap<String, Told>> {
    let mut told = BTreeMap::new();
    for deployment in log {
        if hosts.iter().all(|host| told.contains_key(host)) {
            break;
        }
        let ended = ledger.ended_for(&deployment.id)?;
        for result in ended.map(|(_, ended)| ended.host).unwrap_or_default() {
            let went_well = deployment.outcome == Some(Outcome::Healthy);
            let lacks = result.result == Outcome::Behind && went_well;
            let missing = lacks.then(|| deployment.version.clone());
            let behind = result.to.is_none() && lacks;
            if let Some(version) = result.to.or(missing) {
                let this = Told { version, behind };
                told.entry(result.host).or_insert(this);
            }
        }
    }
    Ok(told)
}
