//! An `OpenPGP` key of somebody.

use super::Project;
use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

/// Makes a key and has the project sign with it; the gpg that knows it.
pub fn sign_by_gpg(project: &Project) -> PathBuf {
    let home = project.sandbox.path("g");
    fs::create_dir(&home).unwrap();
    fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
    let gpg = project.sandbox.path("gpg");
    let script = format!(
        "#!/bin/sh\nGNUPGHOME='{}' exec gpg \"$@\"\n",
        home.display()
    );
    fs::write(&gpg, script).unwrap();
    fs::set_permissions(&gpg, fs::Permissions::from_mode(0o755)).unwrap();
    let mut make = project
        .sandbox
        .command(gpg.to_str().unwrap(), &project.directory);
    make.args(["--batch", "--pinentry-mode", "loopback", "--passphrase", ""]);
    make.args([
        "--quick-gen-key",
        "Ada <ada@example.org>",
        "ed25519",
        "sign",
        "never",
    ]);
    assert!(make.output().unwrap().status.success());
    project.git(&["config", "gpg.format", "openpgp"]);
    project.git(&["config", "gpg.program", gpg.to_str().unwrap()]);
    project.git(&["config", "user.signingKey", "ada@example.org"]);
    gpg
}
