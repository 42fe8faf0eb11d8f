//! Carrying out a deployment: prepare on every host, then activate, then write down how it ended.

use super::{
    Deployed, Error, Live, Member, Published, Publisher, Result, interrupted,
    stream::Stream,
    verdict::{Case, Verdict},
};
use crate::{
    config::Stage,
    event::{Event, Watch},
    host::{ActivateRequest, FailureKind, LockRequest, PrepareRequest},
    ledger::{self, Key, Kind, Ledger, NewEntry, Person, Released},
    pack::Store,
    plan::{Action, DeployRequest, HealthOverride, Plan, Step},
    release::{Artifact, Ended, EntryId, HostResult, Outcome, Started},
    transport::{Conversation, ConversationError},
};
use jiff::Timestamp;
use semver::Version;

/// How long a host's lock outlives a client that has gone, in seconds.
const LEASE: u64 = 600;

/// How long an activation may take on a host before it puts the old release back, in seconds.
const DEADLINE: u64 = 1800;

/// A deployment: everything its steps need besides the plan.
pub struct Deployment<'a> {
    /// Who signs the entries.
    pub key: &'a Key,
    /// Who deploys.
    pub who: Person,
    /// Where artifacts come from.
    pub store: &'a Store,
    /// Where to.
    pub stage: &'a Stage,
    /// What.
    pub released: &'a Released,
    /// As it was asked for.
    pub request: &'a DeployRequest,
    /// Why.
    pub reason: &'a str,
    /// The clock.
    pub now: &'a dyn Fn() -> Timestamp,
    /// How the entries get to the remote.
    pub publisher: &'a Publisher,
    /// Whoever looks on.
    pub watch: Watch<'a>,
}

/// What has happened so far.
struct Progress {
    id: EntryId,
    token: String,
    started: Option<Started>,
    serial: Option<u64>,
    started_text: String,
    started_signature: String,
    results: Vec<HostResult>,
    failure: Option<Deployed>,
    /// The hosts whose lock we hold.
    locked: Vec<String>,
}

