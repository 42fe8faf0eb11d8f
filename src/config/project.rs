//! `hostout.toml` as meant: every default filled in.

use super::combination::Combination;
use super::error::Error;
use super::rollout::Rollout;
use super::shared_store::SharedStore;
use crate::release::normalize;
use globset::Glob;
use std::fmt;

/// What `hostout.toml` says about a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// The stage that is meant when none is named.
    pub default_stage: Option<String>,
    /// Where its buildout is.
    pub buildout: BuildoutFiles,
    /// Develop eggs that are released elsewhere.
    pub published: Published,
    /// How it is released.
    pub release: ReleaseRules,
    /// Its stages, in the order of the file.
    pub stages: Vec<Stage>,
    /// The settings of every combination in use: `default` first, then stages and their roles that set something.
    pub combinations: Vec<Combination>,
}

/// The files of a buildout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildoutFiles {
    /// The folder, relative to that of `hostout.toml`; `.` = the same.
    pub directory: String,
    /// What developers run, relative to `directory`, as all that follows.
    pub development: String,
    /// What hosts run.
    pub production: String,
    /// Further tracked files and folders for the tarball; one that isn't there is no mistake.
    pub include: Vec<String>,
    /// Parts that act outside the release directory.
    pub host_parts: Vec<String>,
    /// The python that resolves and builds here.
    pub python: String,
}

/// Globs of egg names. `acme.theme` and `Acme_Theme` are one name (PEP 503).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Published(Vec<Glob>);

/// How releases are named and what they are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseRules {
    /// The pattern of tags, with `{version}` in it.
    pub tag: String,
    /// The ledger's branch.
    pub ledger: String,
    /// Which hosts wheels are for; empty = this machine.
    pub targets: Vec<String>,
    /// Where artifacts are shared.
    pub store: Option<SharedStore>,
}

/// A named group of hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// Its hosts, at least one.
    pub hosts: Vec<Host>,
    /// Where the project is on them; absolute or below `~/`, no `/` at the end.
    pub path: String,
    /// Their python.
    pub python: String,
    /// Whom services run as; left out = the login user.
    pub runtime_user: Option<String>,
    /// Whether its name must be typed before anything is changed.
    pub protected: bool,
    /// Releases that stay on disk, at least 1.
    pub keep: u32,
    /// In which order hosts get a release.
    pub rollout: Rollout,
    /// Where people look at it.
    pub url: Option<String>,
    /// Who fetches wheels from an index.
    pub fetch: Fetch,
}

/// Who fetches third-party wheels from an index: `fetch` of a stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fetch {
    /// This machine, which sends them.
    #[default]
    Client,
    /// Each host, by its own pip.
    Host,
}

/// A host of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// `local`, or `[user@]host[:port]` as written.
    pub destination: String,
    /// Its parts in the stage.
    pub roles: Vec<String>,
    /// Its public key as in `known_hosts`, without the name.
    pub host_key: Option<String>,
}

impl Project {
    /// The stage that is meant by `name`, or when there is none: the default stage, else the only one.
    ///
    /// # Errors
    /// An unknown name, no stage at all, or several without a default.
    pub fn select_stage(&self, name: Option<&str>) -> Result<&Stage, Error> {
        let known = || self.stages.iter().map(|stage| stage.name.clone()).collect();
        match (name.or(self.default_stage.as_deref()), &self.stages[..]) {
            (Some(name), stages) => {
                let unknown = || Error::UnknownStage {
                    name: name.to_owned(),
                    known: known(),
                };
                let found = stages.iter().find(|stage| stage.name == name);
                found.ok_or_else(unknown)
            }
            (None, [only]) => Ok(only),
            (None, []) => Err(Error::NoStages),
            (None, _) => Err(Error::WhichStage { known: known() }),
        }
    }

    /// The settings called `name`: `default`, `STAGE` or `STAGE.ROLE`. Only those in use are there.
    pub fn combination(&self, name: &str) -> Option<&Combination> {
        self.combinations.iter().find(|found| found.name == name)
    }

    /// The hosts of `stage` whose roles have no settings of their own, where other roles of it have some.
    pub fn without_own_settings<'s>(&self, stage: &'s Stage) -> Vec<&'s Host> {
        let prefix = format!("{}.", stage.name);
        let names = self.combinations.iter();
        let own: Vec<&str> = names
            .filter_map(|found| found.name.strip_prefix(&prefix))
            .collect();
        let has_own = |host: &&Host| host.roles.iter().any(|role| own.contains(&role.as_str()));
        let hosts = stage.hosts.iter();
        hosts
            .filter(|host| !own.is_empty() && !has_own(host))
            .collect()
    }

    /// The nearest settings for a host of `stage` with `roles`; the first role that has any decides.
    pub fn combination_for(&self, stage: &str, roles: &[String]) -> Option<&Combination> {
        roles
            .iter()
            .find_map(|role| self.combination(&format!("{stage}.{role}")))
            .or_else(|| self.combination(stage))
            .or_else(|| self.combination("default"))
    }
}

impl Published {
    /// Compiles globs.
    ///
    /// # Errors
    /// The first one that is none.
    pub fn new<'g>(globs: impl IntoIterator<Item = &'g str>) -> Result<Self, globset::Error> {
        let compiled: Result<_, _> = globs
            .into_iter()
            .map(|glob| Glob::new(&normalize(glob)))
            .collect();
        compiled.map(Self)
    }

    /// Whether the egg `name` is released elsewhere.
    pub fn contains(&self, name: &str) -> bool {
        let name = normalize(name);
        self.0
            .iter()
            .any(|glob| glob.compile_matcher().is_match(&name))
    }
}

impl fmt::Debug for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(Glob::glob))
            .finish()
    }
}

impl Host {
    /// Whether it is this machine, reached without ssh.
    pub fn is_local(&self) -> bool {
        self.destination == "local"
    }
}

#[cfg(test)]
mod tests {
    use super::Published;

    #[test]
    fn egg_names_match_however_they_are_spelled() {
        let published = Published::new(["acme.theme", "collective.*"]).unwrap();
        assert!(published.contains("Acme_Theme"));
        assert!(published.contains("collective-solr"));
        assert!(!published.contains("acme.themes"));
        assert!(!published.contains("shop"));
    }
}
