//! What buildout itself sees in a configuration: conditions, `extends`, macros, `+=` and substitutions applied by its own code.

use super::{Error, Scratch, User, Workdir, sandbox::Sandbox, workdir::write};
use crate::process::Running;
use serde::Deserialize;
use std::{collections::BTreeMap, fmt};

/// A configuration as buildout sees it, without recipes and extensions loaded.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Inspected {
    /// The buildout directory at that time; values may begin with it.
    pub directory: String,
    /// The parts that would be installed, in order, with those that others refer to.
    pub parts: Vec<String>,
    /// The develop eggs, globs expanded, relative to the buildout directory.
    pub develop: Vec<String>,
    /// Entries of `develop` that match nothing.
    pub develop_missing: Vec<String>,
    /// The pins.
    pub versions: BTreeMap<String, String>,
    /// Every section with its substituted options.
    pub sections: BTreeMap<String, BTreeMap<String, String>>,
    /// Section and option where a reference could not be answered and stays as written: mostly values that recipes compute.
    pub unresolved: Vec<(String, String)>,
}

/// Without options: they may hold passwords.
impl fmt::Debug for Inspected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut inspected = f.debug_struct("Inspected");
        inspected
            .field("parts", &self.parts)
            .field("develop", &self.develop);
        inspected.finish_non_exhaustive()
    }
}

/// The script that runs in the scratch environment.
const SCRIPT: &str = include_str!("look.py");
/// A configuration in the buildout directory itself: `${buildout:directory}` is the folder of the configuration that is run, here
/// and on hosts.
const CONFIG: &str = ".hostout-inspect.cfg";

impl Inspected {
    /// Asks buildout about `config`, a path relative to the buildout directory.
    ///
    /// # Errors
    /// With buildout's own words.
    pub fn read(
        scratch: &Scratch,
        work: &Workdir,
        config: &str,
        user: &User,
    ) -> Result<Self, Error> {
        let sandbox = Sandbox::make(user)?;
        let script = sandbox.path("look.py");
        write(&script, SCRIPT.as_bytes())?;
        let wrapper = work.path().join(CONFIG);
        write(
            &wrapper,
            format!("[buildout]\nextends = {config}\n").as_bytes(),
        )?;
        let answer = sandbox.path("inspected.json");
        let output = std::fs::File::create(&answer).map_err(Error::io(&answer))?;
        let mut command = sandbox.command(&scratch.python);
        command.arg(&script).arg(CONFIG).current_dir(work.path());
        let run = run_into(&mut command, output);
        std::fs::remove_file(&wrapper).map_err(Error::io(&wrapper))?;
        let (ok, output) = run.map_err(Error::io(&scratch.python))?;
        if !ok {
            return Err(Error::Buildout {
                config: config.to_owned(),
                output,
            });
        }
        let text = std::fs::read(&answer).map_err(Error::io(&answer))?;
        serde_json::from_slice(&text).map_err(|source| Error::Answer {
            script: "look.py",
            source,
        })
    }

    /// An option's words, e.g. `("buildout", "extensions")`.
    pub fn words(&self, section: &str, option: &str) -> Vec<&str> {
        self.option(section, option).split_whitespace().collect()
    }

    /// An option, empty when there is none.
    pub fn option(&self, section: &str, option: &str) -> &str {
        let section = self.sections.get(section);
        section
            .and_then(|section| section.get(option))
            .map_or("", String::as_str)
    }

    /// The recipe of a part, without its entry point.
    pub fn recipe(&self, part: &str) -> &str {
        let recipe = self.option(part, "recipe");
        recipe.split(':').next().unwrap_or(recipe)
    }
}

fn run_into(
    command: &mut std::process::Command,
    answer: std::fs::File,
) -> std::io::Result<(bool, String)> {
    let command = command.stdout(answer).stderr(std::process::Stdio::piped());
    let output = Running::start(command)?.output()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok((output.status.success(), super::redact(&text).into_owned()))
}
