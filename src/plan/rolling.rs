//! Over the programs of one host: which are taken from the live release to the new one, in which order, and which stay.

use crate::{
    config::{Rollout, Strategy},
    facts::Host,
    host::Rolled,
    release::{Buildout, Program, Services},
};

/// By which supervisor itself is known among its programs.
const DAEMON: &str = "supervisord";

/// How a host's services get from one release to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rolling {
    /// The programs in their order, clients last; none = all stop together.
    pub programs: Vec<Rolled>,
    /// The same in words, or why they stop together; nothing where nobody asked.
    pub words: Vec<String>,
}

/// Decides it for a `host` of a stage that is rolling; `live` is the buildout of its live release, where that is known.
pub(super) fn rolling(
    rollout: &Rollout,
    host: &Host,
    live: Option<&Buildout>,
    new: &Buildout,
) -> Rolling {
    let Some(release) = host.current.release() else {
        return Rolling::default();
    };
    if rollout.strategy != Strategy::Rolling || new.services == Services::None {
        return Rolling::default();
    }
    let verdict = match live {
        None => Err(format!("what {release} runs is not known here")),
        Some(live) => together(host, live, new),
    };
    match verdict {
        Err(why) => Rolling {
            programs: Vec::new(),
            words: vec![format!("all services stop together: {why}")],
        },
        Ok(programs) => Rolling {
            words: words(&programs),
            programs,
        },
    }
}

/// The programs, or why they can only stop together.
fn together(host: &Host, live: &Buildout, new: &Buildout) -> Result<Vec<Rolled>, String> {
    if matches!(new.services, Services::Command { .. }) {
        return Err("one command starts them all".to_owned());
    }
    if new.hooks.migrate.is_some() {
        return Err("the hook migrate runs while none of them does".to_owned());
    }
    let same_kind = matches!(
        (&live.services, &new.services),
        (Services::Supervisor, Services::Supervisor)
            | (Services::Zope { .. }, Services::Zope { .. })
    );
    if !same_kind || live.program.is_empty() || new.program.is_empty() {
        return Err("one of the two releases does not tell its programs apart".to_owned());
    }
    if live.shared.paths != new.shared.paths {
        return Err("the shared paths changed".to_owned());
    }
    let programs = rolled(&live.program, &new.program);
    let serves = |program: &&Rolled| program.client && program.was && program.is;
    let mut serving = programs.iter().filter(serves);
    match (serving.next(), serving.next()) {
        (None, _) => return Err("none of them is a client beside others".to_owned()),
        (Some(only), None) => return Err(format!("{} is the only client", only.name)),
        (Some(_), Some(_)) => {}
    }
    if programs
        .iter()
        .any(|program| program.name == DAEMON && program.restart)
    {
        return Err("the configuration or the eggs of supervisord itself changed".to_owned());
    }
    if !host.rolls {
        return Err(
            "the supervisord that runs was not started by git-hostout, or its socket lies in the release".to_owned(),
        );
    }
    Ok(programs)
}

/// Those of both releases: what serves clients first, then the clients; what is gone last.
fn rolled(live: &[Program], new: &[Program]) -> Vec<Rolled> {
    let before = |name: &str| live.iter().find(|program| program.name == name);
    let now = new.iter().map(|program| {
        let before = before(&program.name);
        Rolled {
            name: program.name.clone(),
            client: program.client,
            was: before.is_some(),
            is: true,
            restart: program.client || before.is_none_or(|old| old.made_of != program.made_of),
        }
    });
    let gone = live
        .iter()
        .filter(|old| new.iter().all(|program| program.name != old.name));
    let gone = gone.map(|old| Rolled {
        name: old.name.clone(),
        client: old.client,
        was: true,
        is: false,
        restart: true,
    });
    let mut all: Vec<Rolled> = now.chain(gone).collect();
    all.sort_by_key(|program| (!program.is, program.client));
    all
}

