//! What indexes have: which versions of a name, and which wheels.

use super::{
    Error, Inspected, Scratch, Settings, User, redact,
    sandbox::{Sandbox, run, script},
    scratch::extra_index,
};
use crate::release::Fetchable;
use std::{collections::BTreeMap, process::Command};

/// The user's indexes, and a configuration's.
pub struct Indexes<'a> {
    /// Where pip lives.
    pub scratch: &'a Scratch,
    /// A production configuration, whose index counts.
    pub inspected: &'a Inspected,
    /// Whose settings apply.
    pub user: &'a User,
    /// Those settings.
    pub settings: &'a Settings,
}

const WHEELS: &str = include_str!("index.py");

impl Indexes<'_> {
    /// The wheels of each of `names`, of all versions; none where no index knows the name, or says no sha256.
    ///
    /// # Errors
    /// Where pip cannot be run.
    pub fn wheels(&self, names: &[&str]) -> Result<BTreeMap<String, Vec<Fetchable>>, Error> {
        let sandbox = Sandbox::make(self.user)?;
        let mut command = sandbox.command(&self.scratch.python);
        point_to_index(&mut command, self.inspected, self.user, self.settings);
        let ask = serde_json::json!({ "names": names });
        let output = script(&mut command, WHEELS, &ask).map_err(Error::io(&self.scratch.python))?;
        if !output.status.success() {
            return Err(Error::Pip {
                what: "the list of wheels".to_owned(),
                output: redact(&String::from_utf8_lossy(&output.stderr)).into_owned(),
            });
        }
        serde_json::from_slice(&output.stdout).map_err(|source| Error::Answer {
            script: "index.py",
            source,
        })
    }
}

/// Tells pip the index and the find-links of a configuration, else of the user: through the environment, as addresses may
/// hold a password.
pub(super) fn point_to_index(
    command: &mut Command,
    inspected: &Inspected,
    user: &User,
    settings: &Settings,
) {
    let option = |name: &str| {
        let written = inspected.option("buildout", name);
        let set = settings.options.get(name).map_or("", String::as_str);
        if written.is_empty() { set } else { written }.to_owned()
    };
    let index = option("index");
    if !index.is_empty() {
        command.env("PIP_EXTRA_INDEX_URL", extra_index(user, &index));
    }
    let links = option("find-links");
    let links: Vec<&str> = links.split_whitespace().collect();
    if !links.is_empty() {
        command.env("PIP_FIND_LINKS", links.join(" "));
    }
}

impl Scratch {
    /// Every version of `name` on the user's indexes, as pip reads them; none where no index knows the name.
    ///
    /// # Errors
    /// Where pip cannot be run.
    pub fn index_versions(&self, name: &str, user: &User) -> Result<Vec<String>, Error> {
        let sandbox = Sandbox::make(user)?;
        let mut command = sandbox.command(&self.python);
        command.args(["-m", "pip", "index", "versions", "--pre", "--", name]);
        let (_, output) = run(&mut command, &|_| {}).map_err(Error::io(&self.python))?;
        Ok(versions(&output))
    }
}

/// pip prints `Available versions: 1.1, 1.0` on a line of its own; where there is nothing it prints an error.
fn versions(output: &str) -> Vec<String> {
    output
        .lines()
        .find_map(|line| line.trim().strip_prefix("Available versions:"))
        .map(|list| {
            list.split(',')
                .map(|version| version.trim().to_owned())
                .collect()
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::versions;

    #[test]
    fn reads_what_pip_prints() {
        let text = "WARNING: x\ngreetings (0.1.0)\nAvailable versions: 0.1.0, 0.1.0rc1\n";
        assert_eq!(versions(text), ["0.1.0", "0.1.0rc1"]);
        assert!(versions("ERROR: No matching distribution found for acme\n").is_empty());
    }
}
