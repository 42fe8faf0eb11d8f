//! `git hostout init`: writes `hostout.toml`, starts the ledger, settles the signing key.

use super::{
    hosts, recovery, regain,
    session::{Session, adopt},
};
use crate::{
    buildout, config,
    error::Error,
    host::Command,
    ledger::{self, Key, Ledger, Person},
    observe, plan, process,
    release::Need,
    ui::Answer,
};
use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// Start: write hostout.toml unless there is one, begin the ledger, settle the signing key.
///
/// Run it again at any time: what is there stays as it is.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  git hostout init --stage demo --host local --path ~/demo
  git hostout init --stage production --host deploy@www.example.org --path /srv/shop
  git hostout init --from-host deploy@www.example.org --path /srv/shop")]
pub struct Args {
    /// A stage to write into hostout.toml
    #[arg(long, value_name = "NAME", requires = "host", requires = "path")]
    stage: Option<String>,
    /// Its host: local, or an ssh destination
    #[arg(long, value_name = "HOST", requires = "stage")]
    host: Option<String>,
    /// Where the project goes on it
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Get the ledger and all releases back from a host that was deployed to, when clone and remote are lost; --path is
    /// where the project is there, unless hostout.toml says it
    #[arg(long, value_name = "HOST", conflicts_with = "stage")]
    from_host: Option<String>,
    /// Make a key to put away there: all it may do is add keys, when all others are lost
    #[arg(long, value_name = "FILE")]
    recovery_key: Option<PathBuf>,
}

/// `hostout.toml` as it shall be. It is written when everything that may be refused has been settled.
struct Draft {
    file: PathBuf,
    project: config::Project,
    /// None where it stays as it is.
    text: Option<String>,
    /// What is said of it.
    said: String,
}

/// A stage that is asked for.
struct Wish<'a> {
    stage: &'a str,
    host: &'a str,
    path: &'a str,
}

pub(super) fn run(session: &Session, args: &Args) -> Result<(), Error> {
    let [stage, host, path] = [&args.stage, &args.host, &args.path].map(Option::as_deref);
    config::stage_options(stage, host, path).map_err(Error::Usage)?;
    let directory = session.directory();
    let repo = ledger::discover(&directory)?;
    let root = observe::root(&repo)?;
    let wish = match (&args.stage, &args.host, &args.path) {
        (Some(stage), Some(host), Some(path)) => Some(Wish { stage, host, path }),
        _ => None,
    };
    if args.path.is_some() && args.stage.is_none() && args.from_host.is_none() {
        return Err(Error::Usage(
            "--path goes with --stage, or with --from-host".to_owned(),
        ));
    }
    if let Some(host) = &args.from_host
        && !regain(session, &repo, host, args.path.as_deref())?
    {
        return Ok(());
    }
    let who = Person::configured(&repo)?;
    let draft = draft(session, &repo, &root, wish.as_ref())?;
    let key = settle_key(session, &repo, &who)?;
    // A key that cannot sign is found here, before a file is written.
    let ledger = settle_ledger(session, &repo, &draft.project, &key, &who)?;
    if let Some(text) = &draft.text {
        write(&draft.file, text)?;
    }
    session.ui.status(&draft.said);
    session.ui.status(&ledger);
    if let Some(path) = &args.recovery_key {
        recovery::make(session, &session.workspace()?, path)?;
    }
    let stages = &draft.project.stages;
    let stage = args.stage.as_ref();
    let stage = stage.or(draft.project.default_stage.as_ref());
    let stage = match stage {
        Some(name) => stages.iter().find(|stage| stage.name == *name),
        None => stages.first(),
    };
    if let Some(what) = stage.and_then(plan::rooted) {
        session.ui.warn(&what);
    }
    next(session, &repo, &root, &draft.file, stage)
}

/// The ledger that is there, or a new one; what is said of it.
fn settle_ledger(
    session: &Session,
    repo: &gix::Repository,
    project: &config::Project,
    key: &Key,
    who: &Person,
) -> Result<String, Error> {
    let branch = &project.release.ledger;
    if let Some(ledger) = find(session, repo, branch)? {
        ledger::check_introduction(repo, &ledger)?;
        if let Err(error @ ledger::Error::MayNot { .. }) = ledger.allows(key, &Need::Release) {
            let hint = error.hint().unwrap_or_default();
            session
                .ui
                .warn(&format!("a release will be refused: {error}; {hint}"));
        }
        return Ok(format!("Ledger: branch {branch} is there."));
    }
    let ledger = Ledger::start(repo, branch, &project.name, key, who, session.now())?;
    ledger::introduce(repo, &ledger)?;
    Ok(format!(
        "Ledger: branch {branch} started, for releases and deployments. Your own branches\n  are as they were."
    ))
}

