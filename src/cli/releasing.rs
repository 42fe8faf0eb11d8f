//! What the verbs about releases share: what is known, putting one together, publishing it, finding one.

use super::{
    considering,
    session::{Session, Workspace},
};
use crate::{
    assemble::{self, Assembled, Job, Upgrade},
    buildout::User,
    config,
    error::Error,
    facts::{self, RemoteLedger},
    ledger::{self, Fetched, Git, Key, Kind, Ledger, Patience, Released},
    observe,
    plan::{self, Copies, Refusal, ReleaseFacts, ReleaseRequest, Staged},
    release::{Manifest, Need, normalize},
};
use gix::ObjectId;
use semver::Version;
use std::{
    cell::OnceCell,
    collections::{BTreeSet, HashMap},
};

/// What is known before anything is built.
pub struct Seen {
    repository: facts::Repository,
    previous: Option<Released>,
    previous_facts: Option<facts::Released>,
    released: BTreeSet<Version>,
    unchanged: bool,
    remote: RemoteLedger,
    push_to: Option<String>,
    lacking: Vec<String>,
    unsigned: Option<(String, String)>,
    tip: String,
    head: ObjectId,
}

impl Seen {
    /// Looks at the repository, the ledger and the remote's ledger.
    pub(super) fn look(
        session: &Session,
        work: &Workspace,
        ledger: &mut Ledger,
        push: bool,
    ) -> Result<Self, Error> {
        let remote_name = ledger::remote_for(&work.repo);
        let remote = match &remote_name {
            Some(name) => remote(work, name, ledger)?,
            None => RemoteLedger::NoRemote,
        };
        ledger.refresh()?;
        let needed = needed(work);
        let repository = observe::repository(&work.repo, &work.place.folder, &|path| {
            needed.contains(path)
        })?;
        let head = ObjectId::from_hex(repository.head.as_bytes())
            .map_err(|_| observe::Error::NoCommits)?;
        let commits = commits(ledger);
        let previous = match observe::previous(&work.repo, head, &commits)? {
            Some(version) => ledger.release(&version)?,
            None => None,
        };
        let unchanged = match &previous {
            Some(released) => unchanged(work, head, &released.manifest)?,
            None => false,
        };
        let unsigned = match Key::configured(&work.repo) {
            Ok(Some(key)) => key
                .ready()
                .and_then(|()| ledger.allows(&key, &Need::Release))
                .map_err(Some),
            Ok(None) => Err(None),
            Err(error) => Err(Some(error)),
        };
        let unsigned = unsigned.err().map(|error| {
            let remedy = error.as_ref().and_then(ledger::Error::hint);
            (
                error.map_or("no signing key is configured".to_owned(), |it| {
                    it.to_string()
                }),
                remedy.unwrap_or("git config user.signingkey, or git hostout init".to_owned()),
            )
        });
        let push_to = match &remote {
            RemoteLedger::Unreachable { .. } | RemoteLedger::NoRemote => None,
            RemoteLedger::UpToDate | RemoteLedger::Diverged { .. } => remote_name.filter(|_| push),
        };
        session.ui.detail(&format!("HEAD is {head}"));
        Ok(Self {
            previous_facts: previous.as_ref().map(|released| facts::Released {
                manifest: released.manifest.clone(),
                digest: released.digest,
            }),
            released: commits.into_values().collect(),
            lacking: match &push_to {
                Some(remote) => ledger.tags_lacking_at(remote)?,
                None => Vec::new(),
            },
            push_to,
            tip: ledger.tip().to_string(),
            repository,
            previous,
            unchanged,
            remote,
            unsigned,
            head,
        })
    }

    /// For planning.
    pub(super) fn facts<'a>(&'a self, work: &'a Workspace) -> ReleaseFacts<'a> {
        ReleaseFacts {
            project: &work.project.name,
            tag_format: &work.project.release.tag,
            ledger: &work.project.release.ledger,
            tip: &self.tip,
            repository: &self.repository,
            previous: self.previous_facts.as_ref(),
            released: &self.released,
            unchanged: self.unchanged,
            remote: &self.remote,
            unsigned: self
                .unsigned
                .as_ref()
                .map(|(why, remedy)| (&**why, &**remedy)),
        }
    }

