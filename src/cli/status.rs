//! `git hostout status`: what runs where, as the hosts say it, beside what the ledger says.

use super::{hosts, session::Session};
use crate::{
    config::Stage,
    error::Error,
    facts::{Deployment, Host, Lock},
    ledger::Ledger,
    observe, plan, ui,
};
use serde::Serialize;
use std::{panic, thread};

/// Show what runs where: the release, whether it is healthy, and where host and ledger disagree.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  git hostout status                        every stage
  git hostout status staging --exit-code    25 unhealthy or drift, 20 unreachable")]
pub struct Args {
    /// Only this stage
    #[arg(value_name = "STAGE", add = super::complete::stages())]
    stage: Option<String>,
    /// Exit with 25 when something is unhealthy or differs from the ledger, 20 when a host cannot be reached
    #[arg(long)]
    exit_code: bool,
}

#[derive(Debug, Serialize)]
struct Document {
    stages: Vec<StageStatus>,
}

#[derive(Debug, Serialize)]
struct StageStatus {
    stage: String,
    release: Option<String>,
    serial: Option<u64>,
    hosts: Vec<HostStatus>,
}

#[derive(Debug, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a word of the document"
)]
struct HostStatus {
    host: String,
    release: Option<String>,
    /// Whether that release was withdrawn.
    withdrawn: bool,
    id: Option<String>,
    healthy: Option<bool>,
    /// What its health checks complain of.
    #[serde(skip_serializing_if = "Option::is_none")]
    complaint: Option<String>,
    /// Whether it says what runs.
    reachable: bool,
    /// Whether it lets us in, and has no answer.
    #[serde(skip)]
    silent: bool,
    lock: Option<String>,
    drift: Vec<String>,
    /// Whether it stayed behind when the other hosts got another release.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    behind: bool,
    services: Vec<Service>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

#[derive(Debug, Serialize)]
struct Service {
    name: String,
    state: String,
    detail: String,
}

pub(super) fn run(session: &Session, args: &Args) -> Result<(), Error> {
    let work = session.workspace()?;
    let stages: Vec<&Stage> = match &args.stage {
        Some(name) => vec![work.project.select_stage(Some(name))?],
        None => work.project.stages.iter().collect(),
    };
    let (seen, ledger) = thread::scope(|scope| {
        // The agents start while a long history is read here.
        let seen = scope.spawn(|| -> Vec<Seen> {
            let look = |stage: &&Stage| hosts::look_at_each(session, stage, None);
            stages.iter().map(look).collect()
        });
        let ledger = work.ledger(&session.ui);
        let seen = seen.join();
        (
            seen.unwrap_or_else(|cause| panic::resume_unwind(cause)),
            ledger,
        )
    });
    let ledger = ledger?;
    let deployments = observe::history(&ledger);
    let stages: Vec<StageStatus> = stages
        .into_iter()
        .zip(seen)
        .map(|(stage, seen)| {
            let log = observe::history_of(&deployments, &stage.name);
            let hosts = seen.iter().filter_map(|(_, seen)| seen.as_ref().ok());
            let log = plan::in_order(log, hosts);
            stage_status(&ledger, stage, seen, &deployments, &log)
        })
        .collect::<Result<_, Error>>()?;
    let verdict = if args.exit_code {
        verdict(&stages)
    } else {
        Ok(())
    };
    if session.global.json {
        session.ui.json(&Document { stages });
    } else {
        session.ui.data(&describe(&stages));
    }
    verdict
}

/// Each host of a stage, by name.
type Seen = Vec<(String, Result<Host, Error>)>;

fn stage_status(
    ledger: &Ledger,
    stage: &Stage,
    seen: Seen,
    all: &[Deployment],
    log: &[Deployment],
) -> Result<StageStatus, Error> {
    let names: Vec<String> = seen.iter().map(|(name, _)| name.clone()).collect();
    let told = observe::told(ledger, log, &names)?;
    let hosts = || seen.iter().filter_map(|(_, seen)| seen.as_ref().ok());
    let under_way = hosts().any(Host::under_way);
    let hosts: Vec<HostStatus> = seen
        .into_iter()
        .map(|(name, seen)| match seen {
            Ok(host) => {
                let told = told.get(&name);
                let mut drift = plan::drift(&host, &stage.name, log, told, under_way);
                let settled = host.record.is_some() && host.working.is_none();
                if drift.is_empty() && settled {
                    drift.extend(plan::unknown(&host, all));
                }
                let behind = told.is_some_and(|told| {
                    told.behind && host.current.release() != Some(&told.version)
                });
                seen_host(host, ledger, drift, behind, &stage.name)
            }
            Err(error) => unseen_host(name, &error),
        })
        .collect();
    let latest = log.first();
    Ok(StageStatus {
        stage: stage.name.clone(),
        release: hosts.iter().find_map(|host| host.release.clone()),
        serial: latest.map(|deployment| deployment.serial),
        hosts,
    })
}

fn seen_host(
    host: Host,
    ledger: &Ledger,
    drift: Vec<String>,
    behind: bool,
    stage: &str,
) -> HostStatus {
    let withdrawn = |version| ledger.withdrawal(version).is_some();
    HostStatus {
        withdrawn: host.current.release().is_some_and(withdrawn),
        release: host.current.release().map(ToString::to_string),
        id: host.record.as_ref().map(|(_, id)| id.to_string()),
        healthy: host.healthy,
        complaint: host.complaint.clone(),
        reachable: true,
        silent: false,
        lock: host.lock.as_ref().map(|lock| locked(lock, &host, stage)),
        drift,
        behind,
        services: host
            .services
            .iter()
            .map(|(name, state, detail)| Service {
                name: name.clone(),
                state: state.clone(),
                detail: detail.clone(),
            })
            .collect(),
        error: None,
        hint: None,
        host: host.name,
    }
}

fn locked(lock: &Lock, host: &Host, stage: &str) -> String {
    let holder = &lock.holder;
    if host.working.is_some() && lock.dead.is_some() {
        format!("{holder} left it alone, and its job goes on by itself")
    } else if let Some(preparing) = &host.preparing
        && lock.dead.is_some()
    {
        format!(
            "{holder} left alone {}: the next deployment waits for it; git hostout unlock {stage} --reason TEXT ends it",
            preparing.what
        )
    } else if let Some(preparing) = &host.preparing
        && !preparing.followed
    {
        format!(
            "locked by {holder}, whose client is cut off from {}",
            preparing.what
        )
    } else if lock.expired || lock.dead.is_some() {
        format!(
            "what is left of {}: the next deployment takes it over",
            lock.holder
        )
    } else {
        format!("locked by {}", lock.holder)
    }
}

fn unseen_host(name: String, error: &Error) -> HostStatus {
    HostStatus {
        host: name,
        release: None,
        withdrawn: false,
        id: None,
        healthy: None,
        complaint: None,
        reachable: false,
        silent: matches!(error, Error::Observe(observe::Error::Silent { .. })),
        lock: None,
        drift: Vec::new(),
        behind: false,
        services: Vec::new(),
        error: Some(error.to_string()),
        hint: error.hints().into_iter().next(),
    }
}

fn verdict(stages: &[StageStatus]) -> Result<(), Error> {
    let hosts = || {
        stages
            .iter()
            .flat_map(|stage| stage.hosts.iter().map(move |host| (stage, host)))
    };
    if let Some((stage, host)) = hosts().find(|(_, host)| !host.reachable) {
        return Err(Error::Unseen(format!(
            "{} of stage {} {}",
            host.host,
            stage.stage,
            if host.silent {
                "does not say what runs there"
            } else {
                "cannot be reached"
            }
        )));
    }
    let bad = |host: &HostStatus| host.healthy == Some(false) || !host.drift.is_empty();
    match hosts().find(|(_, host)| bad(host)) {
        Some((stage, host)) => {
            let what = host
                .drift
                .first()
                .cloned()
                .unwrap_or_else(|| "not healthy".to_owned());
            Err(Error::Unhealthy(format!(
                "{} of stage {}: {what}",
                host.host, stage.stage
            )))
        }
        None => Ok(()),
    }
}

fn describe(stages: &[StageStatus]) -> String {
    let mut rows = Vec::new();
    for stage in stages {
        for host in &stage.hosts {
            rows.push(vec![
                stage.stage.clone(),
                host.host.clone(),
                host.release.clone().unwrap_or_else(|| "-".to_owned()),
                if host.withdrawn {
                    format!("{}, withdrawn", state(host))
                } else {
                    state(host).to_owned()
                },
            ]);
        }
    }
    let mut text = ui::table(rows);
    for host in stages.iter().flat_map(|stage| &stage.hosts) {
        let words = host.drift.iter().chain(&host.error).chain(&host.complaint);
        let words = words.chain(&host.lock);
        let own = format!("{}: ", host.host);
        for word in words {
            let word = word.strip_prefix(&own).unwrap_or(word);
            text += &format!("  {}: {word}\n", host.host);
        }
        if let Some(hint) = &host.hint {
            text += &format!("    {hint}\n");
        }
        for service in host
            .services
            .iter()
            .filter(|service| service.state != "running")
        {
            text += &format!(
                "  {}: {} {} {}\n",
                host.host, service.name, service.state, service.detail
            );
        }
    }
    text
}

fn state(host: &HostStatus) -> &'static str {
    match (host.reachable, &host.release, host.healthy) {
        (false, ..) if host.silent => "unknown",
        (false, ..) => "unreachable",
        (true, None, _) => "nothing runs",
        (true, Some(_), Some(true)) if host.drift.is_empty() => "healthy",
        (true, Some(_), Some(true)) if host.behind && host.drift.len() == 1 => {
            "healthy, but behind"
        }
        (true, Some(_), Some(true)) => "healthy, but differs from the ledger",
        (true, Some(_), Some(false)) => "unhealthy",
        (true, Some(_), None) => "runs",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_stayed_behind_does_not_differ_otherwise() {
        let mut host = unseen_host("web3".to_owned(), &Error::Declined);
        host.reachable = true;
        host.release = Some("0.1.0".to_owned());
        host.healthy = Some(true);
        host.drift = vec!["stayed behind".to_owned()];
        host.behind = true;
        assert_eq!(state(&host), "healthy, but behind");
        host.drift.push("current names 0.1.1".to_owned());
        assert_eq!(state(&host), "healthy, but differs from the ledger");
    }
}
