//! `allowed_signers` (ssh-keygen(1), ALLOWED SIGNERS) as far as it is plain, and signatures by its ed25519 keys checked
//! without starting a program: a history of thousands of entries takes milliseconds instead of minutes.
//!
//! Only a yes counts. Whatever is not plain (patterns, certificates, other keys, unknown options) or not a yes is
//! ssh-keygen's to judge, so that nothing passes here which does not pass there.

use super::Signer;
use jiff::{Timestamp, civil, tz::TimeZone};
use ssh_key::{Algorithm, HashAlg, PublicKey, SshSig};

/// A file all of whose lines are plain.
#[derive(Debug)]
pub(super) struct Allowed(Vec<Line>);

#[derive(Debug)]
struct Line {
    principal: String,
    /// `None` = all.
    namespaces: Option<Vec<String>>,
    after: Timestamp,
    before: Timestamp,
    /// Its type and its base64 text.
    key: (String, String),
}

/// Keys that are no certificates. Lines with the others of these can't match an ed25519 signature.
const PLAIN_KEYS: [&str; 7] = [
    ED25519,
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];
const ED25519: &str = "ssh-ed25519";

/// Whether all lines of an `allowed_signers` file are plain.
pub fn allowed_signers_are_plain(text: &str) -> bool {
    Allowed::read(text).is_some()
}

impl Allowed {
    /// Reads the file; `None` where any line of it is not plain.
    pub(super) fn read(text: &str) -> Option<Self> {
        let lines = text.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(Line::read).collect::<Option<_>>().map(Self)
    }

    /// Who signed `bytes` for `namespace`, where that is certain.
    pub(super) fn check(
        &self,
        namespace: &str,
        bytes: &[u8],
        signature: &str,
        at: Timestamp,
    ) -> Option<Signer> {
        let signature = SshSig::from_pem(signature).ok()?;
        // OpenSSH signs over an empty one whatever stands there.
        if !signature.reserved().is_empty() || signature.algorithm() != Algorithm::Ed25519 {
            return None;
        }
        let key = PublicKey::from(signature.public_key().clone());
        let text = key.to_openssh().ok()?;
        let (kind, base64) = text.trim().split_once(' ')?;
        let same = |line: &&Line| line.key.0 == kind && line.key.1 == base64;
        let line = self.0.iter().find(same)?;
        if !line.allows(namespace, at) {
            return None;
        }
        key.verify(namespace, bytes, &signature).ok()?;
        Some(Signer {
            principal: line.principal.clone(),
            fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
        })
    }
}

impl Line {
    fn read(line: &str) -> Option<Self> {
        let (principals, rest) = word(line)?;
        let (first, tail) = word(rest)?;
        let (options, rest) = if PLAIN_KEYS.contains(&first) {
            ("", rest)
        } else {
            (first, tail)
        };
        let (kind, rest) = word(rest)?;
        let base64 = word(rest).map_or(rest, |(base64, _)| base64);
        let principals: Vec<&str> = principals.split(',').collect();
        let known = PLAIN_KEYS.contains(&kind) && !base64.is_empty();
        if !known || !principals.iter().all(|name| is_plain(name)) {
            return None;
        }
        let mut read = Self {
            principal: principals.first()?.to_string(),
            namespaces: None,
            after: Timestamp::MIN,
            before: Timestamp::MAX,
            key: (kind.to_owned(), base64.to_owned()),
        };
        let mut options = options;
        while !options.is_empty() {
            let (name, value) = options.split_once("=\"")?;
            let (value, rest) = value.split_once('"')?;
            read.set(name, value)?;
            options = match rest.strip_prefix(',') {
                Some(rest) if !rest.is_empty() => rest,
                None if rest.is_empty() => rest,
                _ => return None,
            };
        }
        Some(read)
    }

    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "namespaces" if self.namespaces.is_none() => {
                let names: Vec<String> = value.split(',').map(str::to_owned).collect();
                if !names.iter().all(|name| is_plain(name)) {
                    return None;
                }
                self.namespaces = Some(names);
            }
            "valid-after" if self.after == Timestamp::MIN => self.after = time(value)?,
            "valid-before" if self.before == Timestamp::MAX => self.before = time(value)?,
            _ => return None,
        }
        Some(())
    }

    /// The limits themselves are left to ssh-keygen.
    fn allows(&self, namespace: &str, at: Timestamp) -> bool {
        let named = |names: &Vec<String>| names.iter().any(|name| name == namespace);
        self.namespaces.as_ref().is_none_or(named) && self.after < at && at < self.before
    }
}

