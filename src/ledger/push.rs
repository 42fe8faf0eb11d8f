//! Publishing: the ledger and a release's tag, both or none.

use super::{Error, Git, Patience, Result, branch::reference_name, git::redact};
use std::time::Duration;

/// How long the user's own hook may take before a push, which gives no sign of life.
const HOOK: Duration = Duration::from_secs(300);

/// How a push ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// The remote has ledger and tag.
    Done,
    /// The remote, or a pre-push hook, refused.
    Refused {
        /// Which references, and why; empty where a hook refused, or the connection broke: pushing again is safe.
        references: Vec<Refused>,
        /// What git said.
        message: String,
        /// What the remote itself said, a hook of it for instance; may be empty.
        said: String,
    },
}

/// A reference that was not moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its full name.
    pub reference: String,
    /// What git calls it, e.g. `[rejected] (stale info)`.
    pub reason: String,
}

/// Pushes the ledger's branch with `tags` in one `git push --atomic`. Tags are only ever created there (a lease on
/// nothing; one that is there already is no refusal), the branch is never forced. The user's pre-push hook is run.
///
/// # Errors
/// [`Error::Unreachable`] where the remote didn't answer in time or to the end, or the login failed.
pub fn push<'t>(
    git: &Git,
    remote: &str,
    tags: impl IntoIterator<Item = &'t str>,
    branch: &str,
    patience: Patience,
) -> Result<Pushed> {
    let tags: Vec<&str> = tags.into_iter().collect();
    let leases = tags.iter();
    let leases: Vec<String> = leases
        .map(|tag| format!("--force-with-lease=refs/tags/{tag}:"))
        .collect();
    let same = |name: &str| format!("{name}:{name}");
    let mut refspecs = vec![same(&reference_name(branch))];
    refspecs.extend(tags.iter().map(|tag| same(&format!("refs/tags/{tag}"))));

    let mut arguments = vec!["push", "--atomic", "--porcelain", "--progress"];
    arguments.push("--no-follow-tags");
    arguments.extend(leases.iter().map(String::as_str));
    arguments.extend(["--", remote]);
    arguments.extend(refspecs.iter().map(String::as_str));
    let stall = if git.has_hook("pre-push")? {
        patience.stall.max(HOOK)
    } else {
        patience.stall
    };
    let talk = git.talk(&arguments, Patience { stall, ..patience })?;
    if talk.output.status.success() {
        return Ok(Pushed::Done);
    }
    let references = refused(&String::from_utf8_lossy(&talk.output.stdout));
    let words = talk.words();
    let message = redact(&words);
    if references.is_empty() && (!talk.answered || talk.cut.is_some()) {
        return Err(Error::unreachable(remote, &message));
    }
    Ok(Pushed::Refused {
        references,
        message,
        said: said(&words),
    })
}

/// What the remote said: git marks its lines.
fn said(stderr: &str) -> String {
    let lines = stderr
        .lines()
        .filter_map(|line| line.strip_prefix("remote:"));
    let lines: Vec<&str> = lines
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    redact(&lines.join("\n"))
}

/// The refused references of `git push --porcelain`: `!` TAB from:to TAB summary (git-push(1), OUTPUT).
fn refused(porcelain: &str) -> Vec<Refused> {
    let mut found = Vec::new();
    for line in porcelain.lines() {
        if let ["!", references, reason] = line.split('\t').collect::<Vec<_>>()[..] {
            let name = references.rsplit_once(':').map_or(references, |(_, to)| to);
            found.push(Refused {
                reference: name.to_owned(),
                reason: redact(reason),
            });
        }
    }
    found
}

impl Error {
    pub(super) fn unreachable(remote: &str, message: &str) -> Self {
        let message = if message.is_empty() {
            "no answer"
        } else {
            message
        };
        Self::Unreachable {
            remote: redact(remote),
            message: message.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testing::{Lab, impatient};
    use std::{net::TcpListener, time::Instant};

    #[test]
    fn tag_and_ledger_arrive_together_or_not_at_all() {
        let (lab, git) = (Lab::new(), |lab: &Lab| lab.child());
        let remote = lab.bare_remote();
        lab.release("1.0.0");
        let push = |lab: &Lab, tag| push(&git(lab), "origin", tag, "hostout", impatient());
        assert_eq!(push(&lab, Some("v1.0.0")).unwrap(), Pushed::Done);
        // Again: nothing to do is no refusal, also under the lease.
        assert_eq!(push(&lab, Some("v1.0.0")).unwrap(), Pushed::Done);
        assert_eq!(push(&lab, None).unwrap(), Pushed::Done);
        let tip = lab.git_in(&remote, &["rev-parse", "hostout"]);
        assert_eq!(tip, lab.git(&["rev-parse", "hostout"]));

        lab.release("1.1.0");
        lab.git_in(&remote, &["tag", "v1.1.0", "v1.0.0"]);
        let Pushed::Refused { references, .. } = push(&lab, Some("v1.1.0")).unwrap() else {
            panic!("the tag was there already")
        };
        assert!(
            references.iter().any(|r| r.reference == "refs/tags/v1.1.0"),
            "{references:?}"
        );
        assert_eq!(lab.git_in(&remote, &["rev-parse", "hostout"]), tip);
    }

    #[test]
    fn a_ledger_that_moved_on_is_not_overwritten() {
        let lab = Lab::new();
        let remote = lab.bare_remote();
        let mut ledger = lab.ledger();
        ledger.append(&lab.started("a"), &lab.key()).unwrap();
        push(&lab.child(), "origin", [], "hostout", impatient()).unwrap();
        lab.git(&["update-ref", "refs/heads/hostout", "hostout~1"]);
        lab.ledger().append(&lab.started("b"), &lab.key()).unwrap();
        let result = push(&lab.child(), "origin", [], "hostout", impatient()).unwrap();
        let Pushed::Refused { references, .. } = result else {
            panic!("it was overwritten")
        };
        assert_eq!(references[0].reference, "refs/heads/hostout");
        let there = lab.git_in(&remote, &["log", "-1", "--format=%s", "hostout"]);
        assert_eq!(there, "deploy a 1.0.0 started\n");
    }

    #[test]
    fn the_pre_push_hook_may_say_no() {
        let lab = Lab::new();
        lab.bare_remote();
        lab.ledger();
        Lab::script(
            &lab.work().join(".git/hooks/pre-push"),
            "echo not today >&2; exit 1",
        );
        let result = push(&lab.child(), "origin", [], "hostout", impatient()).unwrap();
        let Pushed::Refused {
            references,
            message,
            ..
        } = result
        else {
            panic!("the hook was not run")
        };
        assert!(
            references.is_empty() && message.contains("not today"),
            "{message}"
        );
    }

    #[test]
    fn a_remote_that_says_nothing_is_given_up() {
        let lab = Lab::new();
        lab.ledger();
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("git://{}/x", silent.local_addr().unwrap());
        let begin = Instant::now();
        let error = push(&lab.child(), &address, [], "hostout", impatient()).unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error}");
        assert!(begin.elapsed().as_secs() < 60, "{:?}", begin.elapsed());

        let nowhere = lab.path().join("nowhere");
        let nowhere = format!("file://ann:pw@{}", nowhere.display());
        let error = push(&lab.child(), &nowhere, [], "hostout", impatient()).unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error}");
        assert!(!error.to_string().contains("pw@"), "{error}");
    }
}
