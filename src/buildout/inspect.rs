//! What buildout itself sees in a configuration: conditions, `extends`, macros, `+=` and substitutions applied by its own code.

use super::{
    Error, Scratch, User, Workdir,
    sandbox::{Sandbox, run},
    workdir::write,
};
use serde::Deserialize;
use std::{collections::BTreeMap, fmt, fs, path::PathBuf};

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
/// What each answer is made of: a configuration in the buildout directory itself, because `${buildout:directory}` is the folder of
/// the configuration that is run, here and on hosts; the answer; what was printed.
struct Look<'a> {
    config: &'a str,
    wrapper: PathBuf,
    answer: PathBuf,
    output: PathBuf,
}

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
        let mut all = Self::read_all(scratch, work, &[config], user)?;
        all.remove(0)
    }

    /// Asks about several in one run, which loads buildout once: an answer for each, in their order.
    ///
    /// # Errors
    /// Where nothing can be run; inside, with buildout's own words on that configuration.
    pub fn read_all(
        scratch: &Scratch,
        work: &Workdir,
        configs: &[&str],
        user: &User,
    ) -> Result<Vec<Result<Self, Error>>, Error> {
        let sandbox = Sandbox::make(user)?;
        let script = sandbox.path("look.py");
        write(&script, SCRIPT.as_bytes())?;
        let looks: Vec<Look<'_>> = (0..configs.len())
            .map(|index| Look {
                config: configs[index],
                wrapper: work.path().join(format!(".hostout-inspect-{index}.cfg")),
                answer: sandbox.path(&format!("inspected-{index}.json")),
                output: sandbox.path(&format!("inspected-{index}.txt")),
            })
            .collect();
        let mut command = sandbox.command(&scratch.python);
        command.arg(&script).current_dir(work.path());
        for look in &looks {
            let text = format!("[buildout]\nextends = {}\n", look.config);
            write(&look.wrapper, text.as_bytes())?;
            command.args([&look.wrapper, &look.answer, &look.output]);
        }
        let run = run(&mut command, &|_| ());
        for look in &looks {
            fs::remove_file(&look.wrapper).map_err(Error::io(&look.wrapper))?;
        }
        let (_, output) = run.map_err(Error::io(&scratch.python))?;
        Ok(looks.iter().map(|look| look.read(&output)).collect())
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

impl Look<'_> {
    /// The answer; `output` is what was printed before this configuration's own turn.
    fn read(&self, output: &str) -> Result<Inspected, Error> {
        let Ok(text) = fs::read(&self.answer) else {
            let own = fs::read(&self.output).unwrap_or_default();
            let own = String::from_utf8_lossy(&own);
            return Err(Error::Buildout {
                config: self.config.to_owned(),
                output: format!("{output}{}", super::redact(&own)),
            });
        };
        serde_json::from_slice(&text).map_err(|source| Error::Answer {
            script: "look.py",
            source,
        })
    }
}
