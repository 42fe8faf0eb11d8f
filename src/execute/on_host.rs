//! What one host is told in a deployment. Hosts are told at the same time, so that nothing here belongs to one thread.

use super::{
    Deployed, Error, Live, Member, Result, Telling,
    followed::over_another_way,
    keeping::Keeping,
    reconnect::reconnect,
    record::Signed,
    upload::{MUCH, Upload},
    verdict::{Case, Verdict},
};
use crate::{
    config::Stage,
    event::{Event, Watch},
    host::{ActivateRequest, Activated, Command, FailureKind, LockRequest, PrepareRequest},
    ledger::Released,
    observe::holder,
    pack::Store,
    plan::{Action, DeployRequest, Step},
    process::asked,
    release::{Artifact, EntryId, HostResult, Intent},
    transport::{self, Conversation, ConversationError},
};
use semver::Version;
use std::cell::Cell;

/// How long an activation may take on a host before it puts the old release back, in seconds.
const DEADLINE: u64 = 1800;

/// How often a host is asked again that prepared the release while nobody followed it.
const AGAIN: u32 = 2;

/// A deployment as its hosts are told of it.
pub(super) struct OnHost<'a> {
    /// Where artifacts come from.
    pub store: &'a Store,
    /// Where to.
    pub stage: &'a Stage,
    /// What.
    pub released: &'a Released,
    /// As it was asked for.
    pub request: &'a DeployRequest,
    /// The glob that chose its hosts.
    pub chosen: Option<&'a str>,
    /// What it is told of keys and policy.
    pub telling: &'a Telling,
    /// The project's id.
    pub project: String,
    /// Whoever looks on.
    pub watch: Watch<'a>,
    /// Names the deployment.
    pub id: &'a EntryId,
    /// Who holds the locks.
    pub lock: &'a LockRequest,
}

/// Whose a host's lock is when its activation has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Afterwards {
    /// Ours: others may still have to follow, or this one to go back with them.
    Ours,
    /// Nobody's: the job gives it back.
    Free,
}

impl Afterwards {
    /// Of an activation on so many hosts.
    pub(super) fn of(hosts: usize) -> Self {
        if hosts > 1 { Self::Ours } else { Self::Free }
    }
}

/// What came of preparing a host.
pub(super) struct Prepared {
    /// Whether we may hold its lock.
    pub locked: bool,
    /// How it went.
    pub result: Result<()>,
}

/// What came of an activation.
pub(super) struct Activation {
    /// For the ledger.
    pub result: HostResult,
    /// Why it failed, when it did.
    pub failure: Option<Deployed>,
    /// Whether the job was left alone, by a second Ctrl-C.
    pub left: bool,
    /// Whether there was a job, which came to its end.
    pub ended: bool,
}

