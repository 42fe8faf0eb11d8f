//! The tar profile `hostout-tar/1`: one tree, one sequence of bytes.
//!
//! ustar (POSIX.1-1988) headers, a PAX record (POSIX.1-2001) only for a name or target that ustar can't hold: longer than
//! 100 bytes (155 + 100 for a path that divides), or not ASCII. Directories are explicit, 0755, before what is in them,
//! everything sorted by the bytes of its path. Files 0644 or 0755, links 0777, owner 0:0 without names, one mtime for all,
//! two blocks of zeros at the end and no more.

use super::layout::{Node, arrange};
use super::{Entry, Error, Kind};
use std::io;
use tar::{Builder, EntryType, Header};

/// The name of the rules by which [`build`] writes. Other bytes for the same input need another name.
pub const PROFILE: &str = "hostout-tar/1";

/// What eleven octal digits hold: ustar's limit for sizes (bytes) and times (seconds).
const OCTAL_MAX: u64 = 0o777_7777_7777;
const NAME: usize = 100;
const PREFIX: usize = 155;

/// The uncompressed tarball of `entries` below one directory `top` (`name-version`), in any order.
///
/// `mtime` is in seconds since 1970 (UTC); a time that ustar can't hold (before 1970) becomes the nearest one it can.
///
/// # Errors
/// A path that isn't plain, names that meet where case is ignored, a link that leaves the tree, a file of 8 GiB.
pub fn build(top: &str, mtime: i64, entries: Vec<Entry>) -> Result<Vec<u8>, Error> {
    let mtime = u64::try_from(mtime).unwrap_or(0).min(OCTAL_MAX);
    let mut tar = Builder::new(Vec::new());
    for (path, node) in arrange(top, entries)? {
        if let Node::Leaf(Kind::File { bytes, .. }) = &node
            && bytes.len() as u64 > OCTAL_MAX
        {
            return Err(Error::TooLarge { path });
        }
        append(&mut tar, &path, &node, mtime).map_err(Error::Tar)?;
    }
    tar.into_inner().map_err(Error::Tar)
}

fn append(tar: &mut Builder<Vec<u8>>, path: &str, node: &Node, mtime: u64) -> io::Result<()> {
    let (kind, mode, data, target) = match node {
        Node::Dir => (EntryType::Directory, 0o755, &[][..], None),
        Node::Leaf(Kind::File { bytes, executable }) => {
            let mode = if *executable { 0o755 } else { 0o644 };
            (EntryType::Regular, mode, bytes.as_slice(), None)
        }
        Node::Leaf(Kind::Link { target }) => (EntryType::Symlink, 0o777, &[][..], Some(target)),
    };
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_device_major(0)?;
    header.set_device_minor(0)?;
    header.set_mtime(mtime);
    header.set_size(data.len() as u64);

    let mut pax: Vec<(&str, &[u8])> = Vec::new();
    let name = match node {
        Node::Dir => format!("{path}/"),
        Node::Leaf(_) => path.to_owned(),
    };
    if let Some(target) = target {
        if !fits(target, NAME) {
            pax.push(("linkpath", target.as_bytes()));
        }
        put(&mut header.as_old_mut().linkname, target);
    }
    let parts = split(&name);
    if parts.is_none() {
        pax.push(("path", name.as_bytes()));
    }
    let (prefix, rest) = parts.unwrap_or(("", &name));
    put(&mut header.as_old_mut().name, rest);
    if let Some(ustar) = header.as_ustar_mut() {
        put(&mut ustar.prefix, prefix);
    }
    header.set_cksum();
    tar.append_pax_extensions(pax)?;
    tar.append(&header, data)
}

/// `path` as prefix and name of a ustar header; none if they can't hold it. The prefix is as long as it can be.
fn split(path: &str) -> Option<(&str, &str)> {
    if fits(path, NAME) {
        return Some(("", path));
    }
    let slashes = path.match_indices('/').map(|(at, _)| at);
    slashes
        .map(|at| (&path[..at], &path[at + 1..]))
        .rfind(|(prefix, name)| fits(prefix, PREFIX) && fits(name, NAME) && !name.is_empty())
}

fn fits(text: &str, limit: usize) -> bool {
    text.is_ascii() && text.len() <= limit
}

