//! The project's own eggs: which there are, which changed, and their next versions.

use super::{
    Error, Job, Result,
    configs::Configs,
    elsewhere, files,
    together::{at_once, together},
};
use crate::{
    eggs::{
        self, Dated, Edits, EggSource, Project, VersionSite, egg_tree, first_difference, normalize,
    },
    event::Event,
    plan::Refusal,
    release::Egg,
};
use gix::ObjectId;
use pep440_rs::Version;
use std::collections::{BTreeSet, HashMap};

/// A develop egg that may become part of the release.
pub(super) struct Candidate {
    /// What its packaging files say.
    pub source: EggSource,
    /// Its tree in the released commit, others' files left out.
    pub tree: ObjectId,
    /// The same egg in the previous release, when its code is the same.
    pub unchanged: Option<Egg>,
    /// Its version in this release.
    pub version: Version,
    /// Why it changed, or that it did not.
    pub why: String,
    /// What the release commit changes in its files.
    pub edits: Edits,
    /// What its changelog says about this version.
    pub changes: Vec<String>,
}

/// Finds the project's eggs. Every egg that cannot be released is a reason.
pub(super) fn sources(job: &Job<'_>, configs: &Configs) -> Result<Vec<EggSource>> {
    let tree = files::tree(job)?;
    let mut refusal = Refusal::default();
    let mut sources: Vec<EggSource> = Vec::new();
    for develop in &configs.develop {
        match read(job, tree, &develop.path) {
            Ok(source) if job.project.published.contains(&source.name) => {}
            Ok(source) => {
                let same = |other: &&EggSource| normalize(&other.name) == normalize(&source.name);
                if let Some(other) = sources.iter().find(same) {
                    refusal.add(
                        format!(
                            "{} ({}) and {} ({}) are one name to every installer",
                            other.name, other.path, source.name, source.path
                        ),
                        "rename one of them",
                    );
                } else {
                    sources.push(source);
                }
            }
            Err(Unreadable { path, .. }) if elsewhere::is_published(job, &path) => {}
            Err(Unreadable { what, .. }) if !develop.production => {
                (job.watch)(Event::Warning(format!("a develop egg is left out: {what}")));
            }
            Err(Unreadable { what, remedy, .. }) => refusal.add(what, remedy),
        }
    }
    refusal.into_result()?;
    Ok(sources)
}

/// Decides each egg's version.
pub(super) fn find(
    job: &Job<'_>,
    configs: &Configs,
    sources: Vec<EggSource>,
) -> Result<Vec<Candidate>> {
    let tree = files::tree(job)?;
    let left_out = left_out(job, configs, &sources);
    if let Some(again) = job.again {
        let recorded = |source: &EggSource| {
            let mut eggs = again.recorded.egg.iter();
            eggs.find(|egg| normalize(&egg.name) == normalize(&source.name))
        };
        return sources
            .into_iter()
            .filter_map(|source| Some((recorded(&source)?.clone(), source)))
            .map(|(egg, source)| remade(job, tree, egg, source, &left_out))
            .collect();
    }
    let compared = sources
        .into_iter()
        .map(|source| compare(job, tree, source, &left_out))
        .collect::<Result<Vec<Compared>>>()?;
    let mut indexed = indexed(job, configs, &compared)?;
    compared
        .into_iter()
        .map(|compared| {
            let indexed = indexed.remove(&compared.source.name).unwrap_or_default();
            candidate(job, tree, compared, &indexed)
        })
        .collect()
}

/// An egg beside itself in the previous release.
struct Compared {
    source: EggSource,
    tree: ObjectId,
    before: Option<Egg>,
}

impl Compared {
    fn unchanged(&self) -> Option<&Egg> {
        let id = self.tree.to_string();
        let same = |egg: &&Egg| egg.source_tree == id || egg.release_tree == id;
        self.before.as_ref().filter(same)
    }
}

fn compare(
    job: &Job<'_>,
    tree: ObjectId,
    source: EggSource,
    left_out: &[String],
) -> Result<Compared> {
    let before = job.previous.and_then(|released| {
        let mut eggs = released.manifest.egg.iter();
        eggs.find(|egg| normalize(&egg.name) == normalize(&source.name))
            .cloned()
    });
    Ok(Compared {
        tree: egg_tree(job.repo, tree, &source.path, &others(&source, left_out))?,
        before,
        source,
    })
}

