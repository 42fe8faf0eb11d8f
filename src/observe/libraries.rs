//! Which shared libraries of a host the wheels of a release link.

use crate::{
    pack::Store,
    release::{Artifact, Manifest},
};
use elf::{ElfBytes, abi::DT_NEEDED, endian::AnyEndian};
use std::{
    collections::BTreeSet,
    fs::File,
    io::{Read as _, Seek},
};
use zip::ZipArchive;

/// The names of shared libraries (`DT_NEEDED`, the System V ABI's "Dynamic Linking") that `buildout`'s wheels link and
/// do not bring along. A wheel that is not at hand here, or cannot be read, names none.
pub fn libraries(manifest: &Manifest, buildout: &str, store: &Store) -> BTreeSet<String> {
    let artifacts = manifest.artifacts_for(buildout);
    let wheels = artifacts.iter().filter(|artifact| is_native(artifact));
    let files = wheels.filter_map(|wheel| File::open(store.path(&wheel.sha256)?).ok());
    let mut found: BTreeSet<String> = files.flat_map(linked).collect();
    // The interpreter is there, or nothing would run.
    found.retain(|name| !name.starts_with("libpython"));
    found
}

/// Whether a wheel is for a platform (PEP 427: the last part of its name).
fn is_native(artifact: &Artifact) -> bool {
    let stem = artifact.file.strip_suffix(".whl");
    stem.is_some_and(|stem| !stem.ends_with("-any"))
}

/// `_speed.so`, `libpq.so.5`.
fn is_library(name: &str) -> bool {
    name.split('.').skip(1).any(|part| part == "so")
}

fn linked(wheel: impl std::io::Read + Seek) -> BTreeSet<String> {
    let (mut own, mut needed) = (BTreeSet::new(), BTreeSet::new());
    let Ok(mut archive) = ZipArchive::new(wheel) else {
        return needed;
    };
    for index in 0..archive.len() {
        let Ok(mut member) = archive.by_index(index) else {
            continue;
        };
        let path = member.name().to_owned();
        let name = path.rsplit('/').next().unwrap_or_default();
        if !is_library(name) {
            continue;
        }
        own.insert(name.to_owned());
        let mut bytes = Vec::new();
        if member.read_to_end(&mut bytes).is_ok() {
            needed.extend(needs(&bytes).unwrap_or_default());
        }
    }
    needed.retain(|name| !own.contains(name));
    needed
}

/// What one library links; nothing for what is none.
fn needs(bytes: &[u8]) -> Option<Vec<String>> {
    let file = ElfBytes::<AnyEndian>::minimal_parse(bytes).ok()?;
    let (_, strings) = file.dynamic_symbol_table().ok()??;
    let entries = file.dynamic().ok()??.into_iter();
    let needed = entries.filter(|entry| entry.d_tag == DT_NEEDED);
    let names = needed.filter_map(|entry| {
        let at = usize::try_from(entry.d_val()).ok()?;
        strings.get(at).ok().map(str::to_owned)
    });
    Some(names.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Write as _};
    use zip::{ZipWriter, write::SimpleFileOptions};

    #[test]
    fn what_a_wheel_links_and_does_not_bring_along() {
        // Every one of these programs links something; it stands for a compiled module here.
        let module = std::fs::read("/usr/bin/ssh").unwrap();
        let alone = needs(&module).unwrap();
        assert!(alone.iter().any(|name| name == "libc.so.6"), "{alone:?}");
        let crypto = alone.iter().find(|name| name.starts_with("libcrypto.so"));
        let crypto = crypto.expect("ssh links libcrypto");

        let mut wheel = ZipWriter::new(Cursor::new(Vec::new()));
        let brought = format!("x.libs/{crypto}");
        for (name, bytes) in [
            ("x/_speed.so", &*module),
            (&brought, b"no library"),
            ("x/a.py", b""),
        ] {
            wheel
                .start_file(name, SimpleFileOptions::default())
                .unwrap();
            wheel.write_all(bytes).unwrap();
        }
        let found = linked(wheel.finish().unwrap());
        assert!(
            found.contains("libc.so.6") && !found.contains(crypto),
            "{found:?}"
        );
        assert_eq!(linked(Cursor::new(b"no wheel")), BTreeSet::new());
    }
}
