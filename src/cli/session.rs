//! What every verb starts from: the words, the person, the clock, the environment.

use super::{
    args::{Color, Global},
    show_event::Show,
};
use crate::{
    config,
    error::Error,
    ledger::{self, Git, Key, Ledger, Patience, Person},
    observe::{self, Place},
    pack,
    ui::{self, Ui, Verbosity},
};
use jiff::Timestamp;
use std::{cell::Cell, env, path::PathBuf, rc::Rc};

/// One run of the program.
pub struct Session {
    /// What a person sees.
    pub ui: Ui,
    /// The flags of every verb.
    pub global: Global,
}

/// The project that a command is about.
pub struct Workspace {
    /// Its repository.
    pub repo: gix::Repository,
    /// Where in it the project is.
    pub place: Place,
    /// What its `hostout.toml` says.
    pub project: config::Project,
    /// Whether the remote was silent in this run: it is not waited for again.
    pub silent: Rc<Cell<bool>>,
}

impl Session {
    pub(super) fn new(global: Global) -> Self {
        let ui = Ui::new(ui::Options {
            verbosity: match (global.quiet, global.verbose) {
                (true, _) => Verbosity::Quiet,
                (false, 0) => Verbosity::Normal,
                (false, _) => Verbosity::Verbose,
            },
            color: match global.color {
                Color::Auto => ui::Color::Auto,
                Color::Always => ui::Color::Always,
                Color::Never => ui::Color::Never,
            },
            json: global.json,
            yes: global.yes,
            no_input: global.no_input,
        });
        Self { ui, global }
    }

    /// The folder to start in.
    pub fn directory(&self) -> PathBuf {
        self.global
            .directory
            .clone()
            .unwrap_or_else(|| PathBuf::from("."))
    }

    /// Shows what happens while it happens.
    pub fn watch(&self) -> Show<'_> {
        Show::new(&self.ui)
    }

    /// The one clock of the program; `HOSTOUT_CLOCK` (seconds since 1970) stands in for it where output must be the same
    /// every time.
    #[expect(clippy::unused_self, reason = "a session has one clock")]
    pub fn now(&self) -> Timestamp {
        env::var("HOSTOUT_CLOCK")
            .ok()
            .and_then(|text| text.parse().ok())
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .unwrap_or_else(Timestamp::now)
    }

    /// Whether this is a build server, which is gone afterwards: their services set `CI`.
    #[expect(clippy::unused_self, reason = "a session has one environment")]
    pub fn on_a_build_server(&self) -> bool {
        env::var("CI").is_ok_and(|ci| !["", "0", "false"].contains(&ci.as_str()))
    }

    /// The project around the folder to start in.
    pub fn workspace(&self) -> Result<Workspace, Error> {
        let directory = self.directory();
        let repo = ledger::discover(&directory)?;
        let place = observe::find(&repo, &directory, self.global.config.as_deref())?;
        let project = config::Project::parse(&place.name, &place.text)?;
        Ok(Workspace {
            repo,
            place,
            project,
            silent: Rc::default(),
        })
    }

    /// The cache folder: `$XDG_CACHE_HOME/git-hostout`, else `~/.cache/git-hostout` (XDG Base Directory).
    #[expect(clippy::unused_self, reason = "a session has one cache")]
    pub fn cache(&self) -> PathBuf {
        env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| env::home_dir().map(|home| home.join(".cache")))
            .unwrap_or_else(env::temp_dir)
            .join("git-hostout")
    }

    /// The content store of this machine.
    pub fn store(&self) -> Result<pack::Store, Error> {
        Ok(pack::Store::open(self.cache().join("store"))?)
    }
}

impl Workspace {
    /// The ledger: the local branch, with what `git fetch` brought of the remote's; else the remote's, fetched, verified and
    /// adopted.
    pub fn ledger(&self, ui: &Ui) -> Result<Ledger, Error> {
        let branch = &self.project.release.ledger;
        let ledger = match Ledger::open(&self.repo, branch)? {
            Some(ledger) => ledger,
            None => adopt(ui, &self.repo, branch)?
                .ok_or_else(|| observe::Error::NoLedger(branch.clone()))?,
        };
        ledger::check_introduction(&self.repo, &ledger)?;
        self.followed(ui, ledger)
    }

    fn followed(&self, ui: &Ui, ledger: Ledger) -> Result<Ledger, Error> {
        let Some(remote) = ledger::remote_for(&self.repo) else {
            return Ok(ledger);
        };
        let branch = ledger.branch();
        match ledger.follow(&remote) {
            Ok(None) => Ok(ledger),
            Ok(Some(tip)) => {
                ui.detail(&format!("ledger {branch} follows {remote}/{branch}: {tip}"));
                Ok(Ledger::open(&self.repo, branch)?.unwrap_or(ledger))
            }
            Err(error) => {
                ui.warn(&format!(
                    "{remote}/{branch}, as git fetched it, is not taken over: {error}"
                ));
                Ok(ledger)
            }
        }
    }

    /// The signing key that `init` settled.
    pub fn key(&self) -> Result<Key, Error> {
        Ok(Key::configured(&self.repo)?.ok_or(ledger::Error::NoKey)?)
    }

    /// Who writes entries.
    pub fn who(&self) -> Result<Person, Error> {
        Ok(Person::configured(&self.repo)?)
    }

    /// A path of `hostout.toml` from the root of the repository; `config` lets none leave it.
    pub fn below(&self, path: &str) -> String {
        config::join(&self.place.folder, path).unwrap_or_default()
    }

    /// The buildout directory from the root of the repository; empty = the root.
    pub fn buildout(&self) -> String {
        self.below(&self.project.buildout.directory)
    }
}

/// The remote's ledger as a local branch, when the remote has one.
pub fn adopt(ui: &Ui, repo: &gix::Repository, branch: &str) -> Result<Option<Ledger>, Error> {
    let Some(remote) = ledger::remote_for(repo) else {
        return Ok(None);
    };
    let git = Git::of(repo);
    ledger::fetch(repo, &git, &remote, branch, Patience::default())?;
    let Some(ledger) = Ledger::open(repo, branch)? else {
        return Ok(None);
    };
    ledger::introduce(repo, &ledger)?;
    ui.detail(&format!(
        "ledger {branch} taken over from {remote}: {}",
        ledger.tip()
    ));
    Ok(Some(ledger))
}
