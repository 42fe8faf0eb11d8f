//! Whether a deployment that ended on some hosts only is to go on with the others.

use crate::{
    facts::{Deployment, Host},
    release::Outcome,
};

/// The newest deployment of `log` (newest first), where it did not end well and yet some of `hosts` run its release and
/// others don't.
pub fn go_on<'l>(log: &'l [Deployment], hosts: &[Host]) -> Option<&'l Deployment> {
    let last = log.first()?;
    let ended_badly = last
        .outcome
        .is_some_and(|outcome| outcome != Outcome::Healthy);
    let runs = |host: &&Host| host.current.release() == Some(&last.version);
    let running = hosts.iter().filter(runs).count();
    (ended_badly && running > 0 && running < hosts.len()).then_some(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::Current,
        release::{EntryId, Intent},
    };
    use semver::Version;

    #[test]
    fn only_a_fleet_that_is_not_whole_goes_on() {
        let new = Version::new(1, 1, 0);
        let mut last = Deployment {
            serial: 3,
            id: EntryId("a".to_owned()),
            stage: "staging".to_owned(),
            version: new.clone(),
            intent: Intent::Deploy,
            outcome: Some(Outcome::Reverted),
            time: String::new(),
        };
        let mut done = Host::unknown("web1");
        done.current = Current::Release(new);
        let left = Host::unknown("web2");
        let both = [done.clone(), left.clone()];
        let version = |log: &[Deployment], hosts: &[Host]| {
            go_on(log, hosts).map(|last| last.version.to_string())
        };
        let log = std::slice::from_ref(&last);
        assert_eq!(version(log, &both).as_deref(), Some("1.1.0"));
        assert_eq!(version(log, &[done]), None);
        assert_eq!(version(log, &[left]), None);
        assert_eq!(version(&[], &both), None);
        last.outcome = Some(Outcome::Healthy);
        assert_eq!(version(&[last], &both), None);
    }
}
