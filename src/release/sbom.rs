//! A release as a software bill of materials (`CycloneDX` 1.6, ECMA-424).

use super::{Artifact, BuildTool, Digest, Egg, Manifest, Origin, Pin, normalize};
use serde_json::{Value, json};

/// The bill of materials of a release: what runs on hosts, and apart from that (`"scope": "excluded"`) what its eggs
/// were built with. The same manifest gives the same bytes; its time is that of the released commit.
///
/// `digest` is the manifest's sha256.
pub fn sbom(manifest: &Manifest, digest: &Digest) -> Value {
    let root = format!("{}@{}", manifest.project.name, manifest.version);
    let parts: Vec<Value> = (manifest.egg.iter().map(egg))
        .chain(manifest.pin.iter().map(pin))
        .collect();
    let mut used: Vec<&Value> = parts.iter().map(|part| &part["bom-ref"]).collect();
    used.sort_by_key(ToString::to_string);
    let dependencies = json!([{"ref": root, "dependsOn": used}]);
    let tools = manifest.build_tool.iter().map(build_tool);
    let tarball = &manifest.tarball;
    let components: Vec<Value> = parts.iter().cloned().chain(tools).collect();
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": serial(digest),
        "version": 1,
        "metadata": {
            "timestamp": manifest.time,
            "tools": {"components": [tool(&manifest.tool)]},
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": manifest.project.name,
                "version": manifest.version.to_string(),
                "hashes": [hash(&tarball.sha256)],
                "properties": [
                    property("git-hostout:project", &manifest.project.id),
                    property("git-hostout:commit", &manifest.commit),
                    property("git-hostout:release-commit", &manifest.release_commit),
                    property("git-hostout:manifest-sha256", &digest.to_string()),
                    property("git-hostout:file", &tarball.name),
                ],
            },
        },
        "components": components,
        "dependencies": dependencies,
    })
}

/// A UUID (RFC 9562, version 8: of our own making) out of the manifest's sha256.
fn serial(digest: &Digest) -> String {
    let hex = digest.to_string();
    format!(
        "urn:uuid:{}-{}-8{}-8{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..32]
    )
}

/// `git-hostout 0.1.0`.
fn tool(words: &str) -> Value {
    let (name, version) = words.split_once(' ').unwrap_or((words, ""));
    json!({"type": "application", "name": name, "version": version})
}

/// An egg of the project. It has no purl: its name may be somebody else's on an index.
fn egg(egg: &Egg) -> Value {
    component(
        &format!("egg:{}@{}", normalize(&egg.name), egg.version),
        &egg.name,
        &egg.version.to_string(),
        &egg.artifacts,
        json!({"properties": [
            property("git-hostout:path", &egg.path),
            property("git-hostout:source-tree", &egg.source_tree),
            property("git-hostout:built-from", &egg.built_from),
        ]}),
    )
}

fn pin(pin: &Pin) -> Value {
    let version = pin.version.to_string();
    let purl = purl(&pin.name, &version);
    let origin = match pin.origin {
        Origin::Index => "index",
        Origin::Url => "url",
        Origin::Sdist => "sdist",
    };
    let mut more = json!({"properties": [property("git-hostout:origin", origin)]});
    // Where the name is not an index's, a purl would send people there.
    if pin.origin != Origin::Url {
        more["purl"] = json!(purl);
    }
    component(&purl, &pin.name, &version, &pin.artifacts, more)
}

fn build_tool(tool: &BuildTool) -> Value {
    let purl = purl(&tool.name, &tool.version);
    json!({
        "type": "library",
        "bom-ref": format!("build-tool:{purl}:{}", tool.sha256.short()),
        "name": tool.name,
        "version": tool.version,
        "scope": "excluded",
        "hashes": [hash(&tool.sha256)],
        "purl": purl,
    })
}

/// A library; which of its files has which hash stands in its distribution references.
fn component(reference: &str, name: &str, version: &str, files: &[Artifact], more: Value) -> Value {
    let hashes: Vec<Value> = files.iter().map(|file| hash(&file.sha256)).collect();
    let distributions: Vec<Value> = files
        .iter()
        .map(|file| {
            json!({"type": "distribution", "url": file.file, "hashes": [hash(&file.sha256)]})
        })
        .collect();
    let mut component = json!({
        "type": "library",
        "bom-ref": reference,
        "name": name,
        "version": version,
        "hashes": hashes,
        "externalReferences": distributions,
    });
    if let (Value::Object(fields), Value::Object(more)) = (&mut component, more) {
        fields.extend(more);
    }
    component
}

fn hash(digest: &Digest) -> Value {
    json!({"alg": "SHA-256", "content": digest.to_string()})
}

fn property(name: &str, value: &str) -> Value {
    json!({"name": name, "value": value})
}

/// A package URL (ECMA-427) of the type `pypi`; `+` and `!` of versions are percent-encoded.
pub(super) fn purl(name: &str, version: &str) -> String {
    let version = version.replace('+', "%2B").replace('!', "%21");
    format!("pkg:pypi/{}@{version}", normalize(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_encoded_and_names_normalised() {
        assert_eq!(purl("zope.interface", "8.0"), "pkg:pypi/zope-interface@8.0");
        assert_eq!(purl("a", "1!2+local"), "pkg:pypi/a@1%212%2Blocal");
    }

    #[test]
    fn a_serial_number_is_a_uuid_of_the_manifest() {
        let serial = serial(&Digest::of(b"manifest"));
        assert_eq!(serial.len(), "urn:uuid:".len() + 36);
        assert_eq!((&serial[23..24], &serial[28..29]), ("8", "8"));
    }

    /// Whoever kept a paper finds the same bytes later.
    #[test]
    fn the_sample_release_has_the_same_paper_for_ever() {
        let text = include_str!("../../fixtures/formats/v1/manifest.toml");
        let (manifest, digest) = (
            Manifest::from_toml(text).unwrap(),
            Digest::of(text.as_bytes()),
        );
        let paper = serde_json::to_string_pretty(&sbom(&manifest, &digest)).unwrap() + "\n";
        assert_eq!(paper, include_str!("../../fixtures/formats/v1/sbom.json"));
    }
}