/// The versions of every changed egg's name in the index, several look-ups at once: each is a run of pip.
fn indexed(
    job: &Job<'_>,
    configs: &Configs,
    compared: &[Compared],
) -> Result<HashMap<String, BTreeSet<Version>>> {
    let changed = compared.iter().filter(|egg| egg.unchanged().is_none());
    let names: Vec<&String> = changed.map(|egg| &egg.source.name).collect();
    let (scratch, user) = (&configs.scratch, job.user);
    let mut indexed = HashMap::new();
    for names in names.chunks(at_once()) {
        let answers = together(names, |name| scratch.index_versions(name, user));
        for (name, versions) in names.iter().zip(answers) {
            let versions = versions?;
            let versions = versions.iter().filter_map(|version| version.parse().ok());
            indexed.insert((*name).clone(), versions.collect());
        }
    }
    Ok(indexed)
}

struct Unreadable {
    path: String,
    what: String,
    remedy: String,
}

fn read(job: &Job<'_>, tree: ObjectId, develop: &str) -> Result<EggSource, Unreadable> {
    let inside = (!develop.starts_with('/'))
        .then(|| files::join(job.directory, develop))
        .flatten();
    let Some(path) = inside else {
        return Err(Unreadable {
            path: develop.to_owned(),
            what: format!("develop egg {develop} lies outside of the repository"),
            remedy: "move it inside, or list it in `published` of [eggs]".to_owned(),
        });
    };
    if let Some(what) = elsewhere::why(job, tree, &path) {
        return Err(Unreadable {
            remedy: match elsewhere::behind_link(job, tree, &path) {
                Some(real) => format!("name what it leads to in `develop`: {real}"),
                None => "add its code to this repository, or release it elsewhere and list it in `published` of [eggs]".to_owned(),
            },
            path,
            what,
        });
    }
    let root = if path.is_empty() { "." } else { &path };
    let reader = |path: &str| files::file(job.repo, tree, &files::join("", path)?);
    Project::read(&reader, root).map_err(|error| Unreadable {
        remedy: error
            .hint()
            .unwrap_or_else(|| format!("is {root} committed to git?")),
        what: error.to_string(),
        path: root.to_owned(),
    })
}

/// What is in an egg's folder and not the egg: other eggs, `hostout.toml`, configurations, `include`, generated files.
fn left_out(job: &Job<'_>, configs: &Configs, sources: &[EggSource]) -> Vec<String> {
    let mut out: BTreeSet<String> = BTreeSet::new();
    out.insert(job.file.to_owned());
    let graphs = configs
        .production
        .values()
        .flat_map(|seen| &seen.graph.files);
    let generated = ["hostout.cfg", "hostout-versions.cfg"].map(str::to_owned);
    let files = graphs
        .chain(&job.project.buildout.include)
        .chain(&generated)
        .chain(std::iter::once(&job.project.buildout.development));
    out.extend(files.filter_map(|file| files::join(job.directory, file.trim_end_matches('/'))));
    out.extend(
        sources
            .iter()
            .map(|source| source.path.clone())
            .filter(|path| path != "."),
    );
    out.into_iter().collect()
}

/// The egg as a release of old had it.
fn remade(
    job: &Job<'_>,
    tree: ObjectId,
    egg: Egg,
    source: EggSource,
    left_out: &[String],
) -> Result<Candidate> {
    let edits = if egg.changed {
        edits(job, tree, &source, &egg.version)?.0
    } else {
        Edits::default()
    };
    Ok(Candidate {
        tree: egg_tree(job.repo, tree, &source.path, &others(&source, left_out))?,
        version: egg.version.clone(),
        why: egg.why.clone(),
        changes: egg.changes.clone(),
        unchanged: (!egg.changed).then_some(egg),
        edits,
        source,
    })
}

/// What the release commit changes in an egg's files, and what its changelog says.
fn edits(
    job: &Job<'_>,
    tree: ObjectId,
    source: &EggSource,
    version: &Version,
) -> Result<(Edits, Vec<String>)> {
    let reader = |path: &str| files::file(job.repo, tree, &files::join("", path)?);
    let mut edits = eggs::edit(source, version, &reader)?;
    let mut changes = Vec::new();
    if let Some((path, dated)) = dated(job, source, version, &reader)? {
        edits.files.push((path, dated.text.into_bytes()));
        changes = dated.lines;
    }
    Ok((edits, changes))
}