    /// For planning, once the release is put together.
    pub(super) fn staged<'a>(
        &'a self,
        assembled: &'a Assembled,
        copies: &'a Copies<'a>,
        publishes: &'a [String],
    ) -> Staged<'a> {
        Staged {
            manifest: &assembled.manifest,
            digest: crate::release::Digest::of(assembled.text.as_bytes()),
            unused: &assembled.unused,
            secrets: &assembled.secrets,
            sources: &assembled.sources,
            copies,
            push_to: self.push_to.as_deref(),
            lacking: &self.lacking,
            publishes,
        }
    }

    /// The previous release, where neither the tree nor a pin differs from it.
    pub(super) fn same_as(&self, assembled: &Assembled) -> Option<&Version> {
        let previous = &self.previous.as_ref()?.manifest;
        (self.unchanged && previous.pin == assembled.manifest.pin).then_some(&previous.version)
    }

    /// Whether HEAD is released as it is, and nothing else was asked for.
    pub(super) fn is_released(&self, request: &ReleaseRequest) -> bool {
        self.unchanged && *request == ReleaseRequest::default()
    }

    /// The repository.
    pub(super) fn repository(&self) -> &facts::Repository {
        &self.repository
    }

    /// The release before.
    pub(super) fn previous(&self) -> Option<&Manifest> {
        self.previous.as_ref().map(|released| &released.manifest)
    }

    /// The remote that the release is pushed to.
    pub(super) fn push_to(&self) -> Option<String> {
        self.push_to.clone()
    }

    /// Subjects of the branch's commits that no branch of the remote has: the tag makes them public.
    pub(super) fn publishes(&self, work: &Workspace) -> Result<Vec<String>, Error> {
        match &self.push_to {
            Some(remote) => Ok(observe::unpublished(&work.repo, remote, self.head)?),
            None => Ok(Vec::new()),
        }
    }
}

/// Fetches the remote's ledger, and says how ours compares.
fn remote(work: &Workspace, name: &str, ledger: &Ledger) -> Result<RemoteLedger, Error> {
    let git = Git::of(&work.repo);
    match ledger::fetch(&work.repo, &git, name, ledger.branch(), Patience::default()) {
        Ok(
            Fetched::Absent
            | Fetched::Same
            | Fetched::Adopted { .. }
            | Fetched::Forwarded { .. }
            | Fetched::Ahead { .. },
        ) => Ok(RemoteLedger::UpToDate),
        Err(ledger::Error::Diverged {
            ours,
            theirs,
            blocked,
            ..
        }) => Ok(RemoteLedger::Diverged {
            detail: format!("entries only here: {ours}, only there: {theirs}"),
            blocked,
        }),
        Err(ledger::Error::Unreachable { remote, message }) => Ok(RemoteLedger::Unreachable {
            remote,
            detail: message,
        }),
        Err(error) => Err(error.into()),
    }
}

/// The files that would have to be in git: `hostout.toml`, and what lies in its buildout directory and is named there.
fn needed(work: &Workspace) -> observe::Needed {
    let buildout = work.buildout();
    let below = |path: &str| config::join(&buildout, path).unwrap_or_default();
    let project = &work.project;
    let mut files: BTreeSet<String> = BTreeSet::from([work.place.name.clone()]);
    let configs = project
        .combinations
        .iter()
        .map(|combination| &combination.config);
    for config in configs.chain([&project.buildout.development]) {
        files.insert(below(config));
    }
    let folders = project
        .buildout
        .include
        .iter()
        .map(|include| below(include))
        .collect();
    observe::Needed::new(&work.repo, &work.place, &buildout, files, folders)
}

/// The released commit of every release; the newest release of a commit wins.
pub(super) fn commits(ledger: &Ledger) -> HashMap<ObjectId, Version> {
    let mut commits = HashMap::new();
    for entry in ledger.entries() {
        if let Kind::Release {
            version, commit, ..
        } = &entry.kind
        {
            commits.entry(*commit).or_insert_with(|| version.clone());
        }
    }
    commits
}

fn unchanged(work: &Workspace, head: ObjectId, manifest: &Manifest) -> Result<bool, Error> {
    let now = observe::project_tree(&work.repo, head, &work.place.folder)?;
    for commit in [&manifest.commit, &manifest.release_commit] {
        let Ok(commit) = ObjectId::from_hex(commit.as_bytes()) else {
            continue;
        };
        if work.repo.has_object(commit)
            && observe::project_tree(&work.repo, commit, &work.place.folder)? == now
        {
            return outside_unchanged(work, head, manifest);
        }
    }
    Ok(false)
}