/// Gets the ledger back; whether there is a project here to go on with.
fn regain(
    session: &Session,
    repo: &gix::Repository,
    host: &str,
    path: Option<&str>,
) -> Result<bool, Error> {
    let project = match session.workspace() {
        Ok(work) => Some(work.project),
        Err(Error::Observe(observe::Error::NoProject { .. })) => None,
        Err(error) => return Err(error),
    };
    let tag = regain::run(session, repo, project.as_ref(), host, path)?;
    if project.is_some() {
        return Ok(true);
    }
    let tag = tag.unwrap_or_else(|| "TAG".to_owned());
    session.ui.status(&format!(
        "Next, for a branch that begins with what was released last:\n  git switch --create main {tag}~1\n  git hostout init"
    ));
    Ok(false)
}

/// The ledger here, else the remote's.
fn find(session: &Session, repo: &gix::Repository, branch: &str) -> Result<Option<Ledger>, Error> {
    match Ledger::open(repo, branch)? {
        Some(ledger) => Ok(Some(ledger)),
        None => adopt(&session.ui, repo, branch),
    }
}

/// `hostout.toml` as it is, with the stage added when it is missing, or a new one.
fn draft(
    session: &Session,
    repo: &gix::Repository,
    root: &Path,
    wish: Option<&Wish<'_>>,
) -> Result<Draft, Error> {
    let place = match observe::find(repo, &session.directory(), session.global.config.as_deref()) {
        Ok(place) => place,
        Err(observe::Error::NoProject { .. }) => return new_file(session, repo, root, wish),
        Err(error) => return Err(error.into()),
    };
    let project = config::Project::parse(&place.name, &place.text)?;
    let Some(wish) = wish else {
        return Ok(Draft {
            file: place.file,
            project,
            text: None,
            said: format!("{} is there.", place.name),
        });
    };
    let text = config::add_stage(&place.name, &place.text, wish.stage, wish.host, wish.path)?;
    if text == place.text {
        return Ok(Draft {
            file: place.file,
            project,
            text: None,
            said: format!("{} is there, with stage {}.", place.name, wish.stage),
        });
    }
    Ok(Draft {
        project: config::Project::parse(&place.name, &text)?,
        file: place.file,
        text: Some(text),
        said: format!("Added stage {} to {}.", wish.stage, place.name),
    })
}

fn new_file(
    session: &Session,
    repo: &gix::Repository,
    root: &Path,
    wish: Option<&Wish<'_>>,
) -> Result<Draft, Error> {
    let directory = session.directory();
    let folder = fs::canonicalize(&directory).map_err(|source| observe::Error::File {
        path: directory.clone(),
        source,
    })?;
    let mut proposal = observe::proposal(repo, root, &folder)?;
    if let Some(wish) = wish {
        wish.stage.clone_into(&mut proposal.stage);
        wish.host.clone_into(&mut proposal.host);
        wish.path.clone_into(&mut proposal.path);
        proposal.targets = targets(session, wish, &proposal.python);
    }
    let text = config::new_file(&proposal);
    Ok(Draft {
        file: folder.join("hostout.toml"),
        project: config::Project::parse("hostout.toml", &text)?,
        text: Some(text),
        said: format!(
            "Wrote hostout.toml; hosts will run {}. Read it: every line is explained.",
            proposal.production
        ),
    })
}

/// The target of a host that differs from this machine: wheels are made for it, not for us. A host that cannot be asked
/// yet is asked by `check`.
fn targets(session: &Session, wish: &Wish<'_>, python: &str) -> Vec<String> {
    let host = config::Host {
        destination: wish.host.to_owned(),
        roles: Vec::new(),
        host_key: None,
    };
    if host.is_local() {
        return Vec::new();
    }
    let theirs = hosts::target(session, &host, wish.path);
    let ours = buildout::Python::find(python).and_then(|python| python.target());
    match (theirs, ours) {
        (Ok(theirs), Ok(ours)) if theirs != ours => {
            session.ui.note(&format!(
                "{} takes wheels for {theirs}, this machine for {ours}",
                wish.host
            ));
            vec![theirs]
        }
        (Ok(_), _) => Vec::new(),
        (Err(error), _) => {
            session.ui.note(&format!(
                "{error}; `git hostout check {}` asks it again",
                wish.stage
            ));
            Vec::new()
        }
    }
}

