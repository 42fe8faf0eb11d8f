//! The configurations in use: what they are made of, what buildout sees in them.

use super::{Job, Result, elsewhere, files, look::Findings, pins::two_versions};
use crate::{
    buildout::{self, Bootstrap, Graph, Inspected, Python, Scratch, Sources, Wishes, Workdir},
    config::Combination,
    eggs::TemporaryClone,
    event::Event,
    plan::Refusal,
    release::normalize,
};
use std::collections::{BTreeMap, BTreeSet};

/// The configurations of a release.
pub(super) struct Configs {
    /// The interpreter that resolves and builds.
    pub python: Python,
    /// The environment in which buildout runs.
    pub scratch: Scratch,
    /// The production configurations by their path, each once.
    pub production: BTreeMap<String, Seen>,
    /// Develop eggs of the development and all production configurations.
    pub develop: Vec<Develop>,
    /// The files that make production's configurations other than they are in git, relative to the buildout directory.
    pub overlay: BTreeMap<String, Vec<u8>>,
    /// The previous release's pins by name, where they are kept.
    pub kept: Vec<(String, String)>,
}

/// An entry of `develop`.
pub(super) struct Develop {
    /// The egg's folder, relative to the buildout directory.
    pub path: String,
    /// Whether a production configuration has it; what only developers have is a bonus, not a need.
    pub production: bool,
}

/// A production configuration.
pub(super) struct Seen {
    /// Files and addresses it is made of.
    pub graph: Graph,
    /// What buildout sees in it.
    pub inspected: Inspected,
}

/// Reads every configuration in use. What is wrong with one does not hide what is wrong with others; nothing where buildout
/// cannot be asked about any.
pub(super) fn read(job: &Job<'_>, found: &mut Findings) -> Option<Configs> {
    let tree = found.take(files::tree(job))?;
    let read = |path: &str| files::file(job.repo, tree, &files::join(job.directory, path)?);
    let python = found.take(Python::find(&job.project.buildout.python))?;
    let fetch = |url: &str| match job.again.and_then(|again| again.extends(job, url)) {
        Some(bytes) => Ok(bytes),
        None => python.fetch(url),
    };
    let holds = |condition: &str| python.holds(condition);
    let stand_ins = stand_ins(&job.project.combinations);
    let sources = Sources {
        file: &read,
        fetch: &fetch,
        holds: &holds,
        stand_ins: &stand_ins,
    };

    let names: BTreeSet<&str> = job
        .project
        .combinations
        .iter()
        .map(|combination| combination.config.as_str())
        .collect();
    let mut graphs = BTreeMap::new();
    for name in names {
        if let Some(graph) = found.take(Graph::read(&sources, name)) {
            graphs.insert(name.to_owned(), graph);
        }
    }
    found.take(passwords(job, &graphs));
    let default = match job.project.combination("default") {
        // It says which buildout is to be asked.
        Some(combination) => Some(graphs.get(&combination.config)?),
        None => None,
    };
    let kept = kept(job);
    let requirements = read("requirements.txt").and_then(|bytes| String::from_utf8(bytes).ok());
    let wishes = Wishes {
        requirements: requirements.as_deref(),
        own: None,
        kept: &kept,
    };
    let sections = default
        .map(|graph| graph.sections.clone())
        .unwrap_or_default();
    let bootstrap = found.take(Bootstrap::of(&sections, wishes))?;
    found.take(one_environment(job, &graphs));
    (job.watch)(Event::Begin(
        "read the configurations with zc.buildout".to_owned(),
    ));
    let scratch = found.take(Scratch::make(job.cache, &python, &bootstrap, job.user))?;
    let mut configs = Configs {
        python,
        scratch,
        production: BTreeMap::new(),
        develop: Vec::new(),
        overlay: BTreeMap::new(),
        kept,
    };
    let asked = configs.ask(job, graphs, &stand_ins, found);
    found.take(asked)?;
    Some(configs)
}

/// All configurations run in the environment of the default one: a pin of what is in it must not be another one elsewhere.
fn one_environment(job: &Job<'_>, graphs: &BTreeMap<String, Graph>) -> Result<()> {
    let mut pins: BTreeMap<String, (String, &str)> = BTreeMap::new();
    let mut refusal = Refusal::default();
    for combination in &job.project.combinations {
        let Some(graph) = graphs.get(&combination.config) else {
            continue;
        };
        // One that is not supported is told where it is the default's.
        let Ok(pinned) = Bootstrap::of(&graph.sections, Wishes::default()) else {
            continue;
        };
        for (name, version) in pinned.pinned() {
            let own = (version.to_owned(), combination.name.as_str());
            let (first, place) = pins.entry(name.to_owned()).or_insert(own);
            if first != version {
                two_versions(
                    &mut refusal,
                    name,
                    (first, place),
                    (version, &combination.name),
                );
            }
        }
    }
    Ok(refusal.into_result()?)
}

