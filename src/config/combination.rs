//! The settings of a combination in use: the file's, a stage's, a role's, the nearest winning key by key.

use super::check::{self, Verdict};
use super::error::Problems;
use super::file::{
    DataTable, DataTableKind, HookTable, HooksTable, ServicesKind, ServicesTable, Settings,
};
use super::place::Placed;
use crate::release::{Health, Hook, Hooks, Shared};

/// How long a hook may run when nothing is said, in seconds.
const HOOK_TIMEOUT: u64 = 300;

/// One way a release is built and run, as the user wants it; what `auto` means is found out at release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Combination {
    /// `default`, `STAGE` or `STAGE.ROLE`.
    pub name: String,
    /// The production configuration, relative to the buildout directory.
    pub config: String,
    /// The parts to install; left out = those of the configuration.
    pub parts: Option<Vec<String>>,
    /// How it is started and stopped.
    pub services: ServicesWish,
    /// How its data is backed up.
    pub data: DataWish,
    /// When it is healthy.
    pub health: Health,
    /// What is run at fixed moments.
    pub hooks: Hooks,
    /// What survives releases.
    pub shared: Shared,
}

/// How processes are to be started and stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServicesWish {
    /// Found out from the buildout.
    Auto,
    /// `bin/supervisord`.
    Supervisor,
    /// The control scripts of Zope and ZEO.
    Zope,
    /// The user's own commands.
    Command {
        /// Starts the services and returns.
        start: String,
        /// Stops them and returns.
        stop: String,
        /// Exit status 0 = running.
        status: Option<String>,
        /// The log file, relative to the release directory.
        log: Option<String>,
    },
    /// Nothing runs.
    None,
}

/// How data is to be backed up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataWish {
    /// By which means.
    pub kind: DataKind,
    /// Backups that stay, at least 1.
    pub keep: u32,
}

/// By which means data is to be backed up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataKind {
    /// Found out from the buildout.
    Auto,
    /// The user's own commands.
    Command {
        /// Writes into `$HOSTOUT_BACKUP`.
        backup: String,
        /// Puts back what is in `$HOSTOUT_BACKUP`.
        restore: Option<String>,
    },
    /// `pg_dump` and `pg_restore`.
    Postgresql {
        /// A connection string of libpq.
        database: String,
    },
    /// File storages and blobs of ZODB, as the buildout names them.
    Zodb,
    /// Not at all.
    None,
}

/// Merges `layers`, the nearest first.
pub(super) fn merge(
    name: String,
    layers: &[&Settings],
    production: &str,
    problems: &mut Problems<'_>,
) -> Combination {
    let mut merger = Merger { layers, problems };
    Combination {
        name,
        config: merger
            .nearest(|layer| layer.buildout.as_ref())
            .map_or(production.to_owned(), |config| {
                merger.checked("configuration", config, check::relative_path)
            }),
        parts: merger
            .nearest(|layer| layer.parts.as_ref())
            .map(|parts| parts.iter().map(|part| part.value.clone()).collect()),
        services: merger.services(),
        data: merger.data(),
        health: merger.health(),
        hooks: merger.hooks(),
        shared: merger.shared(),
    }
}

pub(super) struct Merger<'m, 't> {
    pub(super) layers: &'m [&'m Settings],
    pub(super) problems: &'m mut Problems<'t>,
}

