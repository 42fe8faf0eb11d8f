//! What makes a stage's servers hosts.

use super::{Action, Plan, Refusal};
use crate::{
    config::{Stage, user_name},
    host::{Bare, BareState, HARDEN, Wanted},
};

/// Below this a large site may be killed for want of memory, in MB; what a rented machine calls 1 GB has less.
const LITTLE_MEMORY: u64 = 950;

/// A server of the stage as it was found.
#[derive(Clone, Debug)]
pub struct BareHost {
    /// As hostout.toml names it.
    pub name: String,
    /// What it is to be made ready for.
    pub wanted: Wanted,
    /// What it says itself.
    pub seen: Bare,
    /// Who logged in to look, where that was by no key: passwords must not end there.
    pub keyless: Option<String>,
}

impl BareHost {
    /// Whether passwords are to end on a server of which `seen` is known.
    pub fn hardens(seen: &Bare) -> bool {
        seen.todo().any(|step| step.name == HARDEN)
    }
}

/// What is known when a bootstrap is decided.
#[derive(Clone, Debug)]
pub struct BootstrapFacts<'a> {
    /// The stage.
    pub stage: &'a Stage,
    /// Its servers.
    pub hosts: &'a [BareHost],
    /// The file of a key that is to be made.
    pub new_key: Option<&'a str>,
}

/// Whom services of a project run as, where hostout.toml doesn't say: its name as a user's name.
pub fn runtime_user(project: &str) -> String {
    let name: String = project
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(28)
        .collect();
    let name = name.trim_matches('-');
    if name.starts_with(|c: char| c.is_ascii_lowercase()) {
        format!("{name}-run")
    } else {
        format!("p{name}-run")
    }
}

/// Whether `user` can deploy to a server of `stage` that is made ready.
///
/// # Errors
/// What is in the way, before any server is asked.
pub fn bootstrappable(stage: &Stage, host: &str, user: &str, runtime: &str) -> Result<(), Refusal> {
    let mut refusal = Refusal::default();
    if !stage.path.starts_with('/') {
        refusal.add(
            format!(
                "{host}: {} is below a home that is not made yet",
                stage.path
            ),
            format!("set path = \"/srv/…\" in [stage.{}]", stage.name),
        );
    }
    if user == "root" {
        refusal.add(
            format!("{host}: root is who deploys, and services must not run as root"),
            "name another user in hosts: deploy@HOST; bootstrap makes it",
        );
    } else if user == runtime {
        refusal.add(
            format!("{host}: {user} is both who deploys and whom services run as"),
            "name another user in hosts, or another runtime-user",
        );
    } else if let Err(complaint) = user_name(user) {
        refusal.add(
            format!("{host}: the user `{user}` {complaint}"),
            "name another user in hosts",
        );
    }
    refusal.into_result()
}

/// Decides how servers become hosts; nothing where they are. Where anything is to be made, the proof that a key logs in is
/// part of it on every server, also on those that are ready: it may have failed there before.
///
/// # Errors
/// Every reason on every server at once.
pub fn bootstrap(facts: &BootstrapFacts<'_>) -> Result<Option<Plan>, Refusal> {
    let mut refusal = Refusal::default();
    let (mut notes, mut steps) = (Vec::new(), Vec::new());
    if let Some(file) = facts.new_key {
        let file = file.to_owned();
        steps.push((None, Action::MakeKey { file }));
    }
    for host in facts.hosts {
        notes.extend(note(host));
        for step in &host.seen.steps {
            if let BareState::No(remedy) = &step.state {
                refusal.add(format!("{}: {}", host.name, step.text), remedy.clone());
            }
        }
        if let Some(user) = &host.keyless {
            refusal.add(
                format!(
                    "{}: {user} logs in by no key, so that without passwords nobody could become root there",
                    host.name
                ),
                format!("put a key into the authorized_keys of {user} first, or leave --hardening out"),
            );
        }
        let todo: Vec<_> = host.seen.todo().collect();
        let name = || Some(host.name.clone());
        let action = |step: &crate::host::BareStep| Action::Bootstrap {
            step: step.name.clone(),
            what: step.text.clone(),
        };
        let (last, first): (Vec<_>, Vec<_>) = todo.iter().partition(|step| step.name == HARDEN);
        steps.extend(first.into_iter().map(|step| (name(), action(step))));
        let user = host.wanted.build.clone();
        steps.push((name(), Action::Prove { user }));
        steps.extend(last.into_iter().map(|step| (name(), action(step))));
    }
    refusal.into_result()?;
    if let (None, Some(host)) = (&facts.stage.runtime_user, facts.hosts.first()) {
        let (stage, user) = (facts.stage.name.clone(), host.wanted.runtime.clone());
        steps.push((None, Action::NameRuntime { stage, user }));
    }
    let is_proof = |(_, action): &(_, Action)| matches!(action, Action::Prove { .. });
    if steps.iter().all(is_proof) {
        return Ok(None);
    }
    let summary = format!(
        "Make the servers of {} ready for deployments.",
        facts.stage.name
    );
    Ok(Some(Plan::new(summary, notes, steps)))
}

