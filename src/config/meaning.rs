//! From written to meant: fills in the defaults and checks every value, all mistakes at once.

use super::check::{self, Verdict};
use super::combination::{Combination, merge};
use super::error::{Error, Problems, nearest, suggest};
use super::file::{BuildoutTable, File, HostTable, ProjectTable, ReleaseTable, StageTable};
use super::place::{Placed, Span};
use super::project::{BuildoutFiles, Host, Project, Published, ReleaseRules, Stage};
use super::reader::Reader;
use super::rollout::{Batch, Rollout, Strategy};
use super::shared_store::{SharedStore, shared_store};
use std::collections::HashSet;
use toml_edit::Document;

impl Project {
    /// Reads `text`; `file` is its name in errors.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every mistake that the text alone shows.
    pub fn parse(file: &str, text: &str) -> Result<Self, Error> {
        let document = document(file, text)?;
        let mut problems = Problems::new(file, text);
        let written = Reader::read(
            document.as_table(),
            String::new(),
            &mut problems,
            File::read,
        );
        let project = Meaning {
            problems: &mut problems,
        }
        .project(&written);
        problems.finish(Some(project))
    }
}

/// The syntax tree of `text`, with places.
pub(super) fn document<'t>(file: &str, text: &'t str) -> Result<Document<&'t str>, Error> {
    let parsed = Document::parse(text);
    let mut problems = Problems::new(file, text);
    if let Err(error) = &parsed {
        problems.add(error.span().as_ref(), error.message(), None);
    }
    problems.finish(parsed.ok())
}

struct Meaning<'m, 't> {
    problems: &'m mut Problems<'t>,
}

impl Meaning<'_, '_> {
    fn project(&mut self, written: &File) -> Project {
        let buildout = self.buildout(&written.buildout);
        let stages = written.stages.iter();
        Project {
            name: self.name(&written.project),
            default_stage: self.default_stage(written),
            published: self.published(&written.published),
            release: self.release(&written.release),
            stages: stages
                .map(|(name, stage)| self.stage(name, stage))
                .collect(),
            combinations: self.combinations(written, &buildout.production),
            buildout,
        }
    }

    fn name(&mut self, written: &ProjectTable) -> String {
        if written.name.is_none() {
            let hint = "name the project: name = \"shop\"".to_owned();
            self.problems.add(
                written.span.as_ref(),
                "`name` in [project] is missing",
                Some(hint),
            );
        }
        self.text("project name", written.name.as_ref(), "", check::name)
    }

    fn default_stage(&mut self, written: &File) -> Option<String> {
        let default = written.project.default_stage.as_ref()?;
        let mut known = written.stages.iter().map(|(name, _)| name.value.as_str());
        if !known.clone().any(|name| name == default.value) {
            let message = format!("default-stage `{}` is no stage of this file", default.value);
            let hint = suggest(&default.value, known.by_ref());
            self.problems.add(Some(&default.span), &message, hint);
        }
        Some(default.value.clone())
    }

    fn buildout(&mut self, written: &BuildoutTable) -> BuildoutFiles {
        let path = check::relative_path;
        let development = self.text(
            "configuration",
            written.development.as_ref(),
            "buildout.cfg",
            path,
        );
        BuildoutFiles {
            directory: self.text("directory", written.directory.as_ref(), ".", path),
            production: self.text(
                "configuration",
                written.production.as_ref(),
                &development,
                path,
            ),
            development,
            include: self.texts("path", written.include.as_deref(), &["etc/"], path),
            host_parts: self.texts("part", written.host_parts.as_deref(), &[], |_| Ok(())),
            python: self.text("python", written.python.as_ref(), "python3", check::program),
        }
    }

    fn published(&mut self, written: &[Placed<String>]) -> Published {
        let glob = |text: &str| {
            let compiled = Published::new([text]);
            compiled.map_or_else(
                |error| Err(format!("is no glob: {}", error.kind())),
                |_| Ok(()),
            )
        };
        let globs = self.texts("published", Some(written), &[], glob);
        Published::new(globs.iter().map(String::as_str)).unwrap_or_default()
    }

    fn release(&mut self, written: &ReleaseTable) -> ReleaseRules {
        let tag = written.tag.as_ref();
        let ledger = written.ledger.as_ref();
        ReleaseRules {
            tag: self.text("tag", tag, "v{version}", check::tag_pattern),
            ledger: self.text("ledger", ledger, "hostout", check::branch),
            targets: self.texts("target", written.targets.as_deref(), &[], check::target),
            store: self
                .optional("store", written.store.as_ref(), shared_store)
                .and_then(|text| SharedStore::parse(&text)),
        }
    }