impl<'m> Merger<'m, '_> {
    pub(super) fn nearest<T>(&self, key: impl Fn(&'m Settings) -> Option<T>) -> Option<T> {
        self.layers.iter().find_map(|layer| key(layer))
    }

    pub(super) fn checked(
        &mut self,
        what: &str,
        value: &Placed<String>,
        rule: fn(&str) -> Verdict,
    ) -> String {
        if let Err(complaint) = rule(&value.value) {
            let message = format!("{what} `{}` {complaint}", value.value);
            self.problems.add(Some(&value.span), &message, None);
        }
        value.value.clone()
    }

    /// Like `checked`, for what may be a secret as a whole.
    fn checked_unseen(&mut self, key: &str, value: &Placed<String>, rule: fn(&str) -> Verdict) {
        if let Err(complaint) = rule(&value.value) {
            let message = format!("`{key}` {complaint}");
            self.problems.add(Some(&value.span), &message, None);
        }
    }

    fn all_checked(
        &mut self,
        what: &str,
        values: &[Placed<String>],
        rule: fn(&str) -> Verdict,
    ) -> Vec<String> {
        values
            .iter()
            .map(|value| self.checked(what, value, rule))
            .collect()
    }

    /// A table that names a `kind` starts over: commands of a farther one belong to its own kind.
    fn services(&mut self) -> ServicesWish {
        let tables: Vec<&ServicesTable> = until(
            self.layers,
            |layer| layer.services.as_ref(),
            |table| table.kind.is_some(),
        );
        let key = |key: fn(&ServicesTable) -> &Option<Placed<String>>| {
            tables.iter().find_map(|table| key(table).as_ref())
        };
        let (start, stop) = (key(|table| &table.start), key(|table| &table.stop));
        let (status, log) = (key(|table| &table.status), key(|table| &table.log));
        let kind = tables.iter().find_map(|table| table.kind.as_ref());
        let found = [
            ("start", start),
            ("stop", stop),
            ("status", status),
            ("log", log),
        ];
        match kind.map_or(ServicesKind::Auto, |kind| kind.value) {
            ServicesKind::Command => {
                let log = log.map(|log| self.checked("log", log, check::relative_path));
                ServicesWish::Command {
                    start: self.needed("command", "start", start, kind),
                    stop: self.needed("command", "stop", stop, kind),
                    status: status.map(|status| status.value.clone()),
                    log,
                }
            }
            other => {
                self.only_for("command", "services", &found);
                match other {
                    ServicesKind::Supervisor => ServicesWish::Supervisor,
                    ServicesKind::Zope => ServicesWish::Zope,
                    ServicesKind::None => ServicesWish::None,
                    ServicesKind::Auto | ServicesKind::Command => ServicesWish::Auto,
                }
            }
        }
    }

    fn data(&mut self) -> DataWish {
        let tables: Vec<&DataTable> = until(
            self.layers,
            |layer| layer.data.as_ref(),
            |table| table.kind.is_some(),
        );
        let key = |key: fn(&DataTable) -> &Option<Placed<String>>| {
            tables.iter().find_map(|table| key(table).as_ref())
        };
        let (backup, restore) = (key(|table| &table.backup), key(|table| &table.restore));
        let database = key(|table| &table.database);
        let kind = tables.iter().find_map(|table| table.kind.as_ref());
        let value = kind.map_or(DataTableKind::Auto, |kind| kind.value);
        if value != DataTableKind::Command {
            self.only_for(
                "command",
                "data",
                &[("backup", backup), ("restore", restore)],
            );
        }
        if value != DataTableKind::Postgresql {
            self.only_for("postgresql", "data", &[("database", database)]);
        }
        let means = match value {
            DataTableKind::Auto => DataKind::Auto,
            DataTableKind::None => DataKind::None,
            DataTableKind::Zodb => DataKind::Zodb,
            DataTableKind::Command => DataKind::Command {
                backup: self.needed("command", "backup", backup, kind),
                restore: restore.map(|restore| restore.value.clone()),
            },
            DataTableKind::Postgresql => {
                if let Some(database) = database {
                    self.checked_unseen("database", database, check::database);
                }
                DataKind::Postgresql {
                    database: self.needed("postgresql", "database", database, kind),
                }
            }
        };
        DataWish {
            kind: means,
            keep: self.nearest(|layer| layer.data.as_ref()?.keep).unwrap_or(3),
        }
    }

    fn hooks(&self) -> Hooks {
        Hooks {
            before_stop: self.hook(|hooks| &hooks.before_stop),
            migrate: self.hook(|hooks| &hooks.migrate),
            after_start: self.hook(|hooks| &hooks.after_start),
            after_healthy: self.hook(|hooks| &hooks.after_healthy),
            on_failure: self.hook(|hooks| &hooks.on_failure),
        }
    }

    fn hook(&self, key: fn(&HooksTable) -> &Option<HookTable>) -> Option<Hook> {
        self.nearest(|layer| key(layer.hooks.as_ref()?).as_ref())?
            .meant(HOOK_TIMEOUT)
    }

    fn shared(&mut self) -> Shared {
        let paths = self.nearest(|layer| layer.shared.as_ref()?.paths.as_ref());
        let files = self.nearest(|layer| layer.shared.as_ref()?.files.as_ref());
        let own = |text: &str| match text.trim_end_matches('/') {
            "." => Err("is the release directory itself".to_owned()),
            _ => check::relative_path(text),
        };
        Shared {
            paths: paths.map_or_else(
                || vec!["var".to_owned()],
                |paths| self.all_checked("shared path", paths, own),
            ),
            files: files.map_or_else(Vec::new, |files| {
                self.all_checked("shared file", files, own)
            }),
        }
    }

    fn needed<K>(
        &mut self,
        means: &str,
        key: &str,
        value: Option<&Placed<String>>,
        kind: Option<&Placed<K>>,
    ) -> String {
        let given = value.filter(|value| !value.value.trim().is_empty());
        if given.is_none() {
            let message = format!("kind `{means}` needs `{key}`");
            let span = value
                .map(|value| &value.span)
                .or(kind.map(|kind| &kind.span));
            self.problems.add(span, &message, None);
        }
        given.map(|value| value.value.clone()).unwrap_or_default()
    }

    fn only_for(&mut self, kind: &str, table: &str, found: &[(&str, Option<&Placed<String>>)]) {
        for (key, value) in found {
            if let Some(value) = value {
                let message = format!("`{key}` means nothing here without kind `{kind}`");
                let hint = format!("set kind = \"{kind}\" in [{table}]");
                self.problems.add(Some(&value.span), &message, Some(hint));
            }
        }
    }
}

/// The tables of `layers`, the nearest first, up to and with the first that is `last`: its `kind`, say, decides what
/// those before it may hold.
pub(super) fn until<'m, T>(
    layers: &[&'m Settings],
    table: impl Fn(&'m Settings) -> Option<&'m T>,
    last: impl Fn(&T) -> bool,
) -> Vec<&'m T> {
    let mut tables = Vec::new();
    for layer in layers {
        if let Some(table) = table(layer) {
            tables.push(table);
            if last(table) {
                break;
            }
        }
    }
    tables
}
