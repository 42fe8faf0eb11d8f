//! `git hostout show --sbom` and `--provenance`: what other people's tools read.

use crate::support::Project;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The publishers' own libraries.
const LIBRARIES: [&str; 2] = [
    "cyclonedx-python-lib[json-validation]==11.12.0",
    "in-toto-attestation==0.9.3",
];

/// The libraries' folder.
fn libraries(project: &Project) -> PathBuf {
    let folder = project.sandbox.path("libraries");
    let installed = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--no-compile"])
        .args(["--disable-pip-version-check", "--root-user-action=ignore"])
        .arg("--target")
        .arg(&folder)
        .args(LIBRARIES)
        .output()
        .unwrap();
    assert!(installed.status.success(), "{installed:?}");
    folder
}

/// What the libraries say of a paper that they accept.
fn read(libraries: &Path, kind: &str, paper: &Path) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verbs/papers.py");
    let read = Command::new("python3")
        .arg(script)
        .arg(kind)
        .arg(paper)
        .env("PYTHONPATH", libraries)
        .output()
        .unwrap();
    assert!(read.status.success(), "{read:?}");
    String::from_utf8(read.stdout).unwrap()
}

/// Prints a paper twice, which gives the same bytes, into a file.
fn paper(project: &Project, kind: &str) -> (Value, PathBuf) {
    let arguments = ["show", "0.1.0", &format!("--{kind}")];
    let run = project.hostout(&arguments).exits(0);
    let again = project.hostout(&arguments).exits(0);
    assert_eq!(run.stdout, again.stdout);
    let file = project.sandbox.path(kind);
    fs::write(&file, &run.stdout).unwrap();
    (run.json(), file)
}

#[test]
fn are_valid_complete_and_signed() {
    let project = Project::released();
    let manifest = project.manifest("0.1.0");
    let libraries = libraries(&project);

    let (sbom, file) = paper(&project, "sbom");
    read(&libraries, "sbom", &file);
    let components = sbom["components"].as_array().unwrap();
    let named = |name: &str| {
        let mut all = components.iter();
        all.find(|component| component["name"] == name).unwrap()
    };
    for pin in &manifest.pin {
        let component = named(&pin.name);
        let hash = &component["hashes"][0]["content"];
        assert_eq!(hash, &*pin.artifacts[0].sha256.to_string());
        assert!(component["purl"].as_str().unwrap().starts_with("pkg:pypi/"));
    }
    let egg = named("acme.greeting");
    assert!(egg["purl"].is_null(), "a name on an index is not ours");
    let eggs_and_pins = manifest.egg.len() + manifest.pin.len();
    let used = sbom["dependencies"][0]["dependsOn"].as_array().unwrap();
    assert_eq!(used.len(), eggs_and_pins);
    let excluded = components.iter().filter(|one| one["scope"] == "excluded");
    assert_eq!(excluded.count(), manifest.build_tool.len());

    let (envelope, file) = paper(&project, "provenance");
    let subjects = read(&libraries, "provenance", &file);
    let wheels = manifest.egg.iter().flat_map(|egg| &egg.artifacts);
    for name in wheels
        .map(|wheel| &wheel.file)
        .chain([&manifest.tarball.name])
    {
        assert!(subjects.contains(name.as_str()), "{subjects}");
    }
    verifies(&project, &envelope);

    project
        .hostout(&["show", "0.1.0", "--sbom", "--provenance"])
        .exits(2);
    project.git(&["tag", "--force", "v0.1.0", "HEAD"]);
    project
        .hostout(&["show", "0.1.0", "--provenance"])
        .exits(11)
        .says(&["v0.1.0"]);
}

/// What DSSE says is signed was signed by one whom the ledger allows to.
fn verifies(project: &Project, envelope: &Value) {
    let at = |name: &str| project.sandbox.path(name);
    let decoded = |value: &Value, name: &str| {
        fs::write(at("base64"), value.as_str().unwrap()).unwrap();
        let decoded = Command::new("base64")
            .arg("--decode")
            .arg(at("base64"))
            .output();
        fs::write(at(name), decoded.unwrap().stdout).unwrap();
        fs::read(at(name)).unwrap()
    };
    let kind = envelope["payloadType"].as_str().unwrap();
    let payload = decoded(&envelope["payload"], "payload");
    let mut signed = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    signed.extend(&payload);
    fs::write(at("signed"), signed).unwrap();
    decoded(&envelope["signatures"][0]["sig"], "signature");
    let allowed = project.ledger_file("keys/allowed_signers");
    fs::write(at("allowed"), &allowed).unwrap();
    let person = allowed
        .lines()
        .find(|line| !line.starts_with('#'))
        .and_then(|line| line.split_whitespace().next())
        .unwrap();
    let verified = Command::new("ssh-keygen")
        .args(["-Y", "verify", "-n", "git-hostout", "-I", person, "-f"])
        .arg(at("allowed"))
        .arg("-s")
        .arg(at("signature"))
        .stdin(fs::File::open(at("signed")).unwrap())
        .stdout(Stdio::null())
        .output()
        .unwrap();
    assert!(verified.status.success(), "{verified:?}");
}
