//! Plans that only write down: keys, policy, approvals, withdrawals; and what hosts are told of keys and policy.

use super::{Action, Plan, Refusal, resume::push};
use crate::{
    facts::{Host, Trusted},
    release::Unchecked,
};

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
    /// Tags of releases that go there with it, because they are not there.
    pub lacking: Vec<String>,
    /// The stages whose hosts are told of it at once.
    pub tell: Vec<String>,
}

/// One entry, a push of it where there is a remote, and what hosts are told at once.
pub fn append(appending: Appending<'_>) -> Plan {
    let push = appending
        .push_to
        .map(|remote| push(remote, appending.ledger, &appending.lacking));
    let entry = Action::Append {
        ledger: appending.ledger.to_owned(),
        expected: appending.tip,
        entry: appending.entry,
        details: appending.details,
    };
    let tell = appending.tell.into_iter();
    let tell = tell.map(|stage| Action::Tell { stage });
    let steps = std::iter::once(entry).chain(push).chain(tell);
    Plan::new(
        appending.summary,
        appending.notes,
        steps.map(|action| (None, action)).collect(),
    )
}

/// What speaks against deploying to `host` at all, whichever release: whom it believes.
///
/// # Errors
/// Where that is another project, or the path another stage's.
pub fn believes(host: &Host, stage: &str, trusted: &Trusted) -> Result<(), Refusal> {
    let mut refusal = Refusal::default();
    check(host, stage, Some(trusted), &mut refusal);
    refusal.into_result()
}

/// What speaks against `host` as far as keys go.
pub(super) fn check(host: &Host, stage: &str, trusted: Option<&Trusted>, refusal: &mut Refusal) {
    let (Some(seen), Some(trusted)) = (&host.trust, trusted) else {
        return;
    };
    let name = &host.name;
    if replaces(host, trusted) {
        return;
    }
    let ours = &trusted.project;
    if let Some(other) = seen.root.as_ref().filter(|id| *id != ours) {
        refusal.add(
            format!("{name}: root there lets only project {other} deploy to this path, and this is {ours}"),
            format!("git hostout bootstrap {stage} --new-trust names another one, as root"),
        );
    } else if let Some(other) = seen.project.as_ref().filter(|id| *id != ours) {
        refusal.add(
            format!("{name}: this path belongs to project {other}, and this is {ours}"),
            format!(
                "choose another path for the stage; or get that ledger back: git hostout init --from-host {name}; where it \
                 is lost for good: git hostout bootstrap {stage} --new-trust"
            ),
        );
    }
    if let Some(other) = seen.stage.as_ref().filter(|other| *other != stage) {
        refusal.add(
            format!("{name}: this path belongs to stage {other}, and this is for {stage}"),
            "choose another path; where the stage was renamed, remove .hostout/trust below the path there",
        );
    }
    if trusted.unchecked == Unchecked::Refuse
        && let Some(why) = unable(host, trusted)
    {
        refusal.add(
            format!("{name} cannot check signatures: {why}"),
            "apt-get install openssh-client gnupg there; or let the policy warn: git hostout policy",
        );
    }
}

/// Whether root there lets this project take the place of another one, at its next deployment.
pub(super) fn replaces(host: &Host, trusted: &Trusted) -> bool {
    let ours = Some(&trusted.project);
    let seen = host.trust.as_ref();
    seen.is_some_and(|seen| {
        seen.root.as_ref() == ours && seen.project.is_some() && seen.project.as_ref() != ours
    })
}

/// What a person should know of it.
pub(super) fn notes(host: &Host, trusted: Option<&Trusted>) -> Vec<String> {
    let Some(trusted) = trusted else {
        return Vec::new();
    };
    let name = &host.name;
    let unable = unable(host, trusted)
        .map(|why| format!("{name} cannot check signatures, and takes what comes: {why}"));
    let old = host.trust.as_ref().and_then(|seen| seen.project.as_ref());
    let old = old.filter(|_| replaces(host, trusted));
    let replaced = old.map(|old| {
        format!(
            "{name}: root there put this project in the place of {old}, whose keys count no more"
        )
    });
    unable.into_iter().chain(replaced).collect()
}

/// What it has to be told.
pub fn tell(host: &Host, trusted: Option<&Trusted>) -> Option<Action> {
    let trusted = trusted?;
    let seen = host.trust.clone().unwrap_or_default();
    let known = seen.generation.filter(|_| !replaces(host, trusted));
    let newer = known.is_none_or(|known| known < trusted.generation);
    (newer || seen.withdrawn < trusted.withdrawn).then(|| Action::Trust {
        project: trusted.project.clone(),
        known,
        generation: trusted.generation.max(known.unwrap_or_default()),
    })
}