impl Deployment<'_> {
    /// Carries out `plan`.
    ///
    /// # Errors
    /// Whatever happened, locks are given back where the host answers, and the ledger gets its ended entry once it has a
    /// started one.
    pub fn carry_out(
        &self,
        plan: &Plan,
        ledger: &mut Ledger,
        members: &mut [Member],
    ) -> Result<()> {
        let mut progress = Progress {
            id: ledger::new_id()?,
            token: ledger::new_id()?.0,
            started: None,
            serial: None,
            started_text: String::new(),
            started_signature: String::new(),
            results: Vec::new(),
            failure: None,
            locked: Vec::new(),
        };
        let outcome = self.steps(plan, ledger, members, &mut progress);
        if let Err(error) = outcome {
            self.give_back(members, &progress);
            if progress.started.is_some() {
                // The first error is what counts; a ledger that cannot be written either is only told.
                if let Err(second) = self.record_ended(ledger, &progress) {
                    (self.watch)(Event::Warning(second.to_string()));
                }
            }
            return Err(error);
        }
        match progress.failure {
            Some(failure) => Err(Error::Deployed(Box::new(failure))),
            None => Ok(()),
        }
    }

    fn steps(
        &self,
        plan: &Plan,
        ledger: &mut Ledger,
        members: &mut [Member],
        progress: &mut Progress,
    ) -> Result<()> {
        for step in &plan.steps {
            if progress.started.is_none() {
                interrupted()?;
            }
            match &step.action {
                Action::InstallAgent { .. } => self.install(members, step, plan)?,
                Action::Upload { artifacts, .. } => self.upload(members, step, plan, artifacts)?,
                Action::Prepare { buildout, .. } => {
                    self.prepare(members, step, plan, buildout, progress)?;
                }
                Action::RecordStarted { .. } => self.record_started(ledger, progress)?,
                Action::Activate { expected, new, .. } => {
                    if progress.failure.is_none() {
                        self.activate(members, step, expected.as_ref(), new, progress)?;
                    }
                }
                Action::RecordEnded { .. } => {
                    self.give_back(members, progress);
                    self.record_ended(ledger, progress)?;
                }
                Action::Commit { .. }
                | Action::Tag { .. }
                | Action::Enter { .. }
                | Action::Push { .. }
                | Action::Reapply { .. }
                | Action::Prune { .. } => return Err(Error::Strange("a deployment")),
            }
        }
        Ok(())
    }

    fn agent<'m>(&self, members: &'m mut [Member], step: &Step) -> Result<Conversation<'m>> {
        let name = step.host.as_deref();
        let member = members
            .iter_mut()
            .find(|member| Some(member.host.destination.as_str()) == name)
            .ok_or(Error::Strange("a deployment"))?;
        Ok(self.talk(member))
    }

    fn talk<'m>(&self, member: &'m mut Member) -> Conversation<'m> {
        Conversation::new(
            member.transport.as_mut(),
            &self.stage.path,
            &self.stage.python,
        )
    }

    fn begin(&self, step: &Step) {
        let host = step.host.as_deref().unwrap_or("here");
        (self.watch)(Event::Begin(format!("{host}: {}", step.action)));
    }

    fn install(&self, members: &mut [Member], step: &Step, plan: &Plan) -> Result<()> {
        self.begin(step);
        let installed = self.agent(members, step)?.install();
        installed
            .map(|_| ())
            .map_err(|error| self.before(step, plan, &error))
    }

    fn upload(
        &self,
        members: &mut [Member],
        step: &Step,
        plan: &Plan,
        artifacts: &[Artifact],
    ) -> Result<()> {
        self.begin(step);
        let host = step.host.as_deref().unwrap_or_default();
        let digests: Vec<_> = artifacts.iter().map(|artifact| artifact.sha256).collect();
        let stream = Stream::new(self.store, &digests, host, self.watch)?;
        let put = self.agent(members, step)?.put(stream);
        put.map(|_| ())
            .map_err(|error| self.before(step, plan, &error))
    }

    fn prepare(
        &self,
        members: &mut [Member],
        step: &Step,
        plan: &Plan,
        buildout: &str,
        progress: &mut Progress,
    ) -> Result<()> {
        self.begin(step);
        let request = PrepareRequest {
            manifest: self.released.text.clone(),
            manifest_sha256: self.released.digest,
            signature: self.released.signature.clone(),
            buildout: buildout.to_owned(),
            stage: self.stage.name.clone(),
            id: progress.id.clone(),
            version: self.released.manifest.version.clone(),
            lock: lock(&progress.token, &self.who),
            keep_lock: true,
        };
        let prepared = self.agent(members, step)?.prepare(request, self.watch);
        prepared.map_err(|error| self.before(step, plan, &error))?;
        progress.locked.extend(step.host.clone());
        Ok(())
    }

    fn record_started(&self, ledger: &mut Ledger, progress: &mut Progress) -> Result<()> {
        let time = (self.now)();
        let hosts = &self.stage.hosts;
        let started = Started {
            format: 1,
            state: "started".to_owned(),
            id: progress.id.clone(),
            kind: self.request.intent,
            project: ledger.project_id().to_string(),
            stage: self.stage.name.clone(),
            hosts: hosts.iter().map(|host| host.destination.clone()).collect(),
            path: self.stage.path.clone(),
            version: self.released.manifest.version.clone(),
            manifest: self.released.digest,
            by: self.who.to_string(),
            time: time.to_string(),
            reason: self.reason.to_owned(),
        };
        let files = ledger::started_files(&started, time, self.key)?;
        let text = |at: usize| {
            files
                .get(at)
                .map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned())
                .unwrap_or_default()
        };
        progress.started_text = text(0);
        progress.started_signature = text(1);
        let entry = NewEntry {
            kind: Kind::Started {
                stage: started.stage.clone(),
                version: started.version.clone(),
                intent: started.kind,
            },
            id: started.id.clone(),
            files,
            who: self.who.clone(),
            time,
            reason: self.reason.to_owned(),
        };
        ledger.append(&entry, self.key)?;
        progress.serial = ledger.entries().next().map(|entry| entry.serial);
        progress.started = Some(started);
        self.publish(ledger)
    }

    fn activate(
        &self,
        members: &mut [Member],
        step: &Step,
        expected: Option<&Version>,
        new: &Version,
        progress: &mut Progress,
    ) -> Result<()> {
        self.begin(step);
        let host = step.host.clone().unwrap_or_default();
        let request = ActivateRequest {
            version: new.clone(),
            manifest_sha256: self.released.digest,
            id: progress.id.clone(),
            entry: progress.started_text.clone(),
            signature: progress.started_signature.clone(),
            expected: expected.cloned(),
            token: progress.token.clone(),
            keep: self.stage.keep,
            health: self.request.health.as_ref().map(|health| match health {
                HealthOverride::None => "none".to_owned(),
                HealthOverride::Url(url) => url.clone(),
            }),
            keep_unhealthy: self.request.keep_unhealthy,
            deadline: DEADLINE,
            stage: self.stage.name.clone(),
            intent: self.request.intent,
            serial: progress.serial,
        };
        let activated = self.agent(members, step)?.activate(request, self.watch);
        let case = Case {
            host: &host,
            stage: &self.stage.name,
            old: expected,
            new,
        };
        let verdict = Verdict::of(activated, &case);
        progress.locked.retain(|name| *name != host);
        progress.results.push(HostResult {
            host,
            from: expected.cloned(),
            to: verdict.live,
            result: verdict.outcome,
            backup: verdict.backup,
        });
        progress.failure = verdict.failure;
        Ok(())
    }

    fn record_ended(&self, ledger: &mut Ledger, progress: &Progress) -> Result<()> {
        let Some(started) = &progress.started else {
            return Ok(());
        };
        let time = (self.now)();
        let bad = progress
            .results
            .iter()
            .map(|result| result.result)
            .find(|result| *result != Outcome::Healthy);
        let state = match (bad, progress.results.is_empty()) {
            (Some(bad), _) => bad,
            (None, true) => Outcome::Failed,
            (None, false) => Outcome::Healthy,
        };
        let ended = Ended {
            format: 1,
            state,
            id: ledger::new_id()?,
            of: started.id.clone(),
            stage: started.stage.clone(),
            time: time.to_string(),
            host: progress.results.clone(),
        };
        let entry = NewEntry {
            kind: Kind::Ended {
                stage: started.stage.clone(),
                version: started.version.clone(),
                of: started.id.clone(),
                outcome: state,
                intent: started.kind,
            },
            id: ended.id.clone(),
            files: ledger::ended_files(&ended, time)?,
            who: self.who.clone(),
            time,
            reason: String::new(),
        };
        ledger.append(&entry, self.key)?;
        self.publish(ledger)
    }

    /// Pushes the ledger where the remote answers; where it does not, the entry waits for the next command that can.
    fn publish(&self, ledger: &mut Ledger) -> Result<()> {
        let told = match self.publisher.push(None, ledger)? {
            Published::Kept => return Ok(()),
            Published::Pushed(remote) => {
                (self.watch)(Event::Detail(format!("ledger pushed to {remote}")));
                return Ok(());
            }
            Published::Refused { remote, message } => {
                format!(
                    "{remote} did not take the ledger: {message}; `git hostout resume` tries again"
                )
            }
            Published::Unreachable { remote, message } => {
                format!(
                    "{remote} does not answer: {message}; `git hostout resume` pushes the ledger later"
                )
            }
        };
        (self.watch)(Event::Warning(told));
        Ok(())
    }

    /// Gives back the locks we still hold. A host that does not answer frees it itself when the lease is over.
    fn give_back(&self, members: &mut [Member], progress: &Progress) {
        for member in members {
            let host = member.host.destination.clone();
            if !progress.locked.contains(&host) {
                continue;
            }
            if let Err(error) = self.talk(member).unlock(&progress.token) {
                (self.watch)(Event::Warning(format!(
                    "{host}: the lock stays until its lease of {LEASE} s is over: {error}"
                )));
            }
        }
    }

    /// An error before anything was switched: what was live is live, untouched.
    fn before(&self, step: &Step, plan: &Plan, error: &ConversationError) -> Error {
        let host = step.host.clone().unwrap_or_default();
        if let ConversationError::Failed(failure) = error
            && failure.kind == FailureKind::Locked
        {
            return Error::Locked {
                host,
                holder: failure.message.clone(),
            };
        }
        let live = plan.steps.iter().find_map(|other| match &other.action {
            Action::Activate { expected, .. } if other.host == step.host => expected.clone(),
            _ => None,
        });
        Error::Deployed(Box::new(Deployed {
            message: error.to_string(),
            live: Live::Untouched(live.map(|live| live.to_string())),
            output: error.output().to_vec(),
            hint: error.hint(),
            stage: self.stage.name.clone(),
            host,
        }))
    }
}

/// What a host's lock says about us.
pub(super) fn lock(token: &str, who: &Person) -> LockRequest {
    LockRequest {
        token: token.to_owned(),
        by: who.to_string(),
        from: rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned(),
        pid: std::process::id(),
        lease: LEASE,
    }
}
