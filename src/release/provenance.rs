//! Where a release comes from, as a statement that others' tools read: in-toto Statement v1 with SLSA provenance v1, in a
//! DSSE envelope v1.

use super::{Artifact, Digest, Egg, Manifest, sbom::purl};
use base64ct::{Base64, Encoding as _};
use serde_json::{Value, json};

/// The media type of a statement's bytes, part of what is signed.
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// What a release's parameters mean: those of this file.
const BUILD_TYPE: &str = "urn:git-hostout:release:1";

/// What is claimed: which files were made, out of what, by which program. The same manifest gives the same bytes.
///
/// Eggs that were built for an earlier release say so by the commit they were built at. It claims no more than SLSA
/// Build L1: a person's own machine made the files, and `verify --rebuild` shows whether they can be made again.
pub fn statement(manifest: &Manifest, digest: &Digest) -> Value {
    let tarball = &manifest.tarball;
    let mut subject = vec![
        file("manifest.toml", digest),
        file(&tarball.name, &tarball.sha256),
    ];
    let made = manifest.egg.iter().flat_map(|egg| &egg.artifacts);
    let built = manifest.pin.iter().filter(|pin| pin.built_from.is_some());
    let built = built.flat_map(|pin| &pin.artifacts);
    subject.extend(made.chain(built).map(artifact));
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subject,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "project": manifest.project.id,
                    "version": manifest.version.to_string(),
                    "configurations": configurations(manifest),
                    "targets": manifest.targets,
                },
                "internalParameters": {},
                "resolvedDependencies": dependencies(manifest),
            },
            "runDetails": {
                "builder": {"id": format!("urn:{}", manifest.tool.replacen(' ', ":", 1))},
                "metadata": {"invocationId": digest.to_string()},
            },
        },
    })
}

/// The bytes that are signed (DSSE v1, PAE), and what they are a signature of.
pub fn to_be_signed(statement: &Value) -> (Vec<u8>, String) {
    let payload = statement.to_string();
    let bytes = format!(
        "DSSEv1 {} {PAYLOAD_TYPE} {} {payload}",
        PAYLOAD_TYPE.len(),
        payload.len()
    );
    (bytes.into_bytes(), payload)
}

/// The envelope around `payload`. `signature` is as ssh-keygen or gpg wrote it; `key` is its fingerprint, a hint.
pub fn envelope(payload: &str, key: &str, signature: &str) -> Value {
    json!({
        "payloadType": PAYLOAD_TYPE,
        "payload": Base64::encode_string(payload.as_bytes()),
        "signatures": [{"keyid": key, "sig": Base64::encode_string(signature.as_bytes())}],
    })
}

fn configurations(manifest: &Manifest) -> Vec<&str> {
    let mut names: Vec<&str> = manifest
        .buildout
        .iter()
        .map(|buildout| &*buildout.config)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Everything that went in: commits, distributions, what built them, configurations from elsewhere.
fn dependencies(manifest: &Manifest) -> Vec<Value> {
    let mut all = vec![
        commit("released commit", &manifest.commit),
        commit("release commit", &manifest.release_commit),
    ];
    let earlier = |egg: &&Egg| egg.built_from != manifest.release_commit;
    all.extend(manifest.egg.iter().filter(earlier).map(|egg| {
        let name = format!("release commit of {} {}", egg.name, egg.version);
        commit(&name, &egg.built_from)
    }));
    for pin in &manifest.pin {
        let uri = purl(&pin.name, &pin.version.to_string());
        match &pin.built_from {
            Some(source) => all.push(dependency(&uri, file(&source.url, &source.sha256))),
            None => all.extend(pin.artifacts.iter().map(|a| dependency(&uri, artifact(a)))),
        }
    }
    let tools = manifest.build_tool.iter().map(|tool| {
        let uri = purl(&tool.name, &tool.version);
        dependency(&uri, file(&tool.name, &tool.sha256))
    });
    all.extend(tools);
    let extends = manifest
        .extends
        .iter()
        .map(|extends| dependency(&extends.url, file(&extends.url, &extends.sha256)));
    all.extend(extends);
    all
}

fn artifact(artifact: &Artifact) -> Value {
    file(&artifact.file, &artifact.sha256)
}

fn file(name: &str, digest: &Digest) -> Value {
    json!({"name": name, "digest": {"sha256": digest.to_string()}})
}

fn commit(name: &str, id: &str) -> Value {
    json!({"name": name, "digest": {"gitCommit": id}})
}

fn dependency(uri: &str, mut file: Value) -> Value {
    file["uri"] = json!(uri);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the DSSE protocol, with our type.
    #[test]
    fn what_is_signed_says_how_long_its_parts_are() {
        let (bytes, payload) = to_be_signed(&json!({"a": "é"}));
        assert_eq!(payload, r#"{"a":"é"}"#);
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(
            text,
            r#"DSSEv1 28 application/vnd.in-toto+json 10 {"a":"é"}"#
        );
    }

    /// Whoever kept a paper finds the same bytes later.
    #[test]
    fn the_sample_release_has_the_same_paper_for_ever() {
        let text = include_str!("../../fixtures/formats/v1/manifest.toml");
        let (manifest, digest) = (
            Manifest::from_toml(text).unwrap(),
            Digest::of(text.as_bytes()),
        );
        let paper = serde_json::to_string_pretty(&statement(&manifest, &digest)).unwrap() + "\n";
        assert_eq!(
            paper,
            include_str!("../../fixtures/formats/v1/provenance.json")
        );
    }
}
