//! Which shared file goes to which hosts.

use super::{Action, Plan, Refusal};
use std::collections::BTreeSet;

/// A host of the stage, and the shared files that its releases want: `[shared] files`.
pub type Wanting<'a> = (&'a str, &'a [String]);

/// Puts `file`, of so many bytes, to every host that wants it, for its owner and `reader` only.
///
/// # Errors
/// A file that no host of the stage wants.
pub fn put(
    stage: &str,
    reader: Option<&str>,
    file: &str,
    bytes: u64,
    hosts: &[Wanting<'_>],
) -> Result<Plan, Refusal> {
    let wants = |(_, files): &&Wanting<'_>| files.iter().any(|wanted| wanted == file);
    let steps: Vec<_> = hosts
        .iter()
        .filter(wants)
        .map(|(host, _)| {
            let file = file.to_owned();
            let reader = reader.map(str::to_owned);
            let action = Action::Share {
                file,
                bytes,
                reader,
            };
            (Some((*host).to_owned()), action)
        })
        .collect();
    if steps.is_empty() {
        let named: BTreeSet<&str> = hosts
            .iter()
            .flat_map(|(_, files)| files.iter().map(String::as_str))
            .collect();
        let named: Vec<&str> = named.into_iter().collect();
        let mut refusal = Refusal::default();
        refusal.add(
            format!("{file} is no shared file of {stage}"),
            match named.as_slice() {
                [] => {
                    format!("name it in hostout.toml: [shared] files = [\"{file}\"], and release")
                }
                some => format!(
                    "there are {}; another one is named in [shared] files of hostout.toml first",
                    some.join(", ")
                ),
            },
        );
        return Err(refusal);
    }
    let summary = format!("Put {file} to {stage}; it is never in the ledger.");
    Ok(Plan::new(summary, Vec::new(), steps))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_that_want_a_file_get_it() {
        let (secret, none) = (["secret.cfg".to_owned()], []);
        let hosts: [Wanting<'_>; 2] = [("web1", &secret), ("db1", &none)];
        let plan = put("staging", None, "secret.cfg", 12, &hosts).unwrap();
        let names: Vec<_> = plan.steps.iter().map(|step| step.host.as_deref()).collect();
        assert_eq!(names, [Some("web1")]);

        let plan = put("staging", Some("shop-run"), "secret.cfg", 12, &hosts).unwrap();
        let told = plan.to_string();
        assert!(told.contains("for its owner and shop-run only"), "{told}");

        let refused = put("staging", None, "other.cfg", 12, &hosts).unwrap_err();
        assert_eq!(
            refused.reasons[0].remedy,
            "there are secret.cfg; another one is named in [shared] files of hostout.toml first"
        );
        let refused = put("staging", None, ".env", 12, &hosts[1..]).unwrap_err();
        assert_eq!(refused.reasons[0].what, ".env is no shared file of staging");
        assert_eq!(
            refused.reasons[0].remedy,
            "name it in hostout.toml: [shared] files = [\".env\"], and release"
        );
    }
}
