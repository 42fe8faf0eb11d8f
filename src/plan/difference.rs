//! What differs between two releases.

use crate::release::Manifest;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// `egg`, `pin`, `config`, `python` or `setting`.
    pub kind: &'static str,
    /// Which.
    pub name: String,
    /// In the first release; nothing = not there.
    pub from: Option<String>,
    /// In the second release.
    pub to: Option<String>,
}

/// Everything that differs between `a` and `b`: eggs, pins, configuration, python, settings.
pub fn difference(a: &Manifest, b: &Manifest) -> Vec<Difference> {
    let mut all = compare("egg", &eggs(a), &eggs(b));
    all.extend(compare("pin", &pins(a), &pins(b)));
    all.extend(compare("config", &configs(a), &configs(b)));
    all.extend(compare("python", &pythons(a), &pythons(b)));
    all.extend(compare("setting", &settings(a), &settings(b)));
    all
}

type Values = BTreeMap<String, String>;

fn compare(kind: &'static str, a: &Values, b: &Values) -> Vec<Difference> {
    let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    names
        .into_iter()
        .filter(|name| a.get(*name) != b.get(*name))
        .map(|name| Difference {
            kind,
            name: name.clone(),
            from: a.get(name).cloned(),
            to: b.get(name).cloned(),
        })
        .collect()
}

fn eggs(manifest: &Manifest) -> Values {
    manifest
        .egg
        .iter()
        .map(|egg| (egg.name.clone(), egg.version.to_string()))
        .collect()
}

fn pins(manifest: &Manifest) -> Values {
    manifest
        .pin
        .iter()
        .map(|pin| (pin.name.clone(), pin.version.to_string()))
        .collect()
}

fn configs(manifest: &Manifest) -> Values {
    let tarball = ("tarball".to_owned(), manifest.tarball.tar_sha256.short());
    let buildouts = manifest.buildout.iter().map(|buildout| {
        (
            buildout.name.clone(),
            format!("{} ({})", buildout.config, buildout.parts.join(" ")),
        )
    });
    buildouts.chain([tarball]).collect()
}

fn pythons(manifest: &Manifest) -> Values {
    let targets = ("targets".to_owned(), manifest.targets.join(" "));
    let wanted = manifest
        .buildout
        .iter()
        .map(|buildout| (buildout.name.clone(), buildout.python.clone()));
    wanted.chain([targets]).collect()
}

/// By the names and in the spelling of `hostout.toml`, as far as it has them.
fn settings(manifest: &Manifest) -> Values {
    let mut values = Values::new();
    for buildout in &manifest.buildout {
        let tables = json!({
            "services": buildout.services,
            "health": buildout.health,
            "data": buildout.data,
            "hooks": buildout.hooks,
            "shared": buildout.shared,
        });
        flatten(&buildout.name, &tables, &mut values);
    }
    values
}

/// Each value below `name`, by its dotted name.
fn flatten(name: &str, value: &Value, values: &mut Values) {
    match value {
        Value::Null => {}
        Value::Object(table) => {
            for (key, value) in table {
                flatten(&format!("{name}.{key}"), value, values);
            }
        }
        Value::String(text) => drop(values.insert(name.to_owned(), text.clone())),
        Value::Array(list) if list.is_empty() => {}
        other => drop(values.insert(name.to_owned(), other.to_string())),
    }
}