impl OnHost<'_> {
    /// Everything that outsiders can't notice: a host's steps up to its activation.
    pub(super) fn prepare(
        &self,
        member: &mut Member,
        steps: &[&Step],
        live: Option<&Version>,
    ) -> Prepared {
        let mut locked = false;
        let mut all = || -> Result<()> {
            for step in steps {
                if asked() > 0 {
                    return Err(self.stopped(Vec::new()));
                }
                self.begin(step);
                let done = match &step.action {
                    Action::InstallAgent { .. } => self.agent(member).install().map(|_| ()),
                    Action::Upload { artifacts, .. } => self.upload(member, artifacts)?,
                    Action::Trust { known, .. } => self.tell(member, *known),
                    Action::Prepare {
                        buildout, fetch, ..
                    } => {
                        let prepared = self.build(member, buildout, !fetch.is_empty(), live);
                        // Where it was cut off the lock may be ours still; a job that says no gives it back.
                        locked = !matches!(&prepared, Err(ConversationError::Failed(failure))
                            if failure.kind != FailureKind::Died);
                        prepared
                    }
                    _ => return Err(Error::Strange("a deployment")),
                };
                done.map_err(|error| self.before(member, live, &error))?;
            }
            Ok(())
        };
        let result = all();
        Prepared { locked, result }
    }

    fn upload(
        &self,
        member: &mut Member,
        artifacts: &[Artifact],
    ) -> Result<Result<(), ConversationError>> {
        let upload = Upload {
            store: self.store,
            path: &self.stage.path,
            python: &self.stage.python,
            much: MUCH,
            stop: &|| asked() > 0,
            watch: self.watch,
        };
        upload.carry_out(member.transport.as_mut(), artifacts)
    }

    /// Tells which keys and policy count, from the statement on that it knows.
    fn tell(&self, member: &mut Member, known: Option<u64>) -> Result<(), ConversationError> {
        let request = self.telling.request(&self.project, &self.stage.name, known);
        self.agent(member).trust(&request).map(|_| ())
    }

    fn build(
        &self,
        member: &mut Member,
        buildout: &str,
        fetch: bool,
        live: Option<&Version>,
    ) -> Result<(), ConversationError> {
        let request = PrepareRequest {
            manifest: self.released.text.clone(),
            manifest_sha256: self.released.digest,
            signature: self.released.signature.clone(),
            buildout: buildout.to_owned(),
            stage: self.stage.name.clone(),
            id: self.id.clone(),
            version: self.released.manifest.version.clone(),
            lock: self.lock.clone(),
            keep_lock: true,
            expected: live.cloned(),
            fetch,
        };
        let mut asked_again = 0;
        loop {
            let answer = self.agent(member).prepare(&request, self.watch);
            match answer {
                // The job goes on, and whoever asks again is told of its end.
                Err(ConversationError::Transport(transport::Error::Lost { .. }))
                    if asked() == 0 && reconnect(member, &|| asked() > 0, self.watch) => {}
                // It ended while nobody followed it, and so gave the lock back: asked again it takes what it built.
                Ok(prepared) if prepared.lock.is_none() => {
                    if asked_again == AGAIN {
                        return Err(ConversationError::NoAnswer {
                            host: member.host.destination.clone(),
                            message: "it prepared the release, and says that it does not keep the lock; do locks work \
                                      on the file system of the stage's path?"
                                .to_owned(),
                        });
                    }
                    asked_again += 1;
                }
                answer => return answer.map(|_| ()),
            }
        }
    }

    /// The switch from `old`, and what came of it; `keeping` is what the host lacks of the ledger.
    pub(super) fn activate(
        &self,
        member: &mut Member,
        step: &Step,
        old: Option<&Version>,
        signed: &Signed,
        keeping: Option<&Keeping>,
        afterwards: Afterwards,
    ) -> Activation {
        self.begin(step);
        let new = &self.released.manifest.version;
        let host = member.host.destination.clone();
        let roll = match &step.action {
            Action::Activate { roll, .. } => roll.clone(),
            _ => Vec::new(),
        };
        let bundle = keeping.and_then(|it| it.request(&host, &mut self.agent(member), self.watch));
        let request = ActivateRequest {
            roll,
            bundle,
            version: new.clone(),
            manifest_sha256: self.released.digest,
            id: self.id.clone(),
            entry: signed.text.clone(),
            signature: signed.signature.clone(),
            expected: old.cloned(),
            token: self.lock.token.clone(),
            keep_lock: afterwards == Afterwards::Ours,
            keep: self.stage.keep,
            health: self
                .request
                .health
                .as_ref()
                .map(|health| health.word().to_owned()),
            keep_unhealthy: self.request.keep_unhealthy,
            deadline: DEADLINE,
            stage: self.stage.name.clone(),
            intent: self.request.intent,
            serial: signed.serial,
            approvals: self.telling.approvals.clone(),
        };
        let answer = {
            let leave = self.leave_after_two(&host, old, new);
            let answer = self.over_a_living_way(member, &leave, |member| {
                let mut agent = self.agent(member).until(&leave);
                agent.activate(&request, self.watch)
            });
            match answer {
                Err(error) if asked() < 2 => self.seen_to_its_end(member, &leave, error),
                answer => answer,
            }
        };
        let (left, ended) = (answer.is_err() && asked() > 1, answer.is_ok());
        let case = Case {
            host: &host,
            stage: &self.stage.name,
            old,
            new,
        };
        let verdict = Verdict::of(answer, &case);
        Activation {
            result: HostResult {
                from: old.cloned(),
                to: verdict.live,
                result: verdict.outcome,
                backup: verdict.backup,
                backup_sha256: verdict.backup_sha256,
                host,
            },
            failure: verdict.failure,
            left,
            ended,
        }
    }

    /// Takes a switch back that went well: other hosts could not follow.
    pub(super) fn revert(
        &self,
        member: &mut Member,
        old: &Version,
    ) -> Result<Activated, ConversationError> {
        let host = &member.host.destination;
        (self.watch)(Event::Begin(format!("{host}: go back to {old}")));
        let leave = || asked() > 1;
        let ask = |member: &mut Member| {
            let mut agent = self.agent(member).until(&leave);
            agent.revert(self.id, &self.lock.token, self.watch)
        };
        let answer = self.over_a_living_way(member, &leave, ask);
        self.followed_again(member, &leave, answer, ask)
    }

    /// Extends the lease of a host that waits, over a new way where the old one is gone. One that cannot be told has its
    /// lease still; it is told again.
    pub(super) fn hold(&self, member: &mut Member) {
        let hold = |member: &mut Member| self.agent(member).hold(&self.lock.token);
        let host = member.host.destination.clone();
        if let Err(error) = over_another_way(member, hold) {
            (self.watch)(Event::Detail(format!(
                "{host}: the lock is not extended: {}",
                error.words()
            )));
        }
    }

    /// Gives back a host's lock, over a new way where the old one is gone. One that does not answer frees it itself when the
    /// lease is over.
    pub(super) fn give_back(&self, member: &mut Member) {
        let answer = over_another_way(member, |member| self.unlock(member));
        if let Err(error) = answer {
            let (host, lease) = (&member.host.destination, self.lock.lease);
            (self.watch)(Event::Warning(format!(
                "{host}: the lock stays until its lease of {lease} s is over: {}",
                error.words()
            )));
        }
    }

    fn unlock(&self, member: &mut Member) -> Result<(), ConversationError> {
        let mut agent = self.agent(member).until(&|| false);
        agent.unlock(&self.lock.token).map(|_| ())
    }

    pub(super) fn agent<'m>(&self, member: &'m mut Member) -> Conversation<'m> {
        let transport = member.transport.as_mut();
        Conversation::new(transport, &self.stage.path, &self.stage.python).until(&|| asked() > 0)
    }

    fn begin(&self, step: &Step) {
        let host = step.host.as_deref().unwrap_or("here");
        (self.watch)(Event::Begin(format!("{host}: {}", step.action)));
    }

    /// Ctrl-C where no further host is switched. What HEAD's release is, or the one to go back to, changes: the next words to
    /// type name this one.
    pub(super) fn stopped(&self, live: Vec<(String, Live)>) -> Error {
        let (stage, version) = (self.stage.name.clone(), &self.released.manifest.version);
        let mut again = match self.request.intent {
            Intent::Deploy => format!("deploy {stage} {version}"),
            Intent::Rollback => format!("rollback {stage} --to {version}"),
        };
        if let Some(glob) = self.chosen {
            again += &format!(" --hosts {}", Command::new([glob]));
        }
        Error::Stopped { stage, again, live }
    }

    /// The first Ctrl-C says what goes on, the second leaves the job to itself.
    fn leave_after_two<'s>(
        &'s self,
        host: &'s str,
        old: Option<&'s Version>,
        new: &'s Version,
    ) -> impl Fn() -> bool + 's {
        let told = Cell::new(false);
        move || {
            if asked() > 0 && !told.replace(true) {
                let old = old.map_or_else(|| "nothing".to_owned(), ToString::to_string);
                (self.watch)(Event::Warning(format!(
                    "{host}: the switch from {old} to {new} is under way and goes on by itself, to its end or back; \
                     waiting for it. Ctrl-C again leaves it alone"
                )));
            }
            asked() > 1
        }
    }

    /// An error before anything was switched: what was live is live, untouched.
    fn before(&self, member: &Member, live: Option<&Version>, error: &ConversationError) -> Error {
        let host = member.host.destination.clone();
        if asked() > 0 && matches!(error, ConversationError::Transport(_)) {
            return self.stopped(Vec::new());
        }
        if let ConversationError::Failed(failure) = error {
            match (failure.kind, &failure.lock) {
                (FailureKind::Locked, Some(lock)) => {
                    let holder = holder(lock);
                    let stage = self.stage.name.clone();
                    return Error::Locked {
                        host,
                        holder,
                        stage,
                    };
                }
                (FailureKind::Untrusted, _) => {
                    let what = failure.message.clone();
                    let hint = error.hint(Some(&self.stage.name));
                    return Error::Untrusted { host, what, hint };
                }
                (FailureKind::Stale, _) => {
                    let what = failure.message.clone();
                    return if failure.recorded {
                        Error::Overtaken { host, what }
                    } else {
                        Error::Changed { host, what }
                    };
                }
                _ => {}
            }
        }
        Error::Deployed(Box::new(Deployed {
            message: error.words(),
            live: Live::Untouched(live.map(ToString::to_string)),
            others: Vec::new(),
            output: error.output().to_vec(),
            hint: error.hint(Some(&self.stage.name)),
            stage: self.stage.name.clone(),
            host,
        }))
    }
}