pub(super) fn write(file: &Path, text: &str) -> Result<(), Error> {
    let wrap = |source: io::Error| observe::Error::Write {
        path: file.to_owned(),
        source,
    };
    let folder = file.parent().unwrap_or(Path::new("."));
    let temporary = process::File::new_in(folder, ".hostout-").map_err(wrap)?;
    fs::write(temporary.path(), text).map_err(wrap)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(temporary.path(), fs::Permissions::from_mode(0o644)).map_err(wrap)?;
    }
    Ok(temporary.persist(file).map_err(wrap)?)
}

/// git's own signing key, else an ed25519 key of theirs after asking, else a new one. Never none.
fn settle_key(session: &Session, repo: &gix::Repository, who: &Person) -> Result<Key, Error> {
    let ui = &session.ui;
    if let Some(key) = Key::configured(repo)? {
        ui.status(&format!(
            "Signing key: {}\n  {}",
            key.id,
            key.fingerprint()?
        ));
        return Ok(key);
    }
    if let Some(path) = Key::found() {
        let question = format!("Sign releases with your key {}?", path.display());
        match ui.ask(&question, true) {
            Answer::Yes => {
                let key = Key::new(ledger::Scheme::Ssh, path.display().to_string());
                key.remember(repo)?;
                ui.status(&format!(
                    "Signing key: {}\n  {}",
                    key.id,
                    key.fingerprint()?
                ));
                return Ok(key);
            }
            Answer::No => {}
            Answer::NotATerminal => {
                let flag = format!(
                    "--yes to sign with {}; for another key: git config hostout.signingKey FILE",
                    path.display()
                );
                return Err(Error::NotATerminal { flag });
            }
        }
    }
    let path = config_home().join("git-hostout").join("signing_ed25519");
    let (key, made) = if path.exists() {
        let key = Key::new(ledger::Scheme::Ssh, path.display().to_string());
        (key, "made by an earlier init")
    } else {
        let key = Key::make(&path, &format!("git-hostout {}", who.email))?;
        (key, "made for this")
    };
    key.remember(repo)?;
    ui.status(&format!(
        "Signing key, {made}: {}\n  {}",
        key.id,
        key.fingerprint()?
    ));
    ui.note(
        "nobody but this key can release. Keep a copy of it, and of its .pub,\n  in a safe place.",
    );
    Ok(key)
}

/// `$XDG_CONFIG_HOME`, else `~/.config` (XDG Base Directory).
fn config_home() -> PathBuf {
    env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| env::home_dir().map(|home| home.join(".config")))
        .unwrap_or_else(|| PathBuf::from(".config"))
}

/// How git takes a file of the repository in the folder where the person is: by its path from there, or from the root.
pub(super) fn from_here(root: &Path, name: &str) -> String {
    let below = || {
        let here = fs::canonicalize(env::current_dir().ok()?).ok()?;
        let file = fs::canonicalize(root.join(name)).ok()?;
        observe::slashed(file.strip_prefix(here).ok()?).ok()
    };
    below().unwrap_or_else(|| format!(":/{name}"))
}

/// What to type next.
fn next(
    session: &Session,
    repo: &gix::Repository,
    root: &Path,
    file: &Path,
    stage: Option<&config::Stage>,
) -> Result<(), Error> {
    let name = file.strip_prefix(root).unwrap_or(file);
    let name = observe::slashed(name)?;
    let typed = Command::new(["git", "add", &from_here(root, &name)]);
    let mut lines = vec!["Next:".to_owned()];
    if stage.is_none() {
        lines.push("  git hostout init --stage demo --host local --path ~/demo".to_owned());
    }
    if observe::is_dirty(repo, &name)? {
        lines.push(format!("  {}", typed.shell_line()));
        lines.push("  git commit -m \"Deploy with git-hostout\"".to_owned());
    }
    if let Some(config::Stage {
        name: stage, hosts, ..
    }) = stage
    {
        if hosts.iter().any(|host| !host.is_local()) {
            lines.push(format!(
                "  git hostout bootstrap {stage}\n    (only where the server is not set up yet)"
            ));
        }
        lines.push(format!("  git hostout check {stage}"));
        lines.push("  git hostout release".to_owned());
        lines.push(format!("  git hostout deploy {stage}"));
    }
    session.ui.status(&lines.join("\n"));
    Ok(())
}
