//! The content store on this machine: files by the sha256 of their bytes.

use super::Error;
use crate::{process, release::Digest};
use std::{
    ffi::OsStr,
    fs::{self, File, Permissions},
    io::{self, Read, Seek, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// A directory that holds objects as `<first 2 digits>/<other 62>`, read-only. Several processes may use it at once.
#[derive(Clone, Debug)]
pub struct Store {
    directory: PathBuf,
}

impl Store {
    /// The store in `directory`, which is made when it isn't there.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, Error> {
        let directory = directory.into();
        fs::create_dir_all(&directory).map_err(io_error("create", &directory))?;
        Ok(Self { directory })
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where a user's store is: `git-hostout/store` in `$XDG_CACHE_HOME`, which is `~/.cache` when it is unset, empty
    /// or relative (XDG Base Directory Specification). None without either.
    pub fn default_directory(
        xdg_cache_home: Option<&OsStr>,
        home: Option<&OsStr>,
    ) -> Option<PathBuf> {
        let absolute = |value: &OsStr| Some(PathBuf::from(value)).filter(|path| path.is_absolute());
        let cache = xdg_cache_home
            .and_then(absolute)
            .or_else(|| Some(home.and_then(absolute)?.join(".cache")))?;
        Some(cache.join("git-hostout").join("store"))
    }

    /// Stores `bytes` under their digest. Storing them again costs a look.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, Error> {
        let (digest, _) = self.put_reader(bytes, &self.directory)?;
        Ok(digest)
    }

    /// Stores a copy of the file at `path`; its digest and its size in bytes.
    pub fn put_file(&self, path: &Path) -> Result<(Digest, u64), Error> {
        let file = File::open(path).map_err(io_error("read", path))?;
        self.put_reader(file, path)
    }

    /// Where the object is, if the store holds it. Its bytes have not been looked at: see [`Self::open_verified`].
    pub fn path(&self, digest: &Digest) -> Option<PathBuf> {
        Some(self.place(digest)).filter(|path| path.is_file())
    }

    /// The object's bytes, verified.
    ///
    /// # Errors
    /// [`Error::NotStored`]; [`Error::Corrupt`], after which the object is gone and can be stored again.
    pub fn read(&self, digest: &Digest) -> Result<Vec<u8>, Error> {
        let path = self.place(digest);
        let mut bytes = Vec::new();
        let mut file = self.open_object(digest)?;
        file.read_to_end(&mut bytes)
            .map_err(io_error("read", &path))?;
        self.expect(digest, Digest::of(&bytes))?;
        Ok(bytes)
    }

    /// The object as a file at its beginning, after all of it has been verified.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn open_verified(&self, digest: &Digest) -> Result<File, Error> {
        let path = self.place(digest);
        let mut file = self.open_object(digest)?;
        let (found, _) = Digest::of_reader(&mut file).map_err(io_error("read", &path))?;
        self.expect(digest, found)?;
        file.rewind().map_err(io_error("read", &path))?;
        Ok(file)
    }

    /// Where the object is and the digest of what lies there, if there is something. Damaged bytes stay: to look changes
    /// nothing.
    pub fn look(&self, digest: &Digest) -> Result<Option<(PathBuf, Digest)>, Error> {
        let path = self.place(digest);
        let mut file = match self.open_object(digest) {
            Ok(file) => file,
            Err(Error::NotStored { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let (found, _) = Digest::of_reader(&mut file).map_err(io_error("read", &path))?;
        Ok(Some((path, found)))
    }

    fn place(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        let (shard, rest) = name.split_at(2);
        self.directory.join(shard).join(rest)
    }

    fn open_object(&self, digest: &Digest) -> Result<File, Error> {
        let path = self.place(digest);
        File::open(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => Error::NotStored {
                store: self.directory.clone(),
                digest: *digest,
            },
            _ => io_error("read", &path)(source),
        })
    }

    fn expect(&self, digest: &Digest, found: Digest) -> Result<(), Error> {
        if found == *digest {
            return Ok(());
        }
        let path = self.place(digest);
        let removed = fs::remove_file(&path).is_ok();
        Err(Error::Corrupt {
            path,
            found,
            removed,
        })
    }

    /// The name is known only after the last byte, so the bytes go to a scratch file beside the shards first.
    fn put_reader(&self, reader: impl Read, origin: &Path) -> Result<(Digest, u64), Error> {
        let store = &self.directory;
        let mut scratch =
            process::File::new_in(store, ".incoming-").map_err(io_error("write to", store))?;
        let mut tee = Tee {
            reader,
            writer: scratch.as_file_mut(),
        };
        let (digest, size) = Digest::of_reader(&mut tee).map_err(io_error("store", origin))?;

        let path = self.place(&digest);
        match self.open_verified(&digest) {
            Ok(_) => return Ok((digest, size)),
            Err(Error::NotStored { .. } | Error::Corrupt { .. }) => {}
            Err(error) => return Err(error),
        }
        let shard = path.parent().unwrap_or(store);
        fs::create_dir_all(shard).map_err(io_error("create", shard))?;
        let file = scratch.as_file();
        file.set_permissions(Permissions::from_mode(0o444))
            .and_then(|()| file.sync_all())
            .map_err(io_error("write", &path))?;
        scratch.persist(&path).map_err(io_error("write", &path))?;
        // the name is on disk only when its directory is
        File::open(shard)
            .and_then(|directory| directory.sync_all())
            .map_err(io_error("write", shard))?;
        Ok((digest, size))
    }
}

/// Copies to `writer` what is read through it.
struct Tee<'a, R> {
    reader: R,
    writer: &'a mut File,
}

impl<R: Read> Read for Tee<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.writer.write_all(&buffer[..read])?;
        Ok(read)
    }
}

fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io {
        doing,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("deep/store")).unwrap();
        (folder, store)
    }

    fn damage(path: &Path) {
        fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
        fs::write(path, "evil").unwrap();
    }

    #[test]
    fn gives_back_what_was_put() {
        let (folder, store) = store();
        let digest = store.put(b"abc").unwrap();
        let path = store.path(&digest).unwrap();
        assert!(
            path.ends_with("ba/7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        );
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o444);
        assert_eq!(store.read(&digest).unwrap(), b"abc");

        let file = folder.path().join("file");
        fs::write(&file, "abc").unwrap();
        assert_eq!(store.put_file(&file).unwrap(), (digest, 3));
        let mut text = String::new();
        let mut opened = store.open_verified(&digest).unwrap();
        opened.read_to_string(&mut text).unwrap();
        assert_eq!(text, "abc");
        let left = fs::read_dir(folder.path().join("deep/store")).unwrap();
        assert_eq!(left.count(), 1, "scratch files are left behind");
    }

    #[test]
    fn never_gives_out_damaged_bytes() {
        let (_folder, store) = store();
        let digest = store.put(b"abc").unwrap();
        let path = store.path(&digest).unwrap();
        damage(&path);
        assert_eq!(
            store.look(&digest).unwrap(),
            Some((path.clone(), Digest::of(b"evil")))
        );
        let error = store.read(&digest).unwrap_err();
        assert!(
            matches!(&error, Error::Corrupt { removed: true, .. }),
            "{error}"
        );
        assert!(error.to_string().contains(&Digest::of(b"evil").to_string()));
        assert!(matches!(store.read(&digest), Err(Error::NotStored { .. })));
        assert_eq!(store.path(&digest), None);

        store.put(b"abc").unwrap();
        damage(&path);
        assert!(matches!(
            store.open_verified(&digest),
            Err(Error::Corrupt { .. })
        ));
    }

    #[test]
    fn putting_again_repairs() {
        let (_folder, store) = store();
        let digest = store.put(b"abc").unwrap();
        damage(&store.path(&digest).unwrap());
        store.put(b"abc").unwrap();
        assert_eq!(store.read(&digest).unwrap(), b"abc");
    }

    #[test]
    fn many_put_the_same_at_once() {
        let (_folder, store) = store();
        let bytes = vec![7; 1 << 20];
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| store.read(&store.put(&bytes).unwrap()).unwrap());
            }
        });
    }

    #[test]
    fn the_default_follows_the_xdg_specification() {
        let at = |xdg: Option<&str>, home: Option<&str>| {
            let found = Store::default_directory(xdg.map(OsStr::new), home.map(OsStr::new));
            found.map(|path| path.to_str().unwrap().to_owned())
        };
        assert_eq!(at(Some("/c"), Some("/h")).unwrap(), "/c/git-hostout/store");
        for unset in [None, Some(""), Some("relative")] {
            assert_eq!(
                at(unset, Some("/h")).unwrap(),
                "/h/.cache/git-hostout/store"
            );
        }
        assert_eq!(at(None, None), None);
    }
}
