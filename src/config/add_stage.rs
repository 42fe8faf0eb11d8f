//! Adds a stage to a file that is there; comments and everything else stay as they are.

use super::error::Error;
use super::lines::with_line_ends_of;
use super::meaning::document;
use super::project::Project;
use toml_edit::{Array, Item, Key, Table, Value, value};

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

/// The stage comes last, behind what stands in comments there: these belong to the table before them, and would be read as
/// the stage's once somebody takes the mark away.
fn with_stage(
    file: &str,
    text: &str,
    stage: &str,
    host: &str,
    path: &str,
) -> Result<String, Error> {
    let mut table = Table::new();
    table.insert("hosts", value(Array::from_iter([host])));
    table.insert("path", value(path));
    let at_the_end = format!(
        "{}\n\n[stage.{}]\n{table}",
        text.trim_end(),
        Key::new(stage)
    );
    if document(file, &at_the_end).is_ok() {
        return Ok(with_line_ends_of(text, &at_the_end));
    }
    // `stage` is written in one line, to which no table can be added.
    let mut document = document(file, text)?.into_mut();
    let mut stages = Table::new();
    stages.set_implicit(true);
    let stages = document.entry("stage").or_insert(Item::Table(stages));
    if let Some(stages) = stages.as_table_like_mut() {
        stages.insert(stage, Item::Table(table));
    }
    Ok(with_line_ends_of(text, &document.to_string()))
}
