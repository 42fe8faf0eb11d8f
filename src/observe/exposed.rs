//! What the production configurations of the work tree leave open to everybody, and the passwords that stand in them.

use super::Place;
use crate::{
    buildout::{self, Exposed, Graph, Sources},
    config::{Project, join},
};
use std::fs;

/// What is open, each once. Nothing is fetched: addresses and passwords stand in a project's own files. What cannot be read
/// is told by whoever needs it.
pub fn exposed(place: &Place, project: &Project) -> Vec<Exposed> {
    let below = join(&place.folder, &project.buildout.directory).unwrap_or_default();
    let folder = place.root.join(&below);
    let sources = Sources {
        file: &|path| fs::read(folder.join(path)).ok(),
        fetch: &|_| Ok(Vec::new()),
        holds: &|_| Ok(true),
        stand_ins: &project
            .combinations
            .iter()
            .flat_map(|settings| settings.shared.files.clone())
            .collect::<Vec<_>>(),
    };
    let mut found = Vec::new();
    for settings in &project.combinations {
        let Ok(graph) = Graph::read(&sources, &settings.config) else {
            continue;
        };
        // What only hosts have may lie here, too, and is no part of git.
        let secrets = graph.secrets().into_iter();
        let secrets = secrets.filter(|secret| !sources.stand_ins.contains(&secret.place.file));
        let secrets = secrets.map(|secret| {
            let file = join(&below, &secret.place.file);
            secret.exposed(&file.unwrap_or_else(|| secret.place.file.clone()))
        });
        for exposed in buildout::exposed(&graph.sections)
            .into_iter()
            .chain(secrets)
        {
            if !found.contains(&exposed) {
                found.push(exposed);
            }
        }
    }
    found
}