/// Writes what readers without PAX see: cut to the field, `?` for what isn't ASCII.
fn put(field: &mut [u8], text: &str) {
    for (place, byte) in field.iter_mut().zip(text.bytes()) {
        *place = if byte.is_ascii() { byte } else { b'?' };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::Digest;
    use std::process::{Command, Stdio};

    fn file(path: &str, bytes: &[u8], executable: bool) -> Entry {
        Entry {
            path: path.to_owned(),
            kind: Kind::File {
                bytes: bytes.to_vec(),
                executable,
            },
        }
    }

    fn link(path: &str, target: &str) -> Entry {
        Entry {
            path: path.to_owned(),
            kind: Kind::Link {
                target: target.to_owned(),
            },
        }
    }

    fn plain() -> Vec<Entry> {
        vec![
            file("prod.cfg", b"[buildout]\nparts =\n", false),
            file("bin/run.sh", b"#!/bin/sh\n", true),
            link("bin/run", "run.sh"),
        ]
    }

    fn hard() -> Vec<Entry> {
        let long = "d".repeat(60);
        let mut entries = plain();
        entries.extend([
            file(&format!("{long}/{long}/fits-in-the-prefix"), b"1", false),
            file(&format!("{long}/{}", "f".repeat(120)), b"2", false),
            file("größe/naïve.txt", b"3", false),
            link("far", &format!("{long}/{}", "f".repeat(120))),
            link("groß", "größe/naïve.txt"),
            file("block", &[7; 512], false),
            file("empty", b"", false),
        ]);
        entries
    }

    const TIME: i64 = 1_700_000_000;

    #[test]
    fn the_bytes_never_change() {
        let digest = |entries| Digest::of(&build("shop-1.2.0", TIME, entries).unwrap()).to_string();
        assert_eq!(
            digest(plain()),
            "add37229ac15e363449c97ead7c7cd7968b324c72a5d1e2a6a1ec357e025db99"
        );
        assert_eq!(
            digest(hard()),
            "d9cf16bf151b723a53dda864ef0a7c2843902628bf143b841becc9ab3d07c346"
        );
    }

    #[test]
    fn the_order_of_the_input_does_not_matter() {
        let mut backwards = hard();
        backwards.reverse();
        let [one, two] = [hard(), backwards].map(|entries| build("t", TIME, entries).unwrap());
        assert!(one == two);
    }

    #[test]
    fn ends_with_exactly_two_blocks_of_zeros() {
        let bytes = build("t", TIME, vec![file("a", b"x", false)]).unwrap();
        assert_eq!(bytes.len(), 512 * (1 + 2 + 2));
        assert!(bytes[512 * 3..].iter().all(|byte| *byte == 0));
        assert_eq!(&bytes[257..265], b"ustar\x0000");
    }

    #[test]
    fn times_outside_the_format_are_cut() {
        assert_eq!(
            build("t", -5, plain()).unwrap(),
            build("t", 0, plain()).unwrap()
        );
    }

    fn read_by(program: &str, args: &[&str]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.tar");
        std::fs::write(&path, build("shop-1.2.0", TIME, hard()).unwrap()).unwrap();
        let output = Command::new(program)
            .args(args)
            .arg(&path)
            .envs([("LC_ALL", "C.UTF-8"), ("TZ", "UTC")])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && stderr.is_empty(), "{stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn gnu_tar_reads_it() {
        let long = "d".repeat(60);
        let far = format!("{long}/{}", "f".repeat(120));
        let when = "2023-11-14 22:13:20";
        let expected = [
            ("drwxr-xr-x 0/0", "0", String::new()),
            ("drwxr-xr-x 0/0", "0", "bin/".into()),
            ("lrwxrwxrwx 0/0", "0", "bin/run -> run.sh".into()),
            ("-rwxr-xr-x 0/0", "10", "bin/run.sh".into()),
            ("-rw-r--r-- 0/0", "512", "block".into()),
            ("drwxr-xr-x 0/0", "0", format!("{long}/")),
            ("drwxr-xr-x 0/0", "0", format!("{long}/{long}/")),
            (
                "-rw-r--r-- 0/0",
                "1",
                format!("{long}/{long}/fits-in-the-prefix"),
            ),
            ("-rw-r--r-- 0/0", "1", far.clone()),
            ("-rw-r--r-- 0/0", "0", "empty".into()),
            ("lrwxrwxrwx 0/0", "0", format!("far -> {far}")),
            ("lrwxrwxrwx 0/0", "0", "groß -> größe/naïve.txt".into()),
            ("drwxr-xr-x 0/0", "0", "größe/".into()),
            ("-rw-r--r-- 0/0", "1", "größe/naïve.txt".into()),
            ("-rw-r--r-- 0/0", "19", "prod.cfg".into()),
        ]
        .map(|(mode, size, name)| format!("{mode} {size} {when} shop-1.2.0/{name}"));
        let listed = read_by("tar", &["--numeric-owner", "--full-time", "-tvf"]);
        let listed: Vec<String> = listed
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(listed, expected);
    }

    #[test]
    fn python_reads_the_same() {
        let script = "
import sys, tarfile
with tarfile.open(sys.argv[1]) as tar:
    for m in tar:
        data = tar.extractfile(m).read() if m.isreg() else b''
        print(m.name, oct(m.mode), m.uid, m.gid, m.uname + m.gname, m.mtime, m.linkname, len(data), *sorted(m.pax_headers))
";
        let listed = read_by("python3", &["-c", script]);
        let lines: Vec<&str> = listed.lines().collect();
        let far = format!("{}/{}", "d".repeat(60), "f".repeat(120));
        assert_eq!(lines.len(), 15);
        assert_eq!(lines[0], "shop-1.2.0 0o755 0 0  1700000000  0");
        assert_eq!(
            lines[2],
            "shop-1.2.0/bin/run 0o777 0 0  1700000000 run.sh 0"
        );
        assert_eq!(
            lines[8],
            format!("shop-1.2.0/{far} 0o644 0 0  1700000000  1 path")
        );
        assert_eq!(
            lines[10],
            format!("shop-1.2.0/far 0o777 0 0  1700000000 {far} 0 linkpath")
        );
        assert_eq!(
            lines[13],
            "shop-1.2.0/größe/naïve.txt 0o644 0 0  1700000000  1 path"
        );
    }
}