impl Configs {
    /// Asks buildout what it sees in each.
    fn ask(
        &mut self,
        job: &Job<'_>,
        graphs: BTreeMap<String, Graph>,
        stand_ins: &[String],
        found: &mut Findings,
    ) -> Result<()> {
        for graph in graphs.values() {
            self.overlay.extend(buildout::flatten(graph)?);
        }
        let clone = TemporaryClone::new(job.repo, job.head, &[])?;
        let work = Workdir::copy(clone.path(), job.directory, &self.overlay, stand_ins)?;
        let development = &job.project.buildout.development;
        let mut names: Vec<&str> = graphs.keys().map(String::as_str).collect();
        let developed = !graphs.contains_key(development);
        names.extend(developed.then_some(development.as_str()));
        let mut seen = Inspected::read_all(&self.scratch, &work, &names, job.user)?;
        let develops = developed.then(|| seen.pop()).flatten();
        for ((name, graph), inspected) in graphs.into_iter().zip(seen) {
            if let Some(inspected) = found.take(inspected) {
                self.develop(inspected.develop.clone(), true);
                self.develop(elsewhere::missing(job, &inspected), true);
                self.production.insert(name, Seen { graph, inspected });
            }
        }
        match develops {
            Some(Ok(inspected)) => self.develop(inspected.develop, false),
            Some(Err(error)) => (job.watch)(Event::Warning(format!(
                "{development} is left out: {error}"
            ))),
            None => {}
        }
        Ok(())
    }

    fn develop(&mut self, paths: Vec<String>, production: bool) {
        for path in paths {
            if !self.develop.iter().any(|other| other.path == path) {
                self.develop.push(Develop { path, production });
            }
        }
    }

    /// What looks like a password in production's configurations, with a remedy each.
    pub fn secrets(&self, job: &Job<'_>) -> Vec<String> {
        let graphs = self.production.values().map(|seen| &seen.graph);
        let told: BTreeSet<(String, usize, String)> = graphs
            .flat_map(Graph::secrets)
            .map(|secret| {
                let file = files::join(job.directory, &secret.place.file);
                let file = file.unwrap_or_else(|| secret.place.file.clone());
                let told = secret.exposed(&file);
                let text = format!("{}; {}", told.what, told.remedy);
                (file, secret.place.line, text)
            })
            .collect();
        told.into_iter().map(|(.., text)| text).collect()
    }
}

/// Shared files live on hosts only; here empty ones stand in for them.
fn stand_ins(combinations: &[Combination]) -> Vec<String> {
    let all: BTreeSet<&String> = combinations
        .iter()
        .flat_map(|combination| &combination.shared.files)
        .collect();
    all.into_iter().cloned().collect()
}

/// The pins of the previous release that are not to go up.
fn kept(job: &Job<'_>) -> Vec<(String, String)> {
    let upgraded = |name: &str| match job.upgrade {
        super::Upgrade::None => false,
        super::Upgrade::All => true,
        super::Upgrade::Names(names) => names
            .iter()
            .any(|wanted| normalize(wanted) == normalize(name)),
    };
    let pins = job
        .previous
        .iter()
        .flat_map(|released| &released.manifest.pin);
    pins.filter(|pin| !upgraded(&pin.name))
        .map(|pin| (pin.name.clone(), pin.version.to_string()))
        .collect()
}

fn passwords(job: &Job<'_>, graphs: &BTreeMap<String, Graph>) -> Result<()> {
    let mut refusal = Refusal::default();
    let places: BTreeSet<(String, usize)> = graphs
        .values()
        .flat_map(Graph::passwords)
        .map(|place| (place.file, place.line))
        .collect();
    for (file, line) in places {
        let file = files::join(job.directory, &file).unwrap_or(file);
        refusal.add(
            format!("{file}:{line}: an address with a password, in git for everyone to read"),
            "move it to ~/.netrc or pip's configuration, and change the password",
        );
    }
    Ok(refusal.into_result()?)
}
