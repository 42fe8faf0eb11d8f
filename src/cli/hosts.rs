//! A stage's hosts: logging in, looking, choosing the stage.

use super::{
    remote,
    session::{Session, Workspace},
};
use crate::{
    assemble::together,
    config::{Host, Stage},
    error::Error,
    event::Event,
    execute::Member,
    facts::{self, Open},
    host::StatusRequest,
    ledger::{Ledger, Released},
    observe, plan,
    release::{EntryId, Manifest, Outcome, Started},
    transport::{self, Conversation, Credentials, HostKeyQuestion, Prompter, Target},
    ui::{Answer, Ui},
};
use globset::Glob;
use semver::Version;
use std::{
    env,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The hosts of a stage that we are logged in to.
pub struct Fleet {
    /// In the order of `hostout.toml`.
    pub members: Vec<Member>,
}

/// A stage as a deployment finds it.
pub struct Scene<'w> {
    /// Which.
    pub stage: &'w Stage,
    /// Its hosts, or those that were asked for.
    pub fleet: Fleet,
    /// The deployment that was left open there, with what its hosts say of its end. Nothing where one of them was cut
    /// off: that is put right first, and then the stage is entered anew.
    pub open: Option<Open>,
    /// Hosts that cannot be reached and may stay behind.
    pub behind: Vec<String>,
}

/// Which hosts of a stage are meant.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice<'c> {
    /// Those whose names match; left out = all.
    pub glob: Option<&'c str>,
    /// One that cannot be reached stays behind, where another can.
    pub skip_unreachable: bool,
    /// How long is waited is counted (`--wait`): a job that goes on without its client is a lock like any other then.
    pub counted: bool,
}

impl<'w> Scene<'w> {
    /// Logs in to the hosts of `stage`, and asks how a deployment ended whose client went away. A job of it that still
    /// runs is followed to its end first, unless that is counted: until then nobody can plan anything.
    pub fn enter(
        session: &Session,
        ledger: &Ledger,
        stage: &'w Stage,
        choice: Choice<'_>,
    ) -> Result<Self, Error> {
        let Some(started) = ledger.open_deployment(&stage.name)? else {
            let (fleet, behind) = Fleet::connect_some(session, stage, choice)?;
            return Ok(Self {
                stage,
                fleet,
                open: None,
                behind,
            });
        };
        let everyone = Choice {
            glob: None,
            ..choice
        };
        let (mut fleet, mut behind) = Fleet::connect_some(session, stage, everyone)?;
        let Some(open) = fleet.open(session, stage, started, choice.counted)? else {
            return Ok(Self {
                stage,
                fleet,
                open: None,
                behind,
            });
        };
        let wanted = selected(stage, choice.glob)?;
        let is_wanted = |name: &str| wanted.iter().any(|host| host.destination == name);
        fleet
            .members
            .retain(|member| is_wanted(&member.host.destination));
        behind.retain(|name| is_wanted(name));
        Ok(Self {
            stage,
            fleet,
            open: Some(open),
            behind,
        })
    }

    /// Leaves out every host but those that are named.
    pub fn keep(&mut self, names: &[String]) {
        let named = |name: &String| names.contains(name);
        let members = &mut self.fleet.members;
        members.retain(|member| named(&member.host.destination));
        self.behind.retain(named);
    }

    /// Where one of `seen` tells of a deployment that `ledger` does not know: the ledger with what the remote has more,
    /// and the stage by it.
    pub fn caught_up(
        self,
        session: &Session,
        work: &Workspace,
        ledger: Ledger,
        seen: &[facts::Host],
        choice: Choice<'_>,
    ) -> Result<(Ledger, Self), Error> {
        if ahead(&ledger, seen).is_none() {
            return Ok((ledger, self));
        }
        let tip = ledger.tip();
        let ledger = remote::caught_up(session, work, ledger)?;
        if ledger.tip() == tip {
            return Ok((ledger, self));
        }
        let scene = Self::enter(session, &ledger, self.stage, choice)?;
        Ok((ledger, scene))
    }
}

/// A host among `seen` that tells of a deployment which `ledger` does not know.
pub fn ahead<'h>(ledger: &Ledger, seen: &'h [facts::Host]) -> Option<&'h facts::Host> {
    let log = observe::history(ledger);
    let knows = |id: &EntryId| log.iter().any(|deployment| deployment.id == *id);
    seen.iter()
        .find(|host| matches!(&host.record, Some((_, id)) if !knows(id)))
}

/// The stage that a verb which can lose something is about: with several it has to be named.
pub fn named_stage<'w>(
    session: &Session,
    work: &'w Workspace,
    name: Option<&str>,
) -> Result<&'w Stage, Error> {
    let stage = work.project.select_stage(name)?;
    if name.is_some() || work.project.stages.len() == 1 {
        return Ok(stage);
    }
    let names: Vec<&str> = work
        .project
        .stages
        .iter()
        .map(|stage| stage.name.as_str())
        .collect();
    let question = format!("On stage {}?", stage.name);
    match session.ui.ask_in_person(&question, false) {
        Answer::Yes => Ok(stage),
        Answer::No => Err(Error::Declined),
        Answer::NotATerminal => Err(Error::Usage(format!(
            "name the stage; there are {}",
            names.join(", ")
        ))),
    }
}

