//! Names the runtime user of a stage in a file that is there; comments and everything else stay as they are.

use super::error::Error;
use super::lines::with_line_ends_of;
use super::meaning::document;
use super::project::Project;
use toml_edit::value;

/// `text` with `runtime-user = user` in the stage's table. `file` is its name in errors.
///
/// # Errors
/// Where `text` is no valid file.
pub fn name_runtime(file: &str, text: &str, stage: &str, user: &str) -> Result<String, Error> {
    let mut document = document(file, text)?.into_mut();
    let table = document
        .get_mut("stage")
        .and_then(|stages| stages.get_mut(stage))
        .and_then(|table| table.as_table_like_mut());
    if let Some(table) = table {
        table.insert("runtime-user", value(user));
    }
    let edited = with_line_ends_of(text, &document.to_string());
    Project::parse(file, &edited)?;
    Ok(edited)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_gets_its_runtime_user() {
        let text = "[project]\nname = \"shop\"\n\n[stage.live] # ours\nhosts = [\"web1\"]\npath = \"/srv/shop\"\n\n\
                    [stage.live.health]\ntimeout = \"9s\"\n";
        let edited = name_runtime("hostout.toml", text, "live", "shop-run").unwrap();
        let line = "path = \"/srv/shop\"\nruntime-user = \"shop-run\"\n";
        assert_eq!(edited, text.replace("path = \"/srv/shop\"\n", line));
        let windows = text.replace('\n', "\r\n");
        let kept = name_runtime("hostout.toml", &windows, "live", "shop-run").unwrap();
        assert_eq!(kept, edited.replace('\n', "\r\n"));
    }
}
