//! Carrying out a deployment: prepare every host, then activate them batch by batch, then write down how it ended.

use super::{
    Deployed, Error, Live, Member, Recorder, Result, Telling,
    group::{own, together_with},
    keeping::{Keeping, keepings},
    lives::{Over, worst},
    on_host::{Activation, Afterwards, OnHost, Prepared},
    owner::{LEASE, lock},
    record::{Signed, Still},
    settle::Settling,
    together::{meanwhile, together},
    verdict::{Case, Verdict},
};
use crate::{
    config::{OnFailure, Stage},
    event::Event,
    facts::{self, Open},
    ledger::{self, Ledger, Released},
    pack::Store,
    plan::{Action, DeployRequest, Plan, Step},
    process::asked,
    release::{HostResult, Outcome, Started},
};
use semver::Version;
use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

/// How soon a Ctrl-C is noticed while nothing is done.
const TICK: Duration = Duration::from_millis(100);

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
    /// Its hosts as they were seen.
    pub hosts: &'a [facts::Host],
    /// The deployment to the stage that was left open.
    pub open: Option<&'a Open>,
    /// Hosts that could not be reached and stay behind.
    pub behind: &'a [String],
    /// The glob that chose them, where it did (`--hosts`).
    pub chosen: Option<&'a str>,
    /// As it was asked for.
    pub request: &'a DeployRequest,
    /// Why.
    pub reason: &'a str,
    /// What hosts are told of keys and policy.
    pub telling: &'a Telling,
    /// Whether it may still be done by what others wrote into the ledger since it was planned.
    pub still: Still<'a>,
}

/// What has happened so far.
#[derive(Default)]
struct Progress {
    started: Option<Started>,
    signed: Option<Signed>,
    /// What hosts lack of the ledger, by their names.
    keepings: BTreeMap<String, Keeping>,
    results: Vec<HostResult>,
    failures: Vec<Deployed>,
    /// The hosts whose lock we hold.
    locked: Vec<String>,
    /// A host whose job nobody follows any more.
    left: Option<String>,
    /// No further host is activated.
    halted: bool,
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
        let id = ledger::new_id()?;
        let lock = lock(&ledger::new_id()?.0, self.recorder.who, &plan.summary);
        let hosts = OnHost {
            store: self.store,
            stage: self.stage,
            released: self.released,
            request: self.request,
            chosen: self.chosen,
            telling: self.telling,
            project: ledger.project_id().to_string(),
            watch: self.recorder.watch,
            id: &id,
            lock: &lock,
        };
        let mut run = Run {
            deployment: self,
            hosts: &hosts,
            members,
            ledger,
            activations: activations(plan),
            progress: Progress::default(),
        };
        let outcome = run.steps(plan);
        run.end(outcome)
    }

    /// The hosts that were asked for, where those are not all of the stage.
    fn only(&self) -> Vec<String> {
        let seen = self.hosts.iter().map(|host| &host.name);
        let asked: Vec<String> = seen.chain(self.behind).cloned().collect();
        if asked.len() == self.stage.hosts.len() {
            return Vec::new();
        }
        asked
    }
}

/// The hosts that `plan` activates, with what is live on each.
fn activations(plan: &Plan) -> Vec<(String, Option<Version>)> {
    let activation = |step: &Step| match &step.action {
        Action::Activate { expected, .. } => Some((step.host.clone()?, expected.clone())),
        _ => None,
    };
    plan.steps.iter().filter_map(activation).collect()
}

/// A deployment under way.
struct Run<'r> {
    deployment: &'r Deployment<'r>,
    hosts: &'r OnHost<'r>,
    members: &'r mut [Member],
    ledger: &'r mut Ledger,
    activations: Vec<(String, Option<Version>)>,
    progress: Progress,
}

