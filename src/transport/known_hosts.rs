//! What the user's `known_hosts` files say about a host.
//!
//! `ssh-keygen -F` does the matching: hashed names, wildcards, negations, ports and markers are its business (libssh2
//! knows neither wildcards nor markers). Judging what was found is pure.

use super::{error::Failure, host_key::HostKey};
use crate::process::{self, Folder};
use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A line that concerns the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
    pub marker: Marker,
    pub key: HostKey,
}

/// What a line's key is (`sshd(8)`, `SSH_KNOWN_HOSTS` file format).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// The host's own.
    None,
    /// Never to be accepted.
    Revoked,
    /// An authority's, which signs host certificates; of a plain key it says nothing.
    CertAuthority,
}

/// What the files say about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the host's.
    Known,
    /// No key of this type is known; perhaps others are.
    Unknown {
        /// The types that are.
        others: Vec<String>,
    },
    /// The host had another key of this type.
    Changed(Entry),
    /// It must never be accepted.
    Revoked(Entry),
}

/// All lines for `name` in `files`. A file that isn't there is an empty one.
///
/// # Errors
/// When a file can't be read, or there is no ssh-keygen.
pub fn look_up(name: &str, files: &[&Path]) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    for file in files.iter().filter(|file| file.exists()) {
        let output = keygen(&["-F", name, "-f"], file).map_err(|error| {
            Failure::new(format!(
                "can't look for the host key in {}: {error}",
                file.display()
            ))
        })?;
        // 1 is "not found", which says nothing; anything else is a failure.
        if !output.status.success() && !output.stderr.is_empty() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::new(format!(
                "can't look for the host key: {}",
                said.trim()
            )));
        }
        entries.extend(parse(&String::from_utf8_lossy(&output.stdout), file));
    }
    Ok(entries)
}

/// Judges `key` by the lines for its host.
pub fn judge(entries: &[Entry], key: &HostKey) -> Verdict {
    let same = |entry: &&Entry| entry.key == *key;
    if let Some(entry) = entries
        .iter()
        .filter(same)
        .find(|entry| entry.marker == Marker::Revoked)
    {
        return Verdict::Revoked(entry.clone());
    }
    let mut own = entries.iter().filter(|entry| entry.marker == Marker::None);
    if own.clone().any(|entry| entry.key == *key) {
        return Verdict::Known;
    }
    match own.find(|entry| entry.key.kind() == key.kind()) {
        Some(entry) => Verdict::Changed(entry.clone()),
        None => Verdict::Unknown {
            others: known_types(entries),
        },
    }
}

/// The types of the host's own keys.
pub fn known_types(entries: &[Entry]) -> Vec<String> {
    let own = entries.iter().filter(|entry| entry.marker == Marker::None);
    own.map(|entry| entry.key.kind().to_owned()).collect()
}

/// Appends `key` as `name`'s to `file`, the name hashed if `hashed`.
///
/// # Errors
/// When the file can't be written.
pub fn remember(file: &Path, name: &str, key: &HostKey, hashed: bool) -> io::Result<()> {
    let mut line = format!("{name} {key}\n");
    if hashed {
        let folder = Folder::new("hostout-")?;
        let single = folder.path().join("known_hosts");
        fs::write(&single, &line)?;
        let output = keygen(&["-H", "-f"], &single)?;
        if !output.status.success() {
            return Err(io::Error::other("ssh-keygen can't hash the name"));
        }
        line = fs::read_to_string(single)?;
    }
    if let Some(folder) = file.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    // A last line without an end would swallow ours.
    let unended = fs::read(file).is_ok_and(|bytes| bytes.last().is_some_and(|last| *last != b'\n'));
    if unended {
        line.insert(0, '\n');
    }
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(file)?;
    file.write_all(line.as_bytes())
}

fn keygen(arguments: &[&str], file: &Path) -> io::Result<Output> {
    let mut keygen = Command::new("ssh-keygen");
    process::output(keygen.args(arguments).arg(file).env("LC_ALL", "C"))
}