    fn stage(&mut self, name: &Placed<String>, written: &StageTable) -> Stage {
        let missing = |key| format!("`{key}` in [stage.{}] is missing", name.value);
        if written.path.is_none() {
            let hint = format!("name a directory: path = \"/srv/{}\"", name.value);
            self.problems
                .add(Some(&name.span), &missing("path"), Some(hint));
        }
        let hosts = written.hosts.as_ref();
        if hosts.is_none() {
            let hint = "hosts = [\"deploy@web1.example.org\"], or [\"local\"]".to_owned();
            self.problems
                .add(Some(&name.span), &missing("hosts"), Some(hint));
        }
        let path = self.text("path", written.path.as_ref(), "", check::host_path);
        if let Some(hosts) = hosts {
            self.misspelt_roles(&name.value, written, &hosts.value);
        }
        let hosts = hosts.map_or_else(Vec::new, |hosts| self.hosts(hosts));
        for (role, _) in &written.roles {
            self.role(&name.value, role, &hosts);
        }
        let python = written.python.as_ref();
        Stage {
            name: self.text("stage name", Some(name), "", check::stage_name),
            hosts,
            path: path.trim_end_matches('/').to_owned(),
            python: self.text("python", python, "python3", check::program),
            runtime_user: self.optional(
                "runtime-user",
                written.runtime_user.as_ref(),
                check::runtime_user,
            ),
            protected: written.protected.unwrap_or(false),
            keep: written.keep.unwrap_or(5),
            rollout: self.rollout(written),
            url: self.optional("url", written.url.as_ref(), check::http_url),
            fetch: written
                .fetch
                .as_ref()
                .map(|placed| placed.value)
                .unwrap_or_default(),
        }
    }

    /// Settings of a role that no host has are a slip of the pen, here or at the host.
    fn role(&mut self, stage: &str, role: &Placed<String>, hosts: &[Host]) {
        let mut known = hosts.iter().flat_map(|host| &host.roles);
        if known.any(|known| *known == role.value) {
            return;
        }
        let known = hosts.iter().flat_map(|host| &host.roles);
        let hint = suggest(&role.value, known.map(String::as_str))
            .unwrap_or_else(|| "hosts = [{ host = \"web1\", roles = [\"zeo\"] }]".to_owned());
        let message = format!("no host of stage `{stage}` has the role `{}`", role.value);
        self.problems.add(Some(&role.span), &message, Some(hint));
    }

    /// A host's role needs no settings of its own; where it reads almost like one that has them, which another host has,
    /// it would go without them, unnoticed. Numbered roles are not misspelt, and an empty table says that none is.
    fn misspelt_roles(&mut self, stage: &str, written: &StageTable, hosts: &[HostTable]) {
        let used = || hosts.iter().flat_map(|host| &host.roles);
        let tables = written.roles.iter().map(|(role, _)| role.value.as_str());
        let tables: Vec<&str> = tables
            .filter(|table| used().any(|role| role.value == *table))
            .collect();
        let letters = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
        for role in used() {
            let mut known = written.roles.iter();
            if known.any(|(known, _)| known.value == role.value) {
                continue;
            }
            let Some(near) = nearest(&role.value, tables.iter().copied()) else {
                continue;
            };
            if letters(near) == letters(&role.value) {
                continue;
            }
            let message = format!(
                "stage `{stage}` has no settings for the role `{}`",
                role.value
            );
            let hint = format!(
                "did you mean `{near}`? If not, an empty [stage.{stage}.role.{}] says so",
                role.value
            );
            self.problems.add(Some(&role.span), &message, Some(hint));
        }
    }

    fn rollout(&mut self, written: &StageTable) -> Rollout {
        let strategy = written.strategy.as_ref().map(|placed| placed.value);
        let strategy = strategy.unwrap_or_default();
        if let Some(batch) = written
            .batch
            .as_ref()
            .filter(|_| strategy != Strategy::Rolling)
        {
            let hint = "batch goes with strategy = \"rolling\"".to_owned();
            let message = format!("`batch` has no meaning with strategy {strategy}");
            self.problems.add(Some(&batch.span), &message, Some(hint));
        }
        if let Some(pause) = written
            .pause
            .as_ref()
            .filter(|_| strategy == Strategy::AllAtOnce)
        {
            let hint = "pause goes with strategy = \"rolling\" or \"canary\"".to_owned();
            let message = format!("`pause` has no meaning with strategy {strategy}");
            self.problems.add(Some(&pause.span), &message, Some(hint));
        }
        let batch = written.batch.as_ref().map(|batch| {
            Batch::parse(&batch.value).unwrap_or_else(|complaint| {
                let message = format!("`batch` {complaint}, not `{}`", batch.value);
                self.problems.add(Some(&batch.span), &message, None);
                Batch::default()
            })
        });
        Rollout {
            strategy,
            batch: batch.unwrap_or_default(),
            pause: written.pause.as_ref().map_or(0, |pause| pause.value),
            on_failure: written
                .on_failure
                .as_ref()
                .map(|placed| placed.value)
                .unwrap_or_default(),
        }
    }

