//! What a power cut must not take away: the ledger's own objects are on the disk before a reference leads to them, and the
//! reference is before anybody goes on. Git's library leaves both to the operating system, which may write the name of a
//! file long before what is in it.

use super::{Error, Result};
use gix::ObjectId;
use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

/// Waits until objects that were just written are on the disk, with their names. Those in a pack are there already.
pub(super) fn objects(repo: &gix::Repository, ids: &[ObjectId]) -> Result<()> {
    let all = repo.objects.store_ref().path();
    let mut folders: Vec<PathBuf> = vec![all.to_owned()];
    for id in ids {
        let hex = id.to_string();
        let (shard, name) = hex.split_at(2);
        let folder = all.join(shard);
        sync(&folder.join(name))?;
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders.iter().try_for_each(|folder| sync(folder))
}

/// Waits until a reference that was just moved is on the disk.
pub(super) fn reference(repo: &gix::Repository, name: &str) -> Result<()> {
    let path = repo.common_dir().join(name);
    sync(&path)?;
    path.parent().map_or(Ok(()), sync)
}

fn sync(path: &Path) -> Result<()> {
    match File::open(path).and_then(|file| file.sync_all()) {
        // Not there: packed, or removed by somebody else. Not supported: as some network file systems say of folders.
        Err(error)
            if !matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
            ) =>
        {
            Err(Error::file("write", path)(error))
        }
        _ => Ok(()),
    }
}