/// Reads `# Host NAME found: line N [REVOKED|CA]` and the line after it.
fn parse(text: &str, file: &Path) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut found = None;
    for line in text.lines() {
        if let Some((_, position)) = line
            .strip_prefix('#')
            .and_then(|line| line.rsplit_once(" found: line "))
        {
            let number = position
                .split(' ')
                .next()
                .and_then(|number| number.parse().ok());
            found = number;
        } else if let Some(number) = found.take() {
            entries.extend(entry(line, file, number));
        }
    }
    entries
}

fn entry(text: &str, file: &Path, line: usize) -> Option<Entry> {
    let (marker, rest) = match text.split_once(' ')? {
        ("@revoked", rest) => (Marker::Revoked, rest),
        ("@cert-authority", rest) => (Marker::CertAuthority, rest),
        _ => (Marker::None, text),
    };
    let (_names, key) = rest.trim_start().split_once([' ', '\t'])?;
    Some(Entry {
        file: file.to_owned(),
        line,
        marker,
        key: key.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three keys of one type and one of another, made up.
    fn key(number: u8) -> HostKey {
        let kind: &[u8] = if number < 10 {
            b"ssh-ed25519"
        } else {
            b"ssh-dss"
        };
        let mut blob = vec![0, 0, 0, u8::try_from(kind.len()).unwrap()];
        blob.extend(kind);
        blob.extend([0, 0, 0, 32]);
        blob.extend([number; 32]);
        HostKey::from_blob(&blob).unwrap()
    }

    fn verdict(text: &str, name: &str, offered: &HostKey) -> Verdict {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("known_hosts");
        fs::write(&file, text).unwrap();
        let entries = look_up(name, &[&file, &folder.path().join("missing")]).unwrap();
        match judge(&entries, offered) {
            Verdict::Changed(entry) | Verdict::Revoked(entry) if entry.file != file => {
                panic!("{entry:?}")
            }
            verdict => verdict,
        }
    }

    #[test]
    fn lines_mean_what_they_mean_to_ssh() {
        let (ours, other) = (key(1), key(2));
        let known = |text: &str, name: &str| verdict(text, name, &ours);
        assert_eq!(
            known(&format!("web {ours} comment\n"), "web"),
            Verdict::Known
        );
        assert_eq!(
            known(&format!("*.example.org {ours}\n"), "web.example.org"),
            Verdict::Known
        );
        assert_eq!(
            known(&format!("[web]:2222 {ours}\n"), "[web]:2222"),
            Verdict::Known
        );
        let none = Verdict::Unknown { others: vec![] };
        assert_eq!(known(&format!("*,!web {ours}\n"), "web"), none);
        assert_eq!(known("", "web"), none);
        assert_eq!(known(&format!("@cert-authority * {other}\n"), "web"), none);
        let others = vec!["ssh-dss".to_owned()];
        assert_eq!(
            known(&format!("web {}\n", key(11)), "web"),
            Verdict::Unknown { others }
        );
        assert_eq!(
            known(&format!("web {other}\nweb {ours}\n"), "web"),
            Verdict::Known
        );
    }

    #[test]
    fn changed_and_revoked_keys_name_their_line() {
        let (ours, other) = (key(1), key(2));
        let Verdict::Changed(entry) = verdict(&format!("# a comment\nweb {other}\n"), "web", &ours)
        else {
            panic!("changed");
        };
        assert_eq!((entry.line, &entry.key), (2, &other));
        let text = format!("web {ours}\n@revoked * {ours}\n");
        assert!(matches!(verdict(&text, "web", &ours), Verdict::Revoked(entry) if entry.line == 2));
        assert!(
            matches!(verdict(&text, "web", &other), Verdict::Changed(entry) if entry.line == 1)
        );
    }

    #[test]
    fn a_remembered_key_is_known() {
        for hashed in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("new/known_hosts");
            remember(&file, "[web]:2222", &key(1), hashed).unwrap();
            fs::write(&file, fs::read_to_string(&file).unwrap().trim_end()).unwrap();
            remember(&file, "db", &key(2), hashed).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap().contains("web"), !hashed);
            for (name, number) in [("[web]:2222", 1), ("db", 2)] {
                let entries = look_up(name, &[&file]).unwrap();
                assert_eq!(judge(&entries, &key(number)), Verdict::Known);
            }
        }
    }
}