fn words(programs: &[Rolled]) -> Vec<String> {
    let of = |which: fn(&Rolled) -> bool| -> Vec<&str> {
        let some = programs.iter().filter(|program| which(program));
        some.map(|program| program.name.as_str()).collect()
    };
    let line = |names: &[&str], before: &str, after: &str| {
        (!names.is_empty()).then(|| format!("{before} {}{after}", names.join(", ")))
    };
    let changed = of(|program| !program.client && program.is && program.restart);
    let clients = of(|program| program.client && program.is);
    let gone = of(|program| !program.is);
    let stays = of(|program| !program.restart);
    [
        line(&changed, "restarts", ": configuration or eggs changed"),
        line(&clients, "restarts one after the other", ""),
        line(&gone, "stops", ": the release has it no more"),
        line(
            &stays,
            "keeps running",
            ": neither configuration nor eggs changed",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        plan::tests::sample,
        release::{Digest, Hook},
    };

    fn program(name: &str, client: bool, made_of: &str) -> Program {
        Program {
            name: name.to_owned(),
            client,
            made_of: Digest::of(made_of.as_bytes()),
        }
    }

    fn buildout(programs: &[(&str, bool, &str)]) -> Buildout {
        let mut buildout = sample::manifest().buildout.remove(0);
        buildout.services = Services::Supervisor;
        buildout.hooks.migrate = None;
        let programs = programs.iter();
        buildout.program = programs
            .map(|(name, client, of)| program(name, *client, of))
            .collect();
        buildout
    }

    fn decide(live: Option<&Buildout>, new: &Buildout) -> Rolling {
        let mut host = sample::host("web1");
        host.rolls = true;
        let rollout = Rollout {
            strategy: Strategy::Rolling,
            ..Rollout::default()
        };
        rolling(&rollout, &host, live, new)
    }

    const LIVE: &[(&str, bool, &str)] = &[
        ("supervisord", false, "1"),
        ("one", true, "1"),
        ("zeo", false, "1"),
        ("two", true, "1"),
        ("worker", false, "1"),
        ("gone", false, "1"),
    ];

    #[test]
    fn clients_go_last_and_what_did_not_change_stays() {
        let new = buildout(&[
            ("supervisord", false, "1"),
            ("one", true, "1"),
            ("zeo", false, "2"),
            ("two", true, "1"),
            ("worker", false, "1"),
            ("three", true, "1"),
        ]);
        let rolling = decide(Some(&buildout(LIVE)), &new);
        let names: Vec<&str> = rolling.programs.iter().map(|p| p.name.as_str()).collect();
        let order = [
            "supervisord",
            "zeo",
            "worker",
            "one",
            "two",
            "three",
            "gone",
        ];
        assert_eq!(names, order);
        assert_eq!(
            rolling.words,
            [
                "restarts zeo: configuration or eggs changed",
                "restarts one after the other one, two, three",
                "stops gone: the release has it no more",
                "keeps running supervisord, worker: neither configuration nor eggs changed",
            ]
        );
    }

    #[test]
    fn what_stops_together_says_why() {
        let live = buildout(LIVE);
        let why = |live: Option<&Buildout>, new: &Buildout| {
            let rolling = decide(live, new);
            assert_eq!(rolling.programs, []);
            let word = rolling.words.concat();
            word.strip_prefix("all services stop together: ")
                .unwrap()
                .to_owned()
        };
        assert_eq!(why(None, &live), "what 1.4.1 runs is not known here");
        let one = buildout(&[("supervisord", false, "1"), ("one", true, "1")]);
        assert_eq!(why(Some(&live), &one), "one is the only client");
        let none = buildout(&[("worker", false, "1")]);
        assert_eq!(
            why(Some(&live), &none),
            "none of them is a client beside others"
        );
        let older = buildout(&[]);
        let apart = "one of the two releases does not tell its programs apart";
        assert_eq!(why(Some(&older), &live), apart);
        let mut daemon = live.clone();
        daemon.program[0].made_of = Digest::of(b"2");
        let changed = "the configuration or the eggs of supervisord itself changed";
        assert_eq!(why(Some(&live), &daemon), changed);
        let mut migrates = live.clone();
        migrates.hooks.migrate = Some(Hook {
            argv: vec!["bin/migrate".to_owned()],
            timeout: 60,
        });
        let migrate = "the hook migrate runs while none of them does";
        assert_eq!(why(Some(&live), &migrates), migrate);
        let mut moved = live.clone();
        moved.shared.paths = Vec::new();
        assert_eq!(why(Some(&live), &moved), "the shared paths changed");
        let mut command = live.clone();
        command.services = Services::Command {
            start: "s".to_owned(),
            stop: "t".to_owned(),
            status: None,
            log: None,
        };
        assert_eq!(why(Some(&live), &command), "one command starts them all");
        let rollout = Rollout {
            strategy: Strategy::Rolling,
            ..Rollout::default()
        };
        let foreign = rolling(&rollout, &sample::host("web1"), Some(&live), &live);
        assert_eq!(
            foreign.words,
            [
                "all services stop together: the supervisord that runs was not started by git-hostout, or its socket lies \
              in the release"
            ]
        );
    }
}
