//! `git hostout bootstrap`: bare servers become the hosts of a stage.

use super::{
    carry_out::{Mode, Question, carry_out, nothing},
    complete, deploy,
    hosts::{prompted, selected, target_of},
    init, new_trust, releasing, renew,
    session::{Session, Workspace},
};
use crate::{
    config::{self, Host, Stage},
    error::Error,
    execute::{self, Root},
    host::{Command, Introduction, Wanted},
    ledger::{Ledger, Released},
    observe,
    plan::{self, Action, BareHost, BootstrapFacts},
    transport::{self, Credentials, Destination, Identity, Prompter, Target},
};
use std::{
    env,
    path::{Path, PathBuf},
};

/// Make bare servers a stage's hosts: users, a key, directories, python, services at boot, log rotation.
///
/// It logs in as root, or as a user who may use sudo, by key or password, and shows what is missing before anything is
/// made. It can be cut off and started again at any time; what is there already stays as it is. Afterwards deployments need
/// no root: whoever deploys may run things as the runtime user, by one line of sudoers, and that user may write only what
/// survives releases.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  git hostout bootstrap production
  git hostout bootstrap production --root-user ubuntu --dry-run
  git hostout bootstrap production --new-trust    when the ledger is lost for good
The password comes from the terminal, $HOSTOUT_PASSWORD or an askpass program, and is kept nowhere.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Args {
    /// The stage
    #[arg(value_name = "STAGE", add = complete::stages())]
    stage: String,
    /// Who logs in to make it: root, or somebody who may use sudo
    #[arg(long, value_name = "USER", default_value = "root")]
    root_user: String,
    /// Only hosts whose names match GLOB
    #[arg(long, value_name = "GLOB", add = complete::hosts())]
    hosts: Option<String>,
    /// End password logins for everybody, once it was proved that the key logs in
    #[arg(long)]
    hardening: bool,
    /// Let the hosts believe this clone's ledger, and its keys, in the place of what they believe now, which is lost
    #[arg(long)]
    new_trust: bool,
    /// The stage moved there from another path, whose services start at boot no more
    #[arg(long)]
    moved: bool,
    /// The name of the stage whose hosts are to believe another ledger
    #[arg(long, value_name = "STAGE", requires = "new_trust", add = complete::stages())]
    confirm: Option<String>,
    /// Show what would be made
    #[arg(long, short = 'n')]
    dry_run: bool,
}

impl Args {
    /// By root, as a deployment offers it where nobody can log in yet.
    pub(super) fn offered(stage: &str, deploying: &deploy::Options) -> Self {
        Self {
            stage: stage.to_owned(),
            root_user: "root".to_owned(),
            hosts: None,
            hardening: false,
            new_trust: false,
            moved: false,
            confirm: None,
            dry_run: deploying.dry_run,
        }
    }

    /// The command that goes on, without `git hostout` and whoever logs in.
    fn again(&self) -> String {
        let mut words = vec!["bootstrap", &self.stage];
        if let Some(hosts) = &self.hosts {
            words.extend(["--hosts", hosts]);
        }
        words.extend(self.hardening.then_some("--hardening"));
        words.extend(self.moved.then_some("--moved"));
        words.extend(self.new_trust.then_some("--new-trust"));
        Command::new(words).shell_line()
    }

    /// The same by whoever logs in.
    fn again_by(&self) -> String {
        match self.root_user.as_str() {
            "root" => self.again(),
            user => format!("{} {}", self.again(), Command::new(["--root-user", user])),
        }
    }
}

pub(super) fn run(session: &Session, args: &Args) -> Result<(), Error> {
    made_ready(session, args).map(drop)
}

