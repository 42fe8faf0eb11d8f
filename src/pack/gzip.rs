//! The compressed form of a tarball, byte for byte the same everywhere.
//!
//! The identity of a tarball is the sha256 of its uncompressed bytes; this is how it travels. No two deflate encoders
//! agree, and some give other bytes for other sizes of write: so one encoder, called directly and with everything at once.

/// How [`compress`] makes its bytes: whoever compares compressed bytes needs to know it.
pub const ENCODER: &str = "miniz_oxide/0.9.1 level 9 gzip-hdr v1";

const LEVEL: u8 = 9;

/// RFC 1952 section 2.3: magic, deflate, no flags (so no name), mtime 0, XFL 2 (slowest), OS 255 (unknown).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];

/// `tar` as one gzip member (RFC 1952).
pub fn compress(tar: &[u8]) -> Vec<u8> {
    let body = miniz_oxide::deflate::compress_to_vec(tar, LEVEL);
    // RFC 1952 counts the size modulo 2^32.
    #[expect(clippy::cast_possible_truncation, reason = "modulo 2^32 is the format")]
    let size = tar.len() as u32;
    let mut gzip = Vec::with_capacity(HEADER.len() + body.len() + 8);
    gzip.extend_from_slice(&HEADER);
    gzip.extend_from_slice(&body);
    gzip.extend_from_slice(&crc32fast::hash(tar).to_le_bytes());
    gzip.extend_from_slice(&size.to_le_bytes());
    gzip
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::Digest;
    use std::process::{Command, Stdio};

    /// Text that repeats but not soon, so that every part of the encoder has work.
    fn sample() -> Vec<u8> {
        let lines = (0u64..20_000).map(|n| format!("line {} of {}\n", n * n % 977, n));
        lines.collect::<String>().into_bytes()
    }

    #[test]
    fn the_bytes_never_change() {
        assert_eq!(
            Digest::of(&compress(b"")).to_string(),
            "9ceffb7310338057cfe71a4ae1e2c98d2c485d81cdef906532a801f457a38d64"
        );
        assert_eq!(
            Digest::of(&compress(&sample())).to_string(),
            "9dd90d4ca878889a3de441d725136aea5477cbb1621e6e077112dbdd228ab810"
        );
    }

    #[test]
    fn gzip_and_python_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sample.gz");
        std::fs::write(&path, compress(&sample())).unwrap();
        let script = "import gzip, sys; sys.stdout.buffer.write(gzip.open(sys.argv[1]).read())";
        for (program, args) in [
            ("gzip", &["-t", "-v"][..]),
            ("gzip", &["-dc"]),
            ("python3", &["-c", script]),
        ] {
            let output = Command::new(program)
                .args(args)
                .arg(&path)
                .stdin(Stdio::null())
                .output()
                .unwrap();
            assert!(output.status.success(), "{program} {args:?}: {output:?}");
            if args[0] != "-t" {
                assert!(output.stdout == sample(), "{program} gives other bytes");
            }
        }
    }
}
