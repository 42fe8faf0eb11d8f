//! A wheel's canonical bytes.

use super::members::{self, Member};
use crate::eggs::{Error, Result};
use crate::release::Digest;
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// 1980-01-01T00:00:00Z, the first moment that zip knows.
const ZIP_EPOCH: i64 = 315_532_800;

/// The wheel `file` in canonical form, so that two builds of the same content are the same bytes.
///
/// Members in order of their names, `.dist-info` last and its RECORD very last; all at `epoch` (seconds since 1970, not
/// before 1980), mode 0644 or 0755 by the x-bit; no directories, no extra fields. Stored, not deflated: no compressor
/// can change the bytes, and the transport compresses. RECORD is written anew from the contents.
///
/// # Errors
/// Refuses what must not be unpacked: names that leave the folder, links, members that are there twice.
pub fn canonical(file: &str, bytes: &[u8], epoch: i64) -> Result<Vec<u8>> {
    let wrong = |why: &str| Error::Wheel {
        file: file.into(),
        why: why.into(),
    };
    let mut found = members::read(file, bytes)?;
    let records: Vec<&Member> = found
        .iter()
        .filter(|member| is_record(&member.name))
        .collect();
    let [record] = records.as_slice() else {
        return Err(wrong("it has not one .dist-info/RECORD"));
    };
    let record = record.name.clone();
    let info = record.trim_end_matches("RECORD").to_owned();
    if found.iter().any(|member| {
        member.name == format!("{record}.jws") || member.name == format!("{record}.p7s")
    }) {
        return Err(wrong("its RECORD is signed"));
    }
    found.retain(|member| member.name != record);
    found.sort_by_cached_key(|member| (member.name.starts_with(&info), member.name.clone()));

    let mut lines = String::new();
    for member in &found {
        let digest = Digest::of(&member.bytes).to_string();
        let digest = base64url(&digest);
        let line = format!(
            "{},sha256={digest},{}\n",
            csv(&member.name),
            member.bytes.len()
        );
        lines.push_str(&line);
    }
    lines.push_str(&csv(&record));
    lines.push_str(",,\n");
    found.push(Member {
        name: record,
        bytes: lines.into_bytes(),
        executable: false,
    });

    let time = zip_time(epoch).ok_or_else(|| wrong("its time is after 2107"))?;
    write(&found, time).map_err(|error| wrong(&error.to_string()))
}

fn is_record(name: &str) -> bool {
    name.strip_suffix(".dist-info/RECORD")
        .is_some_and(|stem| !stem.contains('/'))
}

fn write(members: &[Member], time: DateTime) -> zip::result::ZipResult<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for member in members {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(time)
            .unix_permissions(if member.executable { 0o755 } else { 0o644 });
        writer.start_file(member.name.as_str(), options)?;
        writer.write_all(&member.bytes)?;
    }
    Ok(writer.finish()?.into_inner())
}

fn zip_time(epoch: i64) -> Option<DateTime> {
    let time = jiff::Timestamp::from_second(epoch.max(ZIP_EPOCH)).ok()?;
    let time = time.to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let two = |number: i8| u8::try_from(number).ok();
    DateTime::from_date_and_time(
        u16::try_from(time.year()).ok()?,
        two(time.month())?,
        two(time.day())?,
        two(time.hour())?,
        two(time.minute())?,
        two(time.second())?,
    )
    .ok()
}