/// Whether the servers are ready now; after a dry run they are as they were.
pub(super) fn made_ready(session: &Session, args: &Args) -> Result<bool, Error> {
    let work = session.workspace()?;
    let stage = work.project.select_stage(Some(&args.stage))?;
    let mut twins = plan::Refusal::default();
    plan::one_stage_a_path(&work.project.stages, stage, &mut twins);
    twins.into_result()?;
    let mut preparing = Preparing::new(session, &work, stage, args)?;
    let (mut roots, hosts) = preparing.look()?;
    let facts = BootstrapFacts {
        stage,
        hosts: &hosts,
        new_key: preparing.new_key.as_deref(),
    };
    let Some(plan) = plan::bootstrap(&facts)? else {
        // That all is made is no proof: an earlier run may have ended there.
        preparing.prove_all()?;
        let ready = format!(
            "The servers of {} are ready: nothing is to be made.",
            stage.name
        );
        nothing(session, Mode::of(args.dry_run), &ready);
        return Ok(true);
    };
    let mut ready = false;
    let question = Question {
        text: Some("Make it so?"),
        protected: args.new_trust.then_some(stage.name.as_str()),
        confirmed: args.confirm.as_deref(),
        why: Some("What the hosts believed so far, and everybody's keys for it, count no more."),
    };
    carry_out(session, &plan, Mode::of(args.dry_run), &question, || {
        let show = session.watch();
        let mut here = |action: &Action, roots: &mut [Root], host: Option<&str>| {
            preparing.here(action, roots, host)
        };
        execute::bootstrap(&plan, &mut roots, &mut here, &|event| show.on(event))?;
        if args.new_trust {
            let names: Vec<String> = hosts.iter().map(|host| host.name.clone()).collect();
            new_trust::record(session, &work, stage, &names)?;
        }
        let first = match released(&work)? {
            Some(_) => String::new(),
            None => format!("{}git hostout release, then ", uncommitted(&work)?),
        };
        session.ui.status(&format!(
            "The servers of {} are ready. Next: {first}git hostout deploy {}",
            stage.name, stage.name
        ));
        ready = true;
        Ok(())
    })?;
    Ok(ready)
}

/// What a release waits for: hostout.toml may have been written a moment ago.
fn uncommitted(work: &Workspace) -> Result<String, Error> {
    let root = observe::root(&work.repo)?;
    let file = work.place.file.strip_prefix(&root);
    let name = observe::slashed(file.unwrap_or(&work.place.file))?;
    Ok(if observe::is_dirty(&work.repo, &name)? {
        let add = Command::new(["git", "add", &init::from_here(&root, &name)]);
        format!("{add} && git commit, ")
    } else {
        String::new()
    })
}

/// The release that would be deployed, where there is one.
fn released(work: &Workspace) -> Result<Option<Released>, Error> {
    let ledger = Ledger::open(&work.repo, &work.project.release.ledger)?;
    Ok(ledger.and_then(|ledger| releasing::released(work, &ledger, None).ok()))
}

/// What a bootstrap goes by.
struct Preparing<'a> {
    session: &'a Session,
    work: &'a Workspace,
    stage: &'a Stage,
    args: &'a Args,
    hosts: Vec<&'a Host>,
    key: Identity,
    /// The file of a key that is to be made.
    new_key: Option<String>,
    /// What the hosts are to believe from now on.
    introduction: Option<Introduction>,
}

impl<'a> Preparing<'a> {
    fn new(
        session: &'a Session,
        work: &'a Workspace,
        stage: &'a Stage,
        args: &'a Args,
    ) -> Result<Self, Error> {
        let hosts = selected(stage, args.hosts.as_deref())?;
        let hosts: Vec<&Host> = hosts.into_iter().filter(|host| !host.is_local()).collect();
        let Some(first) = hosts.first() else {
            return Err(Error::Usage(format!(
                "the only host of {} is this machine, which needs no bootstrap",
                stage.name
            )));
        };
        let found = prompted(session, |prompter| {
            transport::identity(&target_of(first), prompter)
        });
        let (key, new_key) = if let Some(key) = found.map_err(Error::Unreachable)? {
            (key, None)
        } else {
            let place = transport::place_for_key(&target_of(first)).map_err(Error::Unreachable)?;
            let unmade = Identity {
                line: "ssh-ed25519 that-is-made-first".to_owned(),
                name: place.clone(),
            };
            (unmade, Some(place))
        };
        Ok(Self {
            session,
            work,
            stage,
            args,
            hosts,
            key,
            new_key,
            introduction: new_trust::introduction(work, args.new_trust)?,
        })
    }

