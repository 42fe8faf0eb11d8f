//! In words: when a release counts as healthy, and what is run besides on the way there.

use super::{DeployRequest, HealthOverride};
use crate::{
    host::Command,
    release::{Buildout, Health, Hook, Services, Statuses},
};
use serde::Serializer;

/// When it counts as healthy: all conditions.
pub(super) fn conditions(request: &DeployRequest, buildout: &Buildout) -> Vec<String> {
    let health = asked(request, &buildout.health);
    let mut words = Vec::new();
    if let Some(http) = &health.http {
        words.push(format!("{http} answers within {} s", health.timeout));
        if health.status != Statuses::default() {
            words.push(format!("its status is {}", health.status));
        }
        words.extend(
            health
                .header
                .map(|header| format!("it has the header {header}")),
        );
        words.extend(health.text.map(|text| format!("it holds `{text}`")));
    }
    words.extend(health.tcp.map(|tcp| format!("{tcp} takes connections")));
    words.extend(
        health
            .command
            .map(|hook| format!("{} ends with 0", command(&hook))),
    );
    if words.is_empty() && buildout.services == Services::None {
        return vec!["nothing runs".to_owned()];
    }
    if words.is_empty() {
        words.push("its processes run".to_owned());
    }
    if health.successes > 1 {
        words.push(format!("{} times in a row", health.successes));
    }
    if health.stable > 0 {
        words.push(format!("it stays so for {} s", health.stable));
    }
    words
}

/// The conditions as plans have them for programs.
pub(super) fn in_one<S: Serializer>(conditions: &[String], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&conditions.join("; "))
}

/// The release's own checks, or the one that stands for them this once.
fn asked(request: &DeployRequest, own: &Health) -> Health {
    let http = match &request.health {
        None => return own.clone(),
        Some(HealthOverride::Url(url)) => Some(url.clone()),
        Some(HealthOverride::None) => None,
    };
    Health {
        http,
        timeout: own.timeout,
        interval: own.interval,
        successes: own.successes,
        stable: own.stable,
        ..Health::default()
    }
}

/// The hooks that are run, in their order, and the parts that are installed through `current`.
pub(super) fn hooks(buildout: &Buildout) -> Vec<String> {
    let hooks = &buildout.hooks;
    let named = |name: &str, hook: &Option<Hook>| {
        let hook = hook.as_ref()?;
        Some(format!("{name} {}", command(hook)))
    };
    let parts = (!buildout.host_parts.is_empty())
        .then(|| format!("host-parts {}", buildout.host_parts.join(" ")));
    [
        named("before-stop", &hooks.before_stop),
        named("migrate", &hooks.migrate),
        parts,
        named("after-start", &hooks.after_start),
        named("after-healthy", &hooks.after_healthy),
        named("on-failure", &hooks.on_failure),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn command(hook: &Hook) -> String {
    format!("`{}`", Command::new(hook.argv.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_one_line_in_which_its_words_are_told_apart() {
        let shown = |argv: &[&str]| {
            command(&Hook {
                argv: argv.iter().map(|word| (*word).to_owned()).collect(),
                timeout: 300,
            })
        };
        assert_eq!(
            shown(&["sh", "-c", "test -e up; echo it\'s", ""]),
            r"`sh -c 'test -e up; echo it'\''s' ''`"
        );
        assert_eq!(
            shown(&["sh", "-c", "true\n   9  web1  it\'s\t\\\u{85}"]),
            r"`sh -c $'true\n   9  web1  it\'s\t\\\302\205'`"
        );
    }
}
