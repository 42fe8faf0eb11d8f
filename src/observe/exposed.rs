//! What the production configurations of the work tree leave open to everybody.

use super::Place;
use crate::{
    buildout::{self, Exposed, Graph, Sources},
    config::{Project, join},
};
use std::fs;

/// What is open, each once. Nothing is fetched: addresses and passwords stand in a project's own files. What cannot be read
/// is told by whoever needs it.
pub fn exposed(place: &Place, project: &Project) -> Vec<Exposed> {
    let folder = join(&place.folder, &project.buildout.directory).unwrap_or_default();
    let folder = place.root.join(folder);
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
        for exposed in buildout::exposed(&graph.sections) {
            if !found.contains(&exposed) {
                found.push(exposed);
            }
        }
    }
    found
}
