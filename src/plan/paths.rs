//! A path of a host belongs to one stage.

use super::Refusal;
use crate::config::{Host, Stage};

/// Refuses what `stage` has in common with another one of `stages`, the project's: a path on a host. Hosts refuse the second
/// one, but only once the first was deployed.
pub fn one_stage_a_path(stages: &[Stage], stage: &Stage, refusal: &mut Refusal) {
    let at = |name: &str| stages.iter().position(|known| known.name == name);
    for other in stages.iter().filter(|other| other.name != stage.name) {
        if other.path != stage.path {
            continue;
        }
        let (first, second) = if at(&other.name) < at(&stage.name) {
            (other, stage)
        } else {
            (stage, other)
        };
        let twin = |host: &&Host| {
            let mut hosts = first.hosts.iter();
            hosts.any(|known| place(known, &first.path) == place(host, &first.path))
        };
        for host in second.hosts.iter().filter(twin) {
            refusal.add(
                format!(
                    "{}: {} there is both {}'s and {}'s",
                    host.destination, second.path, first.name, second.name
                ),
                format!(
                    "a path belongs to one stage: name another path in [stage.{}]",
                    second.name
                ),
            );
        }
    }
}

/// The host, whoever logs in; below a home it matters who does.
fn place<'h>(host: &'h Host, path: &str) -> &'h str {
    let whole = host.destination.as_str();
    let whole = whole.strip_suffix(":22").unwrap_or(whole);
    match whole.rsplit_once('@') {
        Some((_, place)) if path.starts_with('/') => place,
        _ => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::sample;

    #[test]
    fn two_stages_at_one_path() {
        let stage = |name: &str, host: &str, path: &str| {
            let mut stage = sample::stage();
            stage.name = name.to_owned();
            stage.hosts.truncate(1);
            stage.hosts[0].destination = host.to_owned();
            stage.path = path.to_owned();
            stage
        };
        let stages = [
            stage("production", "deploy@web1", "/srv/shop"),
            stage("testing", "ann@web1:22", "/srv/shop"),
            stage("elsewhere", "deploy@web2", "/srv/shop"),
            stage("aside", "deploy@web1", "/srv/aside"),
            stage("ann", "ann@web1", "~/shop"),
            stage("ben", "ben@web1", "~/shop"),
        ];
        let said = |at: usize| {
            let mut refusal = Refusal::default();
            one_stage_a_path(&stages, &stages[at], &mut refusal);
            let reasons = refusal.reasons.into_iter();
            let said = reasons.map(|reason| (reason.what, reason.remedy));
            said.collect::<Vec<_>>()
        };
        let expected = [(
            "ann@web1:22: /srv/shop there is both production's and testing's".to_owned(),
            "a path belongs to one stage: name another path in [stage.testing]".to_owned(),
        )];
        assert_eq!(said(0), expected);
        assert_eq!(said(1), expected);
        for alone in 2..stages.len() {
            assert_eq!(said(alone), []);
        }
    }
}