    /// Logs in to every server as root, one after the other: each may ask for a password.
    fn look(&self) -> Result<(Vec<Root>, Vec<BareHost>), Error> {
        let (mut roots, mut hosts) = (Vec::new(), Vec::new());
        for host in &self.hosts {
            let wanted = self.wanted(host)?;
            let user = &self.args.root_user;
            let target = as_user(&target_of(host), user)?;
            let (root, seen, keyless) = prompted(self.session, |prompter| {
                let typed = renew::Remembering::new(prompter);
                let mut transport = transport::connect(&target, &typed)?;
                let elevation = match observe::elevation(transport.as_mut(), user, prompter) {
                    Err(observe::BareError::Expired { user, .. }) => {
                        let new = renew::password(transport, &target, &user, &typed)?;
                        let renewed = Credentials::new(Some(new), None, prompter);
                        transport = transport::connect(&target, &renewed)?;
                        observe::elevation(transport.as_mut(), &user, &renewed)?
                    }
                    found => found?,
                };
                let hardening = self.args.hardening;
                let seen = observe::bare(transport.as_mut(), &elevation, &wanted, hardening)?;
                let name = host.destination.clone();
                let root = Root {
                    name,
                    transport,
                    elevation,
                    wanted: wanted.clone(),
                    again: self.args.again_by(),
                };
                // Who deploys gets a key, which is proved before
                let asks = BareHost::hardens(&seen) && *user != wanted.build;
                let keyless = asks && transport::connect(&target, &KeysOnly(prompter)).is_err();
                Ok((root, seen, keyless))
            })
            .map_err(|why| Error::Bare {
                why,
                again: self.args.again(),
            })?;
            hosts.push(BareHost {
                name: root.name.clone(),
                wanted,
                seen,
                keyless: keyless.then(|| user.clone()),
            });
            roots.push(root);
        }
        Ok((roots, hosts))
    }

    fn wanted(&self, host: &Host) -> Result<Wanted, Error> {
        let (stage, project) = (self.stage, &self.work.project);
        let build = transport::login_name(&target_of(host)).map_err(Error::Unreachable)?;
        let runtime = stage.runtime_user.clone();
        let runtime = runtime.unwrap_or_else(|| plan::runtime_user(&project.name));
        plan::bootstrappable(stage, &host.destination, &build, &runtime)?;
        let settings = project.combination_for(&stage.name, &host.roles);
        Ok(Wanted {
            project: project.name.clone(),
            stage: stage.name.clone(),
            build,
            runtime,
            path: stage.path.clone(),
            python: stage.python.clone(),
            key: self.key.line.clone(),
            key_name: self.key.name.clone(),
            shared: settings
                .map(|settings| settings.shared.paths.clone())
                .unwrap_or_default(),
            libraries: self.libraries(host)?,
            introduction: self.introduction.clone(),
            admin: self.args.root_user.clone(),
            moved: self.args.moved,
            by: format!("{} from {}", self.work.who()?, observe::nodename()),
        })
    }

    /// What the release that would be deployed links; before there is one, nothing is known.
    fn libraries(&self, host: &Host) -> Result<Vec<String>, Error> {
        let Some(released) = released(self.work)? else {
            return Ok(Vec::new());
        };
        let manifest = &released.manifest;
        let store = self.session.store()?;
        let buildout = manifest.buildout_for(&self.stage.name, &host.roles);
        let found = buildout.map(|buildout| observe::libraries(manifest, &buildout.name, &store));
        Ok(found.unwrap_or_default().into_iter().collect())
    }

