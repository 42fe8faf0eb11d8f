//! Carrying out a deployment: prepare on every host, then activate, then write down how it ended.

use super::{
    Deployed, Error, Live, Member, Recorder, Result,
    interrupt::asked,
    member,
    record::Signed,
    settle::{unlock, write_end},
    stream::Stream,
    verdict::{Case, Verdict},
};
use crate::{
    config::Stage,
    event::Event,
    facts::Open,
    host::{ActivateRequest, FailureKind, LockRequest, PrepareRequest},
    ledger::{self, Ledger, Person, Released},
    pack::Store,
    plan::{Action, DeployRequest, HealthOverride, Plan, Step},
    release::{Artifact, EntryId, HostResult, Outcome, Started},
    transport::{Conversation, ConversationError},
};
use semver::Version;
use std::cell::Cell;

/// How long a host's lock outlives a client that has gone, in seconds.
const LEASE: u64 = 600;

/// How long an activation may take on a host before it puts the old release back, in seconds.
const DEADLINE: u64 = 1800;

/// A deployment: everything its steps need besides the plan.
pub struct Deployment<'a> {
    /// Who deploys, and how that is written down.
    pub recorder: Recorder<'a>,
    /// Where artifacts come from.
    pub store: &'a Store,
    /// Where to.
    pub stage: &'a Stage,
    /// What.
    pub released: &'a Released,
    /// The deployment to the stage that was left open.
    pub open: Option<&'a Open>,
    /// As it was asked for.
    pub request: &'a DeployRequest,
    /// Why.
    pub reason: &'a str,
}

