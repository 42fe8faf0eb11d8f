//! A stage's hosts: logging in, looking, choosing the stage.

use super::session::{Session, Workspace};
use crate::{
    config::{Host, Stage},
    error::Error,
    event::Event,
    execute::Member,
    facts::{self, Open},
    host::StatusRequest,
    ledger::Ledger,
    observe,
    release::{Manifest, Outcome, Started},
    transport::{self, Conversation, Credentials, HostKeyQuestion, Prompter, Target},
    ui::{Answer, Ui},
};
use globset::Glob;
use std::{env, path::Path};

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
    /// The deployment that was left open there, with what its hosts say of its end.
    pub open: Option<Open>,
}

impl<'w> Scene<'w> {
    /// Logs in to the hosts of `stage`, and asks how a deployment ended whose client went away. A job of it that still
    /// runs is followed to its end first: until then nobody can plan anything.
    pub fn enter(
        session: &Session,
        ledger: &Ledger,
        stage: &'w Stage,
        glob: Option<&str>,
    ) -> Result<Self, Error> {
        let Some(started) = ledger.open_deployment(&stage.name)? else {
            return Ok(Self {
                stage,
                fleet: Fleet::connect_some(session, stage, glob)?,
                open: None,
            });
        };
        let mut fleet = Fleet::connect(session, stage)?;
        let open = Some(fleet.open(session, stage, started)?);
        fleet.select(stage, glob)?;
        Ok(Self { stage, fleet, open })
    }
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
        Self::connect_some(session, stage, None)
    }

    /// Logs in to the hosts of `stage` whose names match `glob`.
    pub fn connect_some(
        session: &Session,
        stage: &Stage,
        glob: Option<&str>,
    ) -> Result<Self, Error> {
        let mut members = Vec::new();
        for host in selected(&stage.hosts, stage, glob)? {
            let transport = connect(session, host)?;
            members.push(Member {
                host: host.clone(),
                transport,
            });
        }
        Ok(Self { members })
    }

    /// Leaves only the hosts whose names match `glob`.
    fn select(&mut self, stage: &Stage, glob: Option<&str>) -> Result<(), Error> {
        let wanted = selected(&stage.hosts, stage, glob)?;
        self.members
            .retain(|member| wanted.iter().any(|host| **host == member.host));
        Ok(())
    }

    /// How the deployment `started` ended on its hosts. One that the stage has no more cannot be asked.
    fn open(&mut self, session: &Session, stage: &Stage, started: Started) -> Result<Open, Error> {
        let show = session.watch();
        let watch = |event| show.on(event);
        let mut results = Vec::new();
        for seen in self.look(stage, None)? {
            if let Some(holder) = seen.busy() {
                let holder = holder.to_owned();
                let host = seen.name;
                return Err(Error::Locked { host, holder });
            }
        }
        for member in &mut self.members {
            let name = &member.host.destination;
            if started.hosts.contains(name) {
                watch(Event::Begin(format!(
                    "{name}: look how deployment {} ended",
                    started.id
                )));
                let transport = member.transport.as_mut();
                results.push(observe::ended(transport, stage, name, &started.id, &watch)?);
            }
        }
        for name in &started.hosts {
            if results.iter().all(|result| result.host != *name) {
                results.push(observe::unknown(name));
            }
        }
        Ok(Open {
            outcome: Outcome::overall(&results, started.hosts.len()),
            results,
            started,
        })
    }

    /// What every host says; with a manifest also which of its artifacts each lacks.
    pub fn look(
        &mut self,
        stage: &Stage,
        manifest: Option<&Manifest>,
    ) -> Result<Vec<facts::Host>, Error> {
        let mut hosts = Vec::new();
        for member in &mut self.members {
            let transport = member.transport.as_mut();
            hosts.push(observe::host(&member.host, transport, stage, manifest)?);
        }
        Ok(hosts)
    }
}

/// The hosts whose names match `glob`; without one all of them.
fn selected<'h>(
    hosts: &'h [Host],
    stage: &Stage,
    glob: Option<&str>,
) -> Result<Vec<&'h Host>, Error> {
    let Some(glob) = glob else {
        return Ok(hosts.iter().collect());
    };
    let wanted = Glob::new(glob)
        .map_err(|error| Error::Usage(format!("--hosts: {error}")))?
        .compile_matcher();
    let hosts: Vec<&Host> = hosts
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

/// Looks at each host of `stage`; one that cannot be reached does not hide the others.
pub fn look_at_each(
    session: &Session,
    stage: &Stage,
    manifest: Option<&Manifest>,
) -> Vec<(String, Result<facts::Host, Error>)> {
    stage
        .hosts
        .iter()
        .map(|host| {
            let seen = connect(session, host).and_then(|transport| {
                let mut transport = transport;
                Ok(observe::host(host, transport.as_mut(), stage, manifest)?)
            });
            (host.destination.clone(), seen)
        })
        .collect()
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

fn connect(session: &Session, host: &Host) -> Result<Box<dyn transport::Transport>, Error> {
    let target = Target {
        host: host.destination.clone(),
        ssh_config: env::var_os("HOSTOUT_SSH_CONFIG").map(Into::into),
        host_key: host.host_key.clone(),
    };
    let person = Person { ui: &session.ui };
    let prompter = Credentials::from_environment(&person);
    transport::connect(&target, &prompter).map_err(Error::Unreachable)
}

/// Whoever sits at the terminal, asked what a login needs.
struct Person<'a> {
    ui: &'a Ui,
}

impl Prompter for Person<'_> {
    fn host_key(&self, question: &HostKeyQuestion) -> bool {
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
        self.secret(&format!("Password of {user} on {host}:"))
    }

    fn answer(&self, prompt: &str, _echo: bool) -> Option<String> {
        self.secret(prompt)
    }
}

impl Person<'_> {
    /// A terminal that goes away while it is asked has given no answer.
    fn secret(&self, prompt: &str) -> Option<String> {
        self.ui
            .secret(prompt)
            .ok()
            .flatten()
            .map(|secret| secret.expose().to_owned())
    }
}