/// The first word and what follows; a word holds no quoted blanks.
fn word(text: &str) -> Option<(&str, &str)> {
    let blank = |c: char| c == ' ' || c == '\t';
    let (word, rest) = text.split_once(blank)?;
    Some((word, rest.trim_start_matches(blank)))
}

/// Without what a pattern list gives a meaning to (PATTERNS in `ssh_config(5)`).
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@._+-".contains(c);
    !name.is_empty() && name.chars().all(plain)
}

/// `YYYYMMDD[HHMM[SS]][Z]`. Without the Z it is the verifier's time, and ours is UTC.
fn time(text: &str) -> Option<Timestamp> {
    let digits = text.strip_suffix('Z').unwrap_or(text);
    if ![8, 12, 14].contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let at = |start: usize| {
        digits
            .get(start..start + 2)
            .map_or(Some(0), |two| two.parse().ok())
    };
    let date = civil::Date::new(digits[..4].parse().ok()?, at(4)?, at(6)?).ok()?;
    let time = civil::Time::new(at(8)?, at(10)?, at(12)?, 0).ok()?;
    let zoned = date.to_datetime(time).to_zoned(TimeZone::UTC);
    zoned.ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{GIT, HOSTOUT, testing::Lab};
    use std::fs;

    /// Whether ssh-keygen and this file find the same signer, and that it is `expected`.
    fn both(lab: &Lab, signers: &str, expected: Option<bool>) {
        let signature = lab.key().sign(HOSTOUT, b"text").unwrap();
        let slow = lab.keygen_verifies(signers, HOSTOUT, b"text", &signature, Lab::now());
        let allowed = Allowed::read(signers);
        let fast = allowed.map(|allowed| {
            let who = allowed.check(HOSTOUT, b"text", &signature, Lab::now());
            assert!(
                who.is_none() || slow,
                "more than ssh-keygen allows: {signers}"
            );
            assert!(
                allowed
                    .check(GIT, b"text", &signature, Lab::now())
                    .is_none()
            );
            assert!(
                allowed
                    .check(HOSTOUT, b"tex", &signature, Lab::now())
                    .is_none()
            );
            who.is_some()
        });
        assert_eq!(fast, expected, "{signers}");
        if let Some(fast) = fast {
            assert_eq!(fast, slow, "{signers}");
        }
    }

    #[test]
    fn agrees_with_ssh_keygen() {
        let lab = Lab::new();
        let key = fs::read_to_string(lab.path().join("key.pub")).unwrap();
        let key = key.trim();
        let stranger = lab.key_named("stranger");
        let stranger = fs::read_to_string(format!("{}.pub", stranger.id)).unwrap();
        for (line, expected) in [
            (format!("ann@example.org {key}"), Some(true)),
            (format!("a,b@c\t{key}\n# x\n\nben {stranger}"), Some(true)),
            (format!("ben {stranger}\nann {key}"), Some(true)),
            (format!("ben {stranger}"), Some(false)),
            (
                format!("ann namespaces=\"git,git-hostout\" {key}"),
                Some(true),
            ),
            (format!("ann namespaces=\"git\" {key}"), Some(false)),
            (format!("ann valid-after=\"20200101Z\" {key}"), Some(true)),
            (
                format!("ann valid-after=\"20200101\",valid-before=\"29991231235959Z\" {key}"),
                Some(true),
            ),
            (
                format!("ann valid-before=\"202001011200Z\" {key}"),
                Some(false),
            ),
            (format!("ann valid-after=\"29990101Z\" {key}"), Some(false)),
            (format!("*@example.org {key}"), None),
            (format!("ann namespaces=\"git*\" {key}"), None),
            (format!("ann cert-authority {key}"), None),
            (format!("ann no-touch-required {key}"), None),
            (
                format!("ann namespaces=\"git-hostout\"valid-after=\"20200101\" {key}"),
                None,
            ),
            (format!("ann valid-after=\"2020\" {key}"), None),
            (format!("ben\nann {key}"), None),
        ] {
            both(&lab, &(line + "\n"), expected);
        }
    }

    #[test]
    fn times_are_utc() {
        let second = |text: &str| time(text).map(Timestamp::as_second);
        assert_eq!(second("19700102"), Some(86_400));
        assert_eq!(second("197001020001Z"), Some(86_460));
        assert_eq!(second("19700101000001"), Some(1));
        for wrong in [
            "",
            "1970",
            "19701301",
            "197001010",
            "1970010é",
            "1970-01-01",
        ] {
            assert_eq!(second(wrong), None, "{wrong}");
        }
    }
}