/// Eggs outside of the project's folder are not in its tree.
fn outside_unchanged(work: &Workspace, head: ObjectId, manifest: &Manifest) -> Result<bool, Error> {
    let folder = &work.place.folder;
    let inside =
        |path: &str| folder.is_empty() || path.starts_with(&format!("{folder}/")) || path == folder;
    let Ok(released) = ObjectId::from_hex(manifest.commit.as_bytes()) else {
        return Ok(false);
    };
    for egg in manifest.egg.iter().filter(|egg| !inside(&egg.path)) {
        if observe::project_tree(&work.repo, head, &egg.path)?
            != observe::project_tree(&work.repo, released, &egg.path)?
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Which pins `--upgrade` lets go up.
pub(super) fn upgrade(names: Option<&[String]>) -> Upgrade {
    match names {
        None => Upgrade::None,
        Some(names) if names.iter().any(String::is_empty) => Upgrade::All,
        Some(names) => Upgrade::Names(names.to_vec()),
    }
}

/// Puts the release together; nothing of it is visible yet.
pub(super) fn assemble(
    session: &Session,
    work: &mut Workspace,
    ledger: &Ledger,
    seen: &Seen,
    version: &Version,
    upgrade: &Upgrade,
) -> Result<Assembled, Error> {
    job(
        session,
        work,
        ledger,
        seen,
        Some((version, upgrade)),
        |job| assemble::assemble(job, considering::look(session, job)?),
    )
}

/// Does something with what a release is made from; for a look its version does not matter.
pub(super) fn job<T>(
    session: &Session,
    work: &mut Workspace,
    ledger: &Ledger,
    seen: &Seen,
    release: Option<(&Version, &Upgrade)>,
    with: impl FnOnce(&Job<'_>) -> assemble::Result<T>,
) -> Result<T, Error> {
    work.repo.objects.enable_object_memory();
    let texts = OnceCell::new();
    let known = |name: &str| known(ledger, &texts, name);
    let show = session.watch();
    let none = Version::new(0, 0, 0);
    let (version, upgrade) = release.unwrap_or((&none, &Upgrade::None));
    Ok(with(&Job {
        repo: &work.repo,
        head: seen.head,
        directory: &work.buildout(),
        file: &work.place.name,
        project: &work.project,
        id: ledger.project_id().to_string(),
        previous: seen.previous.as_ref(),
        version,
        again: None,
        upgrade,
        known: &known,
        cache: &session.cache(),
        store: &session.store()?,
        user: &User::current(),
        watch: &|event| show.on(event),
    })?)
}

/// Every version of an egg in the ledger. The texts of all `versions.cfg` are read once, and only when an egg changed.
fn known(
    ledger: &Ledger,
    texts: &OnceCell<Vec<String>>,
    name: &str,
) -> assemble::Result<BTreeSet<pep440_rs::Version>> {
    if texts.get().is_none() {
        texts.set(ledger.versions_cfgs()?).ok();
    }
    let lines = texts
        .get()
        .into_iter()
        .flatten()
        .flat_map(|text| text.lines());
    let versions = lines.filter_map(|line| {
        let (found, version) = line.split_once(" = ")?;
        (normalize(found) == normalize(name)).then(|| version.trim().parse().ok())?
    });
    Ok(versions.collect())
}

/// The release called `word`, or that of HEAD or its nearest released ancestor.
pub(super) fn released(
    work: &Workspace,
    ledger: &Ledger,
    word: Option<&str>,
) -> Result<Released, Error> {
    let mut refusal = Refusal::default();
    let version = if let Some(word) = word {
        Some(plan::parse_version(word)?)
    } else {
        nearest(work, ledger)?
    };
    let Some(version) = version else {
        refusal.add(
            "neither HEAD nor any commit before it is released",
            "git hostout release",
        );
        return Err(refusal.into());
    };
    if let Some(released) = ledger.release(&version)? {
        return Ok(released);
    }
    let latest: Vec<String> = ledger
        .releases()
        .iter()
        .take(5)
        .map(ToString::to_string)
        .collect();
    let remedy = if latest.is_empty() {
        "git hostout release makes the first one".to_owned()
    } else {
        format!("the newest are {}", latest.join(", "))
    };
    refusal.add(format!("there is no release {version}"), remedy);
    Err(refusal.into())
}

/// The version of HEAD, or of its nearest released ancestor.
fn nearest(work: &Workspace, ledger: &Ledger) -> Result<Option<Version>, Error> {
    let head = work.repo.head_id();
    let head = head.map_err(|_| observe::Error::NoCommits)?.detach();
    Ok(observe::previous(&work.repo, head, &commits(ledger))?)
}

/// Whether HEAD or a commit before it is released.
pub(super) fn has_release(work: &Workspace, ledger: &Ledger) -> Result<bool, Error> {
    Ok(nearest(work, ledger)?.is_some())
}

/// How far HEAD is ahead of its nearest release.
pub(super) struct Ahead {
    /// The release's tag.
    pub tag: String,
    /// How many commits.
    pub commits: usize,
}

/// Whether the project changed since HEAD's nearest release; nothing when it did not, or when there is no release.
pub(super) fn ahead(work: &Workspace, ledger: &Ledger) -> Result<Option<Ahead>, Error> {
    let head = work
        .repo
        .head_id()
        .map_err(|_| observe::Error::NoCommits)?
        .detach();
    let Some(version) = observe::previous(&work.repo, head, &commits(ledger))? else {
        return Ok(None);
    };
    let Some(released) = ledger.release(&version)? else {
        return Ok(None);
    };
    if unchanged(work, head, &released.manifest)? {
        return Ok(None);
    }
    let Ok(commit) = ObjectId::from_hex(released.manifest.commit.as_bytes()) else {
        return Ok(None);
    };
    Ok(Some(Ahead {
        tag: work
            .project
            .release
            .tag
            .replace("{version}", &version.to_string()),
        commits: observe::distance(&work.repo, head, commit)?,
    }))
}