impl Run<'_> {
    fn steps(&mut self, plan: &Plan) -> Result<()> {
        let settling = Settling {
            recorder: self.deployment.recorder,
            stage: self.deployment.stage,
            open: self.deployment.open,
            reason: "",
        };
        let mut steps = plan.steps.as_slice();
        while let Some((step, rest)) = steps.split_first() {
            if self.progress.started.is_none() && asked() > 0 {
                return Err(self.hosts.stopped(Vec::new()));
            }
            let together = together_with(step, rest);
            let (group, after) = steps.split_at(1 + together);
            let group: Vec<&Step> = group.iter().collect();
            steps = after;
            match &step.action {
                Action::Settle { .. }
                | Action::RecordHealthy { .. }
                | Action::Unlock { .. }
                | Action::Break { .. } => {
                    settling.step(step, self.ledger, self.members)?;
                }
                Action::InstallAgent { .. }
                | Action::Upload { .. }
                | Action::Trust { .. }
                | Action::Prepare { .. } => {
                    self.prepare(&group)?;
                }
                Action::RecordStarted { .. } => self.record_started()?,
                Action::Activate { .. } => self.activate(&group)?,
                Action::Pause { seconds } => self.pause(*seconds),
                Action::RecordEnded { .. } => self.record_ended(),
                // What other plans are made of.
                _ => return Err(Error::Strange("a deployment")),
            }
        }
        Ok(())
    }

    /// What is left to be done when the steps came to their end, or to an error.
    fn end(mut self, outcome: Result<()>) -> Result<()> {
        if let Err(error) = outcome {
            self.record_ended();
            return Err(error);
        }
        if let Some(host) = self.progress.left.take() {
            let stage = self.deployment.stage.name.clone();
            if asked() > 1 {
                return Err(Error::Left { host, stage });
            }
        }
        let lives = self.over().lives();
        let mut failures = std::mem::take(&mut self.progress.failures);
        match worst(&mut failures) {
            Some(mut first) => {
                for other in failures {
                    let text = format!("{}: {}", other.host, other.message);
                    (self.deployment.recorder.watch)(Event::Warning(text));
                }
                first.others = lives;
                first.others.retain(|(host, _)| *host != first.host);
                Err(Error::Deployed(Box::new(first)))
            }
            None if self.progress.results.len() < self.activations.len() => {
                Err(self.hosts.stopped(lives))
            }
            None => Ok(()),
        }
    }

    fn over(&self) -> Over<'_> {
        Over {
            results: &self.progress.results,
            failures: &self.progress.failures,
            activations: &self.activations,
            seen: self.deployment.hosts,
            version: &self.deployment.released.manifest.version,
        }
    }

    /// All hosts at the same time; when one cannot be prepared nothing is switched anywhere.
    fn prepare(&mut self, steps: &[&Step]) -> Result<()> {
        let (hosts, activations) = (self.hosts, &self.activations);
        let prepare = |member: &mut Member, own: Vec<&Step>| {
            let name = &member.host.destination;
            let live = activations.iter().find(|(host, _)| host == name);
            let live = live.and_then(|(_, live)| live.clone());
            hosts.prepare(member, &own, live.as_ref())
        };
        let hold = |member: &mut Member, prepared: Option<&Prepared>| {
            if prepared.is_some_and(|prepared| prepared.locked) {
                hosts.hold(member);
            }
        };
        let answers = together(self.members, |name| own(steps, name), prepare, hold);
        let mut outcome = Ok(());
        for (host, prepared) in answers {
            if prepared.locked {
                self.progress.locked.push(host);
            }
            match (prepared.result, &outcome) {
                (Ok(()), _) => {}
                (Err(error), Ok(())) => outcome = Err(error),
                (Err(other), Err(_)) => {
                    (self.deployment.recorder.watch)(Event::Warning(other.to_string()));
                }
            }
        }
        outcome
    }

    fn record_started(&mut self) -> Result<()> {
        let Deployment {
            recorder,
            stage,
            released,
            request,
            reason,
            ..
        } = self.deployment;
        let started = Started {
            format: 1,
            state: "started".to_owned(),
            id: self.hosts.id.clone(),
            kind: request.intent,
            project: self.ledger.project_id().to_string(),
            stage: stage.name.clone(),
            hosts: stage
                .hosts
                .iter()
                .map(|host| host.destination.clone())
                .collect(),
            only: self.deployment.only(),
            path: stage.path.clone(),
            version: released.manifest.version.clone(),
            manifest: released.digest,
            by: recorder.who.to_string(),
            time: (recorder.now)().to_string(),
            reason: (*reason).to_owned(),
            health: request
                .health
                .as_ref()
                .map(|health| health.word().to_owned()),
            keep: request.keep_unhealthy,
            after: self.deployment.telling.after,
        };
        let (ledger, still) = (&mut *self.ledger, self.deployment.still);
        let (hosts, locked) = (self.hosts, &self.progress.locked);
        // Whoever types a passphrase, and a remote that is slow, may take longer than the lease of a lock.
        let signed = meanwhile(
            self.members,
            |name| locked.iter().any(|host| host == name),
            |member| hosts.hold(member),
            || recorder.started(ledger, &started, still),
        );
        self.progress.signed = Some(signed?);
        self.progress.started = Some(started);
        let (git, hosts) = (&recorder.publisher.git, self.deployment.hosts);
        self.progress.keepings = keepings(self.ledger, git, hosts, recorder.watch);
        Ok(())
    }

    /// One batch. A Ctrl-C lets it come to its end, and spares those after it.
    fn activate(&mut self, steps: &[&Step]) -> Result<()> {
        if self.progress.halted || asked() > 0 {
            return Ok(());
        }
        let signed = self.progress.signed.as_ref();
        let signed = signed.ok_or(Error::Strange("a deployment"))?;
        let afterwards = Afterwards::of(self.activations.len());
        let (hosts, activations, locked) = (self.hosts, &self.activations, &self.progress.locked);
        let keepings = &self.progress.keepings;
        let activate = |member: &mut Member, own: Vec<&Step>| {
            let name = &member.host.destination;
            let old = activations.iter().find(|(host, _)| host == name);
            let old = old.and_then(|(_, old)| old.clone());
            let step = own.first()?;
            let keeping = keepings.get(name);
            Some(hosts.activate(member, step, old.as_ref(), signed, keeping, afterwards))
        };
        let hold = |member: &mut Member, _: Option<&Option<Activation>>| {
            if locked.contains(&member.host.destination) {
                hosts.hold(member);
            }
        };
        let answers = together(self.members, |name| own(steps, name), activate, hold);
        let mut failed = false;
        for (host, activation) in answers {
            let Some(activation) = activation else {
                return Err(Error::Strange("a deployment"));
            };
            // A job gives its lock back; where the host said no before there was one, that is ours to do.
            if afterwards == Afterwards::Free && activation.ended {
                self.progress.locked.retain(|name| *name != host);
            }
            failed |= self.note(host, activation);
        }
        if failed {
            self.fail();
        }
        Ok(())
    }

    /// Remembers what came of an activation; whether the deployment failed by it.
    fn note(&mut self, host: String, activation: Activation) -> bool {
        let unknown = |failure: &Deployed| failure.live == Live::Unknown;
        if activation.left || activation.failure.as_ref().is_some_and(unknown) {
            // Its lock is the job's, and what it came to nobody knows: the others stay as they are.
            self.progress.locked.retain(|name| *name != host);
            self.progress.left = Some(host);
            self.progress.halted = true;
        }
        self.progress.results.push(activation.result);
        let kept = |failure: &Deployed| matches!(failure.live, Live::Kept(_));
        let failed = activation
            .failure
            .as_ref()
            .is_some_and(|failure| !kept(failure));
        self.progress.failures.extend(activation.failure);
        failed
    }

    /// What a host that failed means for the others.
    fn fail(&mut self) {
        match self.deployment.stage.rollout.on_failure {
            OnFailure::Continue => {}
            OnFailure::Halt => self.progress.halted = true,
            OnFailure::RevertAll if self.progress.left.is_some() => self.progress.halted = true,
            OnFailure::RevertAll => {
                self.progress.halted = true;
                self.revert();
            }
        }
    }

    /// Takes back what went well, on all hosts at the same time.
    fn revert(&mut self) {
        let hosts = self.hosts;
        let watch = self.deployment.recorder.watch;
        let new = &hosts.released.manifest.version;
        let progress = &mut self.progress;
        let healthy = |result: &&mut HostResult| result.result == Outcome::Healthy;
        let old = |name: &str| {
            let healthy = |result: &&HostResult| result.result == Outcome::Healthy;
            let mut results = progress.results.iter().filter(healthy);
            let old = results.find(|result| result.host == name)?.from.clone();
            old.filter(|old| old != new)
        };
        let revert = |member: &mut Member, old: Version| hosts.revert(member, &old);
        let mut answers = BTreeMap::from_iter(together(self.members, old, revert, |_, _| ()));
        for result in progress.results.iter_mut().filter(healthy) {
            let Some(answer) = answers.remove(&result.host) else {
                watch(Event::Warning(format!(
                    "{}: nothing else was live before, so that {new} stays",
                    result.host
                )));
                continue;
            };
            let verdict = Verdict::of_way_back(
                answer,
                &Case {
                    host: &result.host,
                    stage: &hosts.stage.name,
                    old: result.from.as_ref(),
                    new,
                },
            );
            result.result = verdict.outcome;
            result.to = verdict.live;
            if verdict.outcome == Outcome::Abandoned {
                progress.locked.retain(|name| *name != result.host);
                progress.left = Some(result.host.clone());
            }
            progress.failures.extend(verdict.failure);
        }
    }

    /// Waits, unless something came in between.
    fn pause(&mut self, seconds: u64) {
        if self.progress.halted {
            return;
        }
        (self.deployment.recorder.watch)(Event::Begin(format!("here: wait {seconds} s")));
        let (hosts, locked) = (self.hosts, &self.progress.locked);
        let end = Instant::now() + Duration::from_secs(seconds);
        let mut told = Instant::now();
        while asked() == 0 && Instant::now() < end {
            thread::sleep(TICK);
            if told.elapsed() < Duration::from_secs(LEASE / 4) {
                continue;
            }
            told = Instant::now();
            let waits = |name: &str| locked.iter().any(|host| host == name).then_some(());
            together(
                self.members,
                waits,
                |member, ()| hosts.hold(member),
                |_, _| (),
            );
        }
    }

    /// Gives the locks back that are still held, and writes down how it ended, where it had begun and somebody knows. A ledger
    /// that cannot be written is told: what is live is not its affair any more.
    fn record_ended(&mut self) {
        let (hosts, locked) = (self.hosts, std::mem::take(&mut self.progress.locked));
        let ours = |name: &str| locked.iter().any(|host| host == name).then_some(());
        together(
            self.members,
            ours,
            |member, ()| hosts.give_back(member),
            |_, _| (),
        );
        // What nobody saw is written by the next command, once the host has told.
        let Some(started) = self
            .progress
            .started
            .take_if(|_| self.progress.left.is_none())
        else {
            return;
        };
        let state = Outcome::overall(&self.progress.results, self.activations.len());
        let mut results = self.progress.results.clone();
        results.extend(self.over().left_behind(self.deployment.behind));
        let recorder = &self.deployment.recorder;
        if let Err(error) = recorder.ended(self.ledger, &started, state, &results, "") {
            (recorder.watch)(Event::Warning(format!(
                "{error}: how this deployment ended has yet to be told, which `git hostout resume` does"
            )));
        }
    }
}
