//! `git hostout show`: a release, and its papers.

use super::{
    releasing,
    session::{Session, Workspace},
    verify,
};
use crate::{
    error::Error,
    ledger::{HOSTOUT, Ledger, Released},
    release::{self, Manifest, Origin},
    ui,
};
use serde_json::Value;

/// Show a release: eggs, pins, settings. With --json, its manifest.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Which; left out = the release of HEAD or of its nearest released ancestor
    #[arg(value_name = "VERSION", add = super::complete::versions())]
    version: Option<String>,
    /// A bill of materials instead: `CycloneDX` 1.6, in JSON
    #[arg(long, conflicts_with = "provenance")]
    sbom: bool,
    /// Where it comes from instead: in-toto statement with SLSA provenance v1, signed by you (DSSE), in JSON
    #[arg(long)]
    provenance: bool,
}

pub(super) fn run(session: &Session, args: &Args) -> Result<(), Error> {
    let work = session.workspace()?;
    let ledger = work.ledger(&session.ui)?;
    let released = releasing::released(&work, &ledger, args.version.as_deref())?;
    if args.sbom {
        session
            .ui
            .json(&release::sbom(&released.manifest, &released.digest));
    } else if args.provenance {
        session.ui.json(&provenance(&work, &ledger, &released)?);
    } else if session.global.json {
        session.ui.json(&released.manifest);
    } else {
        let withdrawn = ledger.withdrawal(&released.manifest.version);
        let withdrawn = withdrawn.map(|entry| format!("{} ({})", entry.reason, entry.by));
        let digest = released.digest.to_string();
        session
            .ui
            .data(&describe(&released.manifest, &digest, withdrawn));
    }
    Ok(())
}

/// Nobody signs for what doesn't verify.
fn provenance(work: &Workspace, ledger: &Ledger, released: &Released) -> Result<Value, Error> {
    let key = work.key()?;
    verify::before_deploying(work, ledger, released)?;
    let statement = release::statement(&released.manifest, &released.digest);
    let (bytes, payload) = release::to_be_signed(&statement);
    let signature = key.sign(HOSTOUT, &bytes)?;
    Ok(release::envelope(&payload, &key.fingerprint()?, &signature))
}

fn describe(manifest: &Manifest, digest: &str, withdrawn: Option<String>) -> String {
    let mut head = vec![
        vec![
            "release".to_owned(),
            format!("{} {}", manifest.project.name, manifest.version),
        ],
        vec!["commit".to_owned(), manifest.commit.clone()],
        vec!["time".to_owned(), manifest.time.clone()],
        // Bare: with `sha256:` in front a row would not fit 80 columns.
        vec!["manifest".to_owned(), digest.to_owned()],
        vec!["tarball".to_owned(), manifest.tarball.sha256.to_string()],
        vec!["targets".to_owned(), manifest.targets.join(" ")],
    ];
    if let Some(why) = withdrawn {
        head.insert(1, vec!["withdrawn".to_owned(), why]);
    }
    if let Some(previous) = &manifest.previous {
        head.insert(1, vec!["previous".to_owned(), previous.version.to_string()]);
    }
    let mut text = ui::table(head);
    for buildout in &manifest.buildout {
        text += &format!(
            "\nbuildout {}: {}, parts {}\n",
            buildout.name,
            buildout.config,
            buildout.parts.join(" ")
        );
    }
    text += "\neggs\n";
    for egg in &manifest.egg {
        text += &format!("  {} {}  {}\n", egg.name, egg.version, egg.why);
        for line in &egg.changes {
            text += &format!("      {line}\n");
        }
    }
    text += &format!("\n{} pins\n", manifest.pin.len());
    let pins = manifest.pin.iter().map(|pin| {
        let origin = match pin.origin {
            Origin::Index => "",
            Origin::Url => "from an address",
            Origin::Sdist => "built here from its source distribution",
        };
        let digest = pin
            .artifacts
            .first()
            .map(|artifact| artifact.sha256.short());
        vec![
            format!("  {}", pin.name),
            pin.version.to_string(),
            digest.unwrap_or_default(),
            origin.to_owned(),
        ]
    });
    text += &ui::table(pins);
    text
}