/// A RECORD field (RFC 4180).
fn csv(field: &str) -> String {
    if field.contains([',', '"']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// Hexadecimal digits as base64 with `-` and `_`, not padded (RFC 4648, section 5).
fn base64url(hex: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let nibbles: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    let three = nibbles.chunks(3).map(|chunk| {
        let bits =
            chunk.iter().fold(0, |bits, nibble| bits << 4 | nibble) << (4 * (3 - chunk.len()));
        let pair = [bits >> 6, bits & 63].map(|index| char::from(ALPHABET[index as usize]));
        // 4 bits fill one character, 8 and 12 bits two
        pair.into_iter()
            .take(if chunk.len() == 1 { 1 } else { 2 })
            .collect::<String>()
    });
    three.collect()
}

#[cfg(test)]
mod tests {
    use super::super::WheelInfo;
    use super::*;

    const FILE: &str = "a-1.0-py3-none-any.whl";
    const EPOCH: i64 = 1_700_000_001;

    /// A zip of these members; a name that starts with `+` is executable.
    fn zip(members: &[(&str, &str)], method: CompressionMethod) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in members {
            let mode = if name.starts_with('+') { 0o700 } else { 0o600 };
            let options = SimpleFileOptions::default()
                .compression_method(method)
                .unix_permissions(mode);
            let name = name.trim_start_matches('+');
            if name.ends_with('/') {
                writer.add_directory(name, options).unwrap();
            } else {
                writer.start_file(name, options).unwrap();
                writer.write_all(text.as_bytes()).unwrap();
            }
        }
        writer.finish().unwrap().into_inner()
    }

    const METADATA: &str = "Metadata-Version: 2.1\nName: a\nVersion: 1.0\n";
    const WHEEL: &str = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n";

    fn members() -> Vec<(&'static str, &'static str)> {
        vec![
            ("a-1.0.dist-info/RECORD", "stale"),
            ("a-1.0.dist-info/METADATA", METADATA),
            ("+a-1.0.data/scripts/run", "#!python\n"),
            ("b/", ""),
            ("b/x,y.py", ""),
            ("a-1.0.dist-info/WHEEL", WHEEL),
            ("Z.py", "z = 1\n"),
        ]
    }

    #[test]
    fn the_same_bytes_for_ever() {
        let deflated =
            canonical(FILE, &zip(&members(), CompressionMethod::Deflated), EPOCH).unwrap();
        let mut reversed = members();
        reversed.reverse();
        let stored = canonical(FILE, &zip(&reversed, CompressionMethod::Stored), EPOCH).unwrap();
        assert_eq!(deflated, stored);
        assert_eq!(canonical(FILE, &stored, EPOCH).unwrap(), stored);
        assert_eq!(
            Digest::of(&stored).to_string(),
            "1621dfd62c6a3c76b6ecbd73788945d788ed23908a4ccc36adbe6c20029c2062",
            "wheels of earlier releases can't be made again: the zip crate writes other bytes"
        );
    }

    #[test]
    fn order_modes_times_and_record() {
        let bytes = canonical(FILE, &zip(&members(), CompressionMethod::Deflated), EPOCH).unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes.as_slice())).unwrap();
        let mut names = Vec::new();
        for index in 0..archive.len() {
            let entry = archive.by_index(index).unwrap();
            let mode = if entry.name().ends_with("run") {
                0o100_755
            } else {
                0o100_644
            };
            assert_eq!(entry.unix_mode(), Some(mode), "{}", entry.name());
            assert_eq!(
                entry.last_modified().unwrap().to_string(),
                "2023-11-14 22:13:20"
            );
            assert_eq!(entry.extra_data().unwrap_or_default(), b"");
            names.push(entry.name().to_owned());
        }
        let info = ["METADATA", "WHEEL", "RECORD"].map(|name| format!("a-1.0.dist-info/{name}"));
        assert_eq!(names[..3], ["Z.py", "a-1.0.data/scripts/run", "b/x,y.py"]);
        assert_eq!(names[3..], info);
        let record = members::text(FILE, &mut archive, &info[2])
            .unwrap()
            .unwrap();
        let lines: Vec<&str> = record.lines().collect();
        assert_eq!(
            lines[2],
            "\"b/x,y.py\",sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0"
        );
        assert_eq!(lines[5], "a-1.0.dist-info/RECORD,,");
        assert_eq!(WheelInfo::read(FILE, &bytes).unwrap().name, "a");
    }

    #[test]
    fn the_time_is_never_before_zip() {
        let bytes = zip(&members(), CompressionMethod::Stored);
        assert_eq!(
            canonical(FILE, &bytes, 0).unwrap(),
            canonical(FILE, &bytes, ZIP_EPOCH + 1).unwrap()
        );
        assert!(canonical(FILE, &bytes, 5_000_000_000).is_err());
    }

    #[test]
    fn dangerous_wheels_are_refused() {
        for (name, why) in [
            ("../x", "leave its folder"),
            ("/etc/x", "leave its folder"),
            ("b\\x", "leave its folder"),
            ("C:x", "leave its folder"),
            ("b//x", "leave its folder"),
            ("b-1.0.dist-info/RECORD", "not one"),
            ("a-1.0.dist-info/RECORD.jws", "signed"),
        ] {
            let mut members = members();
            members.push((name, ""));
            let error =
                canonical(FILE, &zip(&members, CompressionMethod::Stored), EPOCH).unwrap_err();
            assert!(error.to_string().contains(why), "{name}: {error}");
        }
    }

    #[test]
    fn equal_names_and_links_are_refused() {
        let mut twice = zip(
            &[("a-1.0.dist-info/RECORD", ""), ("aa", ""), ("ab", "")],
            CompressionMethod::Stored,
        );
        for at in 0..twice.len() - 2 {
            if &twice[at..at + 2] == b"ab" {
                twice[at + 1] = b'a';
            }
        }
        let error = canonical(FILE, &twice, EPOCH).unwrap_err();
        assert!(error.to_string().contains("same name"), "{error}");

        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer
            .add_symlink("x", "/etc/passwd", SimpleFileOptions::default())
            .unwrap();
        let link = writer.finish().unwrap().into_inner();
        let error = canonical(FILE, &link, EPOCH).unwrap_err();
        assert!(error.to_string().contains("no plain file"), "{error}");
    }
}
