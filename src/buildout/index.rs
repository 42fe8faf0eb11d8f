//! Which versions of a name an index already has.

use super::{
    Error, Scratch, User,
    sandbox::{Sandbox, run},
};

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
