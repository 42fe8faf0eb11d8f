//! `hostout.toml` as written: every key that there is, nothing filled in.

use super::place::{Placed, Span};
use super::project::Fetch;
use super::reader::{Choices, Reader};
use super::rollout::{OnFailure, Strategy};
use crate::release::{Hook, Statuses};

/// The whole file.
pub(super) struct File {
    pub(super) project: ProjectTable,
    pub(super) buildout: BuildoutTable,
    pub(super) published: Vec<Placed<String>>,
    pub(super) release: ReleaseTable,
    /// The tables services, health, data, hooks and shared at the top: what stages inherit.
    pub(super) settings: Settings,
    pub(super) stages: Vec<(Placed<String>, StageTable)>,
}

/// `[project]`
#[derive(Default)]
pub(super) struct ProjectTable {
    /// Where the table's name stands.
    pub(super) span: Option<Span>,
    pub(super) name: Option<Placed<String>>,
    pub(super) default_stage: Option<Placed<String>>,
}

/// `[buildout]`
#[derive(Default)]
pub(super) struct BuildoutTable {
    pub(super) directory: Option<Placed<String>>,
    pub(super) development: Option<Placed<String>>,
    pub(super) production: Option<Placed<String>>,
    pub(super) include: Option<Vec<Placed<String>>>,
    pub(super) host_parts: Option<Vec<Placed<String>>>,
    pub(super) python: Option<Placed<String>>,
}

/// `[release]`
#[derive(Default)]
pub(super) struct ReleaseTable {
    pub(super) tag: Option<Placed<String>>,
    pub(super) ledger: Option<Placed<String>>,
    pub(super) targets: Option<Vec<Placed<String>>>,
    pub(super) store: Option<Placed<String>>,
}

/// What the file, a stage or a role may set; the nearest wins.
#[derive(Default)]
pub(super) struct Settings {
    pub(super) buildout: Option<Placed<String>>,
    pub(super) parts: Option<Vec<Placed<String>>>,
    pub(super) services: Option<ServicesTable>,
    pub(super) health: Option<HealthTable>,
    pub(super) data: Option<DataTable>,
    pub(super) hooks: Option<HooksTable>,
    pub(super) shared: Option<SharedTable>,
}

