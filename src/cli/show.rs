//! `git hostout show`: a release.

use super::{releasing, session::Session};
use crate::{
    error::Error,
    release::{Manifest, Origin},
    ui,
};

/// Show a release: eggs, pins, settings. With --json, its manifest.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Which; left out = the release of HEAD or of its nearest released ancestor
    #[arg(value_name = "VERSION", add = super::complete::versions())]
    version: Option<String>,
}

pub(super) fn run(session: &Session, args: &Args) -> Result<(), Error> {
    let work = session.workspace()?;
    let ledger = work.ledger(&session.ui)?;
    let released = releasing::released(&work, &ledger, args.version.as_deref())?;
    if session.global.json {
        session.ui.json(&released.manifest);
    } else {
        session
            .ui
            .data(&describe(&released.manifest, &released.digest.to_string()));
    }
    Ok(())
}

fn describe(manifest: &Manifest, digest: &str) -> String {
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
