//! The configurations that we write: for hosts, and for the run that resolves. Pure text; the same input gives the same bytes.

use super::{Graph, Inspected};
use crate::release::normalize;
use std::{
    collections::BTreeMap,
    fmt::{Display, Write as _},
    path::Path,
};

/// Where a release keeps the files that recipes download, in the buildout directory.
pub const DOWNLOADS: &str = ".hostout/downloads";

/// Extensions that fetch sources and develop them: of no use where eggs come as wheels.
const DEVELOPERS: [&str; 4] = [
    "mr.developer",
    "isotoma.buildout.autodevelop",
    "horus.buildout.autodevelop",
    "buildout.extensionscripts",
];

/// What hosts run.
#[derive(Clone, Copy, Debug)]
pub struct HostCfg<'a> {
    /// The production configuration.
    pub graph: &'a Graph,
    /// The same as buildout sees it.
    pub inspected: &'a Inspected,
    /// The parts, where not those of the configuration.
    pub parts: Option<&'a [String]>,
    /// Parts that are left out.
    pub host_parts: &'a [String],
    /// The file name of the pins, beside the generated configuration.
    pub versions: &'a str,
    /// All pins and eggs: name and version.
    pub pins: &'a [(String, String)],
    /// [`super::Resolved::spellings`].
    pub spellings: &'a BTreeMap<String, Vec<String>>,
    /// Whether recipes downloaded files.
    pub downloads: bool,
}

/// The run that resolves.
#[derive(Clone, Copy)]
pub(super) struct ResolveCfg<'a> {
    pub(super) graph: &'a Graph,
    pub(super) inspected: &'a Inspected,
    pub(super) parts: Option<&'a [String]>,
    pub(super) pins: &'a BTreeMap<String, String>,
    /// For eggs and buildout's own records.
    pub(super) attempt: &'a Path,
    pub(super) cache: &'a Path,
}

/// The pins file: every egg and pin of a release, sorted without regard to case.
pub fn versions_cfg(pins: &[(String, String)]) -> String {
    let mut cfg = Text::start("Every version of this release.");
    cfg.section("versions");
    let mut pins: Vec<&(String, String)> = pins.iter().collect();
    pins.sort_by_key(|(name, _)| (name.to_lowercase(), name.clone()));
    for (name, version) in pins {
        cfg.option(name, version);
    }
    cfg.0
}

/// The configuration that hosts run: the production configuration, then the pins, then nothing that develops, fetches or picks.
pub fn hostout_cfg(host: &HostCfg<'_>) -> String {
    let mut cfg = Text::start("What hosts run.");
    cfg.section("buildout");
    cfg.list("extends", [host.graph.config.as_str(), host.versions]);
    common(&mut cfg, host.inspected);
    let parts = parts(host.inspected, host.parts);
    cfg.list(
        "parts",
        parts
            .into_iter()
            .filter(|part| !host.host_parts.iter().any(|left| left == part)),
    );
    cfg.option("versions", "versions");
    cfg.option("allow-picked-versions", "false");
    cfg.option("index", "");
    cfg.option("find-links", "");
    cfg.option("use-dependency-links", "false");
    cfg.option("eggs-directory", "eggs");
    cfg.option("develop-eggs-directory", "develop-eggs");
    cfg.option("installed", ".installed.cfg");
    let sections = &host.graph.sections;
    // `download-cache =` would mean the buildout directory itself.
    if host.downloads || sections.get("buildout", "download-cache").is_some() {
        cfg.option("download-cache", DOWNLOADS);
    }
    if sections.get("buildout", "extends-cache").is_some() {
        cfg.option("extends-cache", DOWNLOADS);
    }
    let written = sections
        .options("versions")
        .map(|(name, _)| name.to_owned());
    let asked = host.spellings.values().flatten().cloned();
    let mut others = BTreeMap::new();
    for name in written.chain(asked) {
        let pin = host
            .pins
            .iter()
            .find(|(pin, _)| normalize(pin) == normalize(&name));
        if let Some((pin, version)) = pin.filter(|(pin, _)| *pin != name) {
            others.insert(name, (pin, version));
        }
    }
    if !others.is_empty() {
        cfg.section("versions");
        for (name, (_, version)) in others {
            cfg.option(&name, version);
        }
    }
    cfg.0
}

pub(super) fn resolve_cfg(run: &ResolveCfg<'_>) -> String {
    let section = match run.graph.sections.versions_section() {
        "" => "versions",
        name => name,
    };
    let mut cfg = Text::start("Finds out what is used.");
    cfg.section("buildout");
    cfg.list("extends", [run.graph.config.as_str()]);
    common(&mut cfg, run.inspected);
    if run.parts.is_some() {
        cfg.list("parts", parts(run.inspected, run.parts));
    }
    cfg.option("versions", section);
    cfg.option("allow-picked-versions", "true");
    cfg.option("eggs-directory", run.attempt.join("eggs").display());
    cfg.option(
        "develop-eggs-directory",
        run.attempt.join("develop-eggs").display(),
    );
    cfg.option("installed", run.attempt.join("installed.cfg").display());
    cfg.option("download-cache", run.cache.display());
    cfg.option("extends-cache", run.attempt.join("extends").display());
    cfg.section(section);
    for (name, version) in run.pins {
        cfg.option(name, version);
    }
    cfg.0
}