impl Fleet {
    /// Logs in to every host of `stage`.
    pub fn connect(session: &Session, stage: &Stage) -> Result<Self, Error> {
        let (fleet, _) = Self::connect_some(session, stage, Choice::default())?;
        Ok(fleet)
    }

    /// Logs in to the hosts that are meant, all at the same time; with those that may stay behind.
    pub fn connect_some(
        session: &Session,
        stage: &Stage,
        choice: Choice<'_>,
    ) -> Result<(Self, Vec<String>), Error> {
        let wanted = selected(stage, choice.glob)?;
        let logins = together(&wanted, |host| log_in(session, stage, host));
        let mut members = Vec::new();
        let mut unreachable = Vec::new();
        for (host, login) in wanted.into_iter().zip(logins) {
            match login {
                Ok(transport) => members.push(Member {
                    host: host.clone(),
                    transport,
                }),
                Err(error) => unreachable.push((host.destination.clone(), error)),
            }
        }
        let mut unreachable = unreachable.into_iter();
        let mut behind = Vec::new();
        if choice.skip_unreachable && !members.is_empty() {
            for (host, error) in unreachable {
                session
                    .ui
                    .warn(&format!("{host} stays behind: {}", error.without(&host)));
                behind.push(host);
            }
        } else if let Some((_, first)) = unreachable.next() {
            for (_, other) in unreachable {
                session.ui.warn(&other.to_string());
            }
            return Err(first);
        }
        Ok((Self { members }, behind))
    }

    /// How the deployment `started` ended on its hosts. One that the stage has no more cannot be asked; where one was cut
    /// off it has not ended yet.
    fn open(
        &mut self,
        session: &Session,
        stage: &Stage,
        started: Started,
        counted: bool,
    ) -> Result<Option<Open>, Error> {
        let show = session.watch();
        let watch = |event| show.on(event);
        let mut results = Vec::new();
        let hosts = self.look(stage, None)?;
        if hosts.iter().any(|seen| seen.cut_off.is_some()) {
            return Ok(None);
        }
        for seen in &hosts {
            if let Some(holder) = seen.busy() {
                let holder = holder.to_owned();
                let host = seen.name.clone();
                return Err(Error::locked(host, holder, &stage.name));
            }
        }
        if let Some((host, holder)) = plan::held(&hosts).filter(|_| counted) {
            return Err(Error::locked(host, holder, &stage.name));
        }
        for (member, seen) in self.members.iter_mut().zip(&hosts) {
            let name = &member.host.destination;
            if started.asked().contains(name) {
                let id = &started.id;
                watch(Event::Begin(if seen.working.is_some() {
                    format!(
                        "{name}: deployment {id} goes on there without its client: waiting for its end"
                    )
                } else {
                    format!("{name}: look how deployment {id} ended")
                }));
                let transport = member.transport.as_mut();
                let ended = observe::ended(transport, stage, name, &started.id, &watch)?;
                results.push(plan::as_seen(ended, seen, &started.version));
            }
        }
        for name in started.asked() {
            if results.iter().all(|result| result.host != *name) {
                results.push(observe::unknown(name));
            }
        }
        Ok(Some(Open {
            outcome: Outcome::overall(&results, started.asked().len()),
            results,
            started,
        }))
    }

    /// Release `version` as a host holds it whose record the ledger does not know; nothing where none has it complete.
    pub fn told(
        &mut self,
        session: &Session,
        stage: &Stage,
        version: &Version,
    ) -> Result<Option<Released>, Error> {
        for member in &mut self.members {
            let transport = member.transport.as_mut();
            if let Some(told) = observe::manifest(transport, stage, version)? {
                let (text, signature) = (told.manifest, told.signature);
                let released = Released::told(version, text, signature, session.now())?;
                return Ok(Some(released));
            }
        }
        Ok(None)
    }

    /// What every host says; with a manifest also which of its artifacts each lacks.
    pub fn look(
        &mut self,
        stage: &Stage,
        manifest: Option<&Manifest>,
    ) -> Result<Vec<facts::Host>, Error> {
        let hosts = together(&mut self.members, |member| {
            let transport = member.transport.as_mut();
            observe::host(&member.host, transport, stage, manifest)
        });
        hosts
            .into_iter()
            .map(|seen| seen.map_err(Error::from))
            .collect()
    }
}

/// The hosts whose names match `glob`; without one all of them.
pub fn selected<'s>(stage: &'s Stage, glob: Option<&str>) -> Result<Vec<&'s Host>, Error> {
    let Some(glob) = glob else {
        return Ok(stage.hosts.iter().collect());
    };
    let wanted = Glob::new(glob)
        .map_err(|error| Error::Usage(format!("--hosts: {error}")))?
        .compile_matcher();
    let hosts: Vec<&Host> = stage
        .hosts
        .iter()
        .filter(|host| wanted.is_match(&host.destination))
        .collect();
    if hosts.is_empty() {
        return Err(Error::Usage(format!(
            "--hosts {glob} matches none of the hosts of {}",
            stage.name
        )));
    }
    Ok(hosts)
}