/// What machine it is, and whether it is a small one.
fn note(host: &BareHost) -> Vec<String> {
    let fact = |name: &str| host.seen.facts.get(name).map_or("", String::as_str);
    let services = match fact("services") {
        "" => "nothing that starts services at boot",
        some => some,
    };
    let memory = fact("memory").parse::<u64>().unwrap_or(0);
    let mut notes = vec![format!(
        "{}: {}, {memory} MB of memory, {services}",
        host.name,
        fact("system")
    )];
    if memory < LITTLE_MEMORY {
        notes.push(format!(
            "{}: with less than 1 GB of memory, builds and large sites may be killed when it runs out; add swap",
            host.name
        ));
    }
    let powers = fact("powers");
    if !powers.is_empty() {
        notes.push(format!(
            "{}: {}, whom services run as, is in {powers}: whoever breaks into a service has rights of root",
            host.name, host.wanted.runtime
        ));
    }
    if !fact("strange").is_empty() {
        notes.push(format!(
            "{}: {} is there already, and was not made by a bootstrap: services run as that user, and {} may do anything as them",
            host.name, host.wanted.runtime, host.wanted.build
        ));
    }
    let sharing = fact("sharing");
    if !sharing.is_empty() {
        notes.push(format!(
            "{}: services of {sharing} run as {}, too: those of each stage may write the data of the other",
            host.name, host.wanted.runtime
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::sample;

    fn host(script: &str) -> BareHost {
        BareHost {
            name: "web1".to_owned(),
            wanted: Wanted {
                build: "deploy".to_owned(),
                runtime: "shop-run".to_owned(),
                ..Wanted::default()
            },
            seen: Bare::read(&format!("script\tbegins\n{script}end\tok\n")).unwrap(),
            keyless: None,
        }
    }

    #[test]
    fn a_small_server_with_all_to_do_and_one_that_is_ready() {
        let mut stage = sample::stage();
        let bare = host(
            "fact\tsystem\tDebian\nfact\tmemory\t512\nfact\tservices\tsystemd\nfact\tpowers\tadm docker\nstep\tbuild\ttodo\tuser deploy\n\
             step\tboot\thave\ta unit\nstep\tharden\ttodo\tsshd takes keys only\n",
        );
        let facts = BootstrapFacts {
            stage: &stage,
            hosts: &[bare],
            new_key: Some("~/.ssh/id_ed25519"),
        };
        insta::assert_snapshot!(bootstrap(&facts).unwrap().unwrap());

        stage.runtime_user = Some("shop-run".to_owned());
        let facts = BootstrapFacts {
            stage: &stage,
            hosts: &[host("fact\tmemory\t2000\nstep\tbuild\thave\tuser deploy\n")],
            new_key: None,
        };
        assert_eq!(bootstrap(&facts).unwrap(), None);
    }

    #[test]
    fn what_must_not_be_done_is_told_with_its_remedy() {
        let stage = sample::stage();
        let facts = BootstrapFacts {
            stage: &stage,
            hosts: &[host(
                "step\tfolders\tno\t/srv belongs to jane\tname another path\n",
            )],
            new_key: None,
        };
        let refused = bootstrap(&facts).unwrap_err();
        assert_eq!(refused.reasons[0].what, "web1: /srv belongs to jane");
        assert_eq!(refused.reasons[0].remedy, "name another path");
    }

    #[test]
    fn users_that_cannot_be() {
        let mut stage = sample::stage();
        stage.path = "~/shop".to_owned();
        let told = |stage: &Stage, user: &str| {
            let refused = bootstrappable(stage, "web1", user, "shop-run").unwrap_err();
            let reasons = refused.reasons.into_iter();
            reasons.map(|reason| format!("{}; {}\n", reason.what, reason.remedy))
        };
        let home: String = told(&stage, "root").collect();
        stage.path = "/srv/shop".to_owned();
        let more: String = told(&stage, "shop-run")
            .chain(told(&stage, "jane@corp"))
            .collect();
        insta::assert_snapshot!(home + &more);
        for (project, user) in [("acme.shop", "acme-shop-run"), ("2048", "p2048-run")] {
            assert_eq!(runtime_user(project), user);
            assert!(user_name(user).is_ok());
        }
    }
}