/// What both have: eggs come as wheels, nothing is upgraded, nothing is written outside the buildout directory.
fn common(cfg: &mut Text, inspected: &Inspected) {
    cfg.option("develop", "");
    let extensions = inspected.words("buildout", "extensions").into_iter();
    cfg.list(
        "extensions",
        extensions.filter(|name| !DEVELOPERS.contains(name)),
    );
    cfg.option("newest", "false");
    cfg.option("offline", "false");
    cfg.option("install-from-cache", "false");
    cfg.option("abi-tag-eggs", "false");
    cfg.option("show-picked-versions", "false");
    cfg.option("update-versions-file", "");
    for (option, default) in [("bin-directory", "bin"), ("parts-directory", "parts")] {
        if !Path::new(inspected.option("buildout", option)).starts_with(&inspected.directory) {
            cfg.option(option, default);
        }
    }
}

fn parts<'a>(inspected: &'a Inspected, parts: Option<&'a [String]>) -> Vec<&'a str> {
    match parts {
        Some(parts) => parts.iter().map(String::as_str).collect(),
        None => inspected.words("buildout", "parts"),
    }
}

struct Text(String);

impl Text {
    fn start(what: &str) -> Self {
        Self(format!(
            "# {what} Written by git-hostout; changes are lost.\n"
        ))
    }

    fn section(&mut self, name: &str) {
        let gap = if self.0.lines().count() > 1 { "\n" } else { "" };
        self.put(format_args!("{gap}[{name}]\n"));
    }

    fn option(&mut self, name: &str, value: impl Display) {
        let line = format!("{name} = {value}");
        self.put(format_args!("{}\n", line.trim_end()));
    }

    fn list<'a>(&mut self, name: &str, values: impl IntoIterator<Item = &'a str>) {
        self.option(name, "");
        for value in values {
            self.put(format_args!("    {value}\n"));
        }
    }

    #[expect(clippy::expect_used, reason = "writing into a String does not fail")]
    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        self.0.write_fmt(text).expect("a String takes everything");
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Sources, cfg::parse};
    use super::*;

    fn graph(prod: &str) -> Graph {
        let sources = Sources {
            file: &|_| Some(prod.as_bytes().to_vec()),
            fetch: &|_| Ok(Vec::new()),
            holds: &|_| Ok(true),
            stand_ins: &[],
        };
        Graph::read(&sources, "prod.cfg").unwrap()
    }

    fn inspected(options: &[(&str, &str)]) -> Inspected {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Inspected {
            directory: "/b".to_owned(),
            sections: BTreeMap::from([("buildout".to_owned(), options.iter().map(pair).collect())]),
            ..Inspected::default()
        }
    }

    fn pins(pins: &[(&str, &str)]) -> Vec<(String, String)> {
        let pair = |(name, version): &(&str, &str)| ((*name).to_owned(), (*version).to_owned());
        pins.iter().map(pair).collect()
    }

    fn hostout(graph: &Graph, inspected: &Inspected, pins: &[(String, String)]) -> String {
        hostout_cfg(&HostCfg {
            graph,
            inspected,
            parts: None,
            host_parts: &["cron".to_owned()],
            versions: "hostout-versions.cfg",
            pins,
            spellings: &BTreeMap::new(),
            downloads: false,
        })
    }

    #[test]
    fn pins_are_sorted_and_say_nothing_that_changes() {
        let text = versions_cfg(&pins(&[
            ("zc.buildout", "6.0.1"),
            ("Zope", "5.13"),
            ("acme.hello", "1.1"),
        ]));
        insta::assert_snapshot!(text, @r"
        # Every version of this release. Written by git-hostout; changes are lost.
        [versions]
        acme.hello = 1.1
        zc.buildout = 6.0.1
        Zope = 5.13
        ");
    }

    #[test]
    fn hosts_develop_fetch_and_pick_nothing() {
        let seen = inspected(&[
            ("parts", "app cron"),
            ("extensions", "mr.developer buildout.wheel"),
            ("bin-directory", "/usr/local/bin"),
            ("parts-directory", "/b/parts"),
        ]);
        insta::assert_snapshot!(hostout(&graph("[buildout]"), &seen, &[]), @r"
        # What hosts run. Written by git-hostout; changes are lost.
        [buildout]
        extends =
            prod.cfg
            hostout-versions.cfg
        develop =
        extensions =
            buildout.wheel
        newest = false
        offline = false
        install-from-cache = false
        abi-tag-eggs = false
        show-picked-versions = false
        update-versions-file =
        bin-directory = bin
        parts =
            app
        versions = versions
        allow-picked-versions = false
        index =
        find-links =
        use-dependency-links = false
        eggs-directory = eggs
        develop-eggs-directory = develop-eggs
        installed = .installed.cfg
        ");
    }

    #[test]
    fn a_pin_that_the_project_spells_otherwise_is_repeated() {
        let graph =
            graph("[buildout]\ndownload-cache = x\n[versions]\nzope-interface = <6\nother = 1");
        let text = hostout(&graph, &inspected(&[]), &pins(&[("zope.interface", "5.4")]));
        let cfg = parse(&text).unwrap();
        let versions = cfg.sections.last().unwrap();
        assert_eq!(versions.options.len(), 1);
        assert_eq!(
            (
                versions.options[0].name.as_str(),
                versions.options[0].value.as_str()
            ),
            ("zope-interface", "5.4")
        );
        assert!(text.contains("\ndownload-cache = .hostout/downloads\n"));
    }
}
