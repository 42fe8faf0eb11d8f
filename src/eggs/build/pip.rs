//! What pip is told and what it reports.

use crate::eggs::normalize;
use crate::release::BuildTool;
use pep440_rs::Version;
use std::collections::BTreeMap;

/// Sets of constraints (`name==version`) to try one after the other. Eggs may have been built with different versions
/// of one tool: then the newest of each comes first and the oldest of each second.
pub(super) fn constraints(pins: &[BuildTool]) -> Vec<Vec<String>> {
    let mut versions: BTreeMap<String, Vec<Version>> = BTreeMap::new();
    for pin in pins {
        if let Ok(version) = pin.version.parse() {
            versions
                .entry(normalize(&pin.name))
                .or_default()
                .push(version);
        }
    }
    for versions in versions.values_mut() {
        versions.sort();
    }
    let lines = |choose: fn(&[Version]) -> Option<&Version>| -> Vec<String> {
        let chosen = versions
            .iter()
            .filter_map(|(name, versions)| Some((name, choose(versions)?)));
        chosen
            .map(|(name, version)| format!("{name}=={version}"))
            .collect()
    };
    let mut sets = vec![lines(<[Version]>::last), lines(<[Version]>::first)];
    sets.dedup();
    sets.retain(|set| !set.is_empty());
    sets
}

/// The distributions of pip's installation report (pip documentation, "Installation Report", version 1).
pub(super) fn installed(report: &[u8]) -> Result<Vec<BuildTool>, String> {
    let report: serde_json::Value =
        serde_json::from_slice(report).map_err(|error| error.to_string())?;
    let items = report["install"].as_array().ok_or("no `install`")?;
    let mut tools = items.iter().map(tool).collect::<Result<Vec<_>, String>>()?;
    tools.sort();
    Ok(tools)
}

fn tool(item: &serde_json::Value) -> Result<BuildTool, String> {
    let text = |key| {
        item["metadata"][key]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let archive = &item["download_info"]["archive_info"];
    let sha256 = archive["hashes"]["sha256"].as_str();
    // pip 22 has the older form
    let sha256 = sha256.or_else(|| archive["hash"].as_str()?.strip_prefix("sha256="));
    let sha256 = sha256.and_then(|digits| digits.parse().ok());
    let name = text("name");
    let sha256 = sha256.ok_or_else(|| format!("{name} comes from no file with a sha256"))?;
    Ok(BuildTool {
        name,
        version: text("version"),
        sha256,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::Digest;

    #[test]
    fn one_constraint_a_name() {
        let pin = |name: &str, version: &str| BuildTool {
            name: name.into(),
            version: version.into(),
            sha256: Digest::of(b""),
        };
        assert_eq!(constraints(&[]), Vec::<Vec<String>>::new());
        assert_eq!(
            constraints(&[pin("Flit_Core", "4.2")]),
            [["flit-core==4.2"]]
        );
        let pins = [
            pin("setuptools", "80.9"),
            pin("wheel", "0.48"),
            pin("setuptools", "9.1"),
        ];
        let wanted = [
            ["setuptools==80.9", "wheel==0.48"],
            ["setuptools==9.1", "wheel==0.48"],
        ];
        assert_eq!(constraints(&pins), wanted);
    }

    #[test]
    fn a_tool_without_a_fixed_file_is_refused() {
        let digest = Digest::of(b"").to_string();
        let item = |archive: &str| {
            let item = format!(
                r#"{{"metadata": {{"name": "a", "version": "1"}}, "download_info": {archive}}}"#
            );
            installed(format!(r#"{{"install": [{item}]}}"#).as_bytes())
        };
        let new = format!(r#"{{"archive_info": {{"hashes": {{"sha256": "{digest}"}}}}}}"#);
        let old = format!(r#"{{"archive_info": {{"hash": "sha256={digest}"}}}}"#);
        assert_eq!(item(&new), item(&old));
        assert_eq!(item(&new).unwrap()[0].version, "1");
        assert!(
            item(r#"{"vcs_info": {"commit_id": "0"}}"#)
                .unwrap_err()
                .contains("a comes from")
        );
    }
}