/// What has happened so far.
struct Progress {
    id: EntryId,
    token: String,
    started: Option<Started>,
    signed: Option<Signed>,
    /// How many hosts are to be activated.
    hosts: usize,
    results: Vec<HostResult>,
    failure: Option<Deployed>,
    /// The hosts whose lock we hold.
    locked: Vec<String>,
    /// A host whose job nobody follows any more.
    left: Option<String>,
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
            signed: None,
            hosts: plan
                .steps
                .iter()
                .filter(|step| matches!(step.action, Action::Activate { .. }))
                .count(),
            results: Vec::new(),
            failure: None,
            locked: Vec::new(),
            left: None,
        };
        let outcome = self.steps(plan, ledger, members, &mut progress);
        if let Err(error) = outcome {
            self.give_back(members, &progress);
            if progress.started.is_some() && progress.left.is_none() {
                // The first error is what counts; a ledger that cannot be written either is only told.
                if let Err(second) = self.record_ended(ledger, &progress) {
                    (self.recorder.watch)(Event::Warning(second.to_string()));
                }
            }
            return Err(error);
        }
        match progress.failure {
            Some(failure) => Err(Error::Deployed(Box::new(failure))),
            None if progress.results.len() < progress.hosts => Err(self.stopped()),
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
            if progress.started.is_none() && asked() > 0 {
                return Err(self.stopped());
            }
            match &step.action {
                Action::Settle { .. } => write_end(step, self.open, &self.recorder, ledger)?,
                Action::Unlock { owner, .. } => {
                    unlock(step, owner, self.stage, &self.recorder, members)?;
                }
                Action::InstallAgent { .. } => self.install(members, step, plan)?,
                Action::Upload { artifacts, .. } => self.upload(members, step, plan, artifacts)?,
                Action::Prepare { buildout, .. } => {
                    self.prepare(members, step, plan, buildout, progress)?;
                }
                Action::RecordStarted { .. } => self.record_started(ledger, progress)?,
                Action::Activate { expected, new, .. } => {
                    // A Ctrl-C lets the host at hand come to its end, and spares the others.
                    if progress.failure.is_none() && (asked() == 0 || progress.results.is_empty()) {
                        self.activate(members, step, expected.as_ref(), new, progress)?;
                    }
                }
                Action::RecordEnded { .. } => {
                    self.give_back(members, progress);
                    // What nobody saw is written by the next command, once the host has told.
                    if progress.left.is_none() {
                        self.record_ended(ledger, progress)?;
                    }
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
        Ok(self.talk(member(members, step, "a deployment")?))
    }

    fn talk<'m>(&self, member: &'m mut Member) -> Conversation<'m> {
        Conversation::new(
            member.transport.as_mut(),
            &self.stage.path,
            &self.stage.python,
        )
        .until(&|| asked() > 0)
    }

    fn stopped(&self) -> Error {
        Error::Stopped {
            stage: self.stage.name.clone(),
        }
    }

    fn begin(&self, step: &Step) {
        let host = step.host.as_deref().unwrap_or("here");
        (self.recorder.watch)(Event::Begin(format!("{host}: {}", step.action)));
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
        let stream = Stream::new(self.store, &digests, host, self.recorder.watch)?;
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
            lock: lock(&progress.token, self.recorder.who),
            keep_lock: true,
        };
        let prepared = self
            .agent(members, step)?
            .prepare(request, self.recorder.watch);
        // Where it was cut off the lock may be ours still.
        let refused = matches!(&prepared, Err(ConversationError::Failed(_)));
        progress
            .locked
            .extend(step.host.clone().filter(|_| !refused));
        prepared
            .map(|_| ())
            .map_err(|error| self.before(step, plan, &error))
    }

    fn record_started(&self, ledger: &mut Ledger, progress: &mut Progress) -> Result<()> {
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
            by: self.recorder.who.to_string(),
            time: (self.recorder.now)().to_string(),
            reason: self.reason.to_owned(),
        };
        progress.signed = Some(self.recorder.started(ledger, &started)?);
        progress.started = Some(started);
        Ok(())
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
        let Some(signed) = &progress.signed else {
            return Err(Error::Strange("a deployment"));
        };
        let request = ActivateRequest {
            version: new.clone(),
            manifest_sha256: self.released.digest,
            id: progress.id.clone(),
            entry: signed.text.clone(),
            signature: signed.signature.clone(),
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
            serial: signed.serial,
        };
        let activated = {
            let leave = self.leave_after_two(&host, expected, new);
            let mut agent = self.agent(members, step)?.until(&leave);
            agent.activate(request, self.recorder.watch)
        };
        progress.locked.retain(|name| *name != host);
        if activated.is_err() && asked() > 1 {
            progress.left = Some(host.clone());
            let stage = self.stage.name.clone();
            return Err(Error::Left { host, stage });
        }
        let case = Case {
            host: &host,
            stage: &self.stage.name,
            old: expected,
            new,
        };
        let verdict = Verdict::of(activated, &case);
        if matches!(&verdict.failure, Some(failure) if failure.live == Live::Unknown) {
            progress.left = Some(host.clone());
        }
        progress.results.push(HostResult {
            host,
            from: expected.cloned(),
            to: verdict.live,
            result: verdict.outcome,
            backup: verdict.backup,
            backup_sha256: verdict.backup_sha256,
        });
        progress.failure = verdict.failure;
        Ok(())
    }

    fn record_ended(&self, ledger: &mut Ledger, progress: &Progress) -> Result<()> {
        let Some(started) = &progress.started else {
            return Ok(());
        };
        let state = Outcome::overall(&progress.results, progress.hosts);
        self.recorder
            .ended(ledger, started, state, &progress.results)
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
                (self.recorder.watch)(Event::Warning(format!(
                    "{host}: the switch from {old} to {new} is under way and goes on by itself, to its end or back; \
                     waiting for it. Ctrl-C again leaves it alone"
                )));
            }
            asked() > 1
        }
    }

    /// Gives back the locks we still hold. A host that does not answer frees it itself when the lease is over.
    fn give_back(&self, members: &mut [Member], progress: &Progress) {
        for member in members {
            let host = member.host.destination.clone();
            if !progress.locked.contains(&host) {
                continue;
            }
            if let Err(error) = self.talk(member).until(&|| false).unlock(&progress.token) {
                (self.recorder.watch)(Event::Warning(format!(
                    "{host}: the lock stays until its lease of {LEASE} s is over: {error}"
                )));
            }
        }
    }

    /// An error before anything was switched: what was live is live, untouched.
    fn before(&self, step: &Step, plan: &Plan, error: &ConversationError) -> Error {
        let host = step.host.clone().unwrap_or_default();
        if asked() > 0 && matches!(error, ConversationError::Transport(_)) {
            return self.stopped();
        }
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