    fn hosts(&mut self, written: &Placed<Vec<HostTable>>) -> Vec<Host> {
        if written.value.is_empty() {
            let hint = "`local` is this machine".to_owned();
            self.problems
                .add(Some(&written.span), "`hosts` is empty", Some(hint));
        }
        let mut seen = HashSet::new();
        let mut hosts = Vec::new();
        for host in &written.value {
            let destination = self.destination(host);
            if !destination.is_empty() && !seen.insert(destination.to_ascii_lowercase()) {
                let message = format!("host `{destination}` is listed twice");
                self.problems.add(Some(&host.span), &message, None);
            }
            let key = |text: &str| match text.split_whitespace().count() {
                2.. => Ok(()),
                _ => Err("must be a key type and a key, as in known_hosts".to_owned()),
            };
            hosts.push(Host {
                destination,
                roles: self.texts("role", Some(&host.roles), &[], check::name),
                host_key: self.optional("host-key", host.host_key.as_ref(), key),
            });
        }
        hosts
    }

    fn destination(&mut self, host: &HostTable) -> String {
        let Some(written) = host.host.as_ref() else {
            return String::new();
        };
        if let Err(complaint) = check::destination(&written.value) {
            let message = format!("host `{}` {complaint}", written.value);
            let hint = (complaint == "holds a password").then(|| {
                "leave it out: it is asked for, or taken from $HOSTOUT_PASSWORD".to_owned()
            });
            self.problems.add(Some(&host.span), &message, hint);
        }
        written.value.clone()
    }

    fn combinations(&mut self, written: &File, production: &str) -> Vec<Combination> {
        let base = &written.settings;
        let mut found = vec![merge(
            "default".to_owned(),
            &[base],
            production,
            self.problems,
        )];
        for (stage, table) in &written.stages {
            let layers = [&table.settings, base];
            if !table.settings.is_empty() {
                let name = stage.value.clone();
                self.add_combination(&mut found, name, &layers, production, &stage.span);
            }
            for (role, settings) in &table.roles {
                self.text("role", Some(role), "", check::name);
                if !settings.is_empty() {
                    let name = format!("{}.{}", stage.value, role.value);
                    let layers = [settings, layers[0], layers[1]];
                    self.add_combination(&mut found, name, &layers, production, &role.span);
                }
            }
        }
        found
    }

    fn add_combination(
        &mut self,
        found: &mut Vec<Combination>,
        name: String,
        layers: &[&super::file::Settings],
        production: &str,
        span: &Span,
    ) {
        // possible with dots in names: stage `a.b` and role `b` of stage `a`
        if name != "default" && found.iter().any(|other| other.name == name) {
            let message = format!("two stages or roles have settings called `{name}`");
            self.problems.add(Some(span), &message, None);
        }
        found.push(merge(name, layers, production, self.problems));
    }

    fn text(
        &mut self,
        what: &str,
        written: Option<&Placed<String>>,
        default: &str,
        rule: impl Fn(&str) -> Verdict,
    ) -> String {
        self.optional(what, written, rule)
            .unwrap_or_else(|| default.to_owned())
    }

    fn texts(
        &mut self,
        what: &str,
        written: Option<&[Placed<String>]>,
        default: &[&str],
        rule: impl Fn(&str) -> Verdict,
    ) -> Vec<String> {
        match written {
            None => default.iter().map(|&text| text.to_owned()).collect(),
            Some(written) => written
                .iter()
                .filter_map(|value| self.optional(what, Some(value), &rule))
                .collect(),
        }
    }

    fn optional(
        &mut self,
        what: &str,
        written: Option<&Placed<String>>,
        rule: impl Fn(&str) -> Verdict,
    ) -> Option<String> {
        let Placed { value, span } = written?;
        if let Err(complaint) = rule(value) {
            let message = format!("{what} `{value}` {complaint}");
            self.problems.add(Some(span), &message, None);
        }
        Some(value.clone())
    }
}