fn others(source: &EggSource, left_out: &[String]) -> Vec<String> {
    let other = |path: &&String| **path != source.path;
    left_out.iter().filter(other).cloned().collect()
}

fn candidate(
    job: &Job<'_>,
    tree: ObjectId,
    compared: Compared,
    indexed: &BTreeSet<Version>,
) -> Result<Candidate> {
    let unchanged = compared.unchanged().cloned();
    let Compared {
        source,
        tree: own,
        before,
    } = compared;
    if let Some(egg) = unchanged {
        return Ok(Candidate {
            version: egg.version.clone(),
            why: "unchanged".to_owned(),
            changes: egg.changes.clone(),
            unchanged: Some(egg),
            edits: Edits::default(),
            tree: own,
            source,
        });
    }
    let why = match &before {
        Some(egg) => why(job, egg, own)?,
        None => "new".to_owned(),
    };
    let known = (job.known)(&source.name)?;
    let taken = |version: &Version| known.contains(version) || indexed.contains(version);
    let mut last = before.as_ref().map(|egg| egg.version.clone());
    let mut stands = source.version.clone();
    if matches!(source.site, VersionSite::Scm { .. })
        && let Some((tagged, exact)) = eggs::tagged(job.repo, job.head, &source.name)?
    {
        // What its files say is meant for where there is no tag.
        stands = exact.then(|| tagged.clone());
        if !exact {
            last = last.max(Some(tagged));
        }
    }
    let version = eggs::next(stands.as_ref(), last.as_ref(), &taken, known.last());
    let (edits, changes) = edits(job, tree, &source, &version)?;
    Ok(Candidate {
        source,
        tree: own,
        unchanged: None,
        version,
        why,
        edits,
        changes,
    })
}

fn why(job: &Job<'_>, before: &Egg, now: ObjectId) -> Result<String> {
    let old = ObjectId::from_hex(before.source_tree.as_bytes()).ok();
    // A shallow clone has not the old tree: that it changed is known, what changed is not.
    let old = old.filter(|old| job.repo.has_object(*old));
    let difference = match old {
        Some(old) => first_difference(job.repo, old, now)?,
        None => None,
    };
    Ok(difference.unwrap_or_else(|| "changed".to_owned()))
}

fn dated(
    job: &Job<'_>,
    source: &EggSource,
    version: &Version,
    reader: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Result<Option<(String, Dated)>> {
    let Some(changelog) = &source.changelog else {
        return Ok(None);
    };
    let path = source.place(changelog);
    let Some(text) = reader(&path).and_then(|bytes| String::from_utf8(bytes).ok()) else {
        return Ok(None);
    };
    let day = day(files::epoch(job)?);
    Ok(eggs::date(&text, version, &day).map(|dated| (path, dated)))
}

/// The day of the released commit in UTC: the same for everybody.
fn day(epoch: i64) -> String {
    jiff::Timestamp::from_second(epoch)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .strftime("%Y-%m-%d")
        .to_string()
}

impl Candidate {
    /// Its tree after the edits: what the next release compares with, too.
    pub(super) fn release_tree(
        &self,
        job: &Job<'_>,
        release_tree: ObjectId,
        left_out: &[String],
    ) -> Result<ObjectId> {
        let others = others(&self.source, left_out);
        Ok(egg_tree(
            job.repo,
            release_tree,
            &self.source.path,
            &others,
        )?)
    }
}

/// The same for a whole release, see [`left_out`].
pub(super) fn foreign(job: &Job<'_>, configs: &Configs, candidates: &[Candidate]) -> Vec<String> {
    let sources: Vec<EggSource> = candidates
        .iter()
        .map(|candidate| candidate.source.clone())
        .collect();
    left_out(job, configs, &sources)
}

/// Wraps git's errors where an object id is read from text.
pub(super) fn object_id(text: &str) -> Result<ObjectId> {
    ObjectId::from_hex(text.as_bytes()).map_err(|error| {
        Error::git(format!("read object id {text}"))(gix::Error::from_error(error))
    })
}
