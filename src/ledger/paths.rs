//! Where files lie in the ledger's tree, and the files of each kind of entry.
//!
//! Sharded: every commit rewrites the folders on the way, and a flat one of 1,000 releases costs 27 MB of loose trees.

use super::{Error, HOSTOUT, Key, Result, Scheme};
use crate::release::{Digest, Ended, EntryId, Started, to_toml};
use jiff::Timestamp;
use semver::Version;

/// Files of an entry: path in the ledger, bytes.
pub type Files = Vec<(String, Vec<u8>)>;

/// `releases/<major.minor>/<version>`.
pub fn release_dir(version: &Version) -> String {
    format!("releases/{}.{}/{version}", version.major, version.minor)
}

/// `deployments/<stage>/<yyyy-mm>/<id>.toml`, the month in UTC.
pub fn deployment_path(stage: &str, time: Timestamp, id: &EntryId) -> String {
    format!("deployments/{stage}/{}/{id}.toml", time.strftime("%Y-%m"))
}

/// `trust/<generation>.toml`.
pub(super) fn statement_path(generation: u64) -> String {
    format!("trust/{generation}.toml")
}

/// The files of a release: the manifest with its signature by `key`, and `versions.cfg`. Also the manifest's digest,
/// for the tag.
pub fn release_files(
    version: &Version,
    manifest: &str,
    versions_cfg: &str,
    key: &Key,
) -> Result<(Files, Digest)> {
    let dir = release_dir(version);
    let mut files = signed(format!("{dir}/manifest.toml"), manifest, key)?;
    files.push((format!("{dir}/versions.cfg"), versions_cfg.into()));
    Ok((files, Digest::of(manifest.as_bytes())))
}

/// The files of a started entry: itself, and its signature by `key`, for hosts without git. `time` is the entry's.
pub fn started_files(started: &Started, time: Timestamp, key: &Key) -> Result<Files> {
    let path = deployment_path(&started.stage, time, &started.id);
    signed(path.clone(), &toml(&path, started)?, key)
}

/// The file of an ended entry. `time` is the entry's.
pub fn ended_files(ended: &Ended, time: Timestamp) -> Result<Files> {
    let path = deployment_path(&ended.stage, time, &ended.id);
    let text = toml(&path, ended)?;
    Ok(vec![(path, text.into())])
}

/// The signature that belongs to a file, by scheme.
pub(super) fn signature_path(path: &str, scheme: Scheme) -> String {
    match scheme {
        Scheme::Ssh => format!("{path}.sig"),
        Scheme::OpenPgp => format!("{path}.asc"),
    }
}

/// A value as a file, with its signature by `key`.
pub(super) fn signed_value(
    path: String,
    value: &impl serde::Serialize,
    key: &Key,
) -> Result<Files> {
    let text = toml(&path, value)?;
    signed(path, &text, key)
}

fn signed(path: String, text: &str, key: &Key) -> Result<Files> {
    let signature = key.sign(HOSTOUT, text.as_bytes())?;
    let beside = signature_path(&path, key.scheme);
    Ok(vec![(path, text.into()), (beside, signature.into())])
}

fn toml(path: &str, value: &impl serde::Serialize) -> Result<String> {
    to_toml(value).map_err(|error| Error::malformed(path, error))
}