    /// The steps that are not root's.
    fn here(
        &mut self,
        action: &Action,
        roots: &mut [Root],
        host: Option<&str>,
    ) -> execute::Result<()> {
        match action {
            Action::MakeKey { file } => {
                let comment = format!("{}@{}", self.work.project.name, observe::nodename());
                self.key = transport::make_key(&expanded(file), &comment)
                    .map_err(execute::Error::Unreachable)?;
                for root in roots {
                    root.wanted.key.clone_from(&self.key.line);
                }
                Ok(())
            }
            Action::NameRuntime { stage, user } => self.name_runtime(stage, user),
            Action::Prove { user } => {
                let host = self
                    .hosts
                    .iter()
                    .find(|known| Some(known.destination.as_str()) == host);
                let host = host.ok_or(execute::Error::Strange("a bootstrap"))?;
                self.prove(host, user)
            }
            _ => Err(execute::Error::Strange("a bootstrap")),
        }
    }

    fn prove_all(&self) -> execute::Result<()> {
        for host in &self.hosts {
            let user = transport::login_name(&target_of(host));
            let user = user.map_err(execute::Error::Unreachable)?;
            self.prove(host, &user)?;
        }
        Ok(())
    }

    /// That a key logs in, and that something can be run then.
    fn prove(&self, host: &Host, user: &str) -> execute::Result<()> {
        let (name, again) = (host.destination.clone(), self.args.again_by());
        let proved = prompted(self.session, |prompter| {
            let mut transport = transport::connect(&target_of(host), &KeysOnly(prompter))?;
            observe::runs_nothing(transport.as_mut())
        });
        match proved {
            Ok(None) => Ok(()),
            Ok(Some(said)) => Err(execute::Error::Bootstrap {
                host: name,
                again,
                message: format!(
                    "it was made ready, but nothing can be run there as {user}: {said}"
                ),
                remedy: format!(
                    "the login shell or the password's age may be in the way: getent passwd {user}; chage -l {user}"
                ),
            }),
            Err(source) => Err(execute::Error::Unproved {
                host: name,
                user: user.to_owned(),
                again,
                source: Box::new(source),
            }),
        }
    }

    fn name_runtime(&self, stage: &str, user: &str) -> execute::Result<()> {
        let place = &self.work.place;
        let failed = |why: String| execute::Error::Bootstrap {
            host: "here".to_owned(),
            again: self.args.again_by(),
            message: why,
            remedy: format!(
                "write runtime-user = \"{user}\" into [stage.{stage}] of {}",
                place.name
            ),
        };
        let edited = config::name_runtime(&place.name, &place.text, stage, user)
            .map_err(|error| failed(error.to_string()))?;
        init::write(&place.file, &edited).map_err(|error| failed(error.to_string()))?;
        self.session
            .ui
            .note(&format!("{} names runtime-user now: commit it", place.name));
        Ok(())
    }
}

fn expanded(path: &str) -> PathBuf {
    match path.strip_prefix("~/") {
        Some(rest) => env::home_dir().unwrap_or_default().join(rest),
        None => Path::new(path).to_owned(),
    }
}

/// The same place for another user.
fn as_user(target: &Target, user: &str) -> Result<Target, Error> {
    let destination: Result<Destination, _> = target.host.parse();
    let destination = destination
        .map_err(|error: transport::DestinationError| Error::Usage(error.to_string()))?;
    Ok(Target {
        host: destination.with_user(user).to_string(),
        ..target.clone()
    })
}

/// Whoever answers, but for passwords: what is to be proved is that a key logs in.
struct KeysOnly<'a>(&'a dyn Prompter);

impl Prompter for KeysOnly<'_> {
    fn host_key(&self, question: &transport::HostKeyQuestion) -> bool {
        self.0.host_key(question)
    }

    fn passphrase(&self, file: &Path) -> Option<String> {
        self.0.passphrase(file)
    }

    fn wrong(&self, what: &str) {
        self.0.wrong(what);
    }
}
