//! Whether a deployment that ended on some hosts only is to go on with the others.

use crate::{
    facts::{Deployment, Host},
    release::Outcome,
};

/// The newest deployment of `log` (newest first), where it did not end well or hosts stayed `behind`, and yet some of
/// `hosts` run its release and others don't.
pub fn go_on<'l>(
    log: &'l [Deployment],
    behind: &[String],
    hosts: &[Host],
) -> Option<&'l Deployment> {
    let last = log.first()?;
    let lacking = lacking(last, hosts);
    let ended_badly = last.outcome? != Outcome::Healthy;
    let left = lacking.iter().any(|name| behind.contains(name));
    let some = !lacking.is_empty() && lacking.len() < hosts.len();
    (some && (ended_badly || left)).then_some(last)
}

/// What is said of that where something else has to be done first.
pub fn afterwards(last: &Deployment, hosts: &[Host]) -> String {
    format!(
        "then: {} goes to {}; that is planned, and asked about, when this is done",
        last.version,
        lacking(last, hosts).join(", ")
    )
}

/// Those among `hosts` that do not run the release of `last`.
fn lacking(last: &Deployment, hosts: &[Host]) -> Vec<String> {
    let lacks = |host: &&Host| host.current.release() != Some(&last.version);
    let lacking = hosts.iter().filter(lacks);
    lacking.map(|host| host.name.clone()).collect()
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
            go_on(log, &[], hosts).map(|last| last.version.to_string())
        };
        let log = std::slice::from_ref(&last);
        assert_eq!(version(log, &both).as_deref(), Some("1.1.0"));
        assert_eq!(version(log, &[done]), None);
        assert_eq!(version(log, &[left]), None);
        assert_eq!(version(&[], &both), None);
        assert_eq!(
            afterwards(&last, &both),
            "then: 1.1.0 goes to web2; that is planned, and asked about, when this is done"
        );
        last.outcome = Some(Outcome::Healthy);
        assert_eq!(version(std::slice::from_ref(&last), &both), None);
        // One that could not be reached is to get it all the same.
        let log = [last];
        let behind = |name: &str| go_on(&log, &[name.to_owned()], &both).is_some();
        assert!(behind("web2") && !behind("web1"));
    }
}