/// A glob that matches the hosts of these names and no other.
pub fn glob_of(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| globset::escape(name)).collect();
    match names.as_slice() {
        [one] => one.clone(),
        some => format!("{{{}}}", some.join(",")),
    }
}

/// Looks at each host of `stage`; one that cannot be reached does not hide the others.
pub fn look_at_each(
    session: &Session,
    stage: &Stage,
    manifest: Option<&Manifest>,
) -> Vec<(String, Result<facts::Host, Error>)> {
    let seen = together(&stage.hosts, |host| {
        let mut transport = log_in(session, stage, host)?;
        Ok(observe::host(host, transport.as_mut(), stage, manifest)?)
    });
    let names = stage.hosts.iter().map(|host| host.destination.clone());
    names.zip(seen).collect()
}

/// Which wheels a host takes, e.g. `cp311-manylinux_2_36_x86_64`.
pub fn target(session: &Session, host: &Host, path: &str) -> Result<String, Error> {
    let mut transport = connect(session, host)?;
    let mut conversation = Conversation::new(transport.as_mut(), path, "python3");
    let answer = conversation
        .status(&StatusRequest::default())
        .map_err(observe::Error::Conversation)?;
    Ok(answer.target)
}

/// How a host is reached.
pub fn target_of(host: &Host) -> Target {
    Target {
        host: host.destination.clone(),
        ssh_config: env::var_os("HOSTOUT_SSH_CONFIG").map(Into::into),
        host_key: host.host_key.clone(),
    }
}

pub fn connect(session: &Session, host: &Host) -> Result<Box<dyn transport::Transport>, Error> {
    let target = target_of(host);
    prompted(session, |prompter| transport::connect(&target, prompter)).map_err(Error::Unreachable)
}

/// Logs in to a host of `stage`. A server that lets nobody in may not have been set up yet.
pub fn log_in(
    session: &Session,
    stage: &Stage,
    host: &Host,
) -> Result<Box<dyn transport::Transport>, Error> {
    connect(session, host).map_err(|mut error| {
        if let Error::Unreachable(transport::Error::Unreachable {
            hint,
            refused: Some(_),
            ..
        }) = &mut error
        {
            let bootstrap = format!(
                "if the server is not set up yet: git hostout bootstrap {}",
                stage.name
            );
            *hint = Some(match hint.take() {
                Some(hint) => format!("{bootstrap}; else {hint}"),
                None => bootstrap,
            });
        }
        error
    })
}

/// Whoever sits at the terminal, asked what a login needs.
struct Person<'a> {
    ui: &'a Ui,
}

/// Hosts log us in at the same time; a person answers one question after the other.
static QUESTION: Mutex<()> = Mutex::new(());

/// Calls `with` with whoever answers what a login asks: the environment, an askpass program, the person.
pub fn prompted<T>(session: &Session, with: impl FnOnce(&dyn Prompter) -> T) -> T {
    let person = Person { ui: &session.ui };
    with(&Credentials::from_environment(&person))
}

fn one_at_a_time() -> MutexGuard<'static, ()> {
    QUESTION.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Prompter for Person<'_> {
    fn host_key(&self, question: &HostKeyQuestion) -> bool {
        let _asking = one_at_a_time();
        self.ui.plain(&format!(
            "{}: nobody has vouched for its {} key {} yet.",
            question.host, question.key_type, question.fingerprint
        ));
        if !question.known_types.is_empty() {
            self.ui.warn(&format!(
                "other keys of {} are known: {}; this one is new",
                question.name,
                question.known_types.join(", ")
            ));
        }
        self.ui.ask_in_person("Is this the host's key?", false) == Answer::Yes
    }

    fn passphrase(&self, file: &Path) -> Option<String> {
        self.secret(&format!("Passphrase of {}:", file.display()))
    }

    fn password(&self, user: &str, host: &str) -> Option<String> {
        let prompt = format!("Password of {user} on {host} (Enter if there is none):");
        self.secret(&prompt).filter(|password| !password.is_empty())
    }

    fn sudo_password(&self, user: &str, host: &str) -> Option<String> {
        let prompt = format!("{user}'s password for sudo on {host} (Enter if there is none):");
        self.secret(&prompt).filter(|password| !password.is_empty())
    }

    fn wrong(&self, what: &str) {
        let _asking = one_at_a_time();
        self.ui.plain(&format!("{what} was wrong"));
    }

    fn answer(&self, prompt: &str, echo: bool) -> Option<String> {
        if !echo {
            return self.secret(prompt);
        }
        let _asking = one_at_a_time();
        self.ui.answer(prompt)
    }
}

impl Person<'_> {
    /// A terminal that goes away while it is asked has given no answer.
    fn secret(&self, prompt: &str) -> Option<String> {
        let _asking = one_at_a_time();
        self.ui
            .secret(prompt)
            .ok()
            .flatten()
            .map(|secret| secret.expose().to_owned())
    }
}
