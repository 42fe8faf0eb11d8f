//! Adds a stage to a file that is there; comments and everything else stay as they are.

use super::error::Error;
use super::meaning::document;
use super::project::Project;
use toml_edit::{Array, Item, Table, Value, value};

/// `text` with a stage of this name, host and path; unchanged where it is there already. `file` is its name in errors.
///
/// # Errors
/// [`Error::Conflict`] where the stage has another host or path, [`Error::Invalid`] where `text` is no valid file or
/// the new values would make it one.
pub fn add_stage(
    file: &str,
    text: &str,
    stage: &str,
    host: &str,
    path: &str,
) -> Result<String, Error> {
    let project = Project::parse(file, text)?;
    if let Some(existing) = project.stages.iter().find(|known| known.name == stage) {
        let conflict = |key, old: Value, new: Value| Error::Conflict {
            stage: stage.to_owned(),
            key,
            old: old.to_string(),
            new: super::redact::redact(&new.to_string()),
        };
        let hosts = existing.hosts.iter().map(|host| host.destination.as_str());
        if !hosts.clone().eq([host]) {
            let old = Value::Array(hosts.collect());
            return Err(conflict(
                "hosts",
                old,
                Value::Array(Array::from_iter([host])),
            ));
        }
        if existing.path != path.trim_end_matches('/') {
            return Err(conflict("path", existing.path.as_str().into(), path.into()));
        }
        return Ok(text.to_owned());
    }
    let edited = with_stage(file, text, stage, host, path)?;
    Project::parse(file, &edited)?;
    Ok(edited)
}

fn with_stage(
    file: &str,
    text: &str,
    stage: &str,
    host: &str,
    path: &str,
) -> Result<String, Error> {
    let mut document = document(file, text)?.into_mut();
    let mut table = Table::new();
    table.insert("hosts", value(Array::from_iter([host])));
    table.insert("path", value(path));
    let mut stages = Table::new();
    stages.set_implicit(true);
    let stages = document.entry("stage").or_insert(Item::Table(stages));
    if let Some(stages) = stages.as_table_like_mut() {
        stages.insert(stage, Item::Table(table));
    }
    Ok(document.to_string())
}