/// `[services]`
pub(super) struct ServicesTable {
    pub(super) kind: Option<Placed<ServicesKind>>,
    pub(super) start: Option<Placed<String>>,
    pub(super) stop: Option<Placed<String>>,
    pub(super) status: Option<Placed<String>>,
    pub(super) log: Option<Placed<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServicesKind {
    Auto,
    Supervisor,
    Zope,
    Command,
    None,
}

const SERVICES: &Choices<ServicesKind> = &[
    ("auto", Some(ServicesKind::Auto)),
    ("supervisor", Some(ServicesKind::Supervisor)),
    ("zope", Some(ServicesKind::Zope)),
    ("command", Some(ServicesKind::Command)),
    ("none", Some(ServicesKind::None)),
    ("systemd", None),
];

/// `[health]`
pub(super) struct HealthTable {
    pub(super) http: Option<Placed<String>>,
    pub(super) status: Option<Placed<Statuses>>,
    pub(super) text: Option<Placed<String>>,
    pub(super) header: Option<Placed<String>>,
    pub(super) tcp: Option<Placed<String>>,
    pub(super) command: Option<HookTable>,
    pub(super) timeout: Option<u64>,
    pub(super) interval: Option<u64>,
    pub(super) successes: Option<u32>,
    pub(super) stable: Option<u64>,
}

/// `[data]`
pub(super) struct DataTable {
    pub(super) kind: Option<Placed<DataTableKind>>,
    pub(super) backup: Option<Placed<String>>,
    pub(super) restore: Option<Placed<String>>,
    pub(super) database: Option<Placed<String>>,
    pub(super) keep: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DataTableKind {
    Auto,
    Command,
    Postgresql,
    Zodb,
    None,
}

const DATA: &Choices<DataTableKind> = &[
    ("auto", Some(DataTableKind::Auto)),
    ("command", Some(DataTableKind::Command)),
    ("none", Some(DataTableKind::None)),
    ("postgresql", Some(DataTableKind::Postgresql)),
    ("zodb", Some(DataTableKind::Zodb)),
];

/// `[hooks]`
pub(super) struct HooksTable {
    pub(super) before_stop: Option<HookTable>,
    pub(super) migrate: Option<HookTable>,
    pub(super) after_start: Option<HookTable>,
    pub(super) after_healthy: Option<HookTable>,
    pub(super) on_failure: Option<HookTable>,
}

/// `["bin/x", "y"]` or `{ argv = ["bin/x", "y"], timeout = "5m" }`; an empty argv is no hook.
pub(super) struct HookTable {
    pub(super) argv: Vec<Placed<String>>,
    pub(super) timeout: Option<u64>,
}

impl HookTable {
    /// The command, unless it is empty; `timeout` is in seconds, for one that says nothing of it.
    pub(super) fn meant(&self, timeout: u64) -> Option<Hook> {
        let argv: Vec<String> = self.argv.iter().map(|word| word.value.clone()).collect();
        let timeout = self.timeout.unwrap_or(timeout);
        (!argv.is_empty()).then_some(Hook { argv, timeout })
    }
}

/// `[shared]`
pub(super) struct SharedTable {
    pub(super) paths: Option<Vec<Placed<String>>>,
    pub(super) files: Option<Vec<Placed<String>>>,
}

/// `[stage.S]`
pub(super) struct StageTable {
    pub(super) hosts: Option<Placed<Vec<HostTable>>>,
    pub(super) path: Option<Placed<String>>,
    pub(super) python: Option<Placed<String>>,
    pub(super) runtime_user: Option<Placed<String>>,
    pub(super) protected: Option<bool>,
    pub(super) keep: Option<u32>,
    pub(super) strategy: Option<Placed<Strategy>>,
    pub(super) batch: Option<Placed<String>>,
    pub(super) pause: Option<Placed<u64>>,
    pub(super) on_failure: Option<Placed<OnFailure>>,
    pub(super) url: Option<Placed<String>>,
    pub(super) fetch: Option<Placed<Fetch>>,
    pub(super) settings: Settings,
    /// `[stage.S.role.R]`
    pub(super) roles: Vec<(Placed<String>, Settings)>,
}

const STRATEGIES: &Choices<Strategy> = &[
    ("all-at-once", Some(Strategy::AllAtOnce)),
    ("rolling", Some(Strategy::Rolling)),
    ("canary", Some(Strategy::Canary)),
];

const FETCH: &Choices<Fetch> = &[("client", Some(Fetch::Client)), ("host", Some(Fetch::Host))];

const ON_FAILURE: &Choices<OnFailure> = &[
    ("revert-all", Some(OnFailure::RevertAll)),
    ("halt", Some(OnFailure::Halt)),
    ("continue", Some(OnFailure::Continue)),
];

/// An element of `hosts`: a string, or a table of these keys.
pub(super) struct HostTable {
    pub(super) span: Span,
    pub(super) host: Option<Placed<String>>,
    pub(super) roles: Vec<Placed<String>>,
    pub(super) host_key: Option<Placed<String>>,
}

impl File {
    pub(super) fn read(reader: &mut Reader<'_, '_>) -> Self {
        let project = reader.table("project", project).map(|placed| ProjectTable {
            span: Some(placed.span),
            ..placed.value
        });
        let buildout = reader.table("buildout", buildout);
        let published = reader.table("eggs", |eggs| eggs.texts("published"));
        let release = reader.table("release", release);
        Self {
            project: project.unwrap_or_default(),
            buildout: buildout.map(|placed| placed.value).unwrap_or_default(),
            published: published
                .and_then(|placed| placed.value)
                .unwrap_or_default(),
            release: release.map(|placed| placed.value).unwrap_or_default(),
            settings: inherited(reader),
            stages: reader.tables("stage", stage),
        }
    }
}

impl Settings {
    /// Whether nothing is set here: then there is no combination of its own.
    pub(super) fn is_empty(&self) -> bool {
        self.buildout.is_none()
            && self.parts.is_none()
            && self.services.is_none()
            && self.health.is_none()
            && self.data.is_none()
            && self.hooks.is_none()
            && self.shared.is_none()
    }
}

fn project(reader: &mut Reader<'_, '_>) -> ProjectTable {
    ProjectTable {
        span: None,
        name: reader.text("name"),
        default_stage: reader.text("default-stage"),
    }
}

fn buildout(reader: &mut Reader<'_, '_>) -> BuildoutTable {
    BuildoutTable {
        directory: reader.text("directory"),
        development: reader.text("development"),
        production: reader.text("production"),
        include: reader.texts("include"),
        host_parts: reader.texts("host-parts"),
        python: reader.text("python"),
    }
}

fn release(reader: &mut Reader<'_, '_>) -> ReleaseTable {
    ReleaseTable {
        tag: reader.text("tag"),
        ledger: reader.text("ledger"),
        targets: reader.texts("targets"),
        store: reader.text("store"),
    }
}

fn stage(reader: &mut Reader<'_, '_>) -> StageTable {
    StageTable {
        hosts: reader.strings_or_tables("hosts", plain_host, host),
        path: reader.text("path"),
        python: reader.text("python"),
        runtime_user: reader.text("runtime-user"),
        protected: reader.flag("protected"),
        keep: reader.count("keep"),
        strategy: reader.choice("strategy", STRATEGIES),
        batch: reader.number_or_text("batch"),
        pause: reader.placed_duration("pause"),
        on_failure: reader.choice("on-failure", ON_FAILURE),
        url: reader.text("url"),
        fetch: reader.choice("fetch", FETCH),
        settings: own(reader),
        roles: reader.tables("role", own),
    }
}

fn plain_host(host: Placed<String>) -> HostTable {
    HostTable {
        span: host.span.clone(),
        host: Some(host),
        roles: Vec::new(),
        host_key: None,
    }
}

fn host(reader: &mut Reader<'_, '_>, span: Span) -> HostTable {
    let host = reader.text("host");
    if host.is_none() {
        reader.refuse(&span, "an element of `hosts` lacks `host`", None);
    }
    HostTable {
        span,
        host,
        roles: reader.texts("roles").unwrap_or_default(),
        host_key: reader.text("host-key"),
    }
}

fn own(reader: &mut Reader<'_, '_>) -> Settings {
    Settings {
        buildout: reader.text("buildout"),
        parts: reader.texts("parts"),
        ..inherited(reader)
    }
}

fn inherited(reader: &mut Reader<'_, '_>) -> Settings {
    let services = reader.table("services", |table| ServicesTable {
        kind: table.choice("kind", SERVICES),
        start: table.text("start"),
        stop: table.text("stop"),
        status: table.text("status"),
        log: table.text("log"),
    });
    let health = reader.table("health", |table| HealthTable {
        http: table.text("http"),
        status: table.statuses("status"),
        text: table.text("text"),
        header: table.text("header"),
        tcp: table.text("tcp"),
        command: hook(table, "command"),
        timeout: table.duration("timeout"),
        interval: table.duration("interval"),
        successes: table.count("successes"),
        stable: table.duration_or_none("stable"),
    });
    let data = reader.table("data", |table| DataTable {
        kind: table.choice("kind", DATA),
        backup: table.text("backup"),
        restore: table.text("restore"),
        database: table.text("database"),
        keep: table.count("keep"),
    });
    let hooks = reader.table("hooks", |table| HooksTable {
        before_stop: hook(table, "before-stop"),
        migrate: hook(table, "migrate"),
        after_start: hook(table, "after-start"),
        after_healthy: hook(table, "after-healthy"),
        on_failure: hook(table, "on-failure"),
    });
    let shared = reader.table("shared", |table| SharedTable {
        paths: table.texts("paths"),
        files: table.texts("files"),
    });
    Settings {
        buildout: None,
        parts: None,
        services: services.map(|placed| placed.value),
        health: health.map(|placed| placed.value),
        data: data.map(|placed| placed.value),
        hooks: hooks.map(|placed| placed.value),
        shared: shared.map(|placed| placed.value),
    }
}

fn hook(reader: &mut Reader<'_, '_>, key: &'static str) -> Option<HookTable> {
    let plain = |argv| HookTable {
        argv,
        timeout: None,
    };
    let table = |table: &mut Reader<'_, '_>| HookTable {
        argv: table.texts("argv").unwrap_or_default(),
        timeout: table.duration("timeout"),
    };
    reader
        .strings_or_table(key, plain, table)
        .map(|placed| placed.value)
}