fn unable(host: &Host, trusted: &Trusted) -> Option<&'static str> {
    let seen = host.trust.as_ref()?;
    if trusted.ssh && !seen.ssh {
        return Some("there is no ssh-keygen of OpenSSH 8.2 or newer");
    }
    (trusted.openpgp && !seen.openpgp).then_some("an OpenPGP key signs, and there is no gpg")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::TrustSeen;

    fn trusted() -> Trusted {
        Trusted {
            project: "a".repeat(40),
            generation: 1,
            withdrawn: 0,
            ssh: true,
            openpgp: false,
            unchecked: Unchecked::Warn,
        }
    }

    fn host(seen: TrustSeen) -> Host {
        Host {
            trust: Some(seen),
            ..Host::unknown("web1")
        }
    }

    fn able() -> TrustSeen {
        TrustSeen {
            ssh: true,
            ..TrustSeen::default()
        }
    }

    fn said(host: &Host, trusted: &Trusted) -> Vec<(String, String)> {
        let mut refusal = Refusal::default();
        check(host, "live", Some(trusted), &mut refusal);
        let reasons = refusal.reasons.into_iter();
        reasons.map(|reason| (reason.what, reason.remedy)).collect()
    }

    #[test]
    fn a_path_belongs_to_one_project_and_stage() {
        let seen = TrustSeen {
            project: Some("b".to_owned()),
            stage: Some("test".to_owned()),
            ..able()
        };
        let mut trusted = trusted();
        trusted.project = "a".to_owned();
        let expected = [
            (
                "web1: this path belongs to project b, and this is a",
                "choose another path for the stage; or get that ledger back: git hostout init --from-host web1; where it is \
                 lost for good: git hostout bootstrap live --new-trust",
            ),
            (
                "web1: this path belongs to stage test, and this is for live",
                "choose another path; where the stage was renamed, remove .hostout/trust below the path there",
            ),
        ]
        .map(|(what, remedy)| (what.to_owned(), remedy.to_owned()));
        assert_eq!(said(&host(seen), &trusted), expected);
        assert!(said(&host(able()), &trusted).is_empty());
    }

    #[test]
    fn root_puts_a_project_in_the_place_of_another() {
        let mut seen = TrustSeen {
            project: Some("b".to_owned()),
            generation: Some(7),
            ..able()
        };
        let trusted = trusted();
        seen.root = Some(trusted.project.clone());
        let replaced = host(seen.clone());
        assert!(said(&replaced, &trusted).is_empty());
        let expected =
            "web1: root there put this project in the place of b, whose keys count no more";
        assert_eq!(notes(&replaced, Some(&trusted)), [expected]);
        let told = tell(&replaced, Some(&trusted));
        assert!(matches!(told, Some(Action::Trust { known: None, .. })));
        seen.root = Some("c".to_owned());
        let ours = &trusted.project;
        let expected = (
            format!("web1: root there lets only project c deploy to this path, and this is {ours}"),
            "git hostout bootstrap live --new-trust names another one, as root".to_owned(),
        );
        assert_eq!(said(&host(seen), &trusted), [expected]);
    }

    #[test]
    fn a_host_that_cannot_check_is_noted_or_refused() {
        let unable = host(TrustSeen::default());
        let mut trusted = trusted();
        assert!(said(&unable, &trusted).is_empty());
        let noted = notes(&unable, Some(&trusted));
        assert_eq!(
            noted[0],
            "web1 cannot check signatures, and takes what comes: there is no ssh-keygen of OpenSSH 8.2 or newer"
        );
        assert!(notes(&host(able()), Some(&trusted)).is_empty());
        trusted.unchecked = Unchecked::Refuse;
        let expected = (
            "web1 cannot check signatures: there is no ssh-keygen of OpenSSH 8.2 or newer",
            "apt-get install openssh-client gnupg there; or let the policy warn: git hostout policy",
        );
        let expected = [(expected.0.to_owned(), expected.1.to_owned())];
        assert_eq!(said(&unable, &trusted), expected);
        trusted.openpgp = true;
        assert!(
            said(&host(able()), &trusted)[0]
                .0
                .contains("there is no gpg")
        );
    }

    #[test]
    fn a_host_is_told_what_it_does_not_know() {
        let trusted = trusted();
        let told = |generation| {
            let seen = TrustSeen {
                generation,
                ..able()
            };
            tell(&host(seen), Some(&trusted))
        };
        let action = |known| {
            Some(Action::Trust {
                project: "a".repeat(40),
                known,
                generation: 1,
            })
        };
        assert_eq!(told(None), action(None));
        assert_eq!(told(Some(0)), action(Some(0)));
        assert_eq!(told(Some(1)), None);
        // A clone that has heard less than the host tells it nothing.
        assert_eq!(told(Some(2)), None);
    }
}
