//! A wheel's members, read with limits and refused where they could leave their folder.

use crate::eggs::{Error, Result};
use std::io::{Cursor, Read};
use zip::ZipArchive;

/// The largest wheel that is taken, unpacked: 1 GiB.
const LIMIT: u64 = 1 << 30;

/// A file of a wheel.
pub(super) struct Member {
    pub name: String,
    pub bytes: Vec<u8>,
    pub executable: bool,
}

/// Every file of the wheel `file`; directory entries are left out.
pub(super) fn read(file: &str, bytes: &[u8]) -> Result<Vec<Member>> {
    let wrong = |why: String| Error::Wheel {
        file: file.into(),
        why,
    };
    let mut archive = open(file, bytes)?;
    if stored_count(bytes) != Some(archive.len()) {
        return Err(wrong("members of the same name, or too many".into()));
    }
    let mut members = Vec::with_capacity(archive.len());
    let mut room = LIMIT;
    for index in 0..archive.len() {
        let mut entry = archive
            .by_index(index)
            .map_err(|error| wrong(error.to_string()))?;
        let name = std::str::from_utf8(entry.name_raw()).map(str::to_owned);
        let name = name.map_err(|_| wrong(format!("member {index} is not UTF-8")))?;
        if !safe(&name) {
            return Err(wrong(format!("member {name:?} would leave its folder")));
        }
        if entry.is_dir() {
            continue;
        }
        if entry.is_symlink() || entry.encrypted() {
            return Err(wrong(format!("member {name:?} is no plain file")));
        }
        let executable = entry.unix_mode().is_some_and(|mode| mode & 0o111 != 0);
        let mut bytes = Vec::new();
        let read = entry.by_ref().take(room + 1).read_to_end(&mut bytes);
        let read = read.map_err(|error| wrong(format!("member {name:?}: {error}")))?;
        room = room
            .checked_sub(read as u64)
            .ok_or_else(|| wrong(format!("unpacked it is over {LIMIT} bytes")))?;
        members.push(Member {
            name,
            bytes,
            executable,
        });
    }
    Ok(members)
}

/// One member as text, at most 16 MiB; `None` if there is none.
pub(super) fn text(
    file: &str,
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    name: &str,
) -> Result<Option<String>> {
    let wrong = |why: String| Error::Wheel {
        file: file.into(),
        why: format!("member {name:?}: {why}"),
    };
    let entry = match archive.by_name(name) {
        Ok(entry) => entry,
        Err(zip::result::ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(wrong(error.to_string())),
    };
    let mut text = String::new();
    let read = entry.take(16 << 20).read_to_string(&mut text);
    read.map_err(|error| wrong(error.to_string()))?;
    Ok(Some(text))
}

pub(super) fn open<'a>(file: &str, bytes: &'a [u8]) -> Result<ZipArchive<Cursor<&'a [u8]>>> {
    let archive = ZipArchive::new(Cursor::new(bytes));
    archive.map_err(|error| Error::Wheel {
        file: file.into(),
        why: error.to_string(),
    })
}

/// Whether an installer that unpacks it as it is writes nothing outside: what hosts refuse, too.
pub(super) fn stays_inside(name: &str) -> bool {
    !name.starts_with('/') && !name.contains('\\') && name.split('/').all(|part| part != "..")
}

/// Whether it means the same everywhere, too.
fn safe(name: &str) -> bool {
    let inner = name.strip_suffix('/').unwrap_or(name);
    let odd = |c: char| c == '\\' || c == ':' || c.is_control();
    !inner.contains(odd)
        && inner
            .split('/')
            .all(|part| !matches!(part, "" | "." | ".."))
}

/// How many members the end of the archive counts (APPNOTE.TXT 4.3.16): the reader folds equal names into one.
/// Zip64 counts are not looked up; no wheel has 65,535 members.
fn stored_count(bytes: &[u8]) -> Option<usize> {
    let end = bytes
        .windows(4)
        .rposition(|window| window == b"PK\x05\x06")?;
    let count = bytes.get(end + 10..end + 12)?;
    let count = u16::from_le_bytes([count[0], count[1]]);
    (count < u16::MAX).then_some(usize::from(count))
}
